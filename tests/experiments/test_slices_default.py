"""`fastbench compare A B` in slices, its default, over each kind of connection; and by visits."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
from certificates import Authority
from commandline import Shown, invoke
from servers import Server, answering

from fastbench.cli.args import compare_args
from fastbench.cli.args.compare_args import Command, Live
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.trials.pairing import Terms
from fastbench.foundation.usage_error import UsageError

SHORT = ("--time", "1s", "-c4", "-t1", "--no-progress", "--json", "out.json")


def compare(folder: Path, *words: str) -> tuple[Comparison, Shown]:
    done = invoke("compare", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return Comparison.from_document(json.loads((folder / "out.json").read_text())), done


def in_slices(found: Comparison) -> None:
    assert found.latency is not None and found.latency.base.count and found.latency.candidate.count
    assert all(pair.at_s is not None for pair in found.pairs)
    assert all(
        side is not None and not side.errors_share
        for pair in found.pairs
        for side in (pair.base, pair.candidate)
    )


def test_headers_and_bodies_reach_both_sides(tmp_path: Path) -> None:
    with Server(answering()) as base, Server(answering()) as other:
        words = (*SHORT, "-H", "X-Kind: slice", "-b", "hello", base.url("/a"), other.url("/b"))
        found, _ = compare(tmp_path, *words)
        for server, path in ((base, b"/a"), (other, b"/b")):
            assert set(server.seen.lines) == {b"POST " + path + b" HTTP/1.1"}
            assert b"X-Kind: slice\r\n" in server.seen.last
            assert server.seen.last.endswith(b"hello")
    in_slices(found)


def test_several_workers_share_the_connections(tmp_path: Path) -> None:
    with Server(answering()) as base, Server(answering()) as other:
        found, _ = compare(tmp_path, *SHORT, "-t2", "-R", "400", base.url(), other.url())
        # Four of the pilot, four of the slices.
        assert base.seen.connections == other.seen.connections == 8
    in_slices(found)
    assert found.latency is not None and found.latency.times == "response"


def test_two_paths_of_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with Server(answering(), path=path) as server:
        found, _ = compare(tmp_path, *SHORT, "--unix", path, "http://h/a", "http://h/b")
        assert set(server.seen.lines) == {b"GET /a HTTP/1.1", b"GET /b HTTP/1.1"}
    in_slices(found)


@pytest.mark.parametrize("insecure", [True, False])
def test_tls_with_a_client_certificate(tmp_path: Path, insecure: bool) -> None:
    authority = Authority(tmp_path)
    issued = authority.ca.issue_cert("client.test")
    both = authority.pem("both.pem", issued.private_key_pem, *issued.cert_chain_pems)
    context = authority.asking(ssl.TLSVersion.TLSv1_3)
    trust = ("-k",) if insecure else ("--cacert", authority.cafile)
    with Server(answering(), tls=context) as base, Server(answering(), tls=context) as other:
        sides = [f"https://localhost:{each.port}/" for each in (base, other)]
        found, _ = compare(tmp_path, *SHORT, "--cert", both, *trust, *sides)
        assert base.seen.failed_handshakes == other.seen.failed_handshakes == 0
    in_slices(found)


def test_a_limit_of_the_whole_time_chooses_visits(tmp_path: Path) -> None:
    with Server(answering()) as server:
        words = ("-n5", "-W0", *SHORT[2:], "--max-time", "4s")
        found, done = compare(tmp_path, *words, server.url(), server.url())
        assert "Measured by visits" not in done.stderr, "--max-time chose them"
        assert all(pair.at_s is None for pair in found.pairs)


A_AND_B = ("http://127.0.0.1:1/", "http://127.0.0.1:2/")


@pytest.mark.parametrize(
    "words", ["--stages 1s:100,4s:200", "--ramp 1s", "--shape spike", "--shape=ramp"]
)
def test_a_rate_that_changes_is_measured_by_visits(words: str) -> None:
    found = compare_args.parse(["-R", "100", *words.split(), *A_AND_B])
    assert isinstance(found, Command) and isinstance(found.what, Live)
    assert isinstance(found.what.terms, Terms)
    (notice,) = (each for each in found.notices if each.startswith("Measured by visits: "))
    assert "a rate that changes" in notice


def test_visits_are_not_for_saved_results() -> None:
    with pytest.raises(UsageError, match="are not measured again; leave out"):
        compare_args.parse(["--visits", "old.json", "new.json"])


def test_a_warm_up_of_a_script_in_slices_is_the_pilot_and_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text("")
    words = ["--script", str(tmp_path / "load.py"), "-W", "2s", *A_AND_B]
    for more, count in (([], 1), (["--visits"], 0)):
        found = compare_args.parse([*words, *more])
        assert isinstance(found, Command) and len(found.notices) == count
        assert all(each.startswith("-W is for visits") for each in found.notices)
