"""The dashboard of examples/grafana: every panel's expression, asked of Prometheus, says what the
result document of the same run says; and the file is one that Grafana can import.

Expressions are evaluated at the instant of the run's last sample. All series begin with a 0, so
that there is nothing to extrapolate: rates over a minute are the exact counts, divided by 60. A
quantile is read from buckets whose bounds are at most 5/3 apart: it is right within that factor, or
below the first bound.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from monitors import Vector, prometheus, vector
from running import fastbench
from servers import Server, answering, refusing

from fastbench.outputs.point import BOUNDS_S

ROOT = Path(__file__).resolve().parents[2]
BOARD = json.loads((ROOT / "examples" / "grafana" / "fastbench.json").read_text())
WINDOW_S = 60
BUCKETS_APART = 5 / 3
FILLED_IN = {
    "$__rate_interval": f"{WINDOW_S}s",
    "$scenario": ".*",
    "$name": ".*",
}
SCRIPT = """
from fastbench import *
options = Options(base_url=env("URL"))

@scenario(executor="constant-vus", vus=2, duration="2.2s")
async def shop(vu):
    answer = await vu.get("/", name="front")
    check(answer, {"there": lambda r: r.status == 200, "odd": lambda r: vu.iteration % 2})
    await vu.post("/", json={"a": 1}, name="basket", expected=[404])
    await sleep(0.002)

@scenario(executor="constant-arrival-rate", rate=20, time_unit="1s", duration="2s",
          pre_allocated_vus=1, max_vus=1)
async def late(vu):
    await vu.get(env("DEAD"), name="dead")
    await sleep(0.2)
"""

Document = dict[str, Any]
Rows = dict[tuple[str, ...], float]


def panels() -> list[dict[str, Any]]:
    """List all panels, those of collapsed rows too."""
    found = []
    for panel in BOARD["panels"]:
        found += [panel, *panel.get("panels", ())]
    return found


def targets() -> Iterator[tuple[str, str, str]]:
    """Yield title, letter and expression of every query."""
    for panel in panels():
        for target in panel.get("targets", ()):
            yield panel["title"], target["refId"], target["expr"]


# What the panels must show.


@dataclass(frozen=True, slots=True)
class Shown:
    """What a query must give: values by these labels, and the factor they are right within."""

    rows: Callable[[Document], Mapping[tuple[str, ...], float]]
    by: tuple[str, ...] = ()
    within: float = 1.0


def values(document: Document, metric: str) -> dict[str, float]:
    found: dict[str, float] = document["metrics"][metric]["values"]
    return found


def one(of: Callable[[Document], float], *, within: float = 1.0) -> Shown:
    return Shown(lambda document: {(): of(document)}, (), within)


def rate(metric: str) -> Shown:
    return one(lambda document: values(document, metric)["count"] / WINDOW_S)


def quantile(metric: str, name: str) -> Shown:
    return one(lambda document: values(document, metric)[name] / 1000, within=BUCKETS_APART)


def mean(metric: str) -> Shown:
    return one(lambda document: values(document, metric)["avg"] / 1000)


def requests(
    of: Callable[[dict[str, Any]], float | None], *, within: float = 1.0, unit: float = 1.0
) -> Shown:
    """Tell a figure of each named request; one that nobody answered has no latency."""

    def rows(document: Document) -> Rows:
        told = {(row["name"],): of(row) for row in document["requests"]}
        return {name: value / unit for name, value in told.items() if value is not None}

    return Shown(rows, ("name",), within)


def latency(name: str) -> Shown:
    return requests(lambda row: row["latency"][name], within=BUCKETS_APART, unit=1000)


def added(document: Document, table: str, key: str, count: str) -> Rows:
    """Add a count of a table's rows up by one of its columns, per second of the window."""
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for row in document[table]:
        found[row[key],] += row[count] / WINDOW_S
    return found


def share_of(document: Document, metric: str) -> float:
    found = values(document, metric)
    return found["passes"] / (found["passes"] + found["fails"])


def checked(document: Document) -> Rows:
    return {
        (row["name"],): row["passes"] / (row["passes"] + row["fails"]) for row in document["checks"]
    }


PHASES = ("blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving")
DURATION = "http_req_duration"
SHOWN: dict[tuple[str, str], Shown] = {
    ("Requests", "A"): one(lambda document: values(document, "http_reqs")["count"]),
    ("Requests per second", "A"): rate("http_reqs"),
    ("Failed", "A"): one(lambda document: share_of(document, "http_req_failed")),
    ("p95", "A"): quantile(DURATION, "p(95)"),
    ("Checks passed", "A"): one(lambda document: share_of(document, "checks")),
    ("Users", "A"): one(lambda document: values(document, "vus")["value"]),
    ("Request Rate", "A"): requests(lambda row: row["requests"] / WINDOW_S),
    **{
        ("Response Time Percentiles", letter): latency(name)
        for letter, name in (("A", "p50"), ("B", "p95"), ("C", "p99"))
    },
    ("Error Rate", "A"): requests(lambda row: row["failed"] / row["requests"] * 100),
    ("Virtual Users", "A"): one(lambda document: values(document, "vus")["value"]),
    ("Virtual Users", "B"): one(lambda document: values(document, "vus_max")["value"]),
    ("Failed so far", "A"): requests(lambda row: row["failed"] / row["requests"]),
    ("Errors by kind", "A"): Shown(
        lambda document: added(document, "errors", "kind", "count"), ("kind",)
    ),
    ("Rate by scenario", "A"): Shown(
        lambda document: added(document, "requests", "scenario", "requests"), ("scenario",)
    ),
    **{
        ("Percentiles", letter): quantile(DURATION, name)
        for letter, name in (("A", "med"), ("B", "p(95)"), ("C", "p(99)"))
    },
    ("p95 by request", "A"): latency("p95"),
    ("Failed per second by request", "A"): requests(lambda row: row["failed"] / WINDOW_S),
    **{
        ("Where the time goes", letter): mean(f"http_req_{phase}")
        for letter, phase in zip("ABCDEF", PHASES, strict=True)
    },
    ("Iterations per second", "A"): rate("iterations"),
    ("Iterations per second", "B"): rate("dropped_iterations"),
    ("Iteration duration", "A"): quantile("iteration_duration", "med"),
    ("Iteration duration", "B"): quantile("iteration_duration", "p(95)"),
    ("Checks", "A"): Shown(checked, ("check",)),
    ("Data", "A"): rate("data_received"),
    ("Data", "B"): rate("data_sent"),
}
HEATMAP = ("Distribution of response times", "A")


# The run, as Prometheus has it.


@dataclass(frozen=True, slots=True)
class Stored:
    """A Prometheus that has followed a run; `at_s` is the run's last sample."""

    url: str
    document: Document
    at_s: float

    def evaluated(self, expression: str) -> Vector:
        for name, value in FILLED_IN.items():
            expression = expression.replace(name, value)
        assert "$" not in expression, expression
        return vector(self.url, expression, self.at_s)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("grafana")
    script = folder / "script.py"
    script.write_text(SCRIPT)
    with prometheus(folder) as url:
        with Server(answering()) as server, refusing() as dead:
            run = fastbench(
                *("run", str(script), "-t", "1", "-q", "-o", f"prometheus={url}/api/v1/write"),
                *("-e", f"URL={server.url('')}", "-e", f"DEAD=http://127.0.0.1:{dead}/"),
            )
        assert run.code == 0, run.err
        assert [row for row in run.document["warnings"] if row["code"] == "output_lost"] == []
        ((_, at_s),) = vector(url, "timestamp(k6_vus)").items()
        yield Stored(url, run.document, at_s)


@pytest.mark.parametrize(("title", "letter"), SHOWN)
def test_a_panel_shows_what_the_document_says(stored: Stored, title: str, letter: str) -> None:
    shown = SHOWN[title, letter]
    (expression,) = (text for name, ref, text in targets() if (name, ref) == (title, letter))
    found: Rows = {}
    for labels, value in stored.evaluated(expression).items():
        key = tuple(dict(labels)[name] for name in shown.by)
        assert key not in found, f"{key} twice"
        found[key] = value
    wanted = shown.rows(stored.document)
    found = {key: value for key, value in found.items() if math.isfinite(value)}
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        slack = 1e-9 * abs(value) + 1e-12
        least, most = value / shown.within, value * shown.within
        if shown.within > 1 and value <= BOUNDS_S[0]:
            least, most = 0.0, BOUNDS_S[0]
        assert least - slack <= found[key] <= most + slack, key


def test_the_heatmap_counts_every_request(stored: Stored) -> None:
    (expression,) = (text for name, ref, text in targets() if (name, ref) == HEATMAP)
    below = {
        float(dict(labels)["le"]): value for labels, value in stored.evaluated(expression).items()
    }
    counts = [below[bound] for bound in sorted(below)]
    assert counts == sorted(counts) and len(counts) > 10
    assert below[math.inf] == pytest.approx(values(stored.document, DURATION)["count"])


def test_the_run_had_something_for_every_panel(stored: Stored) -> None:
    kinds = {row["kind"] for row in stored.document["errors"]}
    assert kinds == {"connect_refused"}
    assert values(stored.document, "dropped_iterations")["count"] > 0
    assert 0 < share_of(stored.document, "checks") < 1
    assert {row["name"] for row in stored.document["requests"]} == {"front", "basket", "dead"}


# The file itself.


def test_every_query_of_the_board_is_held_to_the_document() -> None:
    asked = [(title, letter) for title, letter, _ in targets()]
    assert sorted(asked) == sorted([*SHOWN, HEATMAP])


def test_the_queries_of_the_plans_stand_as_they_were_written() -> None:
    written = {expression for _, _, expression in targets()}
    assert {
        "rate(k6_http_reqs_total[1m])",
        "histogram_quantile(0.50, rate(k6_http_req_duration_bucket[1m]))",
        "histogram_quantile(0.95, rate(k6_http_req_duration_bucket[1m]))",
        "histogram_quantile(0.99, rate(k6_http_req_duration_bucket[1m]))",
        "rate(k6_http_req_failed_total[1m]) / rate(k6_http_reqs_total[1m]) * 100",
        "k6_http_req_failed_total / k6_http_reqs_total",
        "k6_vus",
    } <= written


def test_panels_have_their_own_number_and_place() -> None:
    numbers = [panel["id"] for panel in panels()]
    assert len(set(numbers)) == len(numbers)
    taken: dict[tuple[int, int], str] = {}
    for panel in panels():
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24, panel["title"]
        if panel["type"] == "row":
            assert (place["x"], place["w"], place["h"]) == (0, 24, 1)
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_the_datasource_is_chosen_where_the_board_is_used() -> None:
    wanted = {"type": "prometheus", "uid": "${datasource}"}
    variables = {each["name"]: each for each in BOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    others = [each for name, each in variables.items() if name != "datasource"]
    drawn = [panel for panel in panels() if panel["type"] != "row"]
    queries = [target for panel in drawn for target in panel["targets"]]
    assert all(each["datasource"] == wanted for each in (*others, *drawn, *queries))


def test_queries_have_letters_and_use_variables_that_there_are() -> None:
    known = {each["name"] for each in BOARD["templating"]["list"]} | {"__rate_interval"}
    for panel in panels():
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert letters == list("ABCDEFGH"[: len(letters)]), panel["title"]
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(panel)))
        assert used <= known, panel["title"]
    assert BOARD.get("id") is None and BOARD["uid"] and BOARD["schemaVersion"] >= 36
