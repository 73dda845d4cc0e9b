"""Several candidates compared with one base, by the command on real servers."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from candidate_schemas import VALIDATOR
from commandline import begin, invoke
from running import LIMIT_S, until
from servers import OK, Peer, Server, answering, refusing

from fastbench.experiments.compare.comparisons_document import Comparisons

BROKEN = OK.replace(b"200 OK", b"500 Oh")
SHORT = ("--slice", "20ms", "--time", "1.5s", "-c", "2", "-t", "1", "--no-progress")
MS = 1_000_000


def compare(folder: Path, *words: str, code: int = 0) -> tuple[Comparisons, str]:
    wide = {"COLUMNS": "400"}  # beside other tests it would be 80, and sentences in more lines
    done = invoke("compare", *words, "--json", "out.json", env=wide, cwd=folder)
    assert done.returncode == code, done.stderr
    document = json.loads((folder / "out.json").read_text())
    VALIDATOR.validate(document)
    return Comparisons.from_document(document), done.stdout


def slow(peer: Peer) -> None:
    while peer.request():
        peer.pause(0.002)
        peer.send(OK)


def test_the_slow_one_of_three_is_found_and_every_request_is_counted(tmp_path: Path) -> None:
    with Server(answering()) as base, Server(slow) as other, Server(answering()) as third:
        urls = [each.url() for each in (base, other, third)]
        files = ("--html", "out.html", "--md", "out.md")
        found, shown = compare(tmp_path, *SHORT, "--time", "2.4s", *urls, *files)
    slower, same = found.each
    assert slower.verdict == "different" and slower.ratio is not None and slower.ratio < 0.9
    assert same.ratio is not None and same.ratio > 2 * slower.ratio
    assert [each.candidate for each in found.each] == urls[1:]
    assert len(slower.pairs) == len(same.pairs) >= 16
    assert {pair.order for pair in same.pairs} == {"base first", "candidate first"}
    assert slower.latency is not None and same.latency is not None
    assert slower.latency.base == same.latency.base
    counted = (slower.latency.base, slower.latency.candidate, same.latency.candidate)
    for server, times in zip((base, other, third), counted, strict=True):
        # The pilot's requests are those that stand in no pair.
        assert 0 < times.count < server.seen.requests
    for each in found.each:
        sides = [(pair.base, pair.candidate) for pair in each.pairs]
        assert sum(base.samples or 0 for base, _ in sides if base) <= counted[0].count
    assert slower.latency.candidate.percentile(50) > 2 * MS
    assert "99 % for both candidates together (Bonferroni, 99.5 % each)" in shown
    assert (tmp_path / "out.html").stat().st_size and (tmp_path / "out.md").stat().st_size


def test_a_candidate_that_fails_requests_is_a_regression(tmp_path: Path) -> None:
    with Server(answering()) as good, Server(answering(BROKEN)) as bad:
        sides = (good.url(), good.url(), bad.url())
        words = (*SHORT, "--fail-on-regression", "80%", "--quiet", "--json", "out.json", *sides)
        done = invoke("compare", *words, cwd=tmp_path)
    found = Comparisons.from_document(json.loads((tmp_path / "out.json").read_text()))
    assert [each.regressed for each in found.each] == [False, True]
    assert done.returncode == 96 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and bad.url() in done.stderr
    assert [each.code for each in found.each[1].warnings if each.code == "candidate_fails"]


def test_a_server_three_times_is_never_worse_by_half(tmp_path: Path) -> None:
    with Server(answering()) as server:
        found, _ = compare(tmp_path, *SHORT, "--threshold-effect", "50%", *[server.url()] * 3)
    assert [each.verdict for each in found.each].count("different") == 0
    assert found.ended == "complete" and not found.regressed


def test_a_candidate_that_is_not_there_is_exit_122(tmp_path: Path) -> None:
    with Server(answering()) as good, refusing() as port:
        gone = f"http://127.0.0.1:{port}/"
        found, shown = compare(tmp_path, *SHORT, good.url(), good.url(), gone, code=122)
    assert [each.ended for each in found.each] == ["complete", "nothing_succeeded"]
    assert "no result" in shown and found.each[0].ratio is not None


def test_latencies_are_compared_at_a_rate_that_the_slowest_carries(tmp_path: Path) -> None:
    with Server(answering()) as base, Server(slow) as other:
        sides = (base.url(), base.url(), other.url())
        words = ("--primary", "p50", "--time", "2.4s", "-c", "2", "-t", "1", "--no-progress")
        found, shown = compare(tmp_path, *words, *sides)
    rates = {each.config["rate"] for each in found.each}
    assert len(rates) == 1 and 0 < float(str(rates.pop())) < 1000, "2 connections, 2 ms"
    assert "of what the slowest side carried in a closed loop" in shown
    assert all(each.latency and each.latency.times == "response" for each in found.each)


def test_ctrl_c_ends_it_with_what_there_is(tmp_path: Path) -> None:
    with Server(answering()) as server:
        words = ("compare", "--time", "5m", "-c2", "-t1", "--json", "out.json")
        with begin(*words, *[server.url()] * 3, cwd=tmp_path) as process:
            try:
                until(lambda: server.seen.connections >= 12)  # the pilot's and those after it
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=LIMIT_S)
            finally:
                process.kill()
        assert process.returncode == 105, err
        until(lambda: server.open_connections == 0)
    assert "Traceback" not in err
    found = Comparisons.from_document(json.loads((tmp_path / "out.json").read_text()))
    assert found.ended == "interrupted" and len(found.each) == 2
