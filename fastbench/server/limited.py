"""A known capacity: so many answers per second, spaced evenly by a token bucket, whoever asks.

1. A bucket gains RATE tokens a second and holds at most `burst` of them (1). A request takes one;
   one that finds none waits for its own in the order of arrival, as in a full server's queue.
2. With `?over=reject` it does not wait: 429. A queue longer than QUEUE_S is refused, too: 503.
3. There is a bucket for each rate and burst; the oldest is forgotten first.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from aiohttp import web

from fastbench.server.routes import Route, number, refused

RATE_MAX = 1_000_000
BURST_MAX = 1_000_000
QUEUE_S = 10.0
BUCKETS_MAX = 1000


class Bucket:
    """Tokens per second; `clock` gives seconds that never go back."""

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float]) -> None:
        self._spacing_s = 1 / per_s
        self._early_s = (burst - 1) * self._spacing_s
        self._clock = clock
        self._due_s = -math.inf  # of the next token, if all come evenly from now on

    def take(self, wait_max_s: float) -> tuple[bool, float]:
        """Take a token: true and in how many seconds it is there.

        False and in how many seconds it would be, when that is more than `wait_max_s`: it stays.
        """
        now_s = self._clock()
        due_s = max(now_s, self._due_s)
        wait_s = max(0.0, due_s - self._early_s - now_s)
        taken = wait_s <= wait_max_s
        if taken:
            self._due_s = due_s + self._spacing_s
        return taken, wait_s


class Limited:
    """The buckets by rate and burst; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[tuple[int, int], Bucket] = {}

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        what = "RATE answers a second, the rest waits; ?over=reject: 429 instead, ?burst=N"
        return (Route("GET", "/limited/{rate}", self._answer, what),)

    async def _answer(self, request: web.Request) -> web.Response:
        over = request.query.get("over", "wait")
        if over not in ("wait", "reject"):
            raise refused(web.HTTPBadRequest, "over must be wait or reject")
        bucket = self._bucket(_rate(request), number(request, "burst", 1, BURST_MAX))
        taken, wait_s = bucket.take(QUEUE_S if over == "wait" else 0.0)
        if not taken:
            kind = web.HTTPTooManyRequests if over == "reject" else web.HTTPServiceUnavailable
            why = {"Retry-After": str(max(1, math.ceil(wait_s)))}
            raise refused(kind, "the rate is used up", why)
        if wait_s:
            await asyncio.sleep(wait_s)
        return web.json_response({"waited_ms": round(wait_s * 1e3, 3)})

    def _bucket(self, per_s: int, burst: int) -> Bucket:
        key = (per_s, burst)
        if key not in self._buckets:
            self._buckets[key] = Bucket(per_s, burst, self._clock)
            if len(self._buckets) > BUCKETS_MAX:
                del self._buckets[next(iter(self._buckets))]
        return self._buckets[key]


def _rate(request: web.Request) -> int:
    text = request.match_info["rate"]
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= RATE_MAX):
        raise refused(web.HTTPBadRequest, f"the rate must be a number from 1 to {RATE_MAX}")
    return int(text)
