"""The answer to a challenge of HTTP's digest authentication (RFC 7616).

MD5, SHA-256 and SHA-512-256, each with -sess; qop auth and auth-int, and none as in RFC 2069. Each
answer is the first to its nonce. Of several challenges the first that is known is answered.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Final

_HASHES: Final = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}
_FIELD: Final = re.compile(rb"^www-authenticate:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_PART: Final = re.compile(
    r"""([\w!#$%&'*+.^`|~-]+)(\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?""", re.ASCII
)


def challenge(head: bytes) -> dict[str, str] | None:
    """Return the parameters of the first challenge in a response's head that can be answered."""
    found: list[dict[str, str]] = []
    for line in _FIELD.findall(head):
        for name, value, quoted, token in _PART.findall(line.decode("latin-1")):
            if not value:
                found.append({"scheme": name.lower()})
            elif found:
                found[-1].setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or token)
    return next((each for each in found if _is_known(each)), None)


def _is_known(asked: Mapping[str, str]) -> bool:
    if asked["scheme"] != "digest" or "nonce" not in asked:
        return False
    return _hash_name(asked) in _HASHES and _qop(asked) is not None


def _hash_name(asked: Mapping[str, str]) -> str:
    return asked.get("algorithm", "MD5").lower().removesuffix("-sess")


def _qop(asked: Mapping[str, str]) -> str | None:
    """Return which protection is used, "" where the server knows none, None for an unknown one."""
    offered = [each.strip().lower() for each in asked.get("qop", "").split(",")]
    return next((each for each in ("auth", "auth-int", "") if each in offered), None)


def authorization(
    asked: Mapping[str, str],
    method: str,
    target: str,
    body: bytes,
    user: bytes,
    password: bytes,
    cnonce: str = "",
) -> str:
    """Return the value of Authorization for a request; `target` is path and query, as sent."""
    cnonce = cnonce or secrets.token_hex(16)
    realm, nonce, qop = asked.get("realm", ""), asked["nonce"], _qop(asked)

    def hashed(*parts: bytes | str) -> str:
        raw = (part if isinstance(part, bytes) else part.encode("latin-1") for part in parts)
        return hashlib.new(_HASHES[_hash_name(asked)], b":".join(raw)).hexdigest()

    secret = hashed(user, realm, password)
    if asked.get("algorithm", "").lower().endswith("-sess"):
        secret = hashed(secret, nonce, cnonce)
    what = [method, target] + ([hashed(body)] if qop == "auth-int" else [])
    protection = ["00000001", cnonce, qop] if qop else []
    fields = {
        "username": _quoted(_name(asked, user, realm, hashed)),
        "realm": _quoted(realm),
        "nonce": _quoted(nonce),
        "uri": _quoted(target),
        "response": _quoted(hashed(secret, nonce, *protection, hashed(*what))),
    }
    if "algorithm" in asked:
        fields["algorithm"] = asked["algorithm"]
    if "opaque" in asked:
        fields["opaque"] = _quoted(asked["opaque"])
    if qop:
        fields |= {"qop": qop, "nc": "00000001", "cnonce": _quoted(cnonce)}
    if asked.get("userhash", "").lower() == "true":
        fields["userhash"] = "true"
    return "Digest " + ", ".join(f"{name}={value}" for name, value in fields.items())


def _name(asked: Mapping[str, str], user: bytes, realm: str, hashed: Callable[..., str]) -> str:
    """Return the user's name as it is sent: hashed where the server wants it to stay unknown."""
    if asked.get("userhash", "").lower() == "true":
        return hashed(user, realm)
    return user.decode("latin-1")


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
