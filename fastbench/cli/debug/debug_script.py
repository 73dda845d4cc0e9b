"""`fastbench run SCRIPT --debug`: one iteration, with every request and answer.

What is shown is what a run sends and gets: the same client, in this process. Requests that a
redirect causes are shown as well.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from threading import Timer, get_ident
from traceback import walk_stack
from typing import TYPE_CHECKING

from fastbench.cli.debug import message_lines
from fastbench.cli.help import pager
from fastbench.foundation import exit_codes, redact, units
from fastbench.script.run_request import RunRequest

if TYPE_CHECKING:
    from fastbench.engine.client._client import Exchange, Response
    from fastbench.script.api.operations import operation
    from fastbench.script.worker.debug_iteration import Rehearsed

MAX_FRAMES = 200
_STEPS = (
    *("blocked", "connecting", "tls_handshaking"),
    *("sending", "waiting", "receiving", "duration"),
)


def run(request: RunRequest) -> int:
    """Run one iteration and print what happened; 0 when nothing went wrong.

    Raises OptionsError and ScriptError.
    """
    from fastbench.foundation.usage_error import UsageError
    from fastbench.script import exceptions, parent
    from fastbench.script.load import hosts
    from fastbench.script.worker import debug_iteration

    shown = _Shown()
    slow = _slow_import(request.script, hosts.host_of(request).slow_hint)
    slow.start()

    def enter(what: str) -> None:
        slow.cancel()
        shown.enter(what)

    try:
        rehearsed = debug_iteration.rehearse(
            request, enter, shown.exchange, shown.timed, shown.frame
        )
    except exceptions.Broken as broken:
        raise broken.refusal() from None
    except UsageError as error:
        raise parent.OptionsError(str(error)) from None
    finally:
        slow.cancel()
    shown.write(_ending(rehearsed))
    return shown.code or _verdict(rehearsed, shown)


def _slow_import(path: str, hint: str) -> Timer:
    """Make what tells of a script whose import takes long, from beside it."""
    from fastbench.script import exceptions
    from fastbench.script.load import loader
    from fastbench.script.parent import watchdog

    folder = loader.find(path).folder
    importer = get_ident()

    def tell() -> None:
        steps = walk_stack(sys._current_frames()[importer])
        names = [(frame.f_code.co_filename, line) for frame, line in steps]
        own = [(name, line) for name, line in names if name.startswith(folder + os.sep)]
        where = (exceptions.relative(own[0][0], folder), str(own[0][1])) if own else None
        sentence = watchdog.slow_import(redact.printable(path), watchdog.IMPORT_S, where, hint)
        pager.notes([sentence])

    timer = Timer(watchdog.IMPORT_S, tell)
    timer.daemon = True
    return timer


class _Shown:
    """Print as it goes, so that what happened before a script hangs can be seen."""

    def __init__(self) -> None:
        self.code = 0
        self.exchanges = 0
        self.expected = 0
        self._frames = 0
        self._secrets: set[str] = set()

    def write(self, lines: Iterator[str]) -> None:
        text = "\n".join(lines)
        if text and not self.code:
            self.code = pager.write(text, exact=True)

    def enter(self, what: str) -> None:
        """Begin setup, the iteration or teardown."""
        self.write(iter((f"== {redact.printable(what)}", "")))

    def exchange(self, exchange: Exchange, response: Response) -> None:
        """Show one request and its answer."""
        if not exchange.upgrade:  # a handshake is part of an operation, which is counted
            self.exchanges += 1
            self.expected += response.expected
        self._secrets.update(message_lines.secrets_of(exchange.payload))
        self.write(_lines(exchange, response, self._secrets))

    def frame(self, name: str, way: str, opcode: int, data: str | bytes) -> None:
        """Show one frame of a WebSocket: `way` is > for ours, < for the server's."""
        self._frames += 1
        if self._frames <= MAX_FRAMES:
            self.write(message_lines.frame_lines(way, opcode, data, self._secrets))
        elif self._frames == MAX_FRAMES + 1:
            self.write(iter((f"{way} … further messages of WebSockets are not shown",)))

    def timed(self, op: operation) -> None:
        """Show one operation that the script timed itself."""
        self.exchanges += 1
        self.expected += not op.failed
        self.write(_timed(op))


def _timed(op: operation) -> Iterator[str]:
    size = (
        f", {op.bytes_out} bytes sent, {op.bytes_in} received" if op.bytes_out + op.bytes_in else ""
    )
    took = units.format_ns(round((op.duration_ms or 0.0) * 1e6))
    yield redact.printable(redact.text(f"Operation {op.name} ({op.kind}): {took}{size}"))
    yield (
        "Counted as ok." if not op.failed else f"Counted as failed: {redact.text(op.reason or '')}."
    )
    yield ""


def _lines(exchange: Exchange, response: Response, secrets: set[str]) -> Iterator[str]:
    yield redact.printable(f"Request to {redact.values(redact.url(exchange.url), secrets)}")
    body = exchange.body_sent or b""
    yield from message_lines.head_lines(message_lines.SENT, exchange.sent_head)
    yield from message_lines.body_lines(message_lines.SENT, body, len(body))
    yield ""
    if response.raw_head:
        yield from message_lines.head_lines(
            message_lines.CAME, response.raw_head.rstrip(b"\r\n"), secrets
        )
        data = response.body
        yield from message_lines.body_lines(message_lines.CAME, data, len(data), secrets)
        if response.body_error:
            yield f"Body as it came: {redact.printable(response.body_error)}."
        yield ""
    timings = response.timings
    spans = ((step, getattr(timings, step)) for step in _STEPS)
    yield ", ".join(f"{step} {units.format_ns(round(ms * 1e6))}" for step, ms in spans if ms)
    if not exchange.upgrade:
        yield f"Counted as {_counted(response)}"
    yield ""


def _counted(response: Response) -> str:
    if response.error:
        return redact.printable(f"failed: {response.error}.")
    if response.expected:
        return "ok."
    return f"failed: status {response.status} is not expected; see expected_statuses()."


def _ending(rehearsed: Rehearsed) -> Iterator[str]:
    for tags, passes, fails in rehearsed.checks:
        said = json.loads(tags)
        name = " › ".join((*said.get("group", "").split("::")[1:], said.get("check", "")))  # noqa: RUF001
        counts = f"{fails} of {passes + fails} failed" if fails else "passed"
        yield f"check {redact.printable(redact.text(name))}: {counts}"
    for threw in rehearsed.threw:
        yield f"{threw['type']} at {threw['place']}: {threw['text']}"
        yield threw["traceback"]
    for broken in rehearsed.broken:
        yield f"{broken.stage} failed: {broken.sentence}"
        yield from ((broken.traceback,) if broken.traceback else ())
    if rehearsed.aborted is not None:
        yield f"The script ended the run: {rehearsed.aborted}"
    for warning in rehearsed.warnings:
        pager.notes([f"{warning['text']}; {warning['hint']}"])
    if rehearsed.others:
        names = ", ".join(rehearsed.others)
        yield f"Not run: {redact.printable(names)}; choose with --scenario NAME."


def _verdict(rehearsed: Rehearsed, shown: _Shown) -> int:
    if rehearsed.aborted is not None:
        return exit_codes.ABORTED
    if rehearsed.threw or rehearsed.broken:
        return exit_codes.SCRIPT
    return exit_codes.NOTHING if shown.exchanges and not shown.expected else 0
