"""`--dashboard`: make the page before the load, say where it is, and let it hear of the run.

aiohttp is imported when there is a page, and before the load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from fastbench.cli.output import delivery
from fastbench.cli.output.settings import Output
from fastbench.foundation import redact

if TYPE_CHECKING:
    from fastbench.outputs.dashboard.dashboard_server import Board
    from fastbench.plan.plan import Plan
    from fastbench.results.metric_values import NamedRow
    from fastbench.run.sampling import Progress
    from fastbench.run.snapshot import Snapshot
    from fastbench.script.run_request import RunRequest

Tell = Callable[["Progress"], None]


@contextmanager
def of_plan(output: Output, plan: Plan) -> Iterator[Board | None]:
    """Serve a page that follows a plain run, if that was asked for."""
    with _opened(output, plan.config, plan.load.duration_s, plan.load.requests) as board:
        yield board


@contextmanager
def of_script(output: Output, request: RunRequest) -> Iterator[Board | None]:
    """Serve a page that follows the run of a script, of which little is known before it loads."""
    url = None if request.base_url is None else redact.url(request.base_url)
    with _opened(output, {"script": request.script, "url": url}, None, None) as board:
        yield board


@contextmanager
def _opened(
    output: Output, config: Mapping[str, object], duration_s: float | None, requests: int | None
) -> Iterator[Board | None]:
    if output.dashboard is None:
        yield None
        return
    from fastbench.machine import processes
    from fastbench.outputs.dashboard.dashboard_page import page
    from fastbench.outputs.dashboard.dashboard_server import Board
    from fastbench.outputs.dashboard.story import Ends, Story

    story = Story(Ends(duration_s, requests), processes.name)
    board = Board(page(config), story, output.dashboard)
    try:
        delivery.tell(f"the dashboard of this run is {board.url}")
        yield board
    finally:
        board.close()


def line(board: Board | None) -> str:
    """Return what the live view says of the page, "" without one."""
    return "" if board is None else f"dashboard {board.url}"


def beside(tell: Tell, board: Board | None, urls: ByUrl | None = None) -> Tell:
    """Return who tells the page, too."""
    if board is None:
        return tell

    def both(now: Progress) -> None:
        tell(now)
        board.update(now if urls is None else replace(now, by_url=urls.seen))

    return both


class ByUrl:
    """Follow the URLs of a run for its page."""

    def __init__(self) -> None:
        self.seen: tuple[NamedRow, ...] = ()

    def take(self, now: Snapshot) -> None:
        """Keep what the snapshot holds of each URL."""
        self.seen = now.requests()
