"""Frames of the view of a comparison: what they say of the pairs, their size, what a look costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from comparing import SUBJECT, limited, scattered, sliced
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.cli.output.live import pair_figures
from fastbench.cli.output.live.blocks import Look
from fastbench.cli.output.live.pair_figures import PairFacts, PairKeeper, Seen
from fastbench.cli.output.live.pair_frame import frame, interval_line
from fastbench.cli.output.live.styled_line import columns_of
from fastbench.experiments.compare import decision
from fastbench.experiments.compare.compare_document import Pair
from fastbench.experiments.compare.decision import Rules, judge
from fastbench.experiments.compare.sequential import LOOKS, Levels
from fastbench.experiments.trials.pairing import Standing
from fastbench.report.change import change, signed_interval
from fastbench.report.pairs import axis
from fastbench.run.sampling import Progress

COMMON = judge((), "requests_per_s", SUBJECT)
FACTS = PairFacts(COMMON, Rules(), ("http://localhost:8002/",), time_s=15.0)
PROGRESS = Progress(1.0, 9000, 9000.0, 0.5, 2.0, 3, (9000.0,))


@pytest.fixture
def clock_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def standing(pairs: Sequence[Pair], **more: object) -> Standing:
    now = Standing("pairs", tuple(pairs), "base", len(pairs) + 1, 0, "running", None, 9.0)
    return replace(now, **more)  # type: ignore[arg-type]


def drawn(
    keeper: PairKeeper, now: Standing, columns: int = 100, rows: int = 40, **look: bool
) -> str:
    lines = frame(keeper.figures(now), Look(columns, rows, **look))  # type: ignore[arg-type]
    assert len(lines) <= rows
    assert all(line.columns <= columns for line in lines)
    assert all(columns_of(line.text) == line.columns for line in lines)
    return "\n".join(line.text for line in lines)


def test_what_is_shown_is_what_the_decision_uses(clock_s: list[float]) -> None:
    pairs = sliced(120, -0.03)
    shown = drawn(PairKeeper(FACTS), standing(pairs))
    found = judge(pairs, "requests_per_s", SUBJECT)
    assert found.verdict == "different" and found.ratio and found.interval
    assert f"requests/s {change(found.ratio)}" in shown
    assert f"99 % interval {signed_interval(found.interval)}" in shown
    assert f"different, worse: requests/s {change(found.ratio)}" in shown
    assert "verdict at the end, of all pairs; none after a stop" in shown
    assert "120 pairs" in shown and "of 15s" in shown and "left" in shown
    same = drawn(PairKeeper(FACTS), standing(sliced(300, 0.0, 0.004)))
    assert "equivalent: no difference beyond 2 %" in same
    few = drawn(PairKeeper(FACTS), standing(sliced(9, 0.0, 0.2)))
    assert "inconclusive: too wide to tell 2 %" in few


def test_where_it_may_end_early_the_interval_is_that_of_the_end(clock_s: list[float]) -> None:
    pairs = sliced(120, -0.03)
    levels = Levels(LOOKS, 0.9999, 0.98)
    keeper = PairKeeper(replace(FACTS, early=True))
    shown = drawn(keeper, standing(pairs, levels=levels))
    main = decision.measured(pairs, "requests_per_s", Rules().at(levels))
    assert main is not None and main.interval is not None
    assert signed_interval(main.interval) in shown
    without = judge(pairs, "requests_per_s", SUBJECT)
    assert without.interval is not None and main.interval[0] < without.interval[0]
    assert "verdict at one of 10 looks" in shown


def test_the_interval_shrinks_row_by_row_with_the_newest_at_the_bottom(
    clock_s: list[float],
) -> None:
    keeper, pairs = PairKeeper(FACTS), tuple(sliced(300, -0.03))
    for count in (10, 20, 60, 61, 150, 300):
        clock_s[0] += 2
        shown = drawn(keeper, standing(pairs[:count]))
    rows = [line for line in shown.splitlines() if "├" in line and "pair" in line]
    assert [int(row.split()[0]) for row in rows] == [10, 20, 60, 150, 300], "61 are hardly more"
    ends = [row.index("┤") - row.index("├") for row in rows]
    assert ends[-1] < ends[1] < ends[0]
    assert "±" in rows[0] and "HALF-WIDTH" in shown
    picture = shown.splitlines()[shown.splitlines().index(rows[-1])]
    assert "│" in picture and picture.count(":") >= 1, "no difference, and the smallest that counts"


def test_an_interval_beyond_the_axis_is_open() -> None:
    picture = axis([0.95, 1.05], None, 0.02, 40, unicode=True)
    wide = interval_line(picture, Seen(8, 1.0, (0.5, 2.0)), 0.02, newest=True).text
    assert (wide[0], wide[-1]) == ("<", ">")
    narrow = interval_line(picture, Seen(8, 1.0, (0.97, 1.03)), 0.02, newest=True).text
    assert narrow.strip()[0] == "├" and narrow.strip()[-1] == "┤" and "●" in narrow


def test_before_there_is_an_interval_it_says_so(clock_s: list[float]) -> None:
    assert "no pair so far" in drawn(PairKeeper(FACTS), standing((), phase="pilot"))
    assert "looking for a length of slices" in drawn(PairKeeper(FACTS), standing((), phase="pilot"))
    lost = [limited(each) for each in sliced(6, 0.0)]
    shown = drawn(PairKeeper(FACTS), standing(lost))
    assert "no pair counts so far" in shown and "6 excluded" in shown
    assert "an interval needs more pairs" in drawn(PairKeeper(FACTS), standing(sliced(3, 0.0)))
    assert "starting the servers" in drawn(PairKeeper(FACTS), standing((), stage="starting"))


def test_a_comparison_by_visits_has_its_trial_and_pairs(clock_s: list[float]) -> None:
    facts = replace(FACTS, time_s=0.0, pairs=12)
    keeper = PairKeeper(facts, clock_s[0])
    clock_s[0] += 60
    now = standing(scattered(12, 0.05, 0.01)[:4], progress=PROGRESS, visiting="candidate")
    shown = drawn(keeper, now)
    assert "pair 5 of 12: candidate running   9.00k req/s   p50 500us" in shown
    assert "3 failed" in shown and "4 of 12 pairs" in shown and "33%" in shown
    assert "about 2m left" in shown
    assert "again (2x)" in drawn(keeper, replace(now, redone=2))
    assert "warming up" in drawn(keeper, replace(now, progress=replace(PROGRESS, warming=True)))
    pilot = drawn(keeper, standing((), phase="pilot"))
    assert "looking for a rate both sides can carry" in pilot


def test_each_candidate_has_a_row_on_one_axis(clock_s: list[float]) -> None:
    rules = Rules(candidates=2)
    labels = ("http://localhost:8002/a/long/path/to/it", "http://localhost:8003/a/long/path/to/it")
    facts = PairFacts(COMMON, rules, labels, time_s=15.0)
    slower, same = tuple(sliced(120, -0.1)), tuple(sliced(120, 0.0, 0.005))
    for columns in (60, 100):
        shown = drawn(PairKeeper(facts), standing(slower, others=(same,)), columns)
        for pairs, place in ((slower, 2), (same, 3)):
            main = decision.measured(pairs, "requests_per_s", rules)
            assert main is not None
            rows = [line for line in shown.splitlines() if f"00{place}/a" in line]
            assert any(change(main.ratio) in row for row in rows)
    assert "99 % intervals, of all candidates together" in shown


def test_a_look_is_rare_and_the_next_waits_for_its_cost(
    clock_s: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def slow(pairs: Sequence[Pair], name: str, rules: Rules) -> None:
        looked.append(len(pairs))
        clock_s[0] += 0.1

    keeper, pairs = PairKeeper(FACTS), tuple(sliced(200, 0.0))
    monkeypatch.setattr(decision, "measured", slow)
    for at in range(1, 200):
        clock_s[0] += 0.25
        keeper.figures(standing(pairs[:at]))
    assert len(looked) == 4, "of 50 s: 0.1 s of a look, then 15 s without"
    assert pair_figures.COST >= 100, "1 % of a core"


@settings(max_examples=60, deadline=None)
@given(
    columns=st.integers(1, 220),
    rows=st.integers(1, 70),
    count=st.integers(0, 80),
    candidates=st.integers(1, 7),
    unicode=st.booleans(),
    visits=st.booleans(),
    details=st.booleans(),
    paused=st.booleans(),
    keys=st.booleans(),
)
def test_every_frame_fits_its_screen(
    columns: int, rows: int, count: int, candidates: int, unicode: bool, visits: bool,
    details: bool, paused: bool, keys: bool,
) -> None:  # fmt: skip
    labels = tuple(f"http://例え.test:{8000 + at}/pfad" for at in range(candidates))
    facts = PairFacts(
        COMMON,
        Rules(candidates=candidates),
        labels,
        pairs=90 if visits else 0,
        time_s=0.0 if visits else 15.0,
    )
    pairs = tuple(sliced(count, 0.01)) if count else ()
    now = standing(pairs, others=(pairs,) * (candidates - 1), progress=PROGRESS)
    look = {"unicode": unicode, "details": details, "paused": paused, "keys": keys}
    shown = drawn(PairKeeper(facts), now, columns, rows, **look)
    assert unicode or all(char not in shown for char in "├┤●━±…")
