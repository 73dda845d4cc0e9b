"""The WebSockets of a run in pages and in Markdown."""

from __future__ import annotations

from pathlib import Path

from running import ONE, fastbench
from servers import Server
from socket_scripts import Counts, closing_with, socket_url


def test_pages_and_markdown_say_what_went_over_them_and_how_they_ended(tmp_path: Path) -> None:
    page, text = tmp_path / "page.html", tmp_path / "text.md"
    with Server(closing_with(1013, Counts())) as server:
        fastbench(*ONE, "-n", "3", "--html", f"{page}", "--md", f"{text}", socket_url(server))
    for shown in (page.read_text(), text.read_text()):
        assert "WebSockets" in shown
        assert "messages received" in shown and "(15B)" in shown
        assert "close code 1013" in shown and "handshake p99" in shown
