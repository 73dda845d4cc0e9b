"""The live view of runs at the same time: a line for each, on a terminal only, gone at the end.

What a run says meanwhile is printed above.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Self, TextIO

from fastbench.cli.output import delivery
from fastbench.cli.output.canvas import Canvas
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count, format_ms, format_s, plural
from fastbench.run.child import Lines
from fastbench.run.live_figures import KIND, LiveFigures

if TYPE_CHECKING:
    from rich.text import Text

MAX_NAME = 14
MAX_RUNS = 12  # lines; of more runs those that are under way are shown first
_NONE = "–"  # noqa: RUF001
_STARTING, _ENDED = "starting", "ended"


class TogetherView(Canvas):
    """Show how several runs go. They are told apart by their place in `names`."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__(enabled=enabled and len(names) > 1, color=color, stream=stream)
        self._names = [printable(name) for name in names]
        self._states: list[LiveFigures | str] = [_STARTING for _ in names]

    def __enter__(self) -> Self:
        """Draw it at once: nobody has told anything yet."""
        super().__enter__()
        self._show()
        return self

    def figures(self, at: int) -> Callable[[bytes], None] | None:
        """Return who takes what the run at this place writes of itself, None if none is shown."""
        if not self._enabled:
            return None
        lines = Lines()

        def take(found: bytes) -> None:
            for kind, body in lines.feed(found):
                if kind == KIND and (told := LiveFigures.read(body)) is not None:
                    self._states[at] = told
            if not found:
                self._states[at] = _ENDED
            self._show()

        return take

    def relay(self, data: bytes) -> None:
        """Pass on a line that a run wrote for the eyes."""
        if self.shown:
            sys.stderr.write(data.decode("utf-8", "replace"))  # which draws it above the view
        else:
            delivery.relayed(data)

    def _show(self) -> None:
        if columns := self._due():
            self._draw(self._lines(columns))

    def _lines(self, columns: int) -> list[Text]:
        from rich.text import Text

        width = min(MAX_NAME, max(map(len, self._names)))
        heads = f"  {'':<{width}}  {'time':<12} {'rate':>12} {'p50':>7} {'tail':>11}"
        lines = [Text(heads, style="dim")]
        places = sorted(range(len(self._names)), key=lambda at: self._states[at] == _ENDED)
        for at in sorted(places[:MAX_RUNS]):
            line = Text(f"  {_cut(self._names[at], width, unicode=self._unicode)}  ", style="bold")
            line.append(_row(self._states[at]))
            lines.append(line)
        if left := len(places) - MAX_RUNS:
            lines += [Text(f"  and {plural(left, 'run')} more", style="dim")] if left > 0 else []
        for line in lines:
            line.truncate(columns)
        return [*lines, *self._notices(columns)]

    def _notices(self, columns: int) -> list[Text]:
        from rich.text import Text

        found = []
        for name, state in zip(self._names, self._states, strict=True):
            if isinstance(state, LiveFigures):
                for each in state.notices:
                    line = Text(f"  {name}: {printable(each)}", style="bold red")
                    line.truncate(columns)
                    found.append(line)
        return found


def _cut(name: str, width: int, *, unicode: bool) -> str:
    """Return a name at a width; of a long one its end, which tells folders apart least."""
    mark = "…" if unicode else "~"
    return f"{name:<{width}}" if len(name) <= width else mark + name[len(name) - width + 1 :]


def _row(state: LiveFigures | str) -> Text:
    from rich.text import Text

    if isinstance(state, str):
        return Text(state, style="not bold dim")
    row = Text(style="not bold")
    if state.warming:
        return row.append(f"warming up, {format_s(float(int(state.elapsed_s)))}", "yellow")
    length = f" of {format_s(state.length_s)}" if state.length_s else ""
    if not length and state.share is not None:
        length = f", {state.share:.0%}"
    elapsed = format_s(float(int(state.elapsed_s))) if state.elapsed_s >= 1 else "0s"
    row.append(f"{elapsed + length:<12} ")
    row.append(f"{f'{format_count(state.rate)} {state.per_s}':>12}", "bold")
    known = state.p50_ms > 0
    median = format_ms(state.p50_ms) if known else _NONE
    tail = f"{state.tail} {format_ms(state.tail_ms):>7}" if known else _NONE
    row.append(f" {median:>7} {tail:>11}", "cyan")
    bad = plural(state.errors, "error") if state.errors else ""
    row.append(f"  {bad or 'no errors'}", "red" if bad else "dim")
    if state.failing:
        row.append(f"  {plural(state.failing, 'threshold')} failed", "red")
    if state.vus is not None:
        row.append(f"  {plural(state.vus, 'VU')}", "dim")
    return row
