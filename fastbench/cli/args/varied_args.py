"""The flags of requests that vary: the rows that they are made of, the seed, and --raw."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import get_args

from fastbench.cli.args import flag_values as values
from fastbench.foundation import units
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import placeholder_texts
from fastbench.plan.body import Body, encoded
from fastbench.plan.pieces import Feed, Pieces, RowOrder
from fastbench.plan.plan import Request, WebSocket
from fastbench.plan.url_list import MAX_LINES
from fastbench.plan.varied import varied_request
from fastbench.plan.varied.placeholder_values import Known

MAX_SEED = 2**63 - 1
DRAWN = 10_000  # URLs of --rand-regex-url
MAX_REQUEST_BYTES = 16 << 20
_ORDERS: dict[str, RowOrder] = {each: each for each in get_args(RowOrder)}


@dataclass(slots=True)
class Varying:
    """What varies in the requests of a run, and from what it is made; nothing with --raw."""

    raw: bool
    seed: int
    rows: Feed | None = None
    expect: Pieces = ()
    cutter: varied_request.Cutter = field(default_factory=lambda: varied_request.Cutter(Known()))
    varies: bool = False  # a request does

    def request(self, typed: Request, body: Body | None, credentials: str) -> Request:
        """Return the request in pieces, where it varies."""
        if self.raw:
            return typed
        cut = self.cutter
        found = cut.request(typed, body, expect=self.expect, credentials=credentials)
        if found.varied is None:
            return found
        self.varies = True
        longest = () if self.rows is None else self.rows.longest
        if (most := varied_request.most_bytes(found, longest)) > MAX_REQUEST_BYTES:
            raise UsageError(
                f"A request may have {units.format_bytes(most)} with the longest values; one that "
                "varies has at most 16 MiB."
            )
        return found

    def drawn(self, flags: SimpleNamespace, patterns: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the URLs of --rand-regex-url, and for each its pattern."""
        count = values.count("--rand-regex-count", flags.regex_count, 1, MAX_LINES)
        from fastbench.plan import url_pattern

        most = values.count("--max-repeat", flags.max_repeat, 0, url_pattern.MAX_REPEATED)
        most = url_pattern.MAX_REPEAT if most is None else most
        found: list[str] = []
        names: list[str] = []
        for pattern in patterns:
            drawn = url_pattern.draw(pattern, count or DRAWN, self.seed, most)
            found += drawn
            names += [pattern] * len(drawn)
        return found, names

    def check(self, notices: list[str]) -> None:
        """Refuse values that would break a request where they stand, once all are known."""
        for column, (wrong, use) in self.cutter.columns.items():
            if self.rows is not None and wrong:
                from fastbench.run import feed_file

                feed_file.check_column(self.rows, column, wrong, use)
        if self.rows is not None and not self.cutter.columns:
            names = ", ".join(f"{{{{{each}}}}}" for each in self.rows.columns[:3])
            more = ", …" if self.rows.columns[3:] else ""
            notices.append(
                f"--feed {self.rows.path} is not used: no placeholder names a column of it "
                f"({names}{more})."
            )

    @property
    def feed(self) -> Feed | None:
        """The rows, where a request is made of them."""
        return self.rows if self.cutter.columns else None

    def expected(self, text: str) -> bytes:
        """Return the text that every answer must contain; as typed where it varies."""
        if self.raw or self.expect_varies:
            return encoded(text)
        return b"".join(each.text for each in self.expect)

    @property
    def expect_varies(self) -> bool:
        """Tell whether what an answer must contain depends on the request."""
        return any(each.kind != "text" for each in self.expect)

    def config(self) -> dict[str, object]:
        """Return what the document says of it."""
        found: dict[str, object] = {"seed": self.seed} if self.varies else {}
        if (feed := self.feed) is not None:
            found["feed"] = {"file": feed.path, "rows": feed.n_rows, "order": feed.order}
        return found


def read(flags: SimpleNamespace, notices: list[str]) -> Varying:
    """Read the flags; what is read or drawn once stays the same for all runs of them.

    Where each row is for one request -n is set to as many.
    """
    given = values.count("--seed", flags.seed, 0, MAX_SEED)
    if given is None:
        given = int.from_bytes(os.urandom(4), "little")
        flags.seed = str(given)
    rows = _rows(flags)
    if rows is not None and rows.order == "once":
        _once(flags, rows, notices)
    known = Known(environment=os.environ)
    if rows is not None:
        known = Known(rows.columns, rows.path, os.environ)
    varying = Varying(flags.raw, given, rows, cutter=varied_request.Cutter(known))
    if not flags.raw and flags.expect_body:
        varying.expect = varying.cutter.expected(flags.expect_body)
    return varying


def of_several_runs(flags: SimpleNamespace, what: str) -> None:
    """Read rows and seed for all runs of a comparison or a search. Raises UsageError."""
    if flags.feed_order == "once":
        raise UsageError(
            f"--feed-order once is for one run, and {what} has several, each from the first row "
            "on; leave it out."
        )
    read(flags, [])


def _rows(flags: SimpleNamespace) -> Feed | None:
    """Read the file of --feed, once for these flags and their copies."""
    order = values.choice("--feed-order", flags.feed_order, _ORDERS) or "in-order"
    if flags.feed is None:
        if flags.feed_order is not None:
            raise UsageError("--feed-order is of rows; add --feed FILE.")
        return None
    if flags.raw:
        raise UsageError("--raw has no placeholders, which --feed is for; leave one of them out.")
    found: Feed | None = getattr(flags, "rows", None)
    if found is None:
        from fastbench.run import feed_file

        found = flags.rows = feed_file.read(flags.feed, _ORDERS[order])
    return found


def _once(flags: SimpleNamespace, rows: Feed, notices: list[str]) -> None:
    """Let the run end with the rows."""
    if flags.warmup is not None:
        raise UsageError(
            "--feed-order once has each row in one request, and -W would use some of them up; "
            "leave -W out."
        )
    asked = values.count("-n", flags.requests)
    if asked is None or asked > rows.n_rows:
        said = f"-n {asked:,} is more than" if asked is not None else "the run ends with"
        notices.append(f"--feed-order once: {said} the {rows.n_rows:,} rows of {rows.path}.")
        flags.requests = str(rows.n_rows)


def refuse_sockets(flags: SimpleNamespace, opening: Request, socket: WebSocket) -> None:
    """Refuse placeholders in a handshake and in messages."""
    texts = (opening.target, socket.message, *(value for _, value in opening.fields))
    if not flags.raw and any(placeholder_texts.has_any(each) for each in texts):
        raise UsageError(
            "Handshakes and messages of WebSockets do not vary; leave {{…}} out, or add --raw, "
            "which sends braces as they are."
        )
