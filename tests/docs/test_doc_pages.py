"""Every code block of README.md and of docs/ does what its page says, on a real server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from commandline import table_at_once
from doc_blocks import blocks, pages
from doc_runner import PageRun
from embedded import serving

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(900)  # the first test waits for all pages

PAGES = [page for page in pages() if blocks(page)]


def fault_of(page: Path, folder: Path, address: str) -> BaseException | None:
    """Do what a page says; give what was not as it says."""
    folder.mkdir()
    try:
        with PageRun(folder, address) as run:
            for block in blocks(page):
                run.run(block)
    except (Exception, pytest.fail.Exception) as fault:
        return fault
    return None


@pytest.fixture(scope="module")
def faults(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[Path, BaseException | None]:
    """Run the pages that are asked for side by side: their commands wait most of their time."""
    folder = tmp_path_factory.mktemp("pages")
    asked: dict[Path, None] = {
        Path(str(item.callspec.params["page"])): None
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.path == request.path
        and hasattr(item, "callspec")
    }
    with serving("--port", "0", "--quiet") as (_, url):
        address = url.removeprefix("http://")
        return table_at_once(
            {
                page: partial(fault_of, page, folder / str(number), address)
                for number, page in enumerate(asked)
            }
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_do_what_it_says(
    page: Path, faults: Mapping[Path, BaseException | None]
) -> None:
    if fault := faults[page]:
        raise fault
