"""Remote write, decoded as Prometheus does: names, labels, order, packing."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from points import FRAMES, HOSTILE, TIME, counter, frame, taking

from fastbench.engine.bridge import _core
from fastbench.outputs import output_flags, points, prometheus, prometheus_message
from fastbench.outputs.point import BOUNDS_S, Frame
from fastbench.run.metric_sums import TrendValue
from fastbench.run.snapshot import Rows, Snapshot


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Read protobuf: varints, doubles and length-delimited fields."""
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
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 1:
            yield key >> 3, struct.unpack_from("<d", data, at)[0]
            at += 8
        else:
            assert key & 7 == 2
            size = varint()
            yield key >> 3, data[at : at + size]
            at += size


Decoded = dict[tuple[tuple[str, str], ...], list[tuple[float, int]]]


def decoded(data: bytes) -> Decoded:
    """Read a WriteRequest, and hold it to what Prometheus asks of one."""
    found: Decoded = {}
    for number, one in fields(data):
        assert number == 1
        labels, samples = [], []
        for part, inner in fields(one):
            pair = dict(fields(inner))
            if part == 1:
                labels.append((pair[1].decode(), pair[2].decode()))
            else:
                samples.append((pair[1], pair[2]))
        names = [name for name, _ in labels]
        assert names == sorted(set(names)) and "__name__" in names
        assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) for name in names)
        stamps = [at_ms for _, at_ms in samples]
        assert stamps == sorted(set(stamps))
        assert tuple(labels) not in found
        found[tuple(labels)] = samples
    return found


def named(rows: Decoded, name: str) -> list[tuple[dict[str, str], list[float]]]:
    return [
        ({key: value for key, value in labels if key != "__name__"}, [v for v, _ in samples])
        for labels, samples in rows.items()
        if ("__name__", name) in labels
    ]


def written(
    frames: Sequence[Frame], monkeypatch: pytest.MonkeyPatch, answers: Sequence[str] = ()
) -> list[Decoded]:
    """Return the messages that reach a server, one for each frame."""
    monkeypatch.setattr(prometheus, "_snappy", lambda: lambda data: data)
    output = prometheus.PrometheusOutput("http://127.0.0.1:1/api/v1/write", "")
    bodies: list[bytes] = []
    monkeypatch.setattr(output._remote, "post", lambda path, body, headers: bodies.append(body))
    for each in frames:
        output.write([each])
    return [decoded(body) for body in bodies]


def test_series_have_the_names_of_the_plans_and_begin_with_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = written(FRAMES, monkeypatch)
    assert named(first, "k6_http_reqs_total") == [({"name": "a"}, [0, 10])]
    assert named(second, "k6_http_reqs_total") == [({"name": "a"}, [10])]
    assert named(first, "k6_http_req_failed_total") == [({"name": "a"}, [0, 1])]
    assert named(first, "k6_http_req_failed_rate") == [({"name": "a"}, [0.1])]
    below = {row["le"]: values[-1] for row, values in named(first, "k6_http_req_duration_bucket")}
    assert len(below) == len(BOUNDS_S) + 1
    wanted = {"0.0007": 0, "0.001": 0, "0.0015": 1, "0.003": 2, "+Inf": 2}
    assert {le: below[le] for le in wanted} == wanted
    (_, (_, total_s)) = named(first, "k6_http_req_duration_sum")[0]
    assert total_s == pytest.approx(0.003, rel=2e-3)
    (_, (p99_s,)) = named(first, "k6_http_req_duration_p99")[0]
    assert p99_s == pytest.approx(0.002, rel=2e-3)


def test_hostile_tags_become_labels_that_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = {**HOSTILE, "Build": "7", "le": "1", "__name__": "x", "a-b": "1", "a.b": "2", "9": "3"}
    (found,) = written([frame(1, counter(1, 1, tags))], monkeypatch)
    ((labels, _),) = named(found, "k6_http_reqs_total")
    assert labels["name"] == HOSTILE["name"] and labels["tag_le"] == "1"
    assert (labels["a_b"], labels["a_b_"], labels["tag___name__"]) == ("1", "2", "x")


def test_a_sum_of_times_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    # A bit less than before would be a counter that began anew, and a rate twice as high.
    counted = _core.Histogram()
    counted.record(1_042_029)
    reader = points.PointReader(with_buckets=True)
    frames = []
    for second in range(1, 300):
        rows: Rows = {"t": {(): TrendValue() + TrendValue(counted)}}
        now = Snapshot(float(second), float(second), {}, rows, declared={"t": TIME})
        frames.append(frame(second, *reader.points(now)))
        counted.record(0)
    sums = [named(rows, "k6_t_sum")[0][1][-1] for rows in written(frames, monkeypatch)]
    assert len(set(sums)) == 1 and sums[0] == pytest.approx(0.001042029)


def test_a_message_is_packed_and_says_what_it_is() -> None:
    snappy = pytest.importorskip("cramjam").snappy
    with taking() as taken:
        output = output_flags.parse([f"prometheus={taken.url}/api/v1/write?x=1"])[0].open()
        output.write(FRAMES)
        output.close()
    ((path, headers, body),) = taken.seen
    assert path == "/api/v1/write?x=1"
    assert headers["Content-Encoding"] == "snappy"
    assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    rows = decoded(bytes(snappy.decompress_raw(body)))
    assert named(rows, "k6_http_reqs_total") == [({"name": "a"}, [0, 10, 10])]


def test_a_long_number_is_a_long_varint() -> None:
    labels, samples = (("__name__", "é" * 200),), ((-1.5, 2**40), (2.0, 2**40 + 127))
    message = prometheus_message.write_request([(prometheus_message.labels(labels), samples)])
    assert decoded(message) == {labels: list(samples)}


def test_buckets_are_sums_up_to_their_bound() -> None:
    counted = _core.Histogram()
    for value_ns in (50_000, 900_000, 40_000_000, 200_000_000_000):
        counted.record(value_ns)
    found = dict(zip(BOUNDS_S, points.buckets(counted), strict=True))
    assert (found[0.0001], found[0.001], found[0.03], found[0.05], found[100.0]) == (1, 2, 2, 3, 3)
