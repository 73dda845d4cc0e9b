"""`--debug`: send each URL once, show both sides, and say how it would be counted.

Of requests that vary as many are sent as -n says, each with values of its own. Of many the first
MAX_REQUESTS are sent. They are sent one after another, each on a connection of its own,
and shown as they come: one that hangs does not hide those before it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

from fastbench.cli.debug import debug_exchange, debug_varied, message_lines
from fastbench.cli.debug.debug_exchange import Exchange
from fastbench.cli.debug.http2_frames import DATA
from fastbench.cli.help import pager
from fastbench.cli.output.settings import Output
from fastbench.foundation import errors, exit_codes, redact, units
from fastbench.plan.network import followed_urls, proxies
from fastbench.plan.plan import Plan, Request

MAX_REQUESTS = 10
MAX_FRAMES = 200  # of HTTP/2, both ways


def run(plan: Plan, output: Output) -> int:
    """Send the requests and print what happened; 0 when every one would count as ok."""
    plan = followed_urls.followed(plan)
    sent, total = _answering(*_sent(_signed(plan)))
    good = written = 0
    if ways := followed_urls.told(plan):
        told = "\n".join(ways)
        written = _say(told) if output.quiet else pager.write(f"{told}\n")
    for number, (judged, request) in enumerate(sent, 1):
        now = debug_exchange.run(judged, request)
        verdict, ok = judge(judged, now)
        good += ok
        if output.quiet:
            _say(f"{_called(request)}: counted as {verdict}" if sent[1:] else _counted(verdict))
            continue
        place = f" {number} of {total:,}" if sent[1:] else ""
        shown = _tunnel(plan, now)
        shown += _talk(place, now) if now.talk else [*_asked(place, now), *_answered(now)]
        lines = [*shown, *_times(now), "", _counted(verdict)]
        lines += [""] if sent[1:] else []
        written = pager.write("\n".join(lines), exact=True)
        if written:
            break
    if sent[1:] and not written:
        told = _summary(good, len(sent), total)
        written = _say(told) if output.quiet else pager.write(told)
    return written if good == len(sent) else exit_codes.NOTHING


def _signed(plan: Plan) -> Plan:
    """Return the plan with the requests as they are signed now, if they are."""
    if plan.signing is None:
        return plan
    from fastbench.machine import environment
    from fastbench.plan import aws_signature

    unix_s = environment.unix_ns() // 1_000_000_000
    signed = (aws_signature.signed(each, plan.signing, unix_s) for each in plan.requests)
    return replace(plan, requests=tuple(signed))


def _answering(
    sent: list[tuple[Plan, Request]], total: int
) -> tuple[list[tuple[Plan, Request]], int]:
    """Let the requests answer a challenge, as those of one worker, if they do."""
    if not sent or sent[0][0].digest is None:
        return sent, total
    from fastbench.plan.network import digest_challenges, digest_fields

    asked = replace(sent[0][0], requests=(sent[0][1],))
    digest = digest_challenges.fetched(asked, 1).digest
    assert digest is not None
    answers = digest_fields.answers(digest, 0)
    return [
        (plan, digest_fields.constant(request, answers, count))
        for count, (plan, request) in enumerate(sent, 1)
    ], total


def _sent(plan: Plan) -> tuple[list[tuple[Plan, Request]], int]:
    """Return what is sent, with the plan to judge it by, and how many there are."""
    if any(each.varied for each in plan.requests):
        return debug_varied.rendered(plan, MAX_REQUESTS)
    requests = list({(each.url, each.payload): each for each in plan.requests}.values())
    return [(plan, each) for each in requests[:MAX_REQUESTS]], len(requests)


def _say(sentence: str) -> int:
    print(redact.printable(sentence), file=sys.stderr)
    return 0


def _counted(verdict: str) -> str:
    return f"Counted as {verdict}"


def _called(request: Request) -> str:
    return f"{request.method} {request.url}"


def _summary(good: int, sent: int, of: int) -> str:
    """Say how many were ok, and how many were not sent."""
    told = f"All {sent} counted as ok" if good == sent else f"{good} of {sent} counted as ok"
    more = of - sent
    rest = f"; {more:,} more {'is' if more == 1 else 'are'} not sent" if more else ""
    return f"{told}{rest}."


def judge(plan: Plan, now: Exchange) -> tuple[str, bool]:
    """Say how a run counts this exchange, and whether that is ok."""
    if now.error is not None:
        kind, phase, code = now.error
        unused = [] if plan.proxy else proxies.notices([kind])
        told = "".join(f"; {text}" for _, text, _ in unused)
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


def _asked(place: str, now: Exchange) -> Iterator[str]:
    where = f" ({now.address})" if now.address else ""
    yield f"Request{place} to {now.request.url}{redact.printable(where)}"
    head, _, body = now.request.payload.partition(b"\r\n\r\n")
    yield from message_lines.head_lines(message_lines.SENT, head)
    yield from message_lines.body_lines(message_lines.SENT, body, len(body))


def _tunnel(plan: Plan, now: Exchange) -> list[str]:
    """Show what was said to the proxy and heard from it; SOCKS5 is no text."""
    if not now.asked or plan.proxy is None:
        return []
    where = redact.printable(f" ({now.address})" if now.address else "")
    lines = [f"Tunnel through {plan.proxy.shown}{where}"]
    if plan.proxy.scheme == "http":
        lines += message_lines.head_lines(message_lines.SENT, now.asked.rstrip(b"\r\n"))
        if now.tunnelled:
            came = now.tunnelled.rstrip(b"\r\n")
            lines += message_lines.head_lines(
                message_lines.CAME, came, message_lines.secrets_of(now.asked)
            )
    else:
        lines += [f"{message_lines.SENT}{units.format_bytes(len(now.asked))} of SOCKS5"]
        lines += [f"{message_lines.CAME}{now.tunnelled.hex(' ')}"] if now.tunnelled else []
    return [*lines, ""]


def _talk(place: str, now: Exchange) -> Iterator[str]:
    """Show the frames of HTTP/2 in the order in which they went."""
    assert now.talk is not None
    where = f" ({now.address})" if now.address else ""
    yield f"Request{place} to {now.request.url}{redact.printable(where)} over HTTP/2"
    secrets = message_lines.secrets_of(now.request.payload)
    asked = now.request.body or b""
    bodies = {
        message_lines.SENT: (asked, len(asked), ()),
        message_lines.CAME: (bytes(now.talk.body), now.body_bytes, secrets),
    }
    for mark, frame in now.talk.frames[:MAX_FRAMES]:
        body, size, masked = b"", 0, bodies[mark][2] if mark in bodies else secrets
        if frame.kind == DATA and mark in bodies:
            body, size, masked = bodies.pop(mark)
        yield from message_lines.http2_lines(mark, frame, body, size, masked)
    if (more := len(now.talk.frames) - MAX_FRAMES) > 0:
        yield f"… {more:,} more frames"
    if now.talk.body and not now.settled_ns:  # what came is no HTTP/2
        yield from message_lines.body_lines(message_lines.CAME, *bodies[message_lines.CAME])
    yield f"{units.format_bytes(now.received_bytes)} received"


def _answered(now: Exchange) -> Iterator[str]:
    if not now.received:
        return
    yield ""
    yield f"Response, {units.format_bytes(now.received_bytes)} on the wire"
    secrets = message_lines.secrets_of(now.request.payload)
    head, gap, rest = bytes(now.received).partition(b"\r\n\r\n")
    while gap and head[9:10] == b"1":  # interim answers come before the final one
        yield from message_lines.head_lines(message_lines.CAME, head, secrets)
        head, gap, rest = rest.partition(b"\r\n\r\n")
    yield from message_lines.head_lines(
        message_lines.CAME, head if gap else head[: message_lines.SHOWN_BODY_BYTES], secrets
    )
    yield from message_lines.body_lines(message_lines.CAME, rest, now.body_bytes, secrets)


def _times(now: Exchange) -> Iterator[str]:
    yield ""
    steps = [
        ("resolve", now.begin_ns, now.resolved_ns),
        ("connect", now.resolved_ns, now.connected_ns),
        ("tunnel", now.connected_ns, now.tunnelled_ns),
        ("tls", now.tunnelled_ns or now.connected_ns, now.secured_ns),
        ("SETTINGS", now.secured_ns or now.tunnelled_ns or now.connected_ns, now.settled_ns),
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
