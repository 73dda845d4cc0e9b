"""`fastbench report` of points: of a run of ours what its document says, of k6 what its samples."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import fastbench
from servers import OK, Peer, Server

from fastbench.cli import main
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.replay import point_file
from fastbench.results.histogram import Histogram
from fastbench.results.result import Result

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TYPES = {
    "http_reqs": ("counter", "default"),
    "http_req_duration": ("trend", "time"),
    "http_req_failed": ("rate", "default"),
    "iterations": ("counter", "default"),
    "checks": ("rate", "default"),
    "mine": ("trend", "default"),
}


def declared(name: str, *thresholds: str) -> str:
    type_, contains = TYPES[name]
    data = {"name": name, "type": type_, "contains": contains, "thresholds": list(thresholds)}
    return json.dumps({"type": "Metric", "data": data | {"submetrics": None}, "metric": name})


def point(metric: str, at_s: float, value: float, /, **tags: str) -> str:
    time = (START + timedelta(seconds=at_s)).isoformat()
    data = {"time": time, "value": value, "tags": tags}
    return json.dumps({"metric": metric, "type": "Point", "data": data})


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def k6(samples: list[tuple[float, bool]], *thresholds: str) -> bytes:
    """Return points of requests that end 10 ms after one another: (ms, failed)."""
    names = ("http_reqs", "http_req_duration", "http_req_failed")
    rows = [declared(name, *(thresholds if "dur" in name else ())) for name in names]
    for at, (took_ms, failed) in enumerate(samples, 1):
        tags = {"name": "http://a/", "method": "GET", "status": "500" if failed else "200"}
        for name, value in zip(names, (1, took_ms, int(failed)), strict=True):
            rows.append(point(name, at / 100, value, **tags))
    return lines(*rows)


TIMES_MS = st.integers(1, 5_000_000).map(lambda us: us / 1e3)


@given(st.lists(st.tuples(TIMES_MS, st.booleans()), min_size=1))
def test_of_k6s_samples_the_report_is_what_they_say(samples: list[tuple[float, bool]]) -> None:
    found = point_file.read(k6(samples), "k6.json")
    bad = sum(failed for _, failed in samples)
    assert (found.summary.requests, found.summary.failed) == (len(samples), bad)
    times = Histogram.from_values(round(ms * 1e6) for ms, _ in samples)
    assert found.latency.service.counts == times.counts
    assert found.latency.service.max_ns == times.max_ns
    assert sum(row.requests for row in found.series) == len(samples)
    assert sum(row.failed for row in found.requests) == bad
    assert sum(found.status_codes.values()) == len(samples)
    assert Result.from_document(found.to_document()).to_document() == found.to_document()


def test_thresholds_of_k6_are_judged_anew() -> None:
    found = point_file.read(k6([(5.0, False)] * 99 + [(50.0, False)], "p(95)<6", "max<10"), "a")
    assert {text: each.ok for text, each in found.thresholds.items()} == {
        "http_req_duration: p(95)<6": True,
        "http_req_duration: max<10": False,
    }
    assert found.outcome.level == "failed"


def test_a_trend_of_k6_that_is_no_time_has_its_percentiles() -> None:
    rows = [point("mine", at / 10, at) for at in range(1, 101)]
    values = point_file.read(lines(declared("mine"), *rows), "a").metrics["mine"].values
    assert values["med"] == 50 and values["max"] == 100 and values["p(95)"] == 95


def test_errors_of_k6_stand_with_their_text_and_time() -> None:
    tags = {"status": "0", "error": "dial: connection refused", "error_code": "1212"}
    rows = [point("http_reqs", 1, 1, status="200"), point("http_reqs", 3, 1, **tags)]
    (row,) = point_file.read(lines(declared("http_reqs"), *rows), "a").errors
    assert (row.message, row.code, row.count, row.first_s) == (tags["error"], "1212", 1, 2.0)


@pytest.fixture
def server() -> Iterator[Server]:
    def script(peer: Peer) -> None:
        while True:
            bad = b" /bad " in peer.request()
            peer.send(OK.replace(b"200 OK", b"500 Oh") if bad else OK)

    with Server(script) as serving:
        yield serving


def test_the_points_of_a_run_add_up_to_its_document(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "points.json.gz"
    run = fastbench("-c2", "-d1.3s", "-o", f"json={path}", server.url("/"))
    whole = Result.from_document(run.document)
    data = point_file.unzipped(path.read_bytes(), "a")
    found = point_file.read(data, "a")
    assert found.summary.requests == whole.summary.requests
    assert found.latency.service.counts == whole.latency.service.counts
    assert found.latency.service.max_ns == whole.latency.service.max_ns
    assert found == whole, "the last line holds the result"
    again = point_file.read(without_result(data), "a")
    assert again.summary.requests == whole.summary.requests
    assert again.latency.service.counts == whole.latency.service.counts
    # Points bear the time at which they are handed over, on a busy machine some time after it.
    assert again.summary.duration_s == pytest.approx(whole.summary.duration_s, abs=0.5)
    assert again.outcome.level != "ok", "points do not hold all of a run"


def without_result(data: bytes) -> bytes:
    """Return points as versions wrote them that did not end with the result."""
    *rows, last = data.splitlines(keepends=True)
    end = json.loads(last)
    del end["result"]
    return b"".join(rows) + json.dumps(end).encode() + b"\n"


def test_a_planned_rate_that_was_not_reached_is_told_of_points_too(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "points.json"
    run = fastbench("-R500k", "-c1", "-d0.5s", "-o", f"json={path}", server.url("/"))
    found = point_file.read(path.read_bytes(), "a")
    assert found.summary.scheduled == run.summary["scheduled"]
    assert found.outcome.level == run.document["outcome"]["level"] == "failed"


SCRIPT = """
from fastbench import Options, check, scenario
options = Options(thresholds={"http_req_failed": ["rate<0.1"]})

@scenario(executor="shared-iterations", vus=2, iterations=20)
async def both(vu):
    for path in ("/ok", "/bad"):
        answer = await vu.get(URL + path, name=path)
        check(answer, {"fine": lambda each: each.status == 200})
"""


def test_the_points_of_a_script_have_its_names_checks_and_verdict(
    server: Server, tmp_path: Path
) -> None:
    script, points = tmp_path / "both.py", tmp_path / "points.json"
    script.write_text(SCRIPT.replace("URL", repr(server.url("/")[:-1])))
    run = fastbench("run", "-o", f"json={points}", str(script))
    assert run.document, run.err
    whole = Result.from_document(run.document)
    found = point_file.read(without_result(points.read_bytes()), "a")

    def names(result: Result) -> dict[str, tuple[int, int, object]]:
        return {r.name: (r.requests, r.failed, r.latency["p95"]) for r in result.requests}

    assert names(found) == names(whole) and len(names(found)) == 2
    assert found.checks == whole.checks
    assert [row.iterations for row in found.scenarios] == [20]
    mine, its = (each.metrics["iteration_duration"].values for each in (found, whole))
    assert mine == pytest.approx(its)
    assert found.thresholds_failed and found.outcome.level == "failed"


def test_points_that_were_cut_off_count_and_are_incomplete() -> None:
    data = k6([(5.0, False)] * 10)
    found = point_file.read(data[:-20], "a")
    assert found.validity.verdict == "incomplete"
    assert found.summary.requests == 9 and found.latency.service.count == 10
    assert "points_cut" in {each.code for each in found.warnings}


def test_a_packed_file_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    packed = gzip.compress(k6([(at / 7, False) for at in range(1, 3000)]))
    data = point_file.unzipped(packed[: len(packed) // 2], "a")
    assert 0 < point_file.read(data, "a").summary.requests < 2999


def test_points_of_ours_without_a_last_line_are_incomplete() -> None:
    rows = [json.dumps({"type": "Start", "time": START.isoformat()}), declared("http_reqs")]
    found = point_file.read(lines(*rows, point("http_reqs", 1, 7)), "a")
    assert found.validity.verdict == "incomplete" and found.summary.duration_s == 1.0


def test_percentiles_that_seconds_do_not_tell_are_not_told() -> None:
    """As versions before 0.6.0 wrote them: means and percentiles of each second."""
    row = json.loads(point("http_req_duration", 1, 5.0))
    row["data"] |= {"count": 10, "min": 1.0, "max": 9.0, "p(95)": 8.0}
    found = point_file.read(lines(declared("http_req_duration"), json.dumps(row)), "a")
    values = found.metrics["http_req_duration"].values
    assert values == {"avg": 5.0, "min": 1.0, "max": 9.0, "count": 10}
    assert "no_percentiles" in {each.code for each in found.warnings}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([point("mine", 1, 1)], "line 2: the metric mine was not declared"),
        ([declared("mine"), "{}x", "{}"], "line 3: it is not JSON"),
        ([declared("mine"), "[]"], "line 3: it is not an object"),
        ([declared("mine"), '{"type":"Point","metric":"mine"}'], "line 3: it names no metric"),
        ([declared("mine"), point("mine", 1, float("nan"))], "line 3: its value is not a number"),
        ([declared("mine"), point("mine", 1, 1).replace("2026", "x")], "line 3: its time"),
        ([declared("checks"), point("checks", 1, 2)], "line 3: the value 2 of a rate"),
        ([declared("mine").replace("trend", "odd")], "line 2: its type is none of"),
        ([], "holds no point"),
    ],
)
def test_what_is_no_point_is_named_by_its_line(rows: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        point_file.read(lines(declared("http_reqs"), *rows), "a.json")


def damaged(text: str, count: int) -> str:
    row = json.loads(point("http_req_duration", 1, 5.0))
    row["data"] |= {"count": count, "hdr": text}
    return json.dumps(row)


@pytest.mark.parametrize("text", ["", "####", "HISTFAAA"])
def test_a_histogram_that_is_none_is_named_by_its_line(text: str) -> None:
    with pytest.raises(UsageError, match="line 2: its hdr"):
        point_file.read(lines(declared("http_req_duration"), damaged(text, 3)), "a")


@pytest.mark.parametrize("form", ["html", "md", "junit", "csv", "hdr"])
def test_points_have_every_form_of_a_run(form: str, tmp_path: Path) -> None:
    source, target = tmp_path / "k6.json", tmp_path / "out"
    source.write_bytes(k6([(5.0, False), (6.0, True)]))
    assert main(["report", str(source), f"--{form}", str(target)]) == 0
    assert target.stat().st_size > 0


def test_a_packed_document_is_read_too(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    document: dict[str, Any] = point_file.read(k6([(5.0, False)]), "a").to_document()
    path = tmp_path / "result.json.gz"
    path.write_bytes(gzip.compress(json.dumps(document).encode()))
    assert main(["report", str(path)]) == 0
    assert b"1 request" in capsysbinary.readouterr().out


def test_a_metric_of_the_script_with_a_name_of_ours_is_not_taken_for_it() -> None:
    rows = [declared("http_reqs"), point("http_reqs", 1, 3)]
    for name, type_ in (("timeouts", "rate"), ("response", "gauge"), ("dropped", "trend")):
        rows += [declared("checks").replace("checks", name).replace("rate", type_)]
        rows += [point(name, 1, 1)]
    found = point_file.read(lines(*rows), "a")
    assert (found.summary.timeouts, found.summary.dropped) == (0, 0)
    assert {"timeouts", "response", "dropped"} <= found.metrics.keys()


def test_a_line_that_is_a_list_is_named() -> None:
    with pytest.raises(UsageError, match="line 2: it is not an object"):
        point_file.read(lines(declared("http_reqs"), '["count"]'), "a")
