"""k6/crypto/x509: what certificates say, as in k6."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from k6_peer import told_by_fastbench, told_by_k6

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
pytest.importorskip("cryptography", reason="certificates need the extra webcrypto")

from datetime import UTC, datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

SCRIPT = """
import x509, { parse } from 'k6/crypto/x509';
import http from 'k6/http';
BigInt.prototype.toJSON = function toJSON() { return `bigint ${this.toString(16)}`; };
const names = ['rsa', 'pss', 'ec', 'ed'];
const texts = names.map((name) => open(`./${name}.pem`));
const bytes = open('./rsa.pem', 'b');
const caught = (call) => {
  try { return call(); } catch (error) { return `${error}`.split(': ').slice(0, 2).join(': '); }
};
export const options = { iterations: 1 };
export default function () {
  const told = texts.map((text) => caught(() => {
    const found = parse(text);
    const { algorithm, key } = found.publicKey;
    const shown = key.curve ? { curve: typeof key.curve, x: key.x, y: key.y } : key;
    return { ...found, publicKey: { algorithm, key: shown } };
  }));
  told.push(x509.getAltNames(bytes), x509.getIssuer(bytes));
  told.push(texts.map((text) => x509.getSubject(text)));
  const broken = '-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n';
  told.push(['', 'x', undefined, null, broken].map((each) => caught(() => parse(each))));
  told.push(caught(() => parse(5).length).split(':')[0]);
  http.post(`${__ENV.URL}/told`, JSON.stringify(told));
}
"""
NAME = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "ZZ"),
        x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Some"),
        x509.NameAttribute(NameOID.LOCALITY_NAME, "Städtle"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Shop"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "A"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "B"),
        x509.NameAttribute(NameOID.COMMON_NAME, "shop.test"),
        x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@shop.test"),
        x509.NameAttribute(NameOID.POSTAL_CODE, "12345"),
        x509.NameAttribute(NameOID.STREET_ADDRESS, "Main 1"),
    ]
)
ALT_NAMES = (
    x509.IPAddress(ip_address("192.0.2.1")),
    x509.DNSName("a.test"),
    x509.UniformResourceIdentifier("http://shop.test/about"),
    x509.RFC822Name("b@shop.test"),
    x509.IPAddress(ip_address("::1")),
    x509.DNSName("b.test"),
)


def certificate(key: Any, *, alt_names: bool = False, **signed: Any) -> x509.Certificate:
    made = x509.CertificateBuilder(NAME, NAME, key.public_key(), 7)
    made = made.not_valid_before(datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC))
    made = made.not_valid_after(datetime(2050, 1, 1, tzinfo=UTC))
    if alt_names:
        made = made.add_extension(x509.SubjectAlternativeName(ALT_NAMES), critical=False)
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return made.sign(key, hashed, **signed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    key = rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    made = {
        "rsa": certificate(key, alt_names=True),
        "pss": certificate(key, rsa_padding=pss),
        "ec": certificate(ec.generate_private_key(ec.SECP256R1())),
        "ed": certificate(ed25519.Ed25519PrivateKey.generate()),
    }
    for name, each in made.items():
        (folder / f"{name}.pem").write_bytes(each.public_bytes(serialization.Encoding.PEM))
    (folder / "script.js").write_text(SCRIPT)
    return folder


def test_certificates_say_what_stands_in_them(folder: Path) -> None:
    (told,) = told_by_fastbench(folder / "script.js", {})
    parsed, pss, elliptic, edwards, alt_names, issuer, subjects, refused, number = told
    written = x509.load_pem_x509_certificate((folder / "rsa.pem").read_bytes())
    der = written.public_bytes(serialization.Encoding.DER)
    assert bytes(parsed["fingerPrint"]) == hashlib.sha1(der).digest()
    assert parsed["altNames"] == alt_names
    assert alt_names == [
        *("a.test", "b.test", "b@shop.test", "192.0.2.1", "::1", "http://shop.test/about"),
    ]
    public = written.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    numbers = public.public_numbers()
    key = {"n": f"bigint {numbers.n:x}", "e": 65537}
    assert parsed["publicKey"] == {"algorithm": "RSA", "key": key}
    assert (parsed["notBefore"], parsed["notAfter"]) == (
        *("2020-01-02T03:04:05Z", "2050-01-01T00:00:00Z"),
    )
    signed = [each["signatureAlgorithm"] for each in (parsed, pss, elliptic)]
    assert signed == ["SHA256-RSA", "SHA256-RSAPSS", "ECDSA-SHA256"]
    assert elliptic["publicKey"]["key"].keys() == {"curve", "x", "y"}
    assert edwards == "GoError: unsupported public key algorithm"
    (subject,) = {str(each) for each in subjects}
    assert subject == str(parsed["subject"]) and subjects[0]["organizationalUnitName"] == ["A", "B"]
    assert subjects[0]["streetAddress"] == "Main 1" and issuer["localityName"] == "Städtle"
    assert {"type": "1.2.840.113549.1.9.1", "value": "a@shop.test"} in issuer["names"]
    assert refused == [
        *["GoError: failed to decode certificate PEM file"] * 4,
        "GoError: failed to parse certificate",
    ]
    assert number == "TypeError"


def test_k6_says_the_same(folder: Path) -> None:
    assert told_by_k6(folder / "script.js", {}) == told_by_fastbench(folder / "script.js", {})
