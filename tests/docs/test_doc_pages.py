"""Every code block of README.md and of docs/ does what its page says, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_blocks import blocks, pages
from doc_runner import PageRun
from embedded import serving

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for page in pages() if blocks(page)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve what all pages load; gives host:port."""
    with serving("--port", "0", "--quiet") as (_, url):
        yield url.removeprefix("http://")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_do_what_it_says(page: Path, address: str, tmp_path: Path) -> None:
    with PageRun(tmp_path, address) as run:
        for block in blocks(page):
            run.run(block)
