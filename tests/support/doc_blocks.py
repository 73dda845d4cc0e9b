"""The code blocks of a page of documentation, and what its comments say about each.

In a page, directly above a fence:

    <!-- file: checkout.py -->    the block is this file, for the blocks that follow
    <!-- exit: 99 -->             its last command ends with this exit code, instead of 0
    <!-- not run: REASON -->      it is not run; its commands of fastbench are read all the same
    <!-- copy: FILE NAME -->      a file of the repository is there by that name from here on

Above a table these hold for its commands: what stands in a column headed "ours", "here" or
"fastbench" as `fastbench …`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["Block", "blocks", "pages"]

ROOT = Path(__file__).resolve().parents[2]
COMMENT = re.compile(r"<!--\s*(file|exit|not run|copy):\s*(.*?)\s*-->", re.DOTALL)
OURS = {"ours", "here", "fastbench"}
_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code of a page; `language` is "" where it is indented or has none."""

    page: Path
    line: int
    language: str
    text: str
    file: str = ""
    code: int = 0
    not_run: str = ""

    @property
    def place(self) -> str:
        """Say where it is, as file:line."""
        return f"{self.page.name}:{self.line}"


def pages() -> list[Path]:
    """List the pages whose blocks are run."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, and the commands of its tables, in order."""
    found = []
    plain = Block(page, 0, "", "")
    said = plain
    table: _Table | None = None
    for token in _MARKDOWN.parse(page.read_text()):
        if token.type == "html_block":
            for kind, value in COMMENT.findall(token.content):
                said = _commented(said, kind, value)
                if kind == "copy":
                    found.append(replace(plain, line=_line(token), language=kind, text=value))
        elif token.type in ("fence", "code_block"):
            words = token.info.split()
            at = _line(token) + 1
            found.append(
                replace(said, line=at, language=words[0] if words else "", text=token.content)
            )
            said = plain
        elif token.type == "table_open":
            table = _Table(said)
        elif token.type == "table_close":
            table, said = None, plain
        elif table is not None:
            found += table.take(token)
        else:
            said = plain
    return found


class _Table:
    """The columns of a table; `take` gives the commands of a cell in one of ours."""

    def __init__(self, said: Block) -> None:
        self.said = said
        self.heads: list[str] = []
        self.column = 0
        self.in_head = True

    def take(self, token: Token) -> Iterator[Block]:
        """Look at one token of the table."""
        if token.type == "tr_open":
            self.column = 0
        elif token.type == "tbody_open":
            self.in_head = False
        elif token.type == "inline" and self.in_head:
            self.heads.append(token.content.strip().lower())
        elif token.type == "inline":
            ours = self.column < len(self.heads) and self.heads[self.column] in OURS
            self.column += 1
            for child in token.children or () if ours else ():
                if child.type == "code_inline" and child.content.startswith("fastbench "):
                    text = child.content.replace("\\|", "|") + "\n"
                    yield replace(self.said, line=_line(token), language="sh", text=text)


def _commented(said: Block, kind: str, value: str) -> Block:
    if kind == "file":
        return replace(said, file=value)
    if kind == "exit":
        return replace(said, code=int(value))
    if kind == "not run":
        assert value, f"{said.page.name}: `not run` without a reason"
        return replace(said, not_run=value)
    return said


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0
