"""A plan as it goes into the document: JSON-ready, secrets masked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastbench.foundation import redact
from fastbench.plan.plan import Expect, Request, Target, WebSocket
from fastbench.plan.workload import Load, Pace

_LONG_WORD = 200  # of a body in the echoed command line


def of_parts(target: Target, load: Load, expect: Expect) -> dict[str, object]:
    """Return the plan as it goes into the document; nothing here is a secret."""
    text = expect.body.decode("utf-8", "replace")
    tls = target.tls
    return {
        "url": target.url,
        "unix": shown(target.unix_path),
        "connections": load.connections,
        "workers": load.workers,
        "duration_s": load.duration_s,
        "requests": load.requests,
        "pipeline": load.pipeline,
        "http": load.http,
        "streams": load.streams,
        "keepalive": load.keepalive,
        "retry": load.retry,
        "timeout_s": load.timeout_s,
        "connect_timeout_s": load.connect_timeout_s,
        "warmup_s": load.warmup_s,
        "drain": load.drain,
        **_of_pace(load.pace),
        "expect_body": redact.printable(redact.text(text)) or None,
        "tls": None
        if tls is None
        else {
            "verify": tls.verify,
            "cafile": shown(tls.cafile),
            "certfile": shown(tls.certfile),
            "servername": tls.servername,
        },
    }


def of_socket(socket: WebSocket | None) -> dict[str, object]:
    """Return what connections do as WebSockets; nothing in a run of HTTP."""
    if socket is None:
        return {}
    return {
        "websocket": {
            "mode": socket.mode,
            "message_bytes": len(socket.message),
            "binary": socket.binary,
            "subprotocols": list(socket.subprotocols),
        }
    }


def _of_pace(pace: Pace | None) -> dict[str, object]:
    """Return what the plan asks for over time; a last stage without end has no length."""
    if pace is None:
        return dict.fromkeys(("rate", "stages", "arrival", "burst", "on_overload"))
    stages = [
        {
            "length_s": stage.length_s if math.isfinite(stage.length_s) else None,
            "first": stage.first,
            "last": stage.last,
        }
        for stage in pace.stages
    ]
    if not pace.rates:
        none = dict.fromkeys(("rate", "arrival", "burst", "on_overload"))
        return {**none, "stages": stages}
    return {
        "rate": pace.peak,
        "stages": stages if len(stages) > 1 else None,
        "arrival": pace.arrival,
        "burst": {"requests": pace.burst, "every_s": pace.every_s} if pace.burst else None,
        "on_overload": "drop" if pace.drop else "queue",
    }


def of_requests(
    requests: Sequence[Request], headers: Sequence[tuple[str, str]]
) -> dict[str, object]:
    """Return what is sent; `headers` are those that all requests have in common."""
    return {
        "urls": len(requests),
        "method": requests[0].method,
        "headers": [[name, shown(redact.header(name, value))] for name, value in headers],
    }


def of_command(argv: Sequence[str]) -> dict[str, object]:
    """Return the command line as it may be shown: secrets masked, bodies cut."""
    words = ["fastbench", *redact.argv(argv)]
    cut = (word if len(word) <= _LONG_WORD else f"{word[:_LONG_WORD]}…" for word in words)
    return {"command": [shown(word) or "" for word in cut]}


def shown(text: str | None) -> str | None:
    """Return text that can be encoded: a command line may hold bytes that are no UTF-8."""
    return None if text is None else redact.printable(text, lines=True)
