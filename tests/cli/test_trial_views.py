"""Views of comparisons and searches on a real terminal: keys, and what is left of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from servers import Server, answering
from terminal import Typist

COMPARE = ("compare", "-c2", "-t1", "--time", "60s")
FIND = ("find", "-c2", "-t1", "--slo", "p99<10s", "-d", "5s", "--from", "50")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def test_a_comparison_shows_its_intervals_pauses_and_stops(server: Server) -> None:
    with Typist(*COMPARE, server.url(), server.url()) as typist:
        typist.until(lambda text: "pilot: looking for a length of slices" in text)
        typist.until(lambda text: "INTERVAL" in text and "├" in text and "SO FAR" in text)
        typist.press("p")
        paused = typist.until(lambda text: "VIEW PAUSED, the load goes on" in text)
        typist.press("d")
        later = typist.until(lambda text: "fewer details" in text)
        rows = [[line for line in text.splitlines() if "├" in line] for text in (paused, later)]
        assert rows[0] == rows[1], "it stands still"
        typist.press("pq")
        assert typist.end() == 105
        assert typist.modes() == typist.before and not typist.screen.alternate
        text = typist.screen.text
    assert ("SO FAR" not in text and "stopped" in text.lower()) or "interrupted" in text.lower()


def test_a_search_shows_each_rate_and_leaves_its_steps(server: Server) -> None:
    words = ("-d", "500ms", "-W", "200ms", "--to", "200")
    with Typist(*FIND, *words, server.url()) as typist:
        typist.until(lambda text: "OBJECTIVE" in text and "p99<10s" in text)
        typist.until(lambda text: "50 req/s holds" in text and "THIS RUN" in text)
        assert typist.end() == 0
        assert typist.modes() == typist.before and not typist.screen.alternate
        text = typist.screen.text
    assert "THIS RUN" not in text and "100 req/s" in text and "passed" in text


def test_q_ends_a_search_with_what_it_has(server: Server) -> None:
    with Typist(*FIND, server.url()) as typist:
        typist.until(lambda text: "THIS RUN" in text)
        typist.press("q")
        assert typist.end() == 105
        assert typist.modes() == typist.before and typist.screen.cursor


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_no_color_and_ascii_where_they_are_asked_for(server: Server, locale: str) -> None:
    env = {"LC_ALL": locale, "NO_COLOR": "1"}
    with Typist(*COMPARE, server.url(), server.url(), env=env) as typist:
        shown = typist.until(lambda text: "INTERVAL" in text and "SO FAR" in text)
        typist.press("q")
        assert typist.end() == 105
    assert shown.isascii() == (locale == "C")
    assert not re.search(r"\x1b\[(1;)?(3\d|38;5;\d+)m", typist.written)
