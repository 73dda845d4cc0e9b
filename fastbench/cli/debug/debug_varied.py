"""Requests that vary, as `--debug` sends them: rendered, those that one worker sends first."""

from __future__ import annotations

import re
from dataclasses import replace

from fastbench.foundation import redact
from fastbench.machine import environment
from fastbench.plan.plan import Plan, Request
from fastbench.plan.varied import reference
from fastbench.plan.varied.reference import Sent, Turn
from fastbench.run import worker

_SERVER = re.compile(r"[^/?#]*://[^/?#]*")


def rendered(plan: Plan, most: int) -> tuple[list[tuple[Plan, Request]], int]:
    """Return what is sent, with the plan to judge it by, and how many there would be.

    As many as -n says, else each URL once; `most` at most.
    """
    asked = plan.config.get("requests")
    count = asked if isinstance(asked, int) else len(plan.requests)
    cycle = worker.order(plan.requests) if isinstance(asked, int) else range(count)
    found = []
    for number in range(min(count, most)):
        request = plan.requests[cycle[number % len(cycle)]]
        if request.varied is None:
            found.append((plan, request))
            continue
        turn = Turn(number, environment.unix_ns(), connection=number)
        said = reference.sent(request.varied, turn, plan.seed, plan.feed)
        judged = plan
        if request.varied.expect:
            judged = replace(plan, expect=replace(plan.expect, body=said.expect))
        found.append((judged, _constant(request, said)))
    return found, count


def _constant(request: Request, said: Sent) -> Request:
    server = _SERVER.match(request.url)
    shown = (server[0] if server else "") + said.target.decode("utf-8", "replace")
    return replace(
        request,
        target=said.target,
        fields=tuple((name, value.strip(b" \t")) for name, value in reference.fields(said)),
        body=said.body,
        url=redact.printable(redact.url(shown)),
        varied=None,
    )
