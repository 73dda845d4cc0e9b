"""Modules of k6 beside HTTP: handleSummary, hashes, the libraries of jslib.k6.io."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Run, fastbench
from servers import OK, Server, answering

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import http from 'k6/http';
import crypto from 'k6/crypto';
import { check, group } from 'k6';
import { textSummary } from 'https://jslib.k6.io/k6-summary/0.0.2/index.js';
import { randomIntBetween, randomString, uuidv4, findBetween } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
export const options = { vus: 1, iterations: 3, thresholds: { checks: ['rate==1'] } };
export default function () {
  group('outer', () => check(http.get(__ENV.URL), { 'status is 200': (r) => r.status === 200 }));
  const hasher = crypto.createHash('sha1');
  hasher.update('a');
  hasher.update(new Uint8Array([98]).buffer);
  check(null, {
    md5: crypto.md5('hello', 'hex') === 'MD5',
    parts: hasher.digest('base64') === 'SHA1',
    hmac: crypto.hmac('sha256', 'key', 'data', 'hex') === 'HMAC',
    bytes: crypto.randomBytes(8).byteLength === 8 && crypto.sha256('x', 'binary').byteLength === 32,
    utils: randomString(7).length === 7 && uuidv4().length === 36 && randomIntBetween(3, 3) === 3,
    found: findBetween('<b>x</b>', '<b>', '</b>') === 'x',
  });
}
export function handleSummary(data) {
  return {
    stdout: textSummary(data, { indent: '  ' }),
    'OUT/summary.json': JSON.stringify(data),
    'OUT/bytes.bin': new Uint8Array([1, 2]).buffer,
  };
}
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Path]]:
    folder = tmp_path_factory.mktemp("k6")
    told = {
        "MD5": hashlib.md5(b"hello").hexdigest(),
        "SHA1": "2iNhTgJGmg18e9G9q1ycR0sZBNw=",
        "HMAC": "5031fe3d989c6d1537a013fa6e739da23463fdaec3b70137d828e36ace221bd0",
        "OUT": str(folder),
    }
    text = SCRIPT
    for word, value in told.items():
        text = text.replace(f"'{word}'", f"'{value}'").replace(f"'{word}/", f"'{value}/")
    (folder / "script.js").write_text(text)
    with Server(answering(OK)) as server:
        run = fastbench("run", str(folder / "script.js"), "-e", f"URL={server.url()}", "-t", "1")
    yield run, folder


def test_hashes_and_libraries_give_what_they_do_in_k6(found: tuple[Run, Path]) -> None:
    run, _ = found
    assert run.document["exceptions"] == []
    assert {row["name"]: (row["passes"], row["fails"]) for row in run.document["checks"]} == {
        name: (3, 0)
        for name in ("status is 200", "md5", "parts", "hmac", "bytes", "utils", "found")
    }


def test_a_scripts_own_summary_stands_in_the_place_of_ours(found: tuple[Run, Path]) -> None:
    run, folder = found
    assert "█ outer" in run.out and "✓ status is 200" in run.out
    assert "http_reqs" in run.out and "Verdict" not in run.out
    data = json.loads((folder / "summary.json").read_text())
    assert data["metrics"]["http_reqs"]["values"]["count"] == 3
    assert data["metrics"]["checks"]["thresholds"] == {"rate==1": {"ok": True}}
    assert (folder / "bytes.bin").read_bytes() == b"\x01\x02"
