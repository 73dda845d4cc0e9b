"""The view of a comparison while it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TextIO

from fastbench.cli.output.live.keyed_view import KeyedView
from fastbench.cli.output.live.pair_figures import PairFacts, PairFigures, PairKeeper
from fastbench.cli.output.live.pair_frame import frame
from fastbench.experiments.trials.pairing import Standing
from fastbench.foundation import meanwhile

if TYPE_CHECKING:
    from fastbench.cli.output.live.keyboard import Keyboard

PRINTED = 20
_NOTHING = Standing("pilot", (), "base", 1, 0, "starting", None, 0.0)


class PairView:
    """Show how the intervals shrink, as a context manager.

    `enabled` is False under --quiet and --no-progress. `color` False, or NO_COLOR, draws without
    colour.
    """

    def __init__(
        self,
        facts: PairFacts,
        *,
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
        keys: Keyboard | None = None,
    ) -> None:
        self._view = KeyedView(
            self._figures,
            frame,
            self._beat,
            enabled=enabled,
            color=color,
            stream=stream,
            keys=keys,
        )
        self._kept = PairKeeper(facts)
        self._now: Standing | None = None

    def __enter__(self) -> Self:
        """Take what is printed meanwhile."""
        self._view.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """Give the terminal back."""
        self._view.__exit__(*raised)

    def update(self, now: Standing) -> None:
        """Take how far it is."""
        self._now = now
        self._view.show()

    def _beat(self) -> None:
        if self._now is not None:
            stage = meanwhile.now()
            self._view.show("" if stage is None else stage.name)

    def _figures(self) -> PairFigures:
        printed = tuple(self._view.screen.printed)[-PRINTED:]
        return self._kept.figures(self._now or _NOTHING, printed)
