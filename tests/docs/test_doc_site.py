"""The pages of docs/: links and anchors lead somewhere, every page is reached, every name told."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from running import SLOW

import fastbench

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DOCUMENTS = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
MARKDOWN = MarkdownIt("commonmark").enable("table")
MAX_PAGES = 20  # in a folder
SHOWN = re.compile(r"^<!-- include: (\S+) -->$", re.MULTILINE)


def links(document: Path) -> list[str]:
    """Return where a document leads, without the pages of others."""
    tokens = MARKDOWN.parse(document.read_text())
    children = [each for token in tokens for each in token.children or ()]
    found = [str(each.attrGet("href") or each.attrGet("src")) for each in children]
    return [unquote(each) for each in found if each != "None" and not re.match(r"\w+:", each)]


def anchors(document: Path) -> set[str]:
    """Return the anchors of its headings, as GitHub and MyST make them."""
    tokens = MARKDOWN.parse(document.read_text())
    heads = [
        "".join(each.content for each in inline.children or ())
        for token, inline in pairwise(tokens)
        if token.type == "heading_open"
    ]
    names = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]
    seen: Counter[str] = Counter()
    made = set()
    for name in names:
        made.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return made


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_anchors_lead_somewhere(document: Path) -> None:
    wrong = []
    for link in links(document):
        name, _, anchor = link.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists():
            wrong.append(f"{link}: no such file")
        elif anchor and path.suffix == ".md" and anchor not in anchors(path):
            wrong.append(f"{link}: no such heading")
    assert wrong == []


def test_every_page_is_reached_from_the_index() -> None:
    seen, left = set(), [DOCS / "index.md"]
    while left:
        page = left.pop()
        if page in seen or page.suffix != ".md" or not page.is_relative_to(DOCS):
            continue
        seen.add(page)
        found = [link.partition("#")[0] for link in links(page)]
        left += [(page.parent / name).resolve() for name in found if name]
    assert [str(page.relative_to(DOCS)) for page in PAGES if page not in seen] == []


def test_a_folder_of_pages_is_small_enough_to_be_looked_through() -> None:
    counts = Counter(page.parent for page in PAGES)
    assert {str(each): n for each, n in counts.items() if n > MAX_PAGES} == {}


def test_every_page_has_one_title() -> None:
    for page in PAGES:
        tokens = MARKDOWN.parse(page.read_text())
        titles = [each for each in tokens if each.type == "heading_open" and each.tag == "h1"]
        assert len(titles) == 1, page.name


def test_documents_that_a_page_shows_exist() -> None:
    shown = [name for page in PAGES for name in SHOWN.findall(page.read_text())]
    assert len(shown) >= 4 and all((ROOT / name).exists() for name in shown)


def test_every_name_of_scripts_is_in_the_reference() -> None:
    pages = [page.read_text() for page in (DOCS / "reference" / "api").glob("*.md")]
    told = set(re.findall(r"^\.\. auto\w+:: fastbench\.(\w+)$", "\n".join(pages), re.MULTILINE))
    parts = {page.stem for page in (DOCS / "reference" / "api").glob("*.md")}
    assert set(fastbench.__all__) - {"__version__"} <= told | parts


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    if not SLOW:
        pytest.skip("it takes half a minute beside others; make docs and make slow build it")
    words = ("-q", "-E", "-W", "--keep-going", "-d", str(tmp_path / "trees"))
    command = [sys.executable, "-m", "sphinx", *words, str(DOCS), str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    vu = (tmp_path / "site" / "reference" / "api" / "vu.html").read_text()
    assert "Longest silence after the head" in vu and "gap_timeout" in vu
    head = re.sub(r"<[^>]+>", "", vu.partition('id="fastbench.Vu"')[2].partition("</dt>")[0])
    assert "maker" not in head and "Attributes" in vu  # nobody makes a user, it is given
    answers = (tmp_path / "site" / "reference" / "api" / "answers.html").read_text()
    assert 'id="fastbench.Response.json"' in answers
