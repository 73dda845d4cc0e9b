"""A command of curl behind our flags: what is sent is what curl sends."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import invoke
from servers import OK, Peer, Server

from fastbench.cli.curl import curl_command, shell_words
from fastbench.foundation.usage_error import UsageError

LINES: dict[str, list[str]] = {
    "cookies": ["-b", "a=b", "-b", "c=d"],
    "cookies beside a header": ["-b", "a=b", "-H", "Cookie: x=y"],
    "json": ["--json", '{"a":1}'],
    "two parts of a form": ["-d", "a=b", "-d", "c=d e"],
    "a file as it is": ["--data-binary", "@FILE", "-H", "content-type: application/json"],
    "encoded": ["--data-urlencode", "n=a b&c"],
    "data in the query": ["-G", "-d", "a=b", "--data-urlencode", "x= y"],
    "only printing": ["-sSLkIv"],
    "a method": ["-XDELETE"],
    "a user": ["-u", "us:pw"],
    "an agent": ["-A", "Mozilla/5.0 (X11)", "-e", "http://r/"],
    "a multipart form": ["-F", "a=b", "-F", "f=@FILE;type=application/json"],
    "of a browser": [
        *("--compressed", "-H", "accept-encoding: gzip, br"),
        *("--data-raw", '{"a":"it\'s é !"}', "-H", 'sec-ch-ua: "Not=A?Brand";v="24"'),
    ],
    "a header left out": ["-d", "a", "-X", "PUT", "-H", "Content-Type:"],
}


@pytest.fixture(scope="module")
def recorded() -> Iterator[tuple[Server, list[bytes]]]:
    requests: list[bytes] = []

    def keeping(peer: Peer) -> None:
        requests.append(peer.request())
        peer.send(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        peer.finish()

    with Server(keeping) as server:
        yield server, requests


def plain(request: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Cut a request, without what is drawn (a boundary) and what names the client."""
    head, _, body = request.partition(b"\r\n\r\n")
    boundary = re.search(rb"boundary=(\S+)", head)
    if boundary:
        head, body = (each.replace(boundary[1], b"B") for each in (head, body))
        head = re.sub(rb"\r\nContent-Length: \d+", b"", head, flags=re.IGNORECASE)
    first, *fields = head.split(b"\r\n")
    own = (b"User-Agent: curl", b"User-Agent: fastbench")
    return first, sorted(each for each in fields if not each.startswith(own)), body


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.parametrize("words", LINES.values(), ids=LINES)
def test_the_request_is_that_of_curl(
    words: list[str], recorded: tuple[Server, list[bytes]], tmp_path: Path
) -> None:
    server, requests = recorded
    (tmp_path / "data.json").write_text('{"a":\n 1}')
    line = [word.replace("FILE", str(tmp_path / "data.json")) for word in words]
    line.append(server.url("/a/../b?x=1"))
    requests.clear()
    subprocess.run(["curl", "-s", "-o", "/dev/null", *line], check=True, timeout=20)
    found = invoke("--debug", "--quiet", "curl", *line)
    follows = "-sSLkIv" in line
    assert len(requests) == 2 + follows, found  # what -L leads to is looked up first
    theirs, *_, ours = map(plain, requests)
    assert ours == theirs


def test_a_load_takes_the_line_as_it_was_copied(recorded: tuple[Server, list[bytes]]) -> None:
    server, requests = recorded
    requests.clear()
    found = invoke("-n", "3", "-c", "1", "--quiet", "curl", server.url("/x"), "--data-raw", "a=1")
    assert found.returncode == 0, found
    assert [each.partition(b" ")[0] for each in requests] == [b"POST"] * 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("curl 'a b' \\\n  -H \"x: y z\"", ["curl", "a b", "-H", "x: y z"]),
        (r"$'it\'s \u0021\x41'", ["it's !A"]),
        ("a'b'\"c\"", ["abc"]),
    ],
)
def test_bash_quotes_are_undone(text: str, words: list[str]) -> None:
    assert shell_words.split(text) == words


@pytest.mark.parametrize(
    ("flag", "ours"),
    [
        ("--http1.1", ["--http1"]),
        ("--no-alpn", ["--http1"]),
        ("--http2-prior-knowledge", ["--http2"]),
        ("--http2", []),  # curl offers both, too, and goes on with what the server has
    ],
)
def test_the_version_of_http_is_that_of_curl(flag: str, ours: list[str]) -> None:
    words, _ = curl_command.translated([flag, "https://x/"])
    assert [word for word in words if word.startswith("--http")] == ours


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["http://x/", "--not-there"], "--not-there"),
        (["http://x/", "^", "-H"], "Windows"),
        (["-H", "a: b"], "no URL"),
        (["http://x/", "--socks4", "proxy"], "socks5"),
    ],
)
def test_what_cannot_be_carried_over_is_refused(line: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        curl_command.translated(line)
