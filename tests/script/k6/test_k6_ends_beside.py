"""Broken bodies, redirects to nowhere and TLS in k6 itself: it tells the same as fastbench."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
import trustme
from case import answer
from k6_peer import page, told_by_both
from test_k6_broken_bodies import BODIES
from test_k6_redirect_ends import ENDS

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import http from 'k6/http';
export const options = { iterations: 1, ...JSON.parse(__ENV.OPTIONS) };
export default function () {
  const told = {};
  for (const path of JSON.parse(__ENV.PATHS)) {
    const r = http.get(__ENV.URL + path);
    told[path] = [r.status, r.error_code, r.tls_version, Object.keys(r.headers).length > 0];
  }
  http.post(`${__ENV.URL}/told`, JSON.stringify(told));
}
"""


def words(paths: list[str], options: dict[str, object]) -> tuple[str, ...]:
    return ("-e", f"PATHS={json.dumps(paths)}", "-e", f"OPTIONS={json.dumps(options)}")


def test_what_ends_a_request_ends_it_in_k6(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text(SCRIPT)
    pages = {to: page(body, f"Content-Encoding: {name}") for to, (name, body, _) in BODIES.items()}
    for number, to in enumerate(ENDS):
        fields = (f"Location: {to}", "Content-Length: 0")
        pages[f"/r{number}"] = answer(*fields, start="HTTP/1.1 302 Found")
    options: dict[str, object] = {"blacklistIPs": ["127.0.0.9/32"]}
    (ours,), (theirs,) = told_by_both(path, pages, *words(list(pages), options))
    assert ours == theirs


@pytest.mark.parametrize("version", ["tls1.2", {"min": "tls1.2", "max": "tls1.3"}])
def test_versions_of_tls_are_those_of_k6(tmp_path: Path, version: object) -> None:
    path = tmp_path / "script.js"
    path.write_text(SCRIPT)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(serving)
    options: dict[str, object] = {"insecureSkipTLSVerify": True, "tlsVersion": version}
    (ours,), (theirs,) = told_by_both(path, {}, *words(["/"], options), tls=serving)
    assert ours == theirs and ours["/"][0] == 200
