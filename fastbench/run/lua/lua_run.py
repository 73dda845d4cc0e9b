"""A run whose requests a script of wrk makes: before the fork, in a worker, and after the load."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fastbench.engine.bridge import _core
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.network.resolve import Endpoint
from fastbench.plan.plan import Plan, Request
from fastbench.results import counts
from fastbench.results.assessment import script_limit
from fastbench.results.histogram import Histogram, highest_ns
from fastbench.results.result import Result
from fastbench.run.lua.lua_state import ScriptError
from fastbench.run.lua.lua_threads import LuaThreads
from fastbench.run.lua.text_maker import TextMaker, not_a_request


@dataclass(slots=True)
class LuaRun:
    """The script of a plan. `chained`: how many requests the first text had, as wrk counts them."""

    plan: Plan
    threads: LuaThreads = field(init=False)
    chained: int = field(default=1, init=False)
    failed: str = field(default="", init=False)

    def begin(self, endpoints: tuple[Endpoint, ...], workers: int) -> None:
        """Load the script for each worker, call setup() and init(); raises ScriptError."""
        script, load = self.plan.lua, self.plan.load
        assert script is not None
        self.threads = LuaThreads(script, endpoints, workers, load.connect_timeout_s)
        self.chained = len(self._ends(self.threads.verified()))
        if load.planned and self.threads.delays:
            raise UsageError(
                "-R and the script's delay() both say when requests begin; leave one of them out."
            )
        if load.planned and self.chained > 1:
            raise UsageError(
                f"-R plans each request, and the script's request() returns {self.chained} at a "
                "time; let it return one, or leave -R out."
            )

    @property
    def constant(self) -> bool:
        """Whether each worker sends one request again and again."""
        return self.threads.constant and self.chained == 1 and self._request(0) is not None

    def plan_of(self, number: int) -> Plan:
        """Return the plan of a worker that sends one request again and again."""
        request = self._request(number)
        if request is None:
            raise ScriptError(f"{self.name}: what thread {number + 1} sends is no such request.")
        return replace(self.plan, requests=(request,))

    def _request(self, number: int) -> Request | None:
        """Return the one request of a thread, None where a plan cannot hold it as it is."""
        text = self.threads.verified(number)
        ends = self._ends(text)
        request = _request(text, self.plan.requests[0])
        return request if ends == [(0, len(text))] and request.payload == text else None

    def texts(self, connections: int, budget: int | None) -> _core.TextRing:
        """Return the ring of a worker."""
        return _core.TextRing(
            connections,
            in_flight=self.plan.load.pipeline,
            chained=self.chained,
            on_demand=self.threads.responds,
            answers=self.threads.responds,
            budget=_core.UNLIMITED if budget is None or self.plan.load.warmup_s else budget,
        )

    def maker(self, number: int, texts: _core.TextRing) -> TextMaker:
        """Return what makes the requests of a worker, in the worker."""
        maker = TextMaker(self.threads.state(number), texts, self.name)
        self.threads.begin(maker.stop)
        return maker

    @property
    def name(self) -> str:
        """The name of the script's file."""
        assert self.plan.lua is not None
        return os.path.basename(self.plan.lua.path)

    def last_words(self, number: int) -> dict[str, str]:
        """Return what a worker tells its parent at its end."""
        self.threads.state(number).call("flush")
        if not self.threads.reports:
            return {}
        return {"globals": self.threads.globals(number).decode("latin-1")}

    def hear(self, number: int, kind: str, body: Any) -> None:
        """Take what a worker told."""
        if kind == "globals":
            self.threads.keep(number, body.encode("latin-1"))
        elif kind == "failed":
            self.failed = self.failed or body.removesuffix(".")

    def told(self, result: Result, counters: dict[str, int]) -> Result:
        """Return the result with what the script cost."""
        load = self.plan.load
        share = script_limit.script_waited(counters, load.connections, result.summary.duration_s)
        told = script_limit.notices(result, share, responds=self.threads.responds)
        return replace(result, warnings=told)

    def done(self, result: Result) -> None:
        """Call the script's done(), if it has one; raises ScriptError."""
        if not self.threads.reports:
            return
        connect, read, write = counts.errors_as_wrk(result.errors)
        answers = {int(code): n for code, n in result.status_codes.items() if code.isdecimal()}
        summary = {
            "duration": round(result.summary.duration_s * 1e6),
            "requests": sum(answers.values()),
            "bytes": result.summary.bytes_in,
            "errors": {
                "connect": connect,
                "read": read,
                "write": write,
                "status": sum(n for code, n in answers.items() if code >= 400),
                "timeout": result.summary.timeouts,
            },
        }
        latency = result.latency.service.merge(result.latency.failed)
        self.threads.done(summary, _of_latency(latency), _of_rates(result.thread_rates))

    def _ends(self, text: bytes) -> Sequence[tuple[int, int]]:
        try:
            return _core.request_ends(text)
        except ValueError as error:
            raise not_a_request(self.name, str(error)) from None


def _request(text: bytes, like: Request) -> Request:
    """Return a request as a plan holds it."""
    head, _, body = text.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, _, rest = first.partition(b" ")
    target = rest.rpartition(b" ")[0]
    pairs = [line.partition(b":") for line in lines]
    fields = tuple((name, value.strip(b" \t")) for name, _, value in pairs)
    return replace(
        like, method=method.decode("latin-1"), target=target, fields=fields, body=body or None
    )


Statistics = tuple[dict[str, object], Callable[[float], float]]


def _of_latency(found: Histogram) -> Statistics:
    """Return latencies in microseconds, as done() reads them."""
    figures: dict[str, object] = {
        "min": found.min_ns / 1e3,
        "max": found.max_ns / 1e3,
        "mean": found.mean_ns / 1e3,
        "stdev": found.stdev_ns / 1e3,
        "values": [highest_ns(each) / 1e3 for each in found.counts],
        "counts": list(found.counts.values()),
    }
    return figures, lambda percent: found.percentile(min(100.0, max(0.0, percent))) / 1e3


def _of_rates(rates: Sequence[float]) -> Statistics:
    """Return requests per second of a thread, sampled ten times a second, as done() reads them."""
    ordered = sorted(round(rate) for rate in rates)
    mean = math.fsum(ordered) / len(ordered) if ordered else 0.0
    square = math.fsum((rate - mean) ** 2 for rate in ordered)
    values = sorted(set(ordered))
    figures: dict[str, object] = {
        "min": ordered[0] if ordered else 0,
        "max": ordered[-1] if ordered else 0,
        "mean": mean,
        "stdev": math.sqrt(square / (len(ordered) - 1)) if len(ordered) > 1 else 0.0,
        "values": values,
        "counts": [ordered.count(value) for value in values],
    }

    def percentile(percent: float) -> float:
        at = math.ceil(percent / 100 * len(ordered)) - 1
        return ordered[min(max(at, 0), len(ordered) - 1)] if ordered else 0

    return figures, percentile
