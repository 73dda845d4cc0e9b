"""JSON Web Keys of crypto.subtle, from and to keys of the library."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from fastbench.script.k6.webcrypto.subtle_values import (
    CURVES,
    Failure,
    Key,
    primitives,
    private_key,
    public_key,
)

_RSA_PRIVATE = ("d", "p", "q", "dp", "dq", "qi")


def read_secret(jwk: Any) -> bytes:
    """Return the bytes of a secret key; raises Failure."""
    return _bytes(_of_kind(jwk, "oct"), "k")


def read_pair(jwk: Any, kind: str) -> Any:
    """Return a public or private key of the library, of kind EC or RSA; raises Failure."""
    given = _of_kind(jwk, kind)
    try:
        return _elliptic(given) if kind == "EC" else _rsa(given)
    except ValueError as error:
        raise Failure("DataError", f"the JWK is no valid key of {kind}: {error}") from None


def write(key: Key) -> dict[str, Any]:
    """Return a key as a JWK."""
    told: dict[str, Any] = {"ext": key["extractable"], "key_ops": list(key["usages"])}
    algorithm = key["algorithm"]
    if key["type"] == "secret":
        bits, name = 8 * len(key["handle"]), algorithm["name"]
        of_hash = name == "HMAC"
        alg = f"HS{algorithm['hash']['name'][4:]}" if of_hash else f"A{bits}{name[4:]}"
        return {"kty": "oct", "k": _text(key["handle"]), "alg": alg, **told}
    secret = private_key(key["handle"]) if key["type"] == "private" else None
    public = secret.public_key() if secret is not None else public_key(key["handle"])
    if "namedCurve" in algorithm:
        size = (public.curve.key_size + 7) // 8
        numbers = public.public_numbers()
        curve = next(name for name in CURVES if CURVES[name].lower() == public.curve.name)
        told |= {"kty": "EC", "crv": curve}
        told |= {"x": _number(numbers.x, size), "y": _number(numbers.y, size)}
        if secret is not None:
            told["d"] = _number(secret.private_numbers().private_value, size)
        return told
    numbers = public.public_numbers()
    told |= {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    if secret is not None:
        own = secret.private_numbers()
        values = (own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp)
        told |= dict(zip(_RSA_PRIVATE, map(_number, values), strict=True))
    return told


def _of_kind(jwk: Any, kind: str) -> Mapping[str, Any]:
    if not isinstance(jwk, Mapping):
        raise Failure("DataError", "a JWK is an object")
    if jwk.get("kty") != kind:
        raise Failure("DataError", f"kty of the JWK is {jwk.get('kty')} instead of {kind}")
    return jwk


def _elliptic(jwk: Mapping[str, Any]) -> Any:
    curve = CURVES.get(str(jwk.get("crv")))
    if curve is None:
        raise Failure("DataError", f"the curve {jwk.get('crv')} of the JWK is not supported")
    ec = primitives("asymmetric.ec")
    x, y = (int.from_bytes(_bytes(jwk, name)) for name in "xy")
    public = ec.EllipticCurvePublicNumbers(x, y, getattr(ec, curve)())
    if not jwk.get("d"):
        return public.public_key()
    secret = int.from_bytes(_bytes(jwk, "d"))
    return ec.EllipticCurvePrivateNumbers(secret, public).private_key()


def _rsa(jwk: Mapping[str, Any]) -> Any:
    rsa = primitives("asymmetric.rsa")
    n, e = (int.from_bytes(_bytes(jwk, name)) for name in "ne")
    public = rsa.RSAPublicNumbers(e, n)
    if not jwk.get("d"):
        return public.public_key()
    d, p, q, dp, dq, qi = (int.from_bytes(_bytes(jwk, name)) for name in _RSA_PRIVATE)
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key()


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or not text:
        raise Failure("DataError", f"the JWK has no {name}")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except ValueError:
        raise Failure("DataError", f"{name} of the JWK is not base64url") from None


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _number(value: int, size: int = 0) -> str:
    return _text(value.to_bytes(size or (value.bit_length() + 7) // 8))
