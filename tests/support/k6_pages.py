"""A page, and what a script of k6 can ask of it: one expression a line.

All of them are asked in k6, too; see test_html_beside_k6.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["PAGE", "QUESTIONS"]

_FOLDER: Final = Path(__file__).parent
PAGE: Final = (_FOLDER / "k6_page.html").read_text()
QUESTIONS: Final = tuple((_FOLDER / "k6_page.txt").read_text().splitlines())
