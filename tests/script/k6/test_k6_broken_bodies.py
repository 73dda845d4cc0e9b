"""Bodies that are not what their Content-Encoding says: a failed request, with k6's error codes."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from case import answer
from k6_texts import run_text
from running import Run
from servers import Peer, Server

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

TEXT = b"hello, world " * 50
GZIP = gzip.compress(TEXT, mtime=0)
ZLIB = zlib.compress(TEXT)
# By path: the coding, the body, and what k6 1.1 has as status and error_code for it.
BODIES: dict[str, tuple[str, bytes, list[int]]] = {
    "/whole": ("gzip", GZIP, [200, 0]),
    "/none": ("gzip", b"not gzip at all", [0, 1701]),
    "/cut": ("gzip", GZIP[:20], [0, 1000]),
    "/cut-head": ("gzip", GZIP[:5], [0, 1701]),
    "/checksum": ("gzip", GZIP[:-8] + bytes(8), [0, 1701]),
    "/more": ("gzip", GZIP + b"junkjunkjunk", [0, 1701]),
    "/empty": ("gzip", b"", [0, 1701]),
    "/inside": ("gzip", GZIP[:10] + b"\xff" * 20, [0, 1000]),
    "/zlib": ("deflate", ZLIB, [200, 0]),
    "/zlib-none": ("deflate", b"not deflate", [0, 1701]),
    "/zlib-raw": ("deflate", ZLIB[2:-4], [0, 1701]),
    "/zlib-cut": ("deflate", ZLIB[:12], [0, 1000]),
    "/two": ("deflate, gzip", gzip.compress(ZLIB), [200, 0]),
    "/unknown": ("foo", b"xx", [200, 0]),
    "/capitals": ("GZIP", GZIP, [200, 0]),
}
SCRIPT = """
import http from 'k6/http';
export const options = { iterations: 1 };
export default function () {
  const told = {};
  for (const path of JSON.parse(__ENV.PATHS)) {
    const r = http.get(__ENV.URL + path);
    const length = r.body && r.body.length;
    told[path] = [r.status, r.error_code, r.error, length, Object.keys(r.headers).length];
  }
  const unread = http.get(__ENV.URL + '/none', { responseType: 'none' });
  const batch = http.batch([__ENV.URL + '/none', __ENV.URL + '/whole']);
  let thrown = '';
  try { http.get(__ENV.URL + '/none', { throw: true }); } catch (error) { thrown = `${error}`; }
  console.log(JSON.stringify([told, unread.status, batch.map((r) => r.status), thrown]));
}
"""


def script(peer: Peer) -> None:
    while True:
        target = peer.request().split()[1].decode()
        coding, body, _ = BODIES[target]
        fields = (f"Content-Encoding: {coding}", f"Content-Length: {len(body)}")
        peer.send(answer(*fields, body=body))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with Server(script) as server:
        words = ("-e", f"PATHS={json.dumps(list(BODIES))}")
        yield run_text(tmp_path_factory.mktemp("bodies"), SCRIPT, server, *words)


def told(found: Run) -> list[object]:
    line = next(each for each in found.err.splitlines() if each.startswith("[{"))
    said: list[object] = json.loads(line)
    return said


def test_statuses_and_error_codes_are_those_of_k6(found: Run) -> None:
    said = told(found)[0]
    assert isinstance(said, dict)
    assert {path: each[:2] for path, each in said.items()} == {
        path: each[2] for path, each in BODIES.items()
    }
    assert said["/whole"][2:] == ["", len(TEXT), 2]
    header = "error decompressing response body (gzip: invalid header)"
    assert said["/none"][2:] == [header, None, 0], "no body and no headers, as in k6"
    assert said["/checksum"][2] == "error decompressing response body (gzip: invalid checksum)"
    assert said["/cut"][2] == "unexpected EOF"


def test_a_body_that_nobody_reads_is_not_unpacked_and_throw_throws(found: Run) -> None:
    _, unread, batch, thrown = told(found)
    assert (unread, batch) == (200, [0, 200])
    assert thrown == "GoError: error decompressing response body (gzip: invalid header)"


def test_they_count_as_failed_requests_of_a_kind_of_their_own(found: Run) -> None:
    broken = sum(each[2] == [0, 1701] for each in BODIES.values()) + 2
    cut = sum(each[2] == [0, 1000] for each in BODIES.values())
    assert found.summary["failed"] == broken + cut
    kinds = {row["kind"]: row["count"] for row in found.document["errors"]}
    assert kinds == {"content_encoding": broken, "truncated": cut}


def test_thresholds_know_them_by_k6s_number(tmp_path: Path) -> None:
    text = """
import http from 'k6/http';
export const options = {
  iterations: 2,
  thresholds: { 'http_reqs{error_code:1701}': ['count==2'], 'http_req_failed': ['rate==0.5'] },
};
export default function () { http.get(`${__ENV.URL}/none`); http.get(`${__ENV.URL}/whole`); }
"""
    with Server(script) as server:
        found = run_text(tmp_path, text, server)
    assert found.code == 0, found.err
