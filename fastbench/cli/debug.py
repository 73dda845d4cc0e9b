"""`--debug`: send one request, show both sides, and say how it would be counted."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from fastbench import errors, exits, proxies, redact, units
from fastbench.cli import exchange, page, sides
from fastbench.cli.exchange import Exchange
from fastbench.cli.flags import Output
from fastbench.plan import Plan


def run(plan: Plan, output: Output) -> int:
    """Send the first request once and print what happened; 0 when it would count as ok."""
    now = exchange.run(plan)
    lines = [*_asked(plan, now), *_answered(now), *_times(now)]
    verdict, ok = judge(plan, now)
    lines += ["", f"Counted as {verdict}"]
    written = 0
    if output.quiet:
        print(f"Counted as {verdict}", file=sys.stderr)
    else:
        written = page.write("\n".join(lines))
    return written if ok else exits.NOTHING


def judge(plan: Plan, now: Exchange) -> tuple[str, bool]:
    """Say how a run counts this exchange, and whether that is ok."""
    if now.error is not None:
        kind, phase, code = now.error
        told = "".join(f"; {text}" for _, text, _ in proxies.notices([kind]))
        return f"{kind}: {_described(kind, phase, code)}{told}.", False
    expected = plan.expect.statuses
    if expected is None and now.status >= 400:
        return f"failed: status {now.status} is not below 400; see --expect-status.", False
    if expected is not None and now.status not in expected:
        return f"expectation: {_described('expectation', 'head', str(now.status))}.", False
    if plan.expect.body and not now.body_found:
        return f"expectation: {_described('expectation', 'body', '')}.", False
    return "ok.", True


def _described(kind: str, phase: str, code: str) -> str:
    """Return cause and cure; a cure that says --debug helps nobody here."""
    message, hint = errors.describe(kind, phase, code)
    cause = redact.printable(message)
    return cause if "--debug" in hint else f"{cause}; {hint}"


def _asked(plan: Plan, now: Exchange) -> Iterator[str]:
    where = f" ({now.address})" if now.address else ""
    yield f"Request to {now.request.url}{redact.printable(where)}"
    if len(plan.requests) > 1:
        yield f"The first of {len(plan.requests)}; the others are not sent."
    head, _, body = now.request.payload.partition(b"\r\n\r\n")
    yield from sides.head_lines(sides.SENT, head)
    yield from sides.body_lines(sides.SENT, body, len(body))


def _answered(now: Exchange) -> Iterator[str]:
    if not now.received:
        return
    yield ""
    yield f"Response, {units.format_bytes(now.received_bytes)} on the wire"
    secrets = sides.secrets_of(now.request.payload)
    head, gap, rest = bytes(now.received).partition(b"\r\n\r\n")
    while gap and head[9:10] == b"1":  # interim answers come before the final one
        yield from sides.head_lines(sides.CAME, head, secrets)
        head, gap, rest = rest.partition(b"\r\n\r\n")
    yield from sides.head_lines(
        sides.CAME, head if gap else head[: sides.SHOWN_BODY_BYTES], secrets
    )
    yield from sides.body_lines(sides.CAME, rest, now.body_bytes, secrets)


def _times(now: Exchange) -> Iterator[str]:
    yield ""
    steps = [
        ("resolve", now.begin_ns, now.resolved_ns),
        ("connect", now.resolved_ns, now.connected_ns),
        ("tls", now.connected_ns, now.secured_ns),
        ("first byte", now.sent_ns, now.first_byte_ns),
        ("service time", now.sent_ns, now.end_ns),
        ("total", now.begin_ns, now.end_ns),
    ]
    for name, start_ns, end_ns in steps:
        if start_ns and end_ns:
            extra = f"  {now.tls}" if name == "tls" else ""
            yield f"{name:<13}{units.format_ns(end_ns - start_ns):>8}{extra}"
    if now.error is None:
        yield f"{'connection':<13}{'stays open' if now.reusable else 'is closed':>8}"
