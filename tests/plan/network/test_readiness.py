"""readiness.py and --wait-for: who is ready, who is not yet, and what is said when nobody comes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from case import answer
from commandline import Shown, invoke, table_at_once
from http2_library import speaking
from running import good, start
from servers import OK, Peer, Script, Server, answering, refusing
from stream_peer import offering

from fastbench.cli.args import script_args, url_args
from fastbench.cli.debug import http2_frames as wire
from fastbench.experiments.trials.trial_servers import free_port
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.plan.network import plain_http2, readiness

SOON_S = 10.0  # more than it takes, however slow the machine
SCRIPT = """
from fastbench import Options, scenario

options = Options({})


@scenario(executor="shared-iterations", vus=1, iterations=2)
async def visit(vu):
    await vu.get("{}")
"""


def first_refusing(times: int) -> Script:
    """Speak HTTP/2 alone: say so to who does not, and answer 503 to the first who does."""
    speaks = speaking()

    def script(peer: Peer) -> None:
        if peer.number < 2 * times:
            plain, coded = b"\x48\x03503", b"\x48\x83\x6c\x0c\xff"
            late = plain if peer.number == 1 else coded
            peer.read(24)
            peer.send(wire.built(wire.SETTINGS))
            if peer.number % 2:
                peer.send(wire.built(wire.HEADERS, b"\x20" + late, wire.END_HEADERS | 1, 1))
            peer.finish()
        head = peer.read(3)
        if head != b"PRI":
            peer.send(wire.built(wire.SETTINGS, b"\0\3\0\0\0\x0a"))
            peer.finish()
        peer.unread(head)
        speaks(peer)

    return script


def test_a_server_that_speaks_nothing_but_http2_is_waited_for() -> None:
    with Server(first_refusing(2)) as server:
        found = readiness.until_ready(urls.parse(server.url()), SOON_S)
    assert found == ""
    assert server.seen.connections == 6
    assert server.seen.requests == 1


def test_http2_is_spoken_over_tls_where_the_server_chooses_it() -> None:
    chosen: list[str | None] = []
    speaks = speaking()

    def script(peer: Peer) -> None:
        chosen.append(peer.alpn)
        if peer.alpn == "h2":
            speaks(peer)
        peer.finish()

    with Server(script, tls=offering("h2")) as server:
        found = readiness.until_ready(urls.parse(server.url("/up?a=1")), SOON_S)
    assert (found, chosen, server.seen.requests) == ("", ["h2"], 1)


def test_http11_is_spoken_over_tls_where_the_server_chooses_it() -> None:
    with Server(answering(), tls=offering("http/1.1")) as server:
        assert readiness.look(urls.parse(server.url())) == (200, "")


def test_a_server_that_closes_on_who_does_not_speak_http2_is_asked_over_it() -> None:
    speaks = speaking()

    def script(peer: Peer) -> None:
        head = peer.read(3)
        if head != b"PRI":
            peer.finish()
        peer.unread(head)
        speaks(peer)

    with Server(script) as server:
        assert readiness.look(urls.parse(server.url())) == (200, "")
    assert (server.seen.connections, server.seen.requests) == (2, 1)


@pytest.mark.parametrize(
    ("block", "found"),
    [
        (b"\x88", 200),
        (b"\x8e", 500),
        (b"\x8d", 400),
        (b"\x48\x03503", 500),
        (b"\x08\x03200", 200),
        (b"\x48\x83\x6c\x0c\xff", 500),
        (b"\x48\x82\x64\x02", 300),
        (b"\x3f\xe1\x1f\x88", 200),
        (b"\x20\x89", 200),
        (b"\x40\x01a\x01b", 0),
        (b"", 0),
    ],
)
def test_the_class_of_a_status(block: bytes, found: int) -> None:
    assert plain_http2._class(block, 0) == found
    assert plain_http2._class(b"\x02" + bytes(5) + block + bytes(2), 40) == found


@pytest.mark.parametrize(
    ("text", "url", "limit_s"),
    [
        ("http://h/", "http://h/", 30.0),
        ("http://h/,5s", "http://h/", 5.0),
        ("http://h/?a=1,2", "http://h/?a=1,2", 30.0),
        ("http://h/a,b,1m30s", "http://h/a,b", 90.0),
        ("http://h/, 500ms", "http://h/", 0.5),
        ("45s", None, 45.0),
        ("45", None, 45.0),
        ("2M", None, 120.0),
    ],
)
def test_a_url_a_time_or_both(text: str, url: str | None, limit_s: float) -> None:
    found = readiness.parse(text)
    assert (found.url and found.url.shown, found.limit_s) == (url, limit_s)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "takes URL,30s"),
        (",5s", "takes URL,30s"),
        ("localhost:80", "write http://localhost:80 instead"),
        ("ftp://h/,5s", "only http:// and https://"),
        ("5x", "`5x` is not a duration"),
        ("0s", "longer than 0"),
        ("http://h/,0s", "longer than 0"),
        ("400d", "at most 365d"),
    ],
)
def test_what_is_neither_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        readiness.parse(text)
    assert sentence in str(caught.value)


def replying(data: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(data)

    return script


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (answering(), (200, "")),
        (replying(answer("Content-Length: 0", start="HTTP/1.1 302 Found")), (302, "")),
        (replying(answer("Content-Length: 0", start="HTTP/1.1 404 Not Found")), (404, "")),
        (replying(answer("Content-Length: 0", start="HTTP/1.1 503 Wait")), (503, "")),
        (replying(b""), (0, "it closed the connection without a response")),
        (replying(b"SSH-2.0-x\r\n"), (0, "its response is not HTTP (BadStatusLine)")),
    ],
)
def test_one_look_says_a_status_or_why_there_is_none(
    script: Script, found: tuple[int, str]
) -> None:
    with Server(script) as server:
        assert readiness.look(urls.parse(server.url("/é x".replace(" ", "%20")))) == found
    if found[0]:
        assert server.seen.last.startswith(b"GET /%C3%A9%20x HTTP/1.1\r\n")
        assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in server.seen.last


def test_who_says_nothing_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PROBE_S", 0.05)
    with Server(Peer.stall) as server:
        status, reason = readiness.look(urls.parse(server.url()))
    assert (status, reason) == (0, "no response within 50ms")


def test_it_waits_for_a_server_that_starts_late_and_for_one_that_is_not_ready() -> None:
    port = free_port()
    seen: list[str] = []
    state = {"answer": answer("Content-Length: 0", start="HTTP/1.1 503 Starting")}

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(state["answer"])

    server = Server(script, port=port)

    def nap(length_s: float) -> None:
        seen.append("nap")
        if len(seen) == 3:
            server.__enter__()
        if len(seen) == 5:
            state["answer"] = OK

    try:
        url = urls.parse(f"http://127.0.0.1:{port}/")
        late = partial(seen.append, "late")
        assert readiness.until_ready(url, SOON_S, nap=nap, late=late) == ""
    finally:
        server.__exit__(None, None, None)
    assert seen == ["late", "nap", "nap", "nap", "nap"] and server.seen.requests == 3


def test_who_does_not_come_is_one_sentence() -> None:
    with refusing() as port:
        url = urls.parse(f"http://me:pw@127.0.0.1:{port}/?token=abcdef")
        sentence = readiness.until_ready(url, 0.1)
    assert "connection refused; start the server, or give it more time." in sentence
    assert "was not ready within 100ms" in sentence
    assert "pw" not in sentence and "abcdef" not in sentence


def test_an_end_that_was_asked_for_ends_it() -> None:
    class Ended(Exception):
        pass

    def nap(length_s: float) -> None:
        raise Ended

    with refusing() as port, pytest.raises(Ended):
        readiness.until_ready(urls.parse(f"http://127.0.0.1:{port}/"), SOON_S, nap=nap)


# On the command line.


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@pytest.fixture(scope="module")
def shown(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """Every line of a table, side by side."""
    folder = tmp_path_factory.mktemp("scripts")
    with refusing() as port, Server(answering(), path=str(folder / "s")) as unix:
        assert unix.path is not None
        here, gone = server.url(), f"http://127.0.0.1:{port}/"
        (folder / "based.py").write_text(SCRIPT.format(f'base_url="{here}"', "/"))
        (folder / "whole.py").write_text(SCRIPT.format("", here))
        (folder / "away.py").write_text(SCRIPT.format(f'base_url="{gone}"', "/"))
        lines = {
            "ready": ("-n2", "-c1", "--wait-for", "5s", here),
            "elsewhere": ("-n2", "-c1", "--wait-for", f"{here}health,5s", here),
            "refused": ("-n2", "-c1", "--wait-for", "100ms", gone),
            "refused elsewhere": ("-n2", "-c1", "--json", "x", "--wait-for", f"{gone},0.1s", here),
            "quiet": ("-n2", "-c1", "--quiet", "--wait-for", "100ms", gone),
            "over a socket": (
                "-n2",
                "-c1",
                "--unix",
                unix.path,
                "--wait-for",
                "5s",
                "http://app.test/",
            ),
            "script": ("run", "--wait-for", "5s", "based.py"),
            "script away": ("run", "--wait-for", "100ms", "away.py"),
            "script away, based": ("run", "--wait-for", "5s", "--base-url", here, "away.py"),
            "script without": ("run", "--wait-for", "5s", "whole.py"),
            "script with URL": ("run", "--wait-for", f"{here},5s", "whole.py"),
            "find": ("find", "--wait-for", "5s", "--slo", "p99<1s", here),
        }
        acts = {name: partial(invoke, *words, cwd=folder) for name, words in lines.items()}
        found = table_at_once(acts)
        assert not (folder / "x").exists()
    return found


@pytest.mark.parametrize(
    "name",
    ["ready", "elsewhere", "over a socket", "script", "script away, based", "script with URL"],
)
def test_a_run_begins_when_its_server_answers(shown: dict[str, Shown], name: str) -> None:
    assert (shown[name].returncode, "2 ok" in shown[name].stdout) == (0, True), shown[name].stderr
    assert "waiting" not in shown[name].stderr


@pytest.mark.parametrize("name", ["refused", "refused elsewhere", "script away"])
def test_a_server_that_does_not_come_is_122_and_one_sentence(
    shown: dict[str, Shown], name: str
) -> None:
    done = shown[name]
    waits, sentence = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (122, "")
    assert waits.startswith("fastbench: waiting for http://127.0.0.1:")
    assert sentence.startswith("fastbench: --wait-for: http://127.0.0.1:")
    assert "within 100ms: connection refused" in sentence


def test_nothing_but_the_end_is_told_under_quiet(shown: dict[str, Shown]) -> None:
    assert len(shown["quiet"].stderr.splitlines()) == 1


def test_a_script_without_a_base_url_has_to_be_told_whom_to_wait_for(
    shown: dict[str, Shown],
) -> None:
    assert shown["script without"].returncode == 1
    assert "write --wait-for URL,30s" in shown["script without"].stderr


def test_a_search_does_not_wait(shown: dict[str, Shown]) -> None:
    assert shown["find"].returncode == 1
    assert "--wait-for is not for `fastbench find`" in shown["find"].stderr


def test_a_run_that_waits_runs_once_the_server_is_there() -> None:
    port = free_port()
    words = ("-n20", "-c2", "--wait-for", f"{SOON_S:g}s", f"http://127.0.0.1:{port}/")
    with start(*words) as running:
        assert running.process.stderr is not None
        assert "waiting for" in running.process.stderr.readline()
        with Server(answering(), port=port):
            good(running.finish(), 20)


def test_a_comparison_and_a_run_keep_apart_what_they_wait_for(tmp_path: Path) -> None:
    plain = url_args.parse(["--wait-for", "5s", "http://h/"])
    assert isinstance(plain, url_args.Command) and plain.output.wait_for == readiness.WaitFor(
        None, 5.0
    )
    script = script_args.parse(["--wait-for", "http://h/", "x.py"])
    assert isinstance(script, script_args.Command) and script.output.wait_for is not None
    assert script.output.wait_for.limit_s == readiness.LIMIT_S
