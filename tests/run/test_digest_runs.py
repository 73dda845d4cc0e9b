"""Whole runs with digest authentication: a server that checks every answer, Apache and lighttpd."""

from __future__ import annotations

import json
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import pytest
from commandline import invoke
from digest_servers import DIGEST_KINDS, PASSWORD, USER, Keeper, digest_server
from real_servers import real_server
from running import ONE, fastbench
from servers import OK, Peer, Server, answering

KNOWN = ("--digest", "-a", f"{USER}:{PASSWORD}")


def counted(keeper: Keeper) -> list[list[int]]:
    """Return the counts of each nonce that was used, but those that are asked for first."""
    return [each for each in keeper.counts.values() if each][1:]


@pytest.mark.parametrize("qop", ["auth", ""])
@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"])
def test_every_answer_is_right_and_no_count_comes_twice(algorithm: str, qop: str) -> None:
    keeper = Keeper(algorithm, qop)
    with digest_server(keeper) as server:
        run = fastbench(*KNOWN, "-t2", "-c2", "-n300", server.url("/a?b=c%20d"))
    assert run.code == 0 and run.document["status_codes"] == {"200": 300}
    assert keeper.right == 301  # and one before the load
    assert keeper.refused == {"nothing": 3}  # a nonce to try, and one for each worker
    if qop:
        both = counted(keeper)
        assert (
            len(both) == 2 and [each == [*range(1, len(each) + 1)] for each in both] == [True] * 2
        )
    assert run.document["config"]["digest"] == {"algorithm": algorithm.upper(), "qop": qop or None}


def test_a_hidden_user_and_the_hash_of_the_body() -> None:
    keeper = Keeper("SHA-256", "auth-int", userhash=True)
    with digest_server(keeper) as server:
        run = fastbench(*KNOWN, *ONE, "-n50", "-b", '{"a": 1}', server.url("/"))
    assert run.document["status_codes"] == {"200": 50}
    assert all(each.endswith(b'{"a": 1}') for each in keeper.came if b"Authorization" in each)


def test_what_varies_in_the_url_is_hashed_as_it_is_sent() -> None:
    keeper = Keeper("SHA-256")
    with digest_server(keeper) as server:
        run = fastbench(
            *KNOWN,
            "-c3",
            "-t2",
            "-n200",
            "--data",
            "n={{seq}}",
            server.url("/{{hex:9}}?u={{uuid}}"),
        )
    assert run.document["status_codes"] == {"200": 200}
    assert len({each.split(b" ")[1] for each in keeper.came if b"Authorization" in each}) == 200
    assert sorted(chain(*counted(keeper))) == sorted([*range(1, 101)] * 2)


def test_a_request_that_is_sent_again_says_the_same() -> None:
    keeper = Keeper()

    def reply(peer: Peer, request: bytes) -> bytes:
        if peer.requests == 5 and keeper.came.count(request) == 1:
            peer.reset()
        return OK

    with digest_server(keeper, reply) as server:
        run = fastbench(*KNOWN, *ONE, "-n40", server.url("/"))
    assert run.summary["ok"] == 40 and run.summary["retried"] > 3
    (counts,) = counted(keeper)
    assert sorted(set(counts)) == [*range(1, 41)]
    assert len(counts) == 40 + run.summary["retried"]


def test_a_nonce_that_ends_is_replaced_and_counts_begin_anew() -> None:
    keeper = Keeper(uses=60)
    with digest_server(keeper) as server:
        run = fastbench(*KNOWN, *ONE, "-R100", "-d3", server.url("/"))
    codes = run.document["status_codes"]
    assert codes["200"] + codes["401"] == run.summary["requests"] >= 290
    used = counted(keeper)
    assert len(used) >= 3, "no nonce was fetched during the run"
    assert all(each == [*range(1, len(each) + 1)] for each in used)
    assert codes["200"] == sum(min(60, len(each)) for each in used)
    (warning,) = (each for each in run.document["warnings"] if each["code"] == "digest_nonces")
    assert f"{codes['401']:,} of" in warning["text"] and warning["hint"]


def test_wrong_credentials_are_one_sentence_before_the_load() -> None:
    keeper = Keeper()
    with digest_server(keeper) as server:
        run = fastbench("--digest", "-a", f"{USER}:wrong", "-n50", server.url("/"))
    assert run.code == 1 and run.err.count("\n") == 1
    assert "refuses this user or password (401)" in run.err and "wrong" not in run.err
    assert keeper.refused == {"nothing": 1, "response": 1}


def test_a_server_that_asks_for_nothing_or_something_else() -> None:
    with Server(answering(OK)) as server:
        run = fastbench(*KNOWN, server.url("/"))
        assert run.code == 1 and "answers 200 without credentials" in run.err
        assert server.seen.requests == 1
    basic = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
    with Server(answering(basic)) as server:
        run = fastbench(*KNOWN, server.url("/"))
        assert run.code == 1 and "asks for Basic, and not for a digest" in run.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--digest"], "give -a USER:PASS"),
        (["--digest", "-a", "{{name}}:x"], "no placeholders"),
        ([*KNOWN, "--bearer", "x"], "leave yours out"),
        ([*KNOWN, "-H", "Authorization: x"], "leave yours out"),
        ([*KNOWN, "--follow"], "not --follow"),
        (["--digest", "-a", "a\rb:c"], "line break"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], said: str) -> None:
    run = fastbench(*words, "http://127.0.0.1:1/")
    assert run.code == 1 and said in run.err and run.err.count("\n") == 1


def test_debug_answers_too_and_hides_it() -> None:
    keeper = Keeper()
    with digest_server(keeper) as server:
        run = fastbench(*KNOWN, "--debug", "-n3", server.url("/{{seq}}"))
    assert run.code == 0 and "All 3 counted as ok" in run.out
    assert run.out.count("> Authorization: ***") == 3 and "response=" not in run.out
    assert counted(keeper) == [[1, 2, 3]]


def test_both_sides_of_a_comparison_have_nonces_of_their_own(tmp_path: Path) -> None:
    sides = Keeper(), Keeper("SHA-256")
    with digest_server(sides[0]) as one, digest_server(sides[1]) as two:
        words = ("compare", "-t1", "-c2", "--time", "3s", "--json", "c.json", *KNOWN)
        done = invoke(*words, one.url("/"), two.url("/"), cwd=tmp_path)
    assert (tmp_path / "c.json").exists(), done.stderr
    for keeper in sides:
        assert set(keeper.refused) == {"nothing"} and keeper.right > 50
        assert all(len(set(each)) == len(each) for each in keeper.counts.values())


@pytest.mark.parametrize("kind", DIGEST_KINDS)
@pytest.mark.parametrize("version", ["--http1", "--http2"])
def test_real_servers_let_every_request_in(kind: str, version: str) -> None:
    with real_server(kind, DIGEST_KINDS) as server:
        words = ("-t2", "-c4", "-n400", *server.flags, version, *KNOWN)
        constant = fastbench(*words, server.url("/a?b=c"))
        varied = fastbench(*words, "--data", "x={{seq}}", server.url("/{{int:1:99}}?b={{uuid}}"))
    for run in (constant, varied):
        assert run.document["status_codes"] == {"200": 400}, run.err
        assert run.code == 0 and json.dumps(run.document).find(PASSWORD) < 0


def test_an_unreachable_server_is_one_sentence() -> None:
    with Server(lambda peer: None) as server:
        url = server.url("/")
    run = fastbench(*KNOWN, url)
    assert run.code == 1 and "does not answer" in run.err and run.err.count("\n") == 1


@pytest.mark.skipif(find_spec("distributed") is None, reason="needs the extra for --on")
def test_workers_of_several_machines_have_nonces_of_their_own() -> None:
    keeper = Keeper()
    with digest_server(keeper) as server:
        run = fastbench(*KNOWN, "--on", "local:2", "-t1", "-c2", "-n100", server.url("/"))
    assert run.document["status_codes"] == {"200": 100}, run.err
    both = counted(keeper)
    assert len(both) == 2 and all(each == [*range(1, len(each) + 1)] for each in both)


def test_a_search_fetches_nonces_for_each_of_its_runs(tmp_path: Path) -> None:
    keeper = Keeper()
    with digest_server(keeper) as server:
        words = ("find", "-t1", "-c1", "--from", "50", "--to", "60", "-d", "1s", "-W", "0s")
        done = invoke(*words, *KNOWN, "--slo", "p99<1s", server.url("/"), cwd=tmp_path)
    assert keeper.right > 50, done.stderr
    assert set(keeper.refused) == {"nothing"} and len(counted(keeper)) >= 2
