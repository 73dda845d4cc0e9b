"""Certificates as k6/crypto/x509 reads them, by the library `cryptography` (extra webcrypto)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastbench.script import extras
from fastbench.script.k6.k6_calls import K6Error

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

_PEM = re.compile(rb"-----BEGIN ([^-\r\n]+)-----\s(.*?)-----END \1-----", re.DOTALL)
# What a name of RFC 5280 has, by the type of its attributes.
_COMMON_NAME = "2.5.4.3"
_COUNTRY = "2.5.4.6"
_UNITS = "2.5.4.11"
_OF_BOTH = {
    "stateOrProvinceName": "2.5.4.8",
    "localityName": "2.5.4.7",
    "organizationName": "2.5.4.10",
}
_OF_SUBJECT = {"postalCode": "2.5.4.17", "streetAddress": "2.5.4.9"}
# Names of signatures as Go prints them, by their OIDs; of RSA-PSS the hash is a parameter.
_SIGNATURES = {
    "1.2.840.113549.1.1.4": "MD5-RSA",
    "1.2.840.113549.1.1.5": "SHA1-RSA",
    "1.2.840.113549.1.1.11": "SHA256-RSA",
    "1.2.840.113549.1.1.12": "SHA384-RSA",
    "1.2.840.113549.1.1.13": "SHA512-RSA",
    "1.2.840.10040.4.3": "DSA-SHA1",
    "2.16.840.1.101.3.4.3.2": "DSA-SHA256",
    "1.2.840.10045.4.1": "ECDSA-SHA1",
    "1.2.840.10045.4.3.2": "ECDSA-SHA256",
    "1.2.840.10045.4.3.3": "ECDSA-SHA384",
    "1.2.840.10045.4.3.4": "ECDSA-SHA512",
    "1.3.101.112": "Ed25519",
}
_PSS = "1.2.840.113549.1.1.10"


def install(realm: K6Realm) -> None:
    """Add the operations; each takes the text or the bytes of a file in PEM."""
    realm.define("x509Parse", _parse)
    realm.define("x509AltNames", lambda encoded: _alt_names(_read(encoded)))
    realm.define("x509Issuer", lambda encoded: _issuer(_read(encoded).issuer))
    realm.define("x509Subject", lambda encoded: _subject(_read(encoded).subject))


def _x509() -> Any:
    """Return the library's module; raises UsageError where it is missing."""
    return extras.load("cryptography.x509", extra="webcrypto", what="k6/crypto/x509")


def _read(encoded: Any) -> Any:
    """Return the first certificate of a file; raises K6Error."""
    raw = encoded if isinstance(encoded, bytes) else str(encoded).encode("utf-8", "replace")
    x509, block = _x509(), _PEM.search(raw)
    if block is None:
        raise K6Error("failed to decode certificate PEM file")
    try:
        return x509.load_der_x509_certificate(base64.b64decode(block[2]))
    except (ValueError, binascii.Error) as error:
        raise K6Error(f"failed to parse certificate: {error}") from None


def _parse(encoded: Any) -> dict[str, Any]:
    found = _read(encoded)
    return {
        "subject": _subject(found.subject),
        "issuer": _issuer(found.issuer),
        "notBefore": _moment(found.not_valid_before_utc),
        "notAfter": _moment(found.not_valid_after_utc),
        "altNames": _alt_names(found),
        "signatureAlgorithm": _signature(found),
        "fingerPrint": list(hashlib.sha1(_der(found), usedforsecurity=False).digest()),
        "publicKey": _public_key(found),
    }


def _der(certificate: Any) -> bytes:
    encoding = extras.load(
        "cryptography.hazmat.primitives.serialization", extra="webcrypto", what="k6/crypto/x509"
    ).Encoding
    found: bytes = certificate.public_bytes(encoding.DER)
    return found


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pairs(name: Any) -> list[tuple[str, str]]:
    return [(each.oid.dotted_string, _text(each.value)) for each in name]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _issuer(name: Any, more: dict[str, str] | None = None) -> dict[str, Any]:
    pairs = _pairs(name)
    first = {oid: text for oid, text in reversed(pairs)}
    # Of several common names the last one counts, of all others the first.
    return {
        "commonName": dict(pairs).get(_COMMON_NAME, ""),
        "country": first.get(_COUNTRY, ""),
        **{each: first.get(oid, "") for each, oid in {**_OF_BOTH, **(more or {})}.items()},
        "names": [{"type": oid, "value": text} for oid, text in pairs],
    }


def _subject(name: Any) -> dict[str, Any]:
    units = [text for oid, text in _pairs(name) if oid == _UNITS]
    return {**_issuer(name, _OF_SUBJECT), "organizationalUnitName": units}


def _alt_names(certificate: Any) -> list[str]:
    x509 = _x509()
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    kinds = (x509.DNSName, x509.RFC822Name, x509.IPAddress, x509.UniformResourceIdentifier)
    return [str(each) for kind in kinds for each in names.get_values_for_type(kind)]


def _signature(certificate: Any) -> str:
    oid = certificate.signature_algorithm_oid.dotted_string
    if oid == _PSS:
        hashed = certificate.signature_hash_algorithm
        return f"{hashed.name.upper()}-RSAPSS"
    return _SIGNATURES.get(oid, "UnknownSignatureAlgorithm")


def _public_key(certificate: Any) -> dict[str, Any]:
    """Return the key; whole numbers that are long are hexadecimal texts, see crypto.js."""
    numbers: Any = getattr(certificate.public_key(), "public_numbers", object)()
    if hasattr(numbers, "n"):
        return {"algorithm": "RSA", "key": {"n": hex(numbers.n), "e": numbers.e}}
    if hasattr(numbers, "curve"):
        key = {"curve": {"name": numbers.curve.name}, "x": hex(numbers.x), "y": hex(numbers.y)}
        return {"algorithm": "ECDSA", "key": key}
    if hasattr(numbers, "parameter_numbers"):
        group = numbers.parameter_numbers
        parameters = {name: hex(getattr(group, name)) for name in ("p", "q", "g")}
        return {"algorithm": "DSA", "key": {"parameters": parameters, "y": hex(numbers.y)}}
    raise K6Error("unsupported public key algorithm")
