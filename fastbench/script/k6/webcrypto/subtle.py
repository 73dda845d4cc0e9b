"""The operations of crypto.subtle, as our own JavaScript asks for them.

An operation answers with [name of an error, its text], or ["", value]. What takes long is done in
a thread: users of the same worker go on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastbench.script.k6.k6_calls import owner
from fastbench.script.k6.webcrypto import (
    subtle_ciphers,
    subtle_derivation,
    subtle_keys,
    subtle_signatures,
)
from fastbench.script.k6.webcrypto.subtle_values import RSA, Algorithm, Failure, Key, name_of

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm


def install(realm: K6Realm) -> None:
    """Add the operations."""
    realm.define("subtle", _answer)
    realm.define("subtleAside", _aside)
    realm.define("subtleTakesLong", _takes_long)


def _answer(operation: str, arguments: list[Any]) -> list[Any]:
    try:
        return ["", _OPERATIONS[operation](*arguments)]
    except Failure as failure:
        return [failure.name, failure.text]


def _aside(id: int, operation: str, arguments: list[Any]) -> None:
    owner().aside(id, asyncio.to_thread(_answer, operation, arguments))


def _takes_long(operation: str, algorithm: Any) -> bool:
    """Whether it is a search for primes, or what is made to take long."""
    name = algorithm.get("name") if isinstance(algorithm, dict) else algorithm
    if operation == "generateKey":
        return str(name).upper() in {each.upper() for each in RSA}
    return operation in ("deriveBits", "deriveKey") and str(name).upper() == "PBKDF2"


def _used(operation: str, algorithm: Algorithm, key: Key, known: tuple[str, ...]) -> str:
    """Return the algorithm's name, if the key is one for it and the operation; raises Failure."""
    name = name_of(algorithm, known, operation)
    if not isinstance(key, dict):
        raise Failure("InvalidAccessError", f"the key of {operation} is not a CryptoKey")
    if key["algorithm"]["name"] != name:
        told = f"the key is one of {key['algorithm']['name']}, not of {name}"
        raise Failure("InvalidAccessError", told)
    if operation not in key["usages"]:
        raise Failure("InvalidAccessError", f"the key does not contain the '{operation}' usage")
    return name


def _bytes(data: Any) -> bytes:
    if not isinstance(data, bytes):
        raise Failure(
            "OperationError", "data is neither an ArrayBuffer, nor a TypedArray nor DataView"
        )
    return data


def _encrypt(algorithm: Algorithm, key: Key, data: Any) -> bytes:
    name = _used("encrypt", algorithm, key, subtle_ciphers.NAMES)
    return subtle_ciphers.run(name, algorithm, key, _bytes(data), True)


def _decrypt(algorithm: Algorithm, key: Key, data: Any) -> bytes:
    name = _used("decrypt", algorithm, key, subtle_ciphers.NAMES)
    return subtle_ciphers.run(name, algorithm, key, _bytes(data), False)


def _sign(algorithm: Algorithm, key: Key, data: Any) -> bytes:
    name = _used("sign", algorithm, key, subtle_signatures.NAMES)
    return subtle_signatures.sign(name, algorithm, key, _bytes(data))


def _verify(algorithm: Algorithm, key: Key, signature: Any, data: Any) -> bool:
    name = _used("verify", algorithm, key, subtle_signatures.NAMES)
    return subtle_signatures.verify(name, algorithm, key, _bytes(signature), _bytes(data))


def _derive_bits(algorithm: Algorithm, key: Key, length: Any) -> bytes:
    name = _used("deriveBits", algorithm, key, subtle_derivation.NAMES)
    return subtle_derivation.derive_bits(name, algorithm, key, length)


def _derive_key(
    algorithm: Algorithm, key: Key, wanted: Algorithm, extractable: bool, usages: list[str]
) -> Key:
    name = _used("deriveKey", algorithm, key, subtle_derivation.NAMES)
    return subtle_derivation.derive_key(name, algorithm, key, wanted, (extractable, usages))


def _export_key(form: str, key: Key) -> Any:
    if not isinstance(key, dict):
        raise Failure("InvalidAccessError", "the key of exportKey is not a CryptoKey")
    return subtle_keys.export_key(form, key)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "encrypt": _encrypt,
    "decrypt": _decrypt,
    "sign": _sign,
    "verify": _verify,
    "generateKey": subtle_keys.generate,
    "importKey": subtle_keys.import_key,
    "exportKey": _export_key,
    "deriveBits": _derive_bits,
    "deriveKey": _derive_key,
}
