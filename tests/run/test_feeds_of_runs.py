"""Runs with rows of a file: which row each request has, over workers."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from commandline import invoke
from request_log import logging_server
from running import fastbench
from servers import OK, Peer, Server

from fastbench.run.feed_file import COPIED_BYTES

ROWS = 211


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "rows.csv"
    path.write_text("id,name\n" + "".join(f'{at},"n, ""{at}"""\n' for at in range(ROWS)))
    return str(path)


def test_each_row_is_in_one_request_and_the_run_ends_with_them(rows: str) -> None:
    with logging_server() as log:
        run = fastbench(
            *("--feed", rows, "--feed-order", "once", "-t", "2", "-c", "4", "--seed", "9"),
            *("-b", '{"name": "{{name}}"}', f"{log.url}/{{{{id}}}}"),
        )
    assert run.summary["requests"] == run.summary["ok"] == ROWS
    assert sorted(int(path[1:]) for _, path, _ in log.came) == list(range(ROWS))
    assert all(body == f'{{"name": "n, \\"{path[1:]}\\""}}' for _, path, body in log.came)
    assert run.document["config"]["feed"] == {"file": rows, "rows": ROWS, "order": "once"}
    assert run.document["config"]["seed"] == 9
    assert f"--feed-order once: the run ends with the {ROWS} rows of {rows}." in run.err


def test_rows_in_order_begin_again_and_a_connection_may_have_one(rows: str) -> None:
    with logging_server() as log:
        fastbench(
            "--feed", rows, "-t", "2", "-c", "4", "-n", str(2 * ROWS), f"{log.url}/{{{{id}}}}"
        )
        counts = Counter(path for _, path, _ in log.taken())
        assert set(counts.values()) == {2} and len(counts) == ROWS
        order = ("--feed-order", "per-connection")
        fastbench("--feed", rows, *order, "-t", "2", "-c", "3", "-n", "60", f"{log.url}/{{{{id}}}}")
        assert {path for _, path, _ in log.taken()} == {"/0", "/1", "/2"}


def test_a_mapped_file_that_is_cut_under_the_run_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_bytes(b"1\n" + b"\n" * COPIED_BYTES)

    def cutting(peer: Peer) -> None:
        while True:
            peer.request()
            os.truncate(path, 0)
            peer.send(OK)

    with Server(cutting) as server:
        words = ("-n", "100", "-c", "1", "-t", "1", "--feed", str(path))
        shown = invoke(*words, server.url("/{{line}}"))
    assert "1 of 1 workers were lost" in re.sub(r"\s+", " ", shown.stdout)
    said = f"{path} became shorter; a feed of more than 256 MiB must stay until the run ends"
    assert said.replace(" ", "") in re.sub(r"\s+", "", shown.stdout), shown.stdout
