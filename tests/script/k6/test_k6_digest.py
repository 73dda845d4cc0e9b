"""`auth: 'digest'`: what is sent, and which of its requests count as failed, as in k6."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from case import answer
from k6_peer import Page, page, told_by_both, told_by_fastbench
from running import fastbench
from servers import Server, answering

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import http from 'k6/http';
const of = (name) => `http_reqs{name:${__ENV.URL}${name}}`;
export const options = {
  vus: 1, iterations: 1,
  thresholds: {
    http_reqs: ['count==8'], http_req_failed: ['rate==0.25'],
    [of('/get?a=b')]: ['count==2'], [of('/open')]: ['count==1'],
  },
};
export default function () {
  const login = __ENV.URL.replace('//', '//ann:p%20w@');
  const auth = { auth: 'digest' };
  const all = [
    http.get(`${login}/get?a=b`, auth),
    http.post(`${login}/post`, 'the body', { ...auth, headers: { Authorization: 'no' } }),
    http.get(`${login.replace('ann', 'bob')}/get`, auth),
    http.get(`${login}/open`, auth),
  ];
  const told = all.map((each) => [each.status, each.body, each.error_code]);
  http.post(`${__ENV.URL}/told`, JSON.stringify(told));
}
"""
CHALLENGE = 'Digest realm="all", nonce="n1", qop="auth", opaque="o"'


def guarded(request: bytes) -> bytes:
    """Answer only who knows the password."""
    line = re.match(rb"(\S+) (\S+)", request)
    said = re.search(rb"\r\nauthorization: Digest ([^\r\n]*)", request, re.IGNORECASE)
    unauthorized = answer(
        "Content-Length: 0", f"WWW-Authenticate: {CHALLENGE}", start="HTTP/1.1 401 Unauthorized"
    )
    if line is None or said is None:
        return unauthorized
    fields = dict(re.findall(rb'(\w+)="?([^",]*)"?', said[1]))

    def md5(*parts: bytes) -> bytes:
        return hashlib.md5(b":".join(parts)).hexdigest().encode()

    expected = md5(
        md5(b"ann", b"all", b"p w"),
        *(b"n1", fields[b"nc"], fields[b"cnonce"], b"auth"),
        md5(line[1], line[2]),
    )
    if fields[b"response"] != expected or fields[b"uri"] != line[2]:
        return unauthorized
    return page(request.partition(b"\r\n\r\n")[2] or b"in")


PAGES: dict[str, Page] = {
    **dict.fromkeys(("/get?a=b", "/get", "/post"), guarded),
    "/open": page("open"),
}
TOLD = [[200, "in", 0], [200, "the body", 0], [401, "", 1401], [200, "open", 0]]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.js"
    path.write_text(SCRIPT)
    return path


def test_a_challenge_is_answered_and_both_requests_count(script: Path) -> None:
    assert told_by_fastbench(script, PAGES) == [TOLD]


@pytest.mark.slow
def test_requests_and_failures_are_counted_as_in_k6(script: Path) -> None:
    assert told_by_both(script, PAGES) == ([TOLD], [TOLD])


@pytest.mark.parametrize(
    ("auth", "said"), [("ntlm", "'basic' and 'digest', no NTLM"), ("digest", "without a challenge")]
)
def test_what_cannot_be_answered_is_said(tmp_path: Path, auth: str, said: str) -> None:
    path = tmp_path / "script.js"
    path.write_text(
        "import http from 'k6/http'; export const options = { iterations: 1 };"
        f"export default () => {{ http.get(__ENV.URL, {{ auth: '{auth}' }}); }};"
    )
    refusing = answer("Content-Length: 0", start="HTTP/1.1 401 Unauthorized")
    with Server(answering(refusing)) as server:
        found = fastbench("run", str(path), "-e", f"URL={server.url()}", "-t", "1", "-q")
    threw = found.document["exceptions"]  # without a challenge the response stands, as in k6
    assert said in str(threw if auth == "ntlm" else found.document["warnings"]), found.err
    assert len(threw) == (auth == "ntlm")
