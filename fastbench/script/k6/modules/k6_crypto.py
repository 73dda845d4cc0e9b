"""Hashes as k6/crypto has them, by Python's hashlib and hmac."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastbench.script.k6.k6_calls import K6Error

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

MAX_RANDOM_BYTES = 1 << 26
_ALGORITHMS = frozenset(
    (
        *("md4", "md5", "sha1", "sha256", "sha384", "sha512", "sha512_224", "sha512_256"),
        "ripemd160",
    )
)
_ENCODINGS: dict[str, Callable[[bytes], Any]] = {
    "hex": bytes.hex,
    "base64": lambda raw: base64.b64encode(raw).decode(),
    "base64url": lambda raw: base64.urlsafe_b64encode(raw).decode(),
    "base64rawurl": lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
    "binary": bytes,
}


def install(realm: K6Realm) -> None:
    """Add the operations."""
    realm.define("hash", _hash)
    realm.define("hmac", _hmac)
    realm.define("randomBytes", _random_bytes)


def _hash(name: str, data: Any, encoding: Any) -> Any:
    """Hash data, or parts of it; without an algorithm only encode it."""
    raw = _joined(data)
    return _encoded(raw if not name else hashlib.new(_algorithm(name), raw).digest(), encoding)


def _hmac(name: str, secret: Any, data: Any, encoding: Any) -> Any:
    return _encoded(hmac.new(_joined(secret), _joined(data), _algorithm(name)).digest(), encoding)


def _random_bytes(size: float) -> bytes:
    if not 1 <= size <= MAX_RANDOM_BYTES:
        raise K6Error("invalid size")
    return secrets.token_bytes(int(size))


def _algorithm(name: str) -> str:
    if name not in _ALGORITHMS:
        raise K6Error(f"invalid algorithm: {name}")
    try:
        hashlib.new(name)
    except ValueError:
        raise K6Error(f"{name} is not offered by the OpenSSL of this machine") from None
    return name


def _joined(data: Any) -> bytes:
    if isinstance(data, list):
        return b"".join(map(_joined, data))
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "surrogatepass")


def _encoded(raw: bytes, encoding: Any) -> Any:
    encode = _ENCODINGS.get("hex" if encoding is None else str(encoding))
    if encode is None:
        raise K6Error(f"invalid output encoding: {encoding}")
    return encode(raw)
