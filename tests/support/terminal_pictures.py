"""Pictures of a terminal: text with its colours becomes SVG, and a browser draws that.

`rich` writes the SVG; `tmux` is the terminal in which a live view is drawn.
"""

from __future__ import annotations

import io
import math
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import browser
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from fastbench.report.text import text_report
from fastbench.results.result import Result

__all__ = ["live", "report"]

COLUMNS, LINES = 100, 36
THEME = TerminalTheme(
    (23, 28, 35),
    (230, 234, 240),
    [
        *((43, 51, 62), (255, 138, 128), (95, 208, 141), (242, 184, 97)),
        *((110, 163, 255), (178, 148, 255), (63, 203, 184), (230, 234, 240)),
    ],
)


def report(chromium: browser.Browser, document: Any, file: Path) -> None:
    """Draw the report in text of a document of a run."""
    found = Result.from_document(document)
    _drawn(chromium, text_report.render(found, color=True, width=COLUMNS), "fastbench", file)


def live(
    chromium: browser.Browser, command: Sequence[str], folder: Path, file: Path, after_s: float
) -> None:
    """Draw what a command shows in a terminal so many seconds after its start, then end it.

    Nothing is drawn where there is no tmux.
    """
    tmux = shutil.which("tmux")
    if tmux is None:
        return
    own = [tmux, "-f", "/dev/null", "-S", str(folder / "tmux.socket")]
    size = ("-x", str(COLUMNS), "-y", str(LINES))
    shown = shlex.join(command)
    subprocess.run([*own, "new-session", "-d", *size, "-c", str(folder), shown], check=True)
    try:
        time.sleep(after_s)
        asked = [*own, "capture-pane", "-e", "-p"]
        text = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    finally:
        subprocess.run([*own, "kill-server"], check=False)
    _drawn(chromium, text.rstrip(), "fastbench, while it runs", file)


def _drawn(chromium: browser.Browser, text: str, title: str, file: Path) -> None:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text), no_wrap=True, crop=False)
    drawn = console.export_svg(title=title, theme=THEME)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn)
    assert size is not None
    width, height = (math.ceil(float(each)) for each in size.groups())
    svg = file.with_suffix(".svg")
    svg.write_text(drawn, "utf-8")
    try:
        chromium.look(width, height=height)
        chromium.open(svg)
        chromium.picture(file, whole=False)
    finally:
        svg.unlink()
