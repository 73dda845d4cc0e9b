"""find_text.py: every end of a search in words, the picture, and a page that fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from samples import HOSTILE
from searches import ALL, sample

from fastbench.experiments.find.find_document import Found
from fastbench.report.html import html_find
from fastbench.report.text import find_text
from fastbench.results.result import Warning_


def plain(found: Found, width: int = 100, *, unicode: bool = True) -> str:
    return find_text.render(found, color=False, width=width, unicode=unicode)


@pytest.mark.parametrize("name", ALL)
def test_every_end_reads_as_it_always_did(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"find_{name}.txt", plain(sample(name)))


def test_a_narrow_terminal_without_unicode(golden: Callable[[str, str], None]) -> None:
    text = plain(sample("found"), 60, unicode=False)
    assert text.isascii()
    golden("find_narrow_ascii.txt", text)


@pytest.mark.parametrize("width", [20, 60, 72, 100, 300])
@pytest.mark.parametrize("name", ALL)
def test_no_line_is_wider_than_the_page(name: str, width: int) -> None:
    assert max(map(len, plain(sample(name), width).splitlines())) <= max(width, 60)


def test_colour_changes_no_letter() -> None:
    found = sample("unsteady")
    colored = find_text.render(found, color=True, width=100)
    assert re.search(r"400 .*\x1b\[32m█.* 1 of 3 failed", colored)  # most runs say that it holds
    assert re.search(r"1,600 .*\x1b\[1;31m█.* failed", colored)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain(found)


def test_what_comes_from_outside_cannot_drive_the_terminal() -> None:
    found = replace(
        sample("found"),
        config={"method": HOSTILE, "url": HOSTILE, "connections": 1},
        reasons=(HOSTILE,),
        warnings=(Warning_("x", HOSTILE, HOSTILE),),
    )
    assert not set(plain(found)) & set("\x1b\x07\r\u202e")


def test_the_heading_has_the_streams_of_http2() -> None:
    found = sample("found")
    config = {**found.config, "connections": 10, "streams": 5, "http": "2"}
    found = replace(found, protocol="HTTP/2")
    assert "  10 connections × 5 streams, HTTP/2, " in plain(  # noqa: RUF001
        replace(found, config=config)
    )


@pytest.mark.parametrize(
    ("url", "spoken", "told"),
    [
        ("https://h/", "HTTP/2", "connections, HTTP/2, "),
        ("https://h/", "HTTP/1.1", "connections, HTTP/1.1, "),
        ("http://h/", "HTTP/2", "connections, HTTP/2, "),
        ("http://h/", "HTTP/1.1", ""),
        ("https://h/", "", ""),
    ],
)
def test_the_heading_has_the_version_of_http_that_was_measured(
    url: str, spoken: str, told: str
) -> None:
    found = sample("found")
    found = replace(found, protocol=spoken, config={**found.config, "url": url, "http": ""})
    assert (told or "connections, 1s at each") in plain(found)
    assert ("HTTP/" in plain(found)) is bool(told) is ("HTTP/" in html_find.render(found))


def test_a_step_is_a_line() -> None:
    lines = [find_text.step_line(step, "req/s").strip() for step in sample("found").steps]
    assert lines[0] == "100 req/s   p99 889us      passed"
    assert any("failed (p99<50ms)" in line for line in lines)
    assert "could not be sent" in find_text.step_line(sample("only_errors").steps[3], "req/s")
    assert "no responses" in find_text.step_line(sample("nothing").steps[0], "req/s")


def test_a_search_with_websockets_counts_messages() -> None:
    found = sample("found")
    found = replace(found, config={**found.config, "websocket": {"mode": "echo"}})
    shown = find_text.render(found, color=False, width=100)
    assert "msg/s is the highest rate" in shown.replace("\n          ", " ")
    assert "req/s" not in shown
    assert find_text.step_line(found.steps[0], find_text.unit(found)).count(" msg/s ") == 1
