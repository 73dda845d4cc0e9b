"""crypto.subtle of k6: values that are known, and exchanges with Node's in both directions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from beside_k6 import find_k6
from running import fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
pytest.importorskip("cryptography")

SLOW = os.environ.get("FASTBENCH_SLOW") == "1"
TOOLS = """
const bytes = (hex) => new Uint8Array((hex.match(/../g) || []).map((each) => parseInt(each, 16)));
const hex = (data) => Array.from(new Uint8Array(data), (b) => b.toString(16).padStart(2,
    '0')).join('');
const text = (said) => new Uint8Array(Array.from(said, (c) => c.charCodeAt(0)));
const s = crypto.subtle;
const aes = (key, name, usage) => s.importKey('raw', bytes(key), name, false, [usage]);
const show = (found) => console.log(`FOUND ${hex(text(JSON.stringify(found)))}.`);
const told = async (call) => { try { await call(); return ''; } catch (e) { return e.name; } };
"""
# Name of a value: JavaScript that makes it, and what NIST or an RFC says that it is.
NIST_KEY = "2b7e151628aed2a6abf7158809cf4f3c"
NIST_TEXT = "6bc1bee22e409f96e93d7e117393172a"
KNOWN = {
    "HMAC-SHA-256 of RFC 4231, 2": (
        "s.importKey('raw', text('Jefe'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])"
        ".then((key) => s.sign('HMAC', key, text('what do ya want for nothing?')))",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    "AES-128-CBC of SP 800-38A, F.2.1, and padding": (
        f"aes('{NIST_KEY}', 'AES-CBC', 'encrypt').then((key) => s.encrypt({{ name: 'AES-CBC', "
        f"iv: bytes('000102030405060708090a0b0c0d0e0f') }}, key, bytes('{NIST_TEXT}')))"
        ".then((data) => data.slice(0, 16))",
        "7649abac8119b246cee98e9b12e9197d",
    ),
    "AES-128-CTR of SP 800-38A, F.5.1": (
        f"aes('{NIST_KEY}', 'AES-CTR', 'encrypt').then((key) => s.encrypt({{ name: 'AES-CTR', "
        f"counter: bytes('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'), length: 64 }}, key, "
        f"bytes('{NIST_TEXT}')))",
        "874d6191b620e3261bef6864990db6ce",
    ),
    "AES-128-GCM of McGrew and Viega, 2": (
        f"aes('{'00' * 16}', 'AES-GCM', 'encrypt').then((key) => s.encrypt({{ name: 'AES-GCM', "
        "iv: new Uint8Array(12) }, key, new Uint8Array(16)))",
        "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",
    ),
    "PBKDF2 of RFC 7914, 11": (
        "s.importKey('raw', text('passwd'), 'PBKDF2', false, ['deriveBits'])"
        ".then((key) => s.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: text('salt'), "
        "iterations: 1 }, key, 512))",
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
    ),
}
# What is refused, and the name of the error.
REFUSED = {
    "DataError": "aes('00', 'AES-CBC', 'encrypt')",
    "NotSupportedError": "s.generateKey('DES', true, ['encrypt'])",
    "SyntaxError": "s.generateKey({ name: 'AES-GCM', length: 128 }, true, ['sign'])",
    "OperationError": "s.generateKey({ name: 'AES-GCM', length: 100 }, true, ['encrypt'])",
    "InvalidAccessError": f"aes('{NIST_KEY}', 'AES-GCM', 'encrypt').then((k) => "
    "s.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, k, new Uint8Array(32)))",
}


def results(folder: Path, body: str) -> Any:
    """Run `body`, which returns an object, as an iteration; return that object."""
    (folder / "script.js").write_text(_script(body))
    out = folder / "console.txt"
    words = ("-q", "-i", "1", "--console-output", str(out))
    found = fastbench("run", str(folder / "script.js"), *words)
    assert found.document["exceptions"] == [], found.document["exceptions"]
    return _found(out.read_text())


def of_node(body: str) -> Any:
    """Do the same in Node."""
    script = f"{TOOLS} (async () => {{ {body} }})().then(show);"
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return _found(done.stdout)


def _script(body: str) -> str:
    ours = f"show(await (async () => {{ {body} }})());"
    return f"{TOOLS} export default async function () {{ {ours} }}"


def _found(text: str) -> Any:
    """Return what was shown; it is in hex, whatever a log does to quotes."""
    return json.loads(bytes.fromhex(text.rpartition("FOUND ")[2].partition(".")[0]))


def test_values_that_are_known(tmp_path: Path) -> None:
    values = [f"{json.dumps(name)}: hex(await {call})" for name, (call, _) in KNOWN.items()]
    refused = [f"{name}: await told(() => {call})" for name, call in REFUSED.items()]
    found = results(tmp_path, f"return {{ {', '.join(values + refused)} }};")
    wanted = {name: value for name, (_, value) in KNOWN.items()}
    assert found == wanted | {name: name for name in REFUSED}


MAKE = """
const out = {};
const sent = text('a message of some length');
const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
for (const [name, given, more] of [
  ['ECDSA', { namedCurve: 'P-384' }, { hash: 'SHA-384' }], ['RSA-PSS', rsa, { saltLength: 20 }],
  ['RSASSA-PKCS1-v1_5', rsa, {}],
]) {
  const pair = await s.generateKey({ name, ...given }, true, ['sign', 'verify']);
  out[name] = {
    given: given === rsa ? { hash: 'SHA-256' } : given, more,
    spki: hex(await s.exportKey('spki', pair.publicKey)), jwk: await s.exportKey('jwk',
    pair.publicKey),
    secret: hex(await s.exportKey('pkcs8', pair.privateKey)),
    secretJwk: await s.exportKey('jwk', pair.privateKey),
    signature: hex(await s.sign({ name, ...more }, pair.privateKey, sent)),
  };
}
const oaep = await s.generateKey({ name: 'RSA-OAEP', ...rsa }, true, ['encrypt', 'decrypt']);
out.oaep = {
  secret: hex(await s.exportKey('pkcs8', oaep.privateKey)),
  sealed: hex(await s.encrypt({ name: 'RSA-OAEP', label: text('label') }, oaep.publicKey, sent)),
};
const [a, b] = [0, 1].map(() => s.generateKey({ name: 'ECDH', namedCurve: 'P-521' }, true,
    ['deriveBits']));
out.ecdh = {
  a: await s.exportKey('jwk', (await a).privateKey), b: hex(await s.exportKey('raw',
    (await b).publicKey)),
  bits: hex(await s.deriveBits({ name: 'ECDH', public: (await b).publicKey },
    (await a).privateKey, 256)),
};
const key = await s.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']);
const counter = bytes('fffffffffffffffffffffffffffffffe');
const ctr = await s.importKey('raw', counter, 'AES-CTR', false, ['encrypt']);
out.aes = {
  jwk: await s.exportKey('jwk', key),
  sealed: hex(await s.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12), additionalData: sent,
    tagLength: 96 }, key, sent)),
  wrapped: hex(await s.encrypt({ name: 'AES-CTR', counter, length: 8 }, ctr, new Uint8Array(70))),
};
return out;
"""
READ = """
const sent = text('a message of some length');
const out = {};
for (const name of ['ECDSA', 'RSA-PSS', 'RSASSA-PKCS1-v1_5']) {
  const { given, more, spki, jwk, secret, secretJwk, signature } = made[name];
  const algorithm = { name, ...given };
  const rest = [algorithm, true, ['verify']];
  const own = [algorithm, true, ['sign']];
  out[name] = [];
  for (const key of [await s.importKey('spki', bytes(spki), ...rest), await s.importKey('jwk',
    jwk, ...rest)]) {
    out[name].push(await s.verify({ name, ...more }, key, bytes(signature), sent));
    out[name].push(await s.verify({ name, ...more }, key, bytes(signature), text('another one')));
  }
  const keys = [await s.importKey('pkcs8', bytes(secret), ...own), await s.importKey('jwk',
    secretJwk, ...own)];
  for (const key of keys) out[name].push(hex(await s.exportKey('pkcs8', key)) === secret);
}
const oaep = await s.importKey('pkcs8', bytes(made.oaep.secret), { name: 'RSA-OAEP',
    hash: 'SHA-256' }, false, ['decrypt']);
out.oaep = hex(await s.decrypt({ name: 'RSA-OAEP', label: text('label') }, oaep,
    bytes(made.oaep.sealed))) === hex(sent);
const curve = { name: 'ECDH', namedCurve: 'P-521' };
const a = await s.importKey('jwk', made.ecdh.a, curve, false, ['deriveBits']);
const b = await s.importKey('raw', bytes(made.ecdh.b), curve, false, []);
out.ecdh = hex(await s.deriveBits({ name: 'ECDH', public: b }, a, 256)) === made.ecdh.bits;
const key = await s.importKey('jwk', { ...made.aes.jwk, key_ops: ['decrypt'] }, 'AES-GCM',
    false, ['decrypt']);
const gcm = { name: 'AES-GCM', iv: new Uint8Array(12), additionalData: sent, tagLength: 96 };
out.aes = hex(await s.decrypt(gcm, key, bytes(made.aes.sealed))) === hex(sent);
const counter = bytes('fffffffffffffffffffffffffffffffe');
const ctr = await s.importKey('raw', counter, 'AES-CTR', false, ['decrypt']);
out.wrapped = hex(await s.decrypt({ name: 'AES-CTR', counter, length: 8 }, ctr,
    bytes(made.aes.wrapped))) === hex(new Uint8Array(70));
return out;
"""
_SIGNED = [True, False, True, False, True, True]
AGREED = {
    **dict.fromkeys(("ECDSA", "RSA-PSS", "RSASSA-PKCS1-v1_5"), _SIGNED),
    **dict.fromkeys(("oaep", "ecdh", "aes", "wrapped"), True),
}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_node_reads_what_is_made_here_and_the_other_way_round(tmp_path: Path) -> None:
    here = results(tmp_path, MAKE)
    assert of_node(f"const made = {json.dumps(here)}; {READ}") == AGREED
    there = of_node(MAKE)
    assert results(tmp_path, f"const made = {json.dumps(there)}; {READ}") == AGREED


@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="beside k6; FASTBENCH_SLOW=1 has it")
def test_k6_reads_what_is_made_here(tmp_path: Path) -> None:
    k6 = find_k6()
    if k6 is None:
        pytest.skip("k6 is not installed")
    here = results(tmp_path, MAKE)
    for name in ("RSA-PSS", "RSASSA-PKCS1-v1_5"):
        here[name]["jwk"] = None  # k6 cannot verify with a public key of RSA from a JWK
    of_key = "name === 'ECDSA' ? await s.importKey('jwk', jwk, ...rest) : spkiKey"
    read = " ".join(READ.split()).replace("await s.importKey('jwk', jwk, ...rest)", of_key)
    read = read.replace(
        "for (const key of [await",
        "const spkiKey = await s.importKey('spki', bytes(spki), ...rest); for (const key of [await",
    )
    body = f"const made = {json.dumps(here)}; {read}"
    (tmp_path / "k6.js").write_text(_script(body))
    out = tmp_path / "k6.txt"
    words = [str(k6), "run", "-q", f"--console-output={out}", "--log-format=raw", "k6.js"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert _found(out.read_text()) == AGREED | {"wrapped": False}  # k6 counts on in all 128 bits
