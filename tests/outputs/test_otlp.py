"""OTLP as a receiver reads it: decoded by its specification, answered by its rules."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from points import (
    END,
    FRAMES,
    HOSTILE,
    START_NS,
    Reply,
    Taken,
    counter,
    frame,
    rate,
    taking,
    times,
)
from running import ONE, fastbench
from servers import Server, answering

from fastbench.foundation.usage_error import UsageError
from fastbench.outputs import otlp, output_flags, protobuf_wire, queue
from fastbench.outputs.point import BOUNDS_S, Frame, OutputError, Point, Tags
from fastbench.outputs.queue import Feed
from fastbench.results.metric_values import Kind

# opentelemetry-proto v1: field numbers of the messages a load test can have.
VALUE = {1: ("string_value", "text")}
PAIR = {1: ("key", "text"), 2: ("value", VALUE)}
NUMBER = {
    **{2: ("start", "fixed"), 3: ("time", "fixed"), 4: ("double", "double"), 6: ("int", "fixed")},
    7: ("attributes", PAIR),
}
HISTOGRAM = {
    **{2: ("start", "fixed"), 3: ("time", "fixed"), 4: ("count", "fixed"), 5: ("sum", "double")},
    **{6: ("buckets", "fixeds"), 7: ("bounds", "doubles"), 9: ("attributes", PAIR)},
    **{11: ("min", "double"), 12: ("max", "double")},
}
GAUGE = {1: ("points", NUMBER)}
SUM = {1: ("points", NUMBER), 2: ("temporality", "number"), 3: ("monotonic", "number")}
DISTRIBUTION = {1: ("points", HISTOGRAM), 2: ("temporality", "number")}
METRIC = {
    **{1: ("name", "text"), 2: ("description", "text"), 3: ("unit", "text")},
    **{5: ("gauge", GAUGE), 7: ("sum", SUM), 9: ("histogram", DISTRIBUTION)},
}
SCOPE = {1: ("name", "text"), 2: ("version", "text")}
SCOPED = {1: ("scope", SCOPE), 2: ("metrics", METRIC)}
RESOURCE = {1: ("attributes", PAIR)}
REQUEST = {1: ("resource_metrics", {1: ("resource", RESOURCE), 2: ("scope_metrics", SCOPED)})}
TEMPORALITY = {"delta": 1, "cumulative": 2}

Decoded = dict[str, list[Any]]


def decoded(data: bytes, schema: Any) -> Decoded:
    """Read a message; every field is a list, and one that is not in the schema is wrong."""
    found: Decoded = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        name, kind = schema[key >> 3]
        wanted = {"number": 0, "fixed": 1, "double": 1}.get(kind, 2) if isinstance(kind, str) else 2
        assert key & 7 == wanted, name
        if kind == "number":
            found.setdefault(name, []).append(varint())
            continue
        size = 8 if wanted == 1 else varint()
        piece, at = data[at : at + size], at + size
        assert len(piece) == size
        found.setdefault(name, []).append(read(piece, kind))
    return found


def read(piece: bytes, kind: Any) -> Any:
    if not isinstance(kind, str):
        return decoded(piece, kind)
    if kind == "text":
        return piece.decode()
    letter = "d" if kind.startswith("double") else "Q"
    found = struct.unpack(f"<{len(piece) // 8}{letter}", piece)
    return found if kind.endswith("s") else found[0]


def attributes(row: Decoded) -> dict[str, str]:
    return {
        pair["key"][0]: pair["value"][0]["string_value"][0] for pair in row.get("attributes", ())
    }


def metrics(body: bytes) -> dict[str, Decoded]:
    """Return the metrics of a request by name, each named once."""
    (resource,) = decoded(body, REQUEST)["resource_metrics"]
    (scoped,) = resource["scope_metrics"]
    found = {row["name"][0]: row for row in scoped["metrics"]}
    assert len(found) == len(scoped["metrics"])
    return found


def resource_of(body: bytes) -> dict[str, str]:
    (resource,) = decoded(body, REQUEST)["resource_metrics"]
    return attributes(resource["resource"][0])


def points_of(metric: Decoded, shape: str) -> list[Decoded]:
    found: list[Decoded] = metric[shape][0]["points"]
    return found


@pytest.fixture
def taken() -> Iterator[Taken]:
    with taking() as found:
        found.else_ = 200
        found.answers = [Reply(200)] * 20
        yield found


def output(taken: Taken, **environment: str) -> otlp.OtlpOutput:
    return otlp.OtlpOutput(taken.url, f"otlp={taken.url}", environment)


def sent(taken: Taken, frames: Sequence[Sequence[Frame]], **environment: str) -> list[bytes]:
    """Write messages of these frames; return their bodies."""
    sink = output(taken, **environment)
    for each in frames:
        sink.write(each)
    sink.close()
    return [body for _, _, body in taken.seen]


# What is sent.


def test_metrics_have_k6s_names_shapes_and_units(taken: Taken) -> None:
    gauge = Point("vus", Kind("gauge"), (), {"value": 3.0}, {"value": 3.0})
    (body,) = sent(taken, [[frame(1, *FRAMES[0].points, gauge)]])
    found = metrics(body)
    assert list(found) == ["http_reqs", "http_req_failed", "http_req_duration", "vus"]
    (reqs,) = points_of(found["http_reqs"], "sum")
    assert (reqs["double"], attributes(reqs)) == ([10.0], {"name": "a"})
    assert (reqs["start"], reqs["time"]) == ([START_NS], [START_NS + 10**9])
    total = found["http_reqs"]["sum"][0]
    assert (total["temporality"], total["monotonic"]) == ([TEMPORALITY["cumulative"]], [1])
    failed = {
        attributes(row)["condition"]: row["int"]
        for row in points_of(found["http_req_failed"], "sum")
    }
    assert failed == {"nonzero": [1], "zero": [9]}
    (vus,) = points_of(found["vus"], "gauge")
    assert (vus["double"], "start" in vus) == ([3.0], False)
    assert found["http_req_duration"]["unit"] == ["ms"] and "unit" not in found["http_reqs"]


def test_a_histogram_has_a_bucket_more_than_bounds_and_each_sample_once(taken: Taken) -> None:
    (body,) = sent(taken, [[frame(1, times(1_000_000, 2_000_000, 500_000_000_000))]])
    (row,) = points_of(metrics(body)["http_req_duration"], "histogram")
    (buckets,), (bounds,) = row["buckets"], row["bounds"]
    assert list(bounds) == pytest.approx([bound * 1000 for bound in BOUNDS_S])
    assert len(buckets) == len(bounds) + 1 and sum(buckets) == row["count"][0] == 3
    held = {upper: count for upper, count in zip(bounds, buckets, strict=False) if count}
    assert held == {1.5: 1, 3.0: 1} and buckets[-1] == 1
    assert row["sum"][0] == pytest.approx(500_003, rel=2e-3)
    assert row["min"][0] == pytest.approx(1, rel=2e-3)
    assert row["max"][0] == pytest.approx(500_000, rel=2e-3)


def test_a_trend_without_buckets_has_none_and_a_negative_one_no_sum(taken: Taken) -> None:
    spread = {"avg": 2.0, "min": 1.0, "max": 3.0, "count": 2}
    below = {**spread, "min": -1.0}
    points = [
        Point(name, Kind("trend"), (), row, row, (), 4.0)
        for name, row in (("a", spread), ("b", below))
    ]
    (body,) = sent(taken, [[frame(1, *points)]])
    found = metrics(body)
    (a,), (b,) = points_of(found["a"], "histogram"), points_of(found["b"], "histogram")
    assert (a["count"], a["sum"], "buckets" in a) == ([2], [4.0], False)
    assert (b["count"], "sum" in b) == ([2], False)


def test_hostile_tags_are_text(taken: Taken) -> None:
    (body,) = sent(taken, [[frame(1, counter(1, 1, HOSTILE))]])
    (row,) = points_of(metrics(body)["http_reqs"], "sum")
    found = attributes(row)
    assert found["name"] == HOSTILE["name"] and found["größe"] == "ö=ü"
    assert found["scenario"] == 'x"=,y[31m' and b"s3cret" not in body


def test_deltas_add_up_and_what_was_lost_is_in_the_next(taken: Taken) -> None:
    frames = [frame(n, counter(2, 2 * n), rate(n, 4 * n), times(*[10**6] * n)) for n in (1, 2, 3)]
    taken.answers = [Reply(200), Reply(400), Reply(200)]
    with closing(output(taken, OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta")) as sink:
        sink.write(frames[:1])
        with pytest.raises(OutputError):
            sink.write(frames[1:2])
        sink.write(frames[2:])
        sink.write(frames[2:])
    bodies = [body for _, _, body in taken.seen]
    assert len(bodies) == 3  # nothing new is nothing to say
    reqs = [points_of(metrics(body)["http_reqs"], "sum")[0] for body in bodies]
    assert [row["double"] for row in reqs] == [[2.0], [2.0], [4.0]]
    assert [row["start"][0] for row in reqs] == [START_NS, *[START_NS + 10**9] * 2]
    rows = [points_of(metrics(body)["http_req_duration"], "histogram")[0] for body in bodies]
    assert [row["count"] for row in rows] == [[1], [1], [2]]
    assert [sum(row["buckets"][0]) for row in rows] == [1, 1, 2]
    assert "min" in rows[0] and "min" not in rows[2]
    assert metrics(bodies[0])["http_reqs"]["sum"][0]["temporality"] == [TEMPORALITY["delta"]]


def test_who_measured_is_told(taken: Taken) -> None:
    bodies = sent(
        taken,
        [FRAMES[:1]],
        OTEL_SERVICE_NAME="shop load",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment=staging%20eu,api_token=s3cret",
        K6_OTEL_METRIC_PREFIX="k6_",
    )
    bodies = [*bodies, *sent(taken, [FRAMES[:1]])[-1:]]
    first, second = map(resource_of, bodies)
    assert first["service.name"] == "shop load" and second["service.name"] == "fastbench"
    assert first["deployment.environment"] == "staging eu" and first["api_token"] == "***"
    assert first["service.instance.id"] != second["service.instance.id"]
    assert list(metrics(bodies[0])) == [
        "k6_http_reqs",
        "k6_http_req_failed",
        "k6_http_req_duration",
    ]


def test_the_libraries_of_the_specification_read_the_same(taken: Taken) -> None:
    name = "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2"
    oracle = pytest.importorskip(name, reason="opentelemetry-proto is not installed")
    (body,) = sent(taken, [FRAMES])
    request = oracle.ExportMetricsServiceRequest.FromString(body)
    assert request.SerializeToString(deterministic=True)  # nothing unknown stands in the way
    rows = {row.name: row for row in request.resource_metrics[0].scope_metrics[0].metrics}
    last = rows["http_reqs"].sum.data_points[-1]
    assert (last.as_double, last.start_time_unix_nano) == (10.0, START_NS)
    assert rows["http_reqs"].sum.is_monotonic
    failed = rows["http_req_failed"].sum
    assert [point.as_int for point in failed.data_points][:2] == [1, 9]
    assert failed.aggregation_temporality == TEMPORALITY["cumulative"]
    duration = rows["http_req_duration"].histogram.data_points[0]
    assert duration.count == sum(duration.bucket_counts) == 2
    assert len(duration.explicit_bounds) == len(BOUNDS_S)
    assert {each.key: each.value.string_value for each in last.attributes} == {"name": "a"}
    assert not request.FindInitializationErrors()


# Where to, and what comes back.


def test_a_url_without_a_path_is_the_usual_one(taken: Taken) -> None:
    other = f"experimental-opentelemetry={taken.url}/otlp/v1/metrics?x=1"
    for each in output_flags.parse([f"otlp={taken.url}", other]):
        with closing(each.open()) as sink:
            sink.write(FRAMES)
    assert [path for path, _, _ in taken.seen] == ["/v1/metrics", "/otlp/v1/metrics?x=1"]
    assert taken.seen[0][1]["Content-Type"] == "application/x-protobuf"


def test_headers_are_sent_and_never_shown(taken: Taken) -> None:
    echo = protobuf_wire.text(2, "bad key k3y-of-mine for Bearer b34rer")
    taken.answers = [Reply(401, echo)]
    headers = "x-honeycomb-team=k3y-of-mine,Authorization=Bearer%20b34rer"
    sink = output(taken, OTEL_EXPORTER_OTLP_HEADERS=headers)
    with closing(sink), pytest.raises(OutputError) as refused:
        sink.write(FRAMES)
    assert str(refused.value) == "it answered 401: bad key *** for ***"
    assert not refused.value.again
    seen = taken.seen[0][1]
    assert (seen["x-honeycomb-team"], seen["Authorization"]) == ("k3y-of-mine", "Bearer b34rer")


@pytest.mark.parametrize(
    ("status", "again"), [(429, True), (502, True), (503, True), (504, True), (500, False)]
)
def test_what_may_be_sent_again_is_as_specified(taken: Taken, status: int, again: bool) -> None:
    taken.answers = [Reply(status, headers={"Retry-After": "7"})]
    with closing(output(taken)) as sink, pytest.raises(OutputError) as refused:
        sink.write(FRAMES)
    assert (refused.value.again, refused.value.after_s) == (again, 7.0)


def test_points_that_are_rejected_one_by_one_are_counted(taken: Taken) -> None:
    partial = protobuf_wire.message(
        1, protobuf_wire.number(1, 2) + protobuf_wire.text(2, "too \x1b[31mold")
    )
    warned = protobuf_wire.message(1, protobuf_wire.text(2, "use delta"))
    taken.answers = [Reply(200, partial), Reply(200, warned)]
    line = Feed(output(taken))
    for each in FRAMES:
        line.put(each)
        while len(taken.seen) < FRAMES.index(each) + 1:
            threading.Event().wait(0.01)
    line.end(END)
    loss = line.loss()
    assert loss is not None and (loss.points, loss.of) == (2, 6)
    assert loss.text == "it rejected some points: too [31mold"
    assert len(taken.seen) == 2


def test_a_server_is_left_alone_as_long_as_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "AGAIN_S", 0.01)
    at_s: list[float] = []

    class Busy:
        shown, is_file, wants_buckets, wants_histograms = "busy", False, False, False

        def write(self, frames: Sequence[Frame]) -> None:
            at_s.append(time.monotonic())
            if len(at_s) == 1:
                raise OutputError("busy", again=True, after_s=0.3)

        def finish(self, end: object) -> None:
            pass

        def close(self) -> None:
            pass

    line = Feed(Busy())
    line.put(FRAMES[0])
    while len(at_s) < 2:
        threading.Event().wait(0.01)
    line.end(END)
    assert line.loss() is None and at_s[1] - at_s[0] >= 0.3


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "s3cret",
            "$OTEL_EXPORTER_OTLP_HEADERS is not written NAME=",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=s3%0Acret", "a header that HTTP cannot carry"),
        ("OTEL_RESOURCE_ATTRIBUTES", "s3cret", "$OTEL_RESOURCE_ATTRIBUTES is not written NAME="),
    ],
)
def test_variables_that_cannot_be_are_named(name: str, value: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        otlp.OtlpOutput("http://localhost", "", {name: value})
    assert says in str(refused.value) and "s3" not in str(refused.value)


# A run.


def test_the_last_sums_of_a_run_are_those_of_its_document(taken: Taken, tmp_path: Path) -> None:
    with Server(answering()) as server:
        run = fastbench("-o", f"otlp={taken.url}", "-d", "1.2s", *ONE, server.url("/"))
    assert run.code == 0 and len(taken.seen) >= 2
    last: dict[tuple[str, Tags], Decoded] = {}
    for _, _, body in taken.seen:
        for name, metric in metrics(body).items():
            shape = next(key for key in ("sum", "gauge", "histogram") if key in metric)
            for row in points_of(metric, shape):
                last[name, tuple(sorted(attributes(row).items()))] = row
    assert last["http_reqs", ()]["double"] == [run.summary["requests"]]
    ended = last["http_req_failed", (("condition", "zero"),)]
    assert ended["int"] == [run.summary["ok"]]
    timed = last["http_req_duration", ()]
    assert timed["count"] == [run.document["latency_ms"]["service"]["count"]]
    mean_ms = run.document["latency_ms"]["service"]["mean"]
    assert timed["sum"][0] / timed["count"][0] == pytest.approx(mean_ms, rel=1e-3)
