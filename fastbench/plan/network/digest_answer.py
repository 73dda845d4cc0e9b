"""The answer to a challenge of HTTP's digest authentication (RFC 7616).

MD5, SHA-256 and SHA-512-256, each with -sess; qop auth and auth-int, and none as in RFC 2069. Of
several challenges the first that is known is answered. `authorization` is the first answer to its
nonce; of many, `Answers` has what they have in common.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Final

HASHES: Final = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}
_FIELD: Final = re.compile(rb"^www-authenticate:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_PART: Final = re.compile(
    r"""([\w!#$%&'*+.^`|~-]+)(\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?""", re.ASCII
)


def challenge(head: bytes) -> dict[str, str] | None:
    """Return the parameters of the first challenge in a response's head that can be answered."""
    return next((each for each in challenges(head) if _is_known(each)), None)


def challenges(head: bytes) -> list[dict[str, str]]:
    """Return the parameters of all challenges in a response's head, with their `scheme`."""
    found: list[dict[str, str]] = []
    for line in _FIELD.findall(head):
        for name, value, quoted, token in _PART.findall(line.decode("latin-1")):
            if not value:
                found.append({"scheme": name.lower()})
            elif found:
                found[-1].setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or token)
    return found


def _is_known(asked: Mapping[str, str]) -> bool:
    if asked["scheme"] != "digest" or "nonce" not in asked:
        return False
    return _algorithm(asked) in HASHES and _qop(asked) is not None


def _algorithm(asked: Mapping[str, str]) -> str:
    return asked.get("algorithm", "MD5").lower().removesuffix("-sess")


def _qop(asked: Mapping[str, str]) -> str | None:
    """Return which protection is used, "" where the server knows none, None for an unknown one."""
    offered = [each.strip().lower() for each in asked.get("qop", "").split(",")]
    return next((each for each in ("auth", "auth-int", "") if each in offered), None)


class Answers:
    """All answers to one challenge by one user; texts are in the bytes that are sent."""

    def __init__(
        self, asked: Mapping[str, str], user: bytes, password: bytes, cnonce: str = ""
    ) -> None:
        self.asked = asked
        self.cnonce = cnonce or secrets.token_hex(16)
        self.qop = _qop(asked) or ""
        self._user = user
        self._password = password

    @property
    def kind(self) -> tuple[str, str]:
        """Algorithm and protection, which all answers of a user to a server share."""
        return self.asked.get("algorithm", "MD5").lower(), self.qop

    @property
    def _of_session(self) -> bool:
        return self.kind[0].endswith("-sess")

    @property
    def hash_name(self) -> str:
        """Which of HASHES is used."""
        return _algorithm(self.asked)

    def hashed(self, *parts: bytes | str) -> bytes:
        """Return the hash of these with colons between, in hexadecimal."""
        raw = (part if isinstance(part, bytes) else part.encode("latin-1") for part in parts)
        made = hashlib.new(HASHES[_algorithm(self.asked)], b":".join(raw))
        return made.hexdigest().encode("ascii")

    def head(self) -> bytes:
        """Return how the field begins: all that is alike in all requests, and a comma."""
        asked, realm = self.asked, self.asked.get("realm", "")
        hides = asked.get("userhash", "").lower() == "true"
        name = self.hashed(self._user, realm) if hides else self._user
        fields = {"username": _quoted(name.decode("latin-1")), "realm": _quoted(realm)}
        fields["nonce"] = _quoted(asked["nonce"])
        if "algorithm" in asked:
            fields["algorithm"] = asked["algorithm"]
        if "opaque" in asked:
            fields["opaque"] = _quoted(asked["opaque"])
        if self.qop:
            fields["qop"] = self.qop
        if self.qop or self._of_session:
            fields["cnonce"] = _quoted(self.cnonce)
        if hides:
            fields["userhash"] = "true"
        parts = "".join(f"{name}={value}, " for name, value in fields.items())
        return f"Digest {parts}".encode("latin-1")

    def secret(self) -> bytes:
        """Return how the text begins that is hashed for a response: HA1 and nonce, with colons."""
        nonce = self.asked["nonce"]
        first = self.hashed(self._user, self.asked.get("realm", ""), self._password)
        if self._of_session:
            first = self.hashed(first, nonce, self.cnonce)
        return b"%b:%b:" % (first, nonce.encode("latin-1"))

    def middle(self) -> bytes:
        """Return what stands between the count and the hash of what is asked for."""
        return b":%b:%b:" % (self.cnonce.encode("ascii"), self.qop.encode()) if self.qop else b""

    def asked_for(self, method: str, target: bytes, body: bytes) -> bytes:
        """Return the text whose hash says what is asked for."""
        end = b":" + self.hashed(body) if self.qop == "auth-int" else b""
        return b"%b:%b%b" % (method.encode("ascii"), target, end)

    def field(self, method: str, target: bytes, body: bytes, count: int = 1) -> bytes:
        """Return the value of Authorization for a request, the `count`-th of its nonce."""
        said = b"%08x" % count if self.qop else b""
        asked = self.hashed(self.asked_for(method, target, body))
        response = self.hashed(b"".join((self.secret(), said, self.middle(), asked)))
        counted = b"nc=%b, " % said if said else b""
        uri = target.decode("latin-1")
        return b"%buri=%b, %bresponse=%b" % (
            self.head(),
            _quoted(uri).encode("latin-1"),
            counted,
            _quoted(response.decode()).encode("latin-1"),
        )


def authorization(
    asked: dict[str, str],
    method: str,
    target: str,
    body: bytes,
    user: bytes,
    password: bytes,
    cnonce: str = "",
) -> str:
    """Return the value of Authorization for a request; `target` is path and query, as sent."""
    answers = Answers(asked, user, password, cnonce)
    return answers.field(method, target.encode("latin-1"), body).decode("latin-1")


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
