"""Functions that are started when they are called: sending messages, a subscription, a checkout.

One that nobody called for a while has to start first: whoever calls meanwhile waits until it has
started and is told so by `X-Cold-Start: true`.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable
from typing import Any

from aiohttp import web

from fastbench.server.routes import Route, Totals, bearer, json_object, number_of, refused, text_of

COLD_S = 0.1  # what a start takes
IDLE_S = 60.0  # unused for longer, a function is stopped
CHECKOUT_URL = "https://checkout.example/pay/"
RECIPIENT = {"whatsapp-send": "message", "email-send-smtp": "content", "sms-send": "body"}


class Functions:
    """The functions by name; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float], totals: Totals) -> None:
        self._clock = clock
        self._totals = totals
        self._serial = itertools.count(1)
        self._used_s: dict[str, float] = {}
        self._ready_s: dict[str, float] = {}
        self._answers: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
            "whatsapp-send": self._send,
            "email-send-smtp": self._send,
            "sms-send": self._send,
            "check-subscription": self._subscription,
            "create-checkout": self._checkout,
        }

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        names = ", ".join(self._answers)
        cold = f"the first call in {IDLE_S:.0f} s takes {COLD_S * 1e3:.0f} ms more"
        return (
            Route("POST", "/functions/v1/{name}", self._call, f"{names}; {cold}"),
            Route("POST", "/api/whatsapp/send", self._whatsapp, "{to, message}"),
            Route("POST", "/api/leads", self._lead, "{name}: 201"),
        )

    async def _call(self, request: web.Request) -> web.Response:
        bearer(request)
        name = request.match_info["name"]
        answer = self._answers.get(name)
        if answer is None:
            raise refused(web.HTTPNotFound, "no such function")
        body = await json_object(request)
        cold = await self._start(name)
        # An empty object is what a warmer sends: it is answered, and nothing is done.
        found = answer(name, body) if body else {"status": "ready"}
        return web.json_response(found, headers={"X-Cold-Start": "true"} if cold else None)

    async def _start(self, name: str) -> bool:
        now_s = self._clock()
        if now_s - self._used_s.get(name, -math.inf) > IDLE_S:
            self._totals["cold_starts"] += 1
            self._ready_s[name] = now_s + COLD_S
        self._used_s[name] = now_s
        wait_s = self._ready_s[name] - now_s
        if wait_s <= 0:
            return False
        await asyncio.sleep(wait_s)
        return True

    def _number(self) -> int:
        return next(self._serial)

    def _send(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        text_of(body, "to")
        text_of(body, RECIPIENT[name])
        self._totals[name] += 1
        return {"id": f"m-{self._number()}", "status": "sent"}

    def _subscription(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"active": True, "plan": "team"}

    def _checkout(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        text_of(body, "priceId")
        number_of(body, "quantity", 1, 1000)
        self._totals["checkouts"] += 1
        session = f"cs_{self._number():08x}"
        return {"id": session, "url": CHECKOUT_URL + session}

    async def _whatsapp(self, request: web.Request) -> web.Response:
        return web.json_response(self._send("whatsapp-send", await json_object(request)))

    async def _lead(self, request: web.Request) -> web.Response:
        name = text_of(await json_object(request), "name")
        self._totals["leads"] += 1
        return web.json_response({"id": self._number(), "name": name}, status=201)
