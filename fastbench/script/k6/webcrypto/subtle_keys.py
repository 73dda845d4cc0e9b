"""generateKey(), importKey() and exportKey() of crypto.subtle."""

from __future__ import annotations

import secrets
from typing import Any

from fastbench.script.k6.webcrypto import subtle_jwk
from fastbench.script.k6.webcrypto.subtle_values import (
    AES,
    ALGORITHMS,
    BLOCK_BYTES,
    CURVES,
    ELLIPTIC,
    RSA,
    Algorithm,
    Failure,
    Key,
    curve_of,
    hash_of,
    library,
    name_of,
    pkcs8_of,
    primitives,
    public_key,
    raw,
    spki_of,
    wanted,
    whole,
)

GENERATED = tuple(name for name in ALGORITHMS if name != "PBKDF2")
_AES_BITS = (128, 192, 256)
_MAX_RSA_BITS = 16384
_WRAPPING = ("wrapKey", "unwrapKey")
_USAGES = {
    **dict.fromkeys(AES, ("encrypt", "decrypt", *_WRAPPING)),
    "AES-KW": _WRAPPING,
    "HMAC": ("sign", "verify"),
    "PBKDF2": ("deriveKey", "deriveBits"),
    "ECDH": ("deriveKey", "deriveBits"),
    "ECDSA": ("sign", "verify"),
    "RSA-PSS": ("sign", "verify"),
    "RSASSA-PKCS1-v1_5": ("sign", "verify"),
    "RSA-OAEP": ("encrypt", "decrypt", *_WRAPPING),
}
_OF_PUBLIC = ("verify", "encrypt", "wrapKey")


def generate(algorithm: Algorithm, extractable: bool, usages: list[str]) -> Any:
    """Return a new key, or a pair as {privateKey, publicKey}; raises Failure."""
    name = name_of(algorithm, GENERATED, "generateKey")
    _check_usages(name, usages)
    if name in ELLIPTIC or name in RSA:
        return _generate_pair(name, algorithm, extractable, usages)
    if name == "HMAC":
        bits = hmac_bits(algorithm)
        described = {"name": name, "hash": {"name": hash_of(algorithm)}, "length": bits}
    else:
        bits = aes_bits(algorithm)
        described = {"name": name, "length": bits}
    _check_not_empty("secret", usages)
    return _key("secret", extractable, described, usages, secrets.token_bytes((bits + 7) // 8))


def import_key(
    form: str, data: Any, algorithm: Algorithm, extractable: bool, usages: list[str]
) -> Key:
    """Return a key from `raw`, `pkcs8`, `spki` or `jwk`; raises Failure."""
    name = name_of(algorithm, ALGORITHMS, "importKey")
    if form not in ("raw", "pkcs8", "spki", "jwk"):
        raise Failure("NotSupportedError", f"the key format {form} is not supported")
    if form != "jwk" and not isinstance(data, bytes):
        raise Failure("TypeError", f"a key as {form} is an ArrayBuffer or a view of one")
    _check_usages(name, usages)
    if name in ELLIPTIC or name in RSA:
        found = _import_pair(name, form, data, algorithm, extractable, usages)
    else:
        found = _import_secret(name, form, data, algorithm, extractable, usages)
    if found["type"] != "public":
        _check_not_empty(found["type"], usages)
    return found


def export_key(form: str, key: Key) -> Any:
    """Return the bytes of a key, or the JWK as a mapping; raises Failure."""
    name = key["algorithm"]["name"]
    if name == "PBKDF2":
        raise Failure("NotSupportedError", "exportKey does not support keys of PBKDF2")
    if not key["extractable"]:
        raise Failure("InvalidAccessError", "the key is not extractable")
    if form == "jwk":
        return subtle_jwk.write(key)
    secret = key["type"] == "secret"
    if form == "raw" and (secret or name in ELLIPTIC):
        return key["handle"] if secret else _point(key)
    if secret or form not in ("spki", "pkcs8"):
        raise Failure("NotSupportedError", f"a key of {name} cannot be exported as {form}")
    wanted(key, "public" if form == "spki" else "private")
    return key["handle"]


def aes_bits(algorithm: Algorithm) -> int:
    """Return how many bits a key of AES is to have; raises Failure."""
    bits = whole(algorithm, "length")
    if bits not in _AES_BITS:
        raise Failure("OperationError", f"a key of AES has 128, 192 or 256 bits, not {bits}")
    return bits


def hmac_bits(algorithm: Algorithm) -> int:
    """Return how many bits a key of HMAC is to have, a block of its hash if unsaid.

    Raises Failure.
    """
    name = hash_of(algorithm)
    unsaid = algorithm.get("length") is None
    bits = 8 * BLOCK_BYTES[name] if unsaid else whole(algorithm, "length")
    if bits < 1:
        raise Failure("OperationError", "a key of HMAC has at least 1 bit")
    if bits % 8:
        raise Failure("NotSupportedError", "the length of a key of HMAC is whole bytes")
    return bits


def _key(
    kind: str, extractable: bool, algorithm: Algorithm, usages: list[str], handle: bytes
) -> Key:
    return {
        "type": kind,
        "extractable": extractable,
        "algorithm": algorithm,
        "usages": list(dict.fromkeys(usages)),
        "handle": handle,
    }


def _check_usages(name: str, usages: list[str]) -> None:
    for usage in usages:
        if usage not in _USAGES[name]:
            raise Failure("SyntaxError", f"a key of {name} cannot be used to {usage}")


def _check_not_empty(kind: str, usages: list[str]) -> None:
    if not usages:
        raise Failure("SyntaxError", f"a {kind} key needs at least one usage")


def _generate_pair(
    name: str, algorithm: Algorithm, extractable: bool, usages: list[str]
) -> dict[str, Key]:
    if name in ELLIPTIC:
        ec = primitives("asymmetric.ec")
        made = ec.generate_private_key(getattr(ec, CURVES[curve_of(algorithm)])())
    else:
        hash_of(algorithm)
        bits = whole(algorithm, "modulusLength")
        exponent = int.from_bytes(raw(algorithm, "publicExponent"))
        if exponent not in (3, 65537) or not 1024 <= bits <= _MAX_RSA_BITS:
            raise Failure("OperationError", "keys of RSA have 1024 bits or more and exponent 65537")
        made = primitives("asymmetric.rsa").generate_private_key(exponent, bits)
    _check_not_empty("private", usages)
    described = _described(name, algorithm, made)
    public = [usage for usage in usages if usage in _OF_PUBLIC]
    private = [usage for usage in usages if usage not in _OF_PUBLIC]
    return {
        "privateKey": _key("private", extractable, described, private, pkcs8_of(made)),
        "publicKey": _key("public", True, described, public, spki_of(made.public_key())),
    }


def _import_secret(
    name: str, form: str, data: Any, algorithm: Algorithm, extractable: bool, usages: list[str]
) -> Key:
    if form not in ("raw", "jwk") or (name == "PBKDF2" and form == "jwk"):
        raise Failure("NotSupportedError", f"a key of {name} cannot be imported from {form}")
    value = subtle_jwk.read_secret(data) if form == "jwk" else data
    bits = 8 * len(value)
    described: dict[str, Any] = {"name": name}
    if name == "PBKDF2":
        if extractable:
            raise Failure("SyntaxError", "a key of PBKDF2 cannot be extractable")
    elif name == "HMAC":
        described |= {"hash": {"name": hash_of(algorithm)}, "length": bits}
        if not bits or algorithm.get("length") not in (None, bits):
            raise Failure("DataError", f"the key has {bits} bits")
    else:
        described["length"] = bits
        if bits not in _AES_BITS:
            raise Failure("DataError", f"a key of AES has 128, 192 or 256 bits, not {bits}")
    return _key("secret", extractable, described, usages, value)


def _import_pair(
    name: str, form: str, data: Any, algorithm: Algorithm, extractable: bool, usages: list[str]
) -> Key:
    elliptic = name in ELLIPTIC
    if elliptic:
        curve_of(algorithm)
    else:
        hash_of(algorithm)
    found = _loaded(name, form, data, algorithm)
    kind = "EllipticCurve" if elliptic else "RSA"
    modules = primitives("asymmetric.ec" if elliptic else "asymmetric.rsa")
    secret = isinstance(found, getattr(modules, f"{kind}PrivateKey"))
    if not secret and not isinstance(found, getattr(modules, f"{kind}PublicKey")):
        raise Failure("DataError", f"the data is no key of {name}")
    described = _described(name, algorithm, found)
    if secret:
        return _key("private", extractable, described, usages, pkcs8_of(found))
    return _key("public", extractable, described, usages, spki_of(found))


def _loaded(name: str, form: str, data: Any, algorithm: Algorithm) -> Any:
    """Return a key of the library, with all that it can check about it done."""
    elliptic = name in ELLIPTIC
    if form == "raw" and not elliptic:
        raise Failure("NotSupportedError", f"a key of {name} cannot be imported from raw")
    if form == "jwk":
        return subtle_jwk.read_pair(data, "EC" if elliptic else "RSA")
    kinds = primitives("serialization")
    try:
        if form == "pkcs8":
            return kinds.load_der_private_key(data, None)
        if form == "spki":
            return kinds.load_der_public_key(data)
        ec = primitives("asymmetric.ec")
        curve = getattr(ec, CURVES[algorithm["namedCurve"]])()
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, data)
    except (ValueError, TypeError, library("exceptions").UnsupportedAlgorithm):
        raise Failure("DataError", f"the data is no key of {name} as {form}") from None


def _described(name: str, algorithm: Algorithm, key: Any) -> dict[str, Any]:
    """Return what is told as the algorithm of a key of the library.

    The curve is the one that the script named, as in k6: a key of another one is not refused.
    """
    if name in ELLIPTIC:
        return {"name": name, "namedCurve": algorithm["namedCurve"]}
    public = key.public_key() if hasattr(key, "public_key") else key
    exponent = public.public_numbers().e
    return {
        "name": name,
        "modulusLength": key.key_size,
        "publicExponent": exponent.to_bytes((exponent.bit_length() + 7) // 8),
        "hash": {"name": hash_of(algorithm)},
    }


def _point(key: Key) -> bytes:
    wanted(key, "public")
    kinds = primitives("serialization")
    found: bytes = public_key(key["handle"]).public_bytes(
        kinds.Encoding.X962, kinds.PublicFormat.UncompressedPoint
    )
    return found
