"""What all operations of crypto.subtle have in common: errors, keys, hashes and the library.

A key is a mapping of `type`, `extractable`, `algorithm`, `usages` and `handle`: the bytes of a
secret key, PKCS #8 of a private one and SubjectPublicKeyInfo of a public one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from fastbench.script import extras

Key = Mapping[str, Any]
Algorithm = Mapping[str, Any]

AES = ("AES-CBC", "AES-CTR", "AES-GCM", "AES-KW")
ELLIPTIC = ("ECDH", "ECDSA")
RSA = ("RSASSA-PKCS1-v1_5", "RSA-PSS", "RSA-OAEP")
ALGORITHMS = (*AES, *ELLIPTIC, *RSA, "HMAC", "PBKDF2")
BLOCK_BYTES = {"SHA-1": 64, "SHA-256": 64, "SHA-384": 128, "SHA-512": 128}
CURVES = {"P-256": "SECP256R1", "P-384": "SECP384R1", "P-521": "SECP521R1"}
_BY_UPPER_CASE = {name.upper(): name for name in (*ALGORITHMS, *BLOCK_BYTES)}


class Failure(Exception):
    """What a promise of WebCrypto is rejected with: the name of an error, and a text."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name
        self.text = text


@cache
def library(name: str) -> Any:
    """Return a module of the library `cryptography`; raises UsageError where it is missing."""
    full = f"cryptography.{name}"
    return extras.load(full, extra="webcrypto", what="This operation of crypto.subtle")


def primitives(name: str) -> Any:
    """Return a module of the library's algorithms; raises UsageError."""
    return library(f"hazmat.primitives.{name}")


def name_of(given: Any, known: tuple[str, ...], operation: str) -> str:
    """Return the usual spelling of an algorithm's name; raises Failure."""
    name = given.get("name") if isinstance(given, Mapping) else given
    found = _BY_UPPER_CASE.get(name.upper(), "") if isinstance(name, str) else ""
    if not isinstance(name, str):
        raise Failure("SyntaxError", "algorithm is neither a string nor an object with a name")
    if found not in known:
        raise Failure("NotSupportedError", f"{operation} does not support the algorithm {name}")
    return found


def hash_of(algorithm: Algorithm) -> str:
    """Return the name of the hash that an algorithm is given with; raises Failure."""
    if algorithm.get("hash") is None:
        raise Failure("SyntaxError", "the algorithm needs a hash, such as SHA-256")
    return name_of(algorithm["hash"], tuple(BLOCK_BYTES), "hash")


def hash_object(name: str) -> Any:
    """Return a hash as the library takes it."""
    return getattr(primitives("hashes"), name.replace("-", ""))()


def python_hash(name: str) -> str:
    """Return the name of a hash in hashlib."""
    return name.replace("-", "").lower()


def whole(algorithm: Algorithm, name: str) -> int:
    """Return a number of an algorithm, given as one or as a text; raises Failure."""
    value = algorithm.get(name)
    if value is None:
        raise Failure("SyntaxError", f"the algorithm needs {name}")
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        raise Failure("TypeError", f"{name} of the algorithm is a whole number") from None


def raw(algorithm: Algorithm, name: str) -> bytes:
    """Return bytes of an algorithm; raises Failure."""
    value = algorithm.get(name)
    if not isinstance(value, bytes):
        raise Failure("TypeError", f"{name} of the algorithm is an ArrayBuffer or a view of one")
    return value


def wanted(key: Key, kind: str) -> None:
    """Raise Failure where a key is not of a type."""
    if key["type"] != kind:
        raise Failure("InvalidAccessError", f"the key is a {key['type']} one, not a {kind} one")


def curve_of(algorithm: Algorithm) -> str:
    """Return the name of the curve of an algorithm; raises Failure."""
    curve = algorithm.get("namedCurve")
    if curve is None:
        raise Failure("SyntaxError", "the algorithm needs namedCurve, such as P-256")
    if curve not in CURVES:
        raise Failure("NotSupportedError", f"the curve {curve} is not supported")
    return str(curve)


@lru_cache(256)
def private_key(pkcs8: bytes) -> Any:
    """Return a private key for the library; it was checked when it was made or imported."""
    load = primitives("serialization").load_der_private_key
    return load(pkcs8, None, unsafe_skip_rsa_key_validation=True)


@lru_cache(256)
def public_key(spki: bytes) -> Any:
    """Return a public key for the library."""
    return primitives("serialization").load_der_public_key(spki)


def pkcs8_of(key: Any) -> bytes:
    """Return a private key of the library as PKCS #8."""
    kinds = primitives("serialization")
    found: bytes = key.private_bytes(
        kinds.Encoding.DER, kinds.PrivateFormat.PKCS8, kinds.NoEncryption()
    )
    return found


def spki_of(key: Any) -> bytes:
    """Return a public key of the library as SubjectPublicKeyInfo."""
    kinds = primitives("serialization")
    found: bytes = key.public_bytes(kinds.Encoding.DER, kinds.PublicFormat.SubjectPublicKeyInfo)
    return found
