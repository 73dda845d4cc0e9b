"""What the connections of a run led to and agreed on: addresses, TLS, the version of HTTP."""

from __future__ import annotations

from fastbench.foundation.redact import printable
from fastbench.report import protocol_words
from fastbench.report.page import Page, Part, plural
from fastbench.results import addresses
from fastbench.results.result import Result


def lines(page: Page, result: Result) -> list[str]:
    """Return a row of each, where there is something to say."""
    spoken: list[Part] = [(part, str) for part in protocol_words.told(result)]
    return [
        *_addresses(page, result),
        *_tls(page, result),
        *(page.flowed("Protocol", spoken) if spoken else []),
    ]


def _addresses(page: Page, result: Result) -> list[str]:
    """Say how connections were spread over the addresses of a name that has several."""
    spread = addresses.summary(result.addresses)
    return page.wrapped("Addresses", printable(spread)) if spread else []


def _tls(page: Page, result: Result) -> list[str]:
    tls = result.tls
    if tls is None:
        return []
    if not tls.handshakes:
        return [page.row("TLS", "no handshake succeeded")]
    parts: list[Part] = [("verified", str) if tls.verified else ("not verified (-k)", page.yellow)]
    parts += [(printable(part), str) for part in (tls.version, tls.cipher) if part]
    parts += [(plural(tls.handshakes, "handshake"), str), (f"{tls.resumed:,} resumed", str)]
    return page.flowed("TLS", parts)
