"""Redirects of k6's scripts that lead to where nobody can go, or may go."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from case import answer
from k6_texts import run_text
from servers import OK, Peer, Server

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import http from 'k6/http';
export const options = { iterations: 1, blacklistIPs: ['127.0.0.9/32'] };
export default function () {
  const told = {};
  for (const to of JSON.parse(__ENV.TO)) {
    const r = http.get(`${__ENV.URL}/?${encodeURIComponent(to)}`);
    told[to] = [r.status, r.error_code, r.error, r.url];
  }
  const thrown = ['ftp://127.0.0.1/x', 'http://[::1/x'].map((to) => {
    const url = `${__ENV.URL}/?${encodeURIComponent(to)}`;
    try { return http.get(url, { throw: true }).status; } catch (error) { return `${error}`; }
  });
  console.log(JSON.stringify([told, thrown]));
}
"""
# Where a Location leads to: k6's error_code and words, and whether it is a request of its own.
ENDS = {
    "ftp://127.0.0.1/x": (1000, 'unsupported protocol scheme "ftp"', True),
    "mailto:x@y": (1000, 'unsupported protocol scheme "mailto"', True),
    "http:///x": (1000, "http: no Host in request URL", True),
    "http://127.0.0.1:99999/x": (1210, "dial tcp: address 99999: invalid port", True),
    "http://127.0.0.9:1/": (1110, "ip is blacklisted", True),
    "http://[::1/x": (1000, "missing ']' in host", False),
    "http://a b/": (1000, 'invalid character " " in host name', False),
    "/%zz": (1000, 'invalid URL escape "%zz"', False),
    "http://127.0.0.1:x/": (1000, 'invalid port ":x" after host', False),
}


def script(peer: Peer) -> None:
    while True:
        to = unquote(peer.request().split()[1].decode().partition("?")[2])
        fields = (f"Location: {to}", "Content-Length: 0")
        peer.send(answer(*fields, start="HTTP/1.1 302 Found") if to else OK)


def test_a_redirect_to_nowhere_is_a_failed_request_as_in_k6(tmp_path: Path) -> None:
    words = ("-e", f"TO={json.dumps(list(ENDS))}")
    with Server(script) as server:
        found = run_text(tmp_path, SCRIPT, server, *words)
    line = next(each for each in found.err.splitlines() if each.startswith("[{"))
    told, thrown = json.loads(line)
    for to, (code, words_of_k6, apart) in ENDS.items():
        status, error_code, error, url = told[to]
        assert (status, error_code) == (0, code), to
        text = words_of_k6 if apart else f"failed to parse Location header {json.dumps(to)}: parse "
        assert error.startswith(text) and error.endswith(words_of_k6), to
        assert (url == to) is apart, to
    assert thrown[0] == 'GoError: Get "ftp://127.0.0.1/x": unsupported protocol scheme "ftp"'
    assert thrown[1].startswith('GoError: Get "http://127.0.0.1:')
    assert thrown[1].endswith("""/x": missing ']' in host""")
    led = sum(apart for *_, apart in ENDS.values()) + 1
    unread = len(ENDS) + 2 - led
    assert (found.summary["ok"], found.summary["failed"]) == (led, led + unread)
    assert server.seen.requests == len(ENDS) + 2, "nobody went there"
    rows = {row["name"]: row["failed"] for row in found.document["requests"]}
    assert rows["ftp://127.0.0.1/x"] == 2
