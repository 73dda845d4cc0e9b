"""deriveBits() and deriveKey() of crypto.subtle: ECDH and PBKDF2."""

from __future__ import annotations

import hashlib
from typing import Any

from fastbench.script.k6.webcrypto import subtle_keys
from fastbench.script.k6.webcrypto.subtle_values import (
    AES,
    Algorithm,
    Failure,
    Key,
    hash_of,
    name_of,
    primitives,
    private_key,
    public_key,
    python_hash,
    raw,
    wanted,
    whole,
)

NAMES = ("ECDH", "PBKDF2")
_MAX_ITERATIONS = (1 << 31) - 1


def derive_bits(name: str, algorithm: Algorithm, key: Key, length: Any) -> bytes:
    """Return `length` bits, or all that there are of ECDH if it is None; raises Failure."""
    if length is None and name == "ECDH":
        return _exchanged(algorithm, key)
    if length is None or length <= 0 or length % 8:
        raise Failure("OperationError", "the length is a multiple of 8 bits, and not 0")
    size = int(length) // 8
    if name == "PBKDF2":
        count = whole(algorithm, "iterations")
        if not 1 <= count <= _MAX_ITERATIONS:
            raise Failure("OperationError", "the number of iterations is at least 1")
        used = python_hash(hash_of(algorithm))
        return hashlib.pbkdf2_hmac(used, key["handle"], raw(algorithm, "salt"), count, size)
    found = _exchanged(algorithm, key)
    if size > len(found):
        raise Failure("OperationError", f"ECDH gives {8 * len(found)} bits, not {int(length)}")
    return found[:size]


def derive_key(
    name: str, algorithm: Algorithm, key: Key, wanted_key: Algorithm, rest: tuple[bool, list[str]]
) -> Key:
    """Return a key of AES or HMAC; `rest` is whether it is extractable, and its usages.

    Raises Failure.
    """
    kind = name_of(wanted_key, (*AES, "HMAC"), "deriveKey")
    size = subtle_keys.hmac_bits if kind == "HMAC" else subtle_keys.aes_bits
    derived = derive_bits(name, algorithm, key, size(wanted_key))
    return subtle_keys.import_key("raw", derived, wanted_key, *rest)


def _exchanged(algorithm: Algorithm, key: Key) -> bytes:
    wanted(key, "private")
    other = algorithm.get("public")
    if not isinstance(other, dict) or "handle" not in other:
        raise Failure("TypeError", "public of the algorithm is a CryptoKey")
    wanted(other, "public")
    if other["algorithm"] != key["algorithm"]:
        raise Failure("InvalidAccessError", "both keys are of ECDH, and of the same curve")
    exchange = primitives("asymmetric.ec").ECDH()
    try:
        return bytes(private_key(key["handle"]).exchange(exchange, public_key(other["handle"])))
    except ValueError:
        raise Failure("InvalidAccessError", "the keys are of different curves") from None
