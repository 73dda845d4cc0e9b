"""Logging in: access and refresh tokens, and who somebody is.

A token says whose it is and until when, and is signed with a key of this process: nothing has to
be kept for it, however many people log in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import os
from collections.abc import Callable

from aiohttp import web

from fastbench.server.routes import Route, Totals, bearer, json_object, refused, text_of

ACCESS_S = 3600
REFRESH_S = 86_400
REFUSED_PASSWORD = "wrong"
SIGNATURE_BYTES = 16


class Accounts:
    """Anybody may log in with any password but one; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float], totals: Totals) -> None:
        self._clock = clock
        self._totals = totals
        self._key = os.urandom(32)
        self._serial = itertools.count(1)

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        wrong = f"any password but {REFUSED_PASSWORD!r}"
        return (
            Route("POST", "/login", self._login, "the same, short"),
            Route("POST", "/api/v1/auth/register", self._register, "{email, password}: tokens"),
            Route("POST", "/api/v1/auth/login", self._login, f"tokens for {wrong}, which gets 401"),
            Route("POST", "/api/v1/auth/refresh", self._refresh, "{refreshToken}: new tokens"),
            Route("GET", "/api/v1/auth/me", self._me, "who the access token belongs to"),
            Route("GET", "/api/v1/user/me", self._me, "the same"),
        )

    def user(self, request: web.Request) -> str:
        """Give the name behind the access token; a request without a good one gets 401."""
        return self.holder(bearer(request))

    def holder(self, token: str) -> str:
        """Give the name behind an access token; one that is no good is refused with 401."""
        return self._holder("access", token)

    def _sign(self, content: bytes) -> str:
        return hashlib.blake2b(content, key=self._key, digest_size=SIGNATURE_BYTES).hexdigest()

    def _issue(self, kind: str, name: str, lifetime_s: int) -> str:
        expires_ms = int((self._clock() + lifetime_s) * 1e3)
        content = f"{kind} {next(self._serial)} {expires_ms} {name}".encode()
        return f"{base64.urlsafe_b64encode(content).decode()}.{self._sign(content)}"

    def _holder(self, kind: str, token: str) -> str:
        encoded, _, signature = token.partition(".")
        try:
            content = base64.urlsafe_b64decode(encoded.encode("ascii"))
        except ValueError:  # no base64, or not even ASCII
            content = b""
        if not hmac.compare_digest(self._sign(content).encode(), signature.encode()):
            raise refused(web.HTTPUnauthorized, "the token is not one of this server's")
        found, _, expires_ms, name = content.decode().split(" ", 3)
        if found != kind:
            raise refused(web.HTTPUnauthorized, f"this is no {kind} token")
        if int(expires_ms) <= self._clock() * 1e3:
            raise refused(web.HTTPUnauthorized, "the token has expired: refresh it")
        return name

    def _tokens(self, name: str, status: int = 200) -> web.Response:
        return web.json_response(
            {
                "accessToken": self._issue("access", name, ACCESS_S),
                "refreshToken": self._issue("refresh", name, REFRESH_S),
                "tokenType": "Bearer",
                "expiresIn": ACCESS_S,
            },
            status=status,
        )

    async def _register(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        name = text_of(body, "email")
        text_of(body, "password")
        self._totals["registered"] += 1
        return self._tokens(name, 201)

    async def _login(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        name = text_of(body, "email" if "email" in body else "user")
        if text_of(body, "password") == REFUSED_PASSWORD:
            self._totals["logins_refused"] += 1
            raise refused(web.HTTPUnauthorized, "wrong password")
        self._totals["logins"] += 1
        return self._tokens(name)

    async def _refresh(self, request: web.Request) -> web.Response:
        token = text_of(await json_object(request), "refreshToken")
        name = self._holder("refresh", token)
        self._totals["refreshed"] += 1
        return self._tokens(name)

    async def _me(self, request: web.Request) -> web.Response:
        name = self.user(request)
        return web.json_response({"email": name, "name": name.partition("@")[0], "role": "agent"})
