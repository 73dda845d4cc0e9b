"""The global crypto of k6: random values and digests; what k6 has not says so."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from running import fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")


def test_random_values_and_digests_are_as_in_k6(tmp_path: Path) -> None:
    digests = {name: hashlib.new(name.replace("-", ""), b"\x01\x02") for name in HASHES}
    wanted = {name: digest.hexdigest() for name, digest in digests.items()}
    (tmp_path / "script.js").write_text(f"const wanted = {wanted};" + SCRIPT)
    found = fastbench("run", str(tmp_path / "script.js"), "-q", "-i", "1")
    assert found.document["exceptions"] == [], found.document["exceptions"]
    checks = {row["name"]: row["passes"] for row in found.document["checks"] if not row["fails"]}
    names = ("random", "part", "uuid", "kind", "quota", "unknown", "missing", *HASHES)
    assert checks == dict.fromkeys(names, 1)


HASHES = ("SHA-1", "SHA-256", "SHA-384", "SHA-512")
SCRIPT = """
import { check } from 'k6';
import { hexEncode } from 'k6/crypto';
import { crypto as same } from 'k6/experimental/webcrypto';
const told = async (call) => { try { await call(); return ''; } catch (e) { return e.name; } };
export default async function () {
  const values = new Uint32Array(8);
  const part = new Uint8Array(new ArrayBuffer(40), 4, 32);
  crypto.getRandomValues(part);
  const around = new Uint8Array(part.buffer);
  const uuid = crypto.randomUUID();
  check(null, {
    random: () => crypto.getRandomValues(values) === values && new Set(values).size > 5,
    part: () => around.slice(0, 4).every((b) => b === 0) && new Set(part).size > 5,
    uuid: () => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid)
      && uuid !== same.randomUUID(),
  });
  for (const name of Object.keys(wanted)) {
    const digest = await crypto.subtle.digest({ name }, new Uint8Array([1, 2]));
    check(digest, { [name]: (d) => d instanceof ArrayBuffer && hexEncode(d) === wanted[name] });
  }
  const kind = await told(() => crypto.getRandomValues(new Float32Array(1)));
  const quota = await told(() => crypto.getRandomValues(new Uint8Array(65537)));
  const unknown = await told(() => crypto.subtle.digest('MD5', values));
  const missing = await told(() => crypto.subtle.wrapKey());
  check(null, {
    kind: () => kind === 'TypeMismatchError',
    quota: () => quota === 'QuotaExceededError',
    unknown: () => unknown === 'NotSupportedError',
    missing: () => missing === 'NotSupportedError',
  });
}
"""
