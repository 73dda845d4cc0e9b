"""report/knee.py: every end of a search in words, the picture, and a page that fits."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from samples import HOSTILE
from searching import Knee, answered, clock_of, searching

from fastbench.find.document import Found
from fastbench.find.search import Range
from fastbench.report import knee
from fastbench.result import Validity, Warning_

CONFIG = {"method": "GET", "url": "http://127.0.0.1:8080/api/health", "connections": 100}
NOISY = Validity("noisy-host", "none", ("other programs took 50% of the processors",))


def _bending(rate: float) -> float:
    """Return the p99 of a server of 1,000 a second, in ms."""
    return 0.8 / (1 - rate / 1000) if rate < 995 else 400 * rate / 1000


def _answering(rate: float) -> object:
    limit = Validity("ok", "server", ("python (pid 7) used all of a core it can use (99%)",))
    return answered(rate, _bending(rate), validity=limit if rate > 980 else Validity("ok", "none"))


def _out_of_time() -> Found:
    slow = Knee(1000)
    return searching(slow, max_time_s=6.1, clock=clock_of(slow))


ALL: dict[str, Callable[[], Found]] = {
    "found": lambda: searching(_answering),  # type: ignore[arg-type]
    "errors": lambda: searching(lambda rate: answered(rate, 2, failed=int(max(0, rate - 500)))),
    "only_errors": lambda: searching(
        lambda rate: answered(rate, 2, queued=int(max(0, rate - 500))), "errors<5%"
    ),
    "most": lambda: searching(Knee(1000), where=Range(100, 10, 400, 0.02)),
    "none": lambda: searching(Knee(1)),
    "client": lambda: searching(Knee(1e5, client=5000)),
    "unsteady": lambda: searching(Knee(1000, spoilt={2: answered(400, 1000)})),
    "noisy": lambda: searching(
        lambda rate: answered(rate, 900 if rate > 900 else 2, validity=NOISY)
    ),
    "gone": lambda: searching(Knee(1000, gone_at=400)),
    "nothing": lambda: searching(Knee(1000, gone_at=0)),
    "interrupted": lambda: searching(lambda rate: None),
    "out_of_time": _out_of_time,
}


@functools.cache
def sample(name: str) -> Found:
    return replace(ALL[name](), config=CONFIG, elapsed_s=61.53)


def plain(found: Found, width: int = 100, *, unicode: bool = True) -> str:
    return knee.render(found, color=False, width=width, unicode=unicode)


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
    colored = knee.render(found, color=True, width=100)
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


def test_a_step_is_a_line() -> None:
    lines = [knee.step_line(step).strip() for step in sample("found").steps]
    assert lines[0] == "100 req/s   p99 889us      held"
    assert any("failed (p99<50ms)" in line for line in lines)
    assert "could not be sent" in knee.step_line(sample("only_errors").steps[3])
    assert "no answers" in knee.step_line(sample("nothing").steps[0])
