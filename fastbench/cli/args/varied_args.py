"""The flags of requests that vary: the seed, and --raw, which has none."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

from fastbench.cli.args import flag_values as values
from fastbench.engine.bridge import _core
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import placeholder_texts, url_pattern
from fastbench.plan.body import Body, encoded
from fastbench.plan.pieces import Pieces
from fastbench.plan.plan import Request, WebSocket
from fastbench.plan.url_list import MAX_LINES
from fastbench.plan.varied import varied_request
from fastbench.plan.varied.placeholder_values import Known

MAX_SEED = 2**63 - 1
DRAWN = 10_000  # URLs of --rand-regex-url


@dataclass(slots=True)
class Varying:
    """What varies in the requests of a run, and from what it is made; nothing with --raw."""

    raw: bool
    seed: int
    expect: Pieces = ()
    cutter: varied_request.Cutter = field(
        default_factory=lambda: varied_request.Cutter(Known(environment=os.environ))
    )

    def request(self, typed: Request, body: Body | None, credentials: str) -> Request:
        """Return the request in pieces, where it varies."""
        if self.raw:
            return typed
        return self.cutter.request(typed, body, expect=self.expect, credentials=credentials)

    def drawn(self, flags: SimpleNamespace, patterns: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the URLs of --rand-regex-url, and for each its pattern."""
        count = values.count("--rand-regex-count", flags.regex_count, 1, MAX_LINES)
        most = values.count("--max-repeat", flags.max_repeat, 0, url_pattern.MAX_REPEATED)
        most = url_pattern.MAX_REPEAT if most is None else most
        found: list[str] = []
        names: list[str] = []
        for pattern in patterns:
            drawn = url_pattern.draw(pattern, count or DRAWN, self.seed, most)
            found += drawn
            names += [pattern] * len(drawn)
        return found, names

    def check(self, requests: tuple[Request, ...]) -> None:
        """Refuse what cannot be sent."""
        if any(each.varied for each in requests) and not hasattr(_core, "Renderer"):
            raise UsageError("This build sends no placeholders; leave {{…}} out.")

    def expected(self, text: str) -> bytes:
        """Return the text that every answer must contain; as typed where it varies."""
        if self.raw or self.expect_varies:
            return encoded(text)
        return b"".join(each.text for each in self.expect)

    @property
    def expect_varies(self) -> bool:
        """Tell whether what an answer must contain depends on the request."""
        return any(each.kind != "text" for each in self.expect)

    def config(self, requests: tuple[Request, ...]) -> dict[str, object]:
        """Return what the document says of it."""
        return {"seed": self.seed} if any(each.varied for each in requests) else {}


def read(flags: SimpleNamespace) -> Varying:
    """Read the flags; what is drawn once stays the same for all runs of them."""
    given = values.count("--seed", flags.seed, 0, MAX_SEED)
    if given is None:
        given = secrets.randbelow(2**32)
        flags.seed = str(given)
    varying = Varying(flags.raw, given)
    if not flags.raw and flags.expect_body:
        varying.expect = varying.cutter.expected(flags.expect_body)
    return varying


def refuse_sockets(flags: SimpleNamespace, opening: Request, socket: WebSocket) -> None:
    """Refuse placeholders in a handshake and in messages."""
    texts = (opening.target, socket.message, *(value for _, value in opening.fields))
    if not flags.raw and any(placeholder_texts.has_any(each) for each in texts):
        raise UsageError(
            "Handshakes and messages of WebSockets do not vary; leave {{…}} out, or add --raw, "
            "which sends braces as they are."
        )
