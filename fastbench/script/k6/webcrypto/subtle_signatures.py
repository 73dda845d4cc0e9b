"""sign() and verify() of crypto.subtle: HMAC, ECDSA and the two of RSA."""

from __future__ import annotations

import hmac
from typing import Any

from fastbench.script.k6.webcrypto.subtle_values import (
    Algorithm,
    Failure,
    Key,
    hash_object,
    hash_of,
    library,
    primitives,
    private_key,
    public_key,
    python_hash,
    wanted,
    whole,
)

NAMES = ("HMAC", "ECDSA", "RSA-PSS", "RSASSA-PKCS1-v1_5")


def sign(name: str, algorithm: Algorithm, key: Key, data: bytes) -> bytes:
    """Return the signature of data; that of ECDSA is r and s, one after the other.

    Raises Failure.
    """
    if name == "HMAC":
        return _hmac(key, data)
    wanted(key, "private")
    found = private_key(key["handle"])
    try:
        signature: bytes = found.sign(data, *_scheme(name, algorithm, key))
    except ValueError:
        raise Failure("OperationError", "the key is too short for that hash and salt") from None
    if name != "ECDSA":
        return signature
    r, s = primitives("asymmetric.utils").decode_dss_signature(signature)
    size = _half(found)
    return bytes(r.to_bytes(size) + s.to_bytes(size))


def verify(name: str, algorithm: Algorithm, key: Key, signature: bytes, data: bytes) -> bool:
    """Return whether a signature is the one of data; raises Failure."""
    if name == "HMAC":
        return hmac.compare_digest(_hmac(key, data), signature)
    wanted(key, "public")
    found = public_key(key["handle"])
    scheme = _scheme(name, algorithm, key)
    if name == "ECDSA":
        size = _half(found)
        if len(signature) != 2 * size:
            return False
        r, s = (int.from_bytes(each) for each in (signature[:size], signature[size:]))
        signature = primitives("asymmetric.utils").encode_dss_signature(r, s)
    try:
        found.verify(signature, data, *scheme)
    except library("exceptions").InvalidSignature:
        return False
    return True


def _hmac(key: Key, data: bytes) -> bytes:
    return hmac.digest(key["handle"], data, python_hash(key["algorithm"]["hash"]["name"]))


def _scheme(name: str, algorithm: Algorithm, key: Key) -> tuple[Any, ...]:
    """Return what the library wants beside data."""
    if name == "ECDSA":
        return (primitives("asymmetric.ec").ECDSA(hash_object(hash_of(algorithm))),)
    padding = primitives("asymmetric.padding")
    used = hash_object(key["algorithm"]["hash"]["name"])
    if name == "RSA-PSS":
        salt_bytes = whole(algorithm, "saltLength")
        if salt_bytes < 0:
            raise Failure("OperationError", "saltLength is 0 bytes or more")
        return padding.PSS(padding.MGF1(used), salt_bytes), used
    return padding.PKCS1v15(), used


def _half(key: Any) -> int:
    """Return how many bytes each half of a signature has."""
    bits: int = key.curve.key_size
    return (bits + 7) // 8
