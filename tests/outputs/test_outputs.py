"""What outputs write is read back by those who read it elsewhere, and nothing holds the run up."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from points import (
    END,
    FRAMES,
    HOSTILE,
    SPREAD,
    START_NS,
    TIME,
    Taken,
    counter,
    frame,
    taking,
    times,
)

from fastbench.foundation.usage_error import UsageError
from fastbench.outputs import influxdb, output_flags
from fastbench.outputs.csv_points import CsvOutput
from fastbench.outputs.http_client import Remote
from fastbench.outputs.ndjson import JsonOutput
from fastbench.outputs.point import OutputError, Point
from fastbench.outputs.queue import HANGING_S, Feed

# Files.


def test_lines_of_json_are_k6s_and_the_last_one_carries_the_verdict(tmp_path: Path) -> None:
    output = JsonOutput(str(tmp_path / "points.json.gz"), "json=…")
    output.write(FRAMES[:1])
    midway = (tmp_path / "points.json.gz").read_bytes()
    output.write(FRAMES[1:])
    output.finish(END)

    text = gzip.decompress((tmp_path / "points.json.gz").read_bytes()).decode()
    rows = [json.loads(line) for line in text.splitlines()]
    start, *rows = rows
    assert start == {"type": "Start", "time": "2023-11-14T22:13:20.000000+00:00"}
    assert [row["type"] for row in rows] == ["Metric", "Point"] * 3 + ["End"]
    metric, point = rows[0], rows[1]
    about = {"name": "http_reqs", "type": "counter", "contains": "default"}
    assert metric["data"] == {**about, "thresholds": [], "submetrics": None}
    assert point["data"] == {
        **{"time": "2023-11-14T22:13:21.000000+00:00", "value": 10, "tags": {"name": "a"}},
    }
    assert rows[3]["data"]["value"] == 0.1 and rows[3]["data"]["count"] == 10
    assert rows[5]["data"]["value"] == pytest.approx(1.5, rel=2e-3)
    assert rows[5]["data"]["p(99)"] == pytest.approx(2, rel=2e-3)
    assert text.splitlines()[-1].endswith('"thresholdsFailed":true}')
    # What is written so far can be read before the end.
    assert zlib.decompressobj(31).decompress(midway).decode() in text


def test_rows_of_csv_begin_with_k6s_columns_and_run_no_formula(tmp_path: Path) -> None:
    output = CsvOutput(str(tmp_path / "points.csv"), "csv=…")
    output.write([frame(1, counter(3, 3, {"name": "=cmd()", "build": "7"}), times(5_000_000))])
    output.finish(END)
    with open(tmp_path / "points.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:3] == ["metric_name", "timestamp", "metric_value"]
    assert rows[0]["name"] == "'=cmd()" and rows[0]["extra_tags"] == "build=7"
    assert (rows[0]["timestamp"], rows[0]["metric_value"]) == ("1700000001", "3")
    assert float(rows[1]["p(99)"]) == pytest.approx(5, rel=2e-3) and rows[0]["p(99)"] == ""


def test_a_run_without_a_second_leaves_a_header_or_a_last_line(tmp_path: Path) -> None:
    for output in (JsonOutput(str(tmp_path / "j"), ""), CsvOutput(str(tmp_path / "c"), "")):
        output.finish(END)
    assert json.loads((tmp_path / "j").read_text())["type"] == "End"
    assert (tmp_path / "c").read_text().startswith("metric_name,")


def test_a_full_disk_is_told_once_and_the_run_goes_on() -> None:
    feed = Feed(JsonOutput("/dev/full", "json=/dev/full"))
    for second in (1, 2):
        feed.put(frame(second, counter(1, second)))
    feed.end(END)
    loss = feed.loss()
    assert loss is not None and (loss.points, loss.of, loss.is_file) == (2, 2, True)
    assert loss.text == "no space left on device"


def test_a_line_that_did_not_fit_does_not_stand_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = JsonOutput(str(tmp_path / "points.json"), "")
    output.write(FRAMES[:1])
    whole = (tmp_path / "points.json").read_bytes()
    write, calls = os.write, []

    def half(fd: int, data: Any) -> int:
        calls.append(fd)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(fd, bytes(data)[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OutputError, match="no space left"):
        output.write([frame(2, counter(5, 15))])
    monkeypatch.undo()
    assert (tmp_path / "points.json").read_bytes() == whole


# Line protocol.


def parsed(text: str) -> tuple[str, dict[str, str], dict[str, float], int]:
    """Read one line as InfluxDB does."""
    head, fields, stamp = re.split(r"(?<!\\) ", text)
    name, *tags = re.split(r"(?<!\\),", head)
    pairs = [re.split(r"(?<!\\)=", tag) for tag in tags]
    assert all(len(pair) == 2 for pair in pairs), text
    plain = [[re.sub(r"\\([,= ])", r"\1", part) for part in pair] for pair in pairs]
    values = dict(part.split("=") for part in fields.split(","))
    return name, dict(plain), {key: float(v) for key, v in values.items()}, int(stamp)


def test_hostile_tags_come_back_as_one_point() -> None:
    text = influxdb.line(counter(3, 9, HOSTILE), START_NS)
    assert "\n" not in text and "s3cret" not in text
    assert parsed(text) == (
        "http_reqs",
        {
            "name": "GET /a b,c=d\\ e",
            "scenario": 'x"=,y[31m',
            "tag_time": "noon",
            "größe": "ö=ü",
            "token": "***",
        },
        {"value": 3.0},
        START_NS,
    )


def test_a_trend_has_its_percentiles_as_fields() -> None:
    point = Point("t", TIME, (), SPREAD, SPREAD)
    fields = parsed(influxdb.line(point, 1))[2]
    assert fields == {
        **{"value": 2.5, "count": 4, "min": 1, "med": 2, "max": 5},
        **{"p90": 4, "p95": 4.5, "p99": 5},
    }


# Servers.


@pytest.fixture
def taken() -> Iterator[Taken]:
    with taking() as found:
        yield found


def test_influxdb_1_makes_its_database_when_there_is_none(taken: Taken) -> None:
    taken.answers = [404, 200]
    url = taken.url.replace("://", "://me:secret@") + "/load"
    output = output_flags.parse([f"influxdb={url}"])[0].open()
    assert "secret" not in output.shown
    output.write(FRAMES)
    output.close()
    paths = [path for path, _, _ in taken.seen]
    write = "/write?db=load&precision=ns"
    assert paths == [write, "/query?q=CREATE+DATABASE+%22load%22", write]
    assert taken.seen[-1][1]["Authorization"] == "Basic bWU6c2VjcmV0"
    points = [parsed(line) for line in taken.seen[-1][2].decode().split("\n")]
    assert [point[0] for point in points] == ["http_reqs", "http_req_failed", "http_req_duration"]


def test_influxdb_2_is_given_its_token(taken: Taken) -> None:
    url = f"{taken.url}/api/v2/write?org=o&bucket=b"
    output = influxdb.InfluxOutput(url, "", {"INFLUX_TOKEN": "t0ken"})
    output.write(FRAMES)
    output.close()
    path, headers, _ = taken.seen[0]
    assert path == "/api/v2/write?org=o&bucket=b&precision=ns"
    assert headers["Authorization"] == "Token t0ken"


def test_what_is_refused_for_now_is_sent_again_and_what_is_wrong_is_counted(taken: Taken) -> None:
    taken.answers = [503, 204, 400]
    feed = Feed(influxdb.InfluxOutput(f"{taken.url}/k6", "influxdb=…"))
    feed.put(frame(1, counter(1, 1)))
    while len(taken.seen) < 2:
        threading.Event().wait(0.01)
    feed.put(frame(2, counter(2, 3)))
    feed.end(END)
    loss = feed.loss()
    assert loss is not None and (loss.points, loss.of) == (1, 2)
    assert loss.text == 'it answered 400: {"error":"[31mno room"}'
    assert taken.seen[0][2] == taken.seen[1][2]


def test_a_server_that_never_answers_costs_no_more_than_agreed(taken: Taken) -> None:
    taken.hold = threading.Event()
    feed = Feed(influxdb.InfluxOutput(f"{taken.url}/k6", "influxdb=…"), frames=3, last_s=0.2)
    for second in range(1, 50):
        feed.put(frame(second, counter(1, second)))
    feed.end(END)
    loss = feed.loss()
    assert loss is not None and (loss.points, loss.of) == (49, 49)
    assert loss.text == "it did not answer in time"


def test_servers_that_hang_are_waited_for_side_by_side(taken: Taken) -> None:
    taken.hold = threading.Event()
    feeds = [Feed(influxdb.InfluxOutput(f"{taken.url}/k6", ""), last_s=0.1) for _ in range(5)]
    for feed in feeds:
        feed.put(frame(1, counter(1, 1)))
        feed.end(END)
    begin_s = time.monotonic()
    assert [loss.points for feed in feeds if (loss := feed.loss())] == [1] * 5
    assert time.monotonic() - begin_s < 0.1 + 2 * HANGING_S


def test_nobody_there_is_a_sentence() -> None:
    feed = Feed(influxdb.InfluxOutput("http://127.0.0.1:1/k6", "influxdb=…"), last_s=0.3)
    feed.put(frame(1, counter(1, 1)))
    feed.end(END)
    loss = feed.loss()
    assert loss is not None and (loss.points, loss.text) == (1, "connection refused")


def test_a_path_that_http_cannot_carry_is_a_sentence(taken: Taken) -> None:
    with pytest.raises(OutputError, match="write it as %XX"):
        Remote(taken.url).post("/größe", b"", {})


def test_a_connection_that_was_closed_while_idle_is_made_again(taken: Taken) -> None:
    remote = Remote(taken.url)
    remote.post("/", b"1", {})
    remote._connection.sock.shutdown(2)
    remote.post("/", b"2", {})
    remote.close()
    assert [body for _, _, body in taken.seen] == [b"1", b"2"]


# Words.


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("jsn=x", "-o takes json=points.json.gz, csv=points.csv, "),
        ("sqlite=runs.db", "--history FILE.db keeps runs in an SQLite file."),
        ("json", "-o json needs a file"),
        ("json=", "-o json needs a file"),
        ("csv=/dev/null/x", "cannot be written: not a directory"),
        ("influxdb=localhost:8086", "URL"),
        ("influxdb=http://h/a/b", "takes http://HOST:8086/DATABASE"),
        ("influxdb=http://h/api/v2/write?org=o", "needs a bucket"),
    ],
)
def test_what_cannot_be_is_refused_with_its_cure(word: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        output_flags.parse([word])[0].open()
