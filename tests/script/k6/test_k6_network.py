"""--local-ips and httpDebug of scripts of k6."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from http2_library import speaking
from k6_texts import run_text
from servers import OK, Server, answering

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

ADDRESSES = """
import http from 'k6/http';
export const options = {
  noConnectionReuse: true,
  scenarios: { s: { executor: 'per-vu-iterations', vus: 3, iterations: 2 } },
};
export default function () { http.get(`${__ENV.URL}/`); }
"""
DEBUGGED = """
import http from 'k6/http';
export const options = { iterations: 1, DEBUG };
export default function () {
  http.post(`${__ENV.URL}/a`, 'sent text', { headers: { Authorization: 'Bearer abcdef123456' } });
  http.get('http://127.0.0.1:1/b');
}
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering(OK)) as running:
        yield running


@pytest.mark.parametrize("given", ["127.0.0.2-127.0.0.3,127.0.0.5", "127.0.0.3/32,127.0.0.8/30"])
def test_each_user_has_one_of_the_addresses_in_order(
    tmp_path: Path, server: Server, given: str
) -> None:
    found = run_text(tmp_path, ADDRESSES, server, "--local-ips", given, workers=2)
    assert found.code == 0, found.err
    first = ("127.0.0.2", "127.0.0.3", "127.0.0.5")
    second = ("127.0.0.3", "127.0.0.9", "127.0.0.10")  # of a network without its ends
    expected = first if given.startswith("127.0.0.2") else second
    assert dict(server.seen.sources) == dict.fromkeys(expected, 2)


def test_the_environment_may_say_them_too(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K6_LOCAL_IPS", "127.0.0.7")
    found = run_text(tmp_path, ADDRESSES, server)
    assert "K6_LOCAL_IPS sets --local-ips, as in k6." in found.err
    assert dict(server.seen.sources) == {"127.0.0.7": 6}


@pytest.mark.parametrize(
    ("options", "words", "bodies"),
    [
        ("httpDebug: 'full'", (), True),
        ("httpDebug: 'headers'", (), False),
        ("httpDebug: ''", ("--http-debug=full",), True),
    ],
)
def test_requests_and_responses_are_logged(
    tmp_path: Path, server: Server, options: str, words: tuple[str, ...], bodies: bool
) -> None:
    found = run_text(tmp_path, DEBUGGED.replace("DEBUG", options), server, *words)
    said = found.err
    assert "Request:\nPOST /a HTTP/1.1\nHost: 127.0.0.1" in said
    assert "Response:\nHTTP/1.1 200 OK\nContent-Length: 12\n\n" in said
    assert ("\n\nsent text\n" in said) is ("\n\nhello, world\n" in said) is bodies
    assert "Request:\nGET /b HTTP/1.1\n" in said, "also what has no response"
    assert said.count("Response:") == 1 and "abcdef123456" not in said


def test_what_is_sent_over_http2_is_logged_as_it_is_sent(tmp_path: Path) -> None:
    """Pseudo-fields and names in lower case, no Host and no Connection."""
    text = DEBUGGED.replace("DEBUG", "noConnectionReuse: true, httpDebug: 'full'")
    text = text.replace("/a`", "/a?token=abcdef123456`")
    with Server(speaking()) as server:
        said = run_text(tmp_path, text, server, "--http2").err
    request = said.partition("Request:\n")[2].partition("\n\n")[0].splitlines()
    head = [":path: /a?token=***", ":method: POST", ":scheme: http"]
    assert request[:4] == [*head, f":authority: 127.0.0.1:{server.port}"]
    assert {"authorization: ***", "content-length: 9"} < set(request[4:])
    assert not any(line.startswith(("host", "connection")) for line in request)
    assert "\n\nsent text\n" in said
    assert "Response:\nHTTP/2.0 200\ncontent-length: 14\n\nhello, streams\n" in said


def test_it_goes_where_the_console_goes_and_nothing_is_logged_without(
    tmp_path: Path, server: Server
) -> None:
    log = tmp_path / "log"
    text = DEBUGGED.replace("DEBUG", "httpDebug: 'headers'")
    found = run_text(tmp_path, text, server, "--console-output", str(log))
    assert 'msg="Request:\\nPOST /a HTTP/1.1' in log.read_text() and "Request:" not in found.err
    found = run_text(tmp_path, DEBUGGED.replace("DEBUG", "httpDebug: ''"), server)
    assert "Request:" not in found.err


def test_what_is_no_text_is_refused(tmp_path: Path, server: Server) -> None:
    found = run_text(tmp_path, DEBUGGED.replace("DEBUG", "httpDebug: 5"), server)
    assert found.code == 104 and "httpDebug is 'headers' or 'full'" in found.err
