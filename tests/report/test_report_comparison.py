"""The report of a comparison: one sentence that is right, every pair, nothing wider than asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import samples
from comparing import judged, pairs_of, scattered
from comparing import sliced as pairs_in_slices
from comparisons import (
    ALL,
    MORE,
    broken,
    faster,
    hostile,
    interrupted,
    many,
    restarted,
    same,
    sliced,
    sliced_interrupted,
    slower,
    stored,
    unsettled,
)

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.report import change, compared, pairs, slice_course
from fastbench.report.html import html_comparison
from fastbench.report.markdown import markdown_comparison
from fastbench.report.text import comparison_text
from fastbench.results.result import Warning_

SGR = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (60, 80, 89, 90, 120, 200)


def plain(found: Comparison, width: int = 100) -> str:
    return comparison_text.render(found, color=False, width=width)


@pytest.mark.parametrize("name", ALL)
def test_a_sample_reads_as_it_always_did(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"compare_{name}.txt", plain(ALL[name]()))


def test_on_a_small_screen_it_reads_as_it_always_did(golden: Callable[[str, str], None]) -> None:
    shown = comparison_text.render(unsettled(), color=False, width=70, unicode=False)
    golden("compare_narrow_ascii.txt", shown)


def test_notes_are_no_warnings() -> None:
    told = (Warning_("noisy_host", "others worked"), Warning_("note", "nothing is wrong"))
    found = replace(sliced(), warnings=told)
    assert "\nWarnings  others worked\nNotes     nothing is wrong\n" in plain(found)
    shown = markdown_comparison.render(found)
    assert "- ⚠ others worked" in shown and "- nothing is wrong" in shown
    page = html_comparison.render(found)
    assert '<ul class="warnings"><li>others worked</li></ul>' in page
    assert '<ul class="notes"><li>nothing is wrong</li></ul>' in page


def test_below_a_run_it_reads_as_it_always_did(golden: Callable[[str, str], None]) -> None:
    golden("compare_beside_run.txt", comparison_text.beside_run(stored(), color=False, width=80))


@pytest.mark.parametrize("name", ALL | MORE)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_screen(name: str, width: int) -> None:
    found = (ALL | MORE)[name]()
    for render in (comparison_text.render, comparison_text.beside_run):
        colored = render(found, color=True, width=width)
        lines = SGR.sub("", colored).splitlines()
        assert max(map(len, lines)) <= width, max(lines, key=len)
        assert SGR.sub("", colored) == render(found, color=False, width=width)
        plainer = render(found, color=False, width=width, unicode=False)
        assert plainer.isascii()
        assert max(map(len, plainer.splitlines())) <= width, max(plainer.splitlines(), key=len)


def test_an_early_end_is_told_in_the_line_of_the_load() -> None:
    asked = {**sliced().config, "time_s": 60.0, "looks": 10}
    found = replace(sliced(), config={**asked, "look": 3})
    assert "slices of 20ms, 15s of 1m: --stop-when at look 3 of 10, closed loop" in plain(
        found, 140
    )
    assert "20ms, 1m, closed loop" in plain(replace(found, config={**asked, "look": 10}))


def test_the_line_of_the_load_tells_slices_of_a_pair_and_of_a_start() -> None:
    many = replace(sliced(), config={**sliced().config, "slices_per_pair": 13})
    assert "pairs, each of 13 slices of 20ms per side, 15s" in plain(many)
    one = replace(sliced(), config={**sliced().config, "slices_per_pair": 1})
    assert plain(one) == plain(sliced())
    assert "8 fresh starts with 1.6s of slices each" in plain(restarted())


def test_a_terminal_of_80_columns_has_room_for_the_interval() -> None:
    lines = plain(unsettled(), 80).splitlines()
    (head,) = (line for line in lines if line.endswith("99 % interval"))
    rate = next(line for line in lines if "requests/s*" in line)
    assert " to +3.5 %  inconclusive" in rate and len(head) == rate.index("  inconclusive")


def test_several_starts_are_told_one_by_one() -> None:
    lines = plain(restarted()).splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("Starts"))
    rows = lines[begin + 1 : begin + 9]
    assert [row.split()[:3] for row in rows] == [["start", str(at), "20"] for at in range(1, 9)]
    assert rows[0].split()[3] == "-2.0" and rows[6].split()[3] == "-3.9"
    more = replace(
        restarted(), pairs=tuple(replace(each, start=at) for at, each in enumerate(sliced().pairs))
    )
    assert "… 163 more starts" in plain(more)


def test_the_heading_has_the_streams_of_http2() -> None:
    found = sliced()
    shown = replace(found, config={**found.config, "load": {"streams": 5, "http": "2"}})
    assert "10 connections × 5 streams, HTTP/2, seed 7" in plain(shown, 200)  # noqa: RUF001


def test_of_slices_nothing_is_said_of_trials_or_their_flags() -> None:
    for make in (sliced, sliced_interrupted):
        shown = plain(make(), 200)
        assert not re.search(r"\btrials?\b|\bvisits?\b|--pairs|--max-time|repeated", shown), shown
    assert "187 pairs in slices of 20ms, 15s, closed loop, 10 connections, seed 7" in plain(
        sliced()
    )
    assert "PARTIAL  interrupted after 75 pairs, 6s of 15s" in plain(sliced_interrupted())
    few = judged(pairs_in_slices(7, 0.03))
    assert "7 pairs cannot show a difference at 99 % confidence; 8 are needed; see --time" in plain(
        few, 200
    )
    none = replace(sliced(), pairs=(), metrics={}, ratio=None, interval=None)
    assert "no valid pair of slices" in plain(none)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_pairs_of_slices_are_told_in_parts_of_the_time(width: int) -> None:
    found = sliced()
    lines = plain(found, width).splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("Over time"))
    rows = lines[begin + 1 : begin + 9]
    assert [row.split()[0] for row in rows] == [f"{at}-{at + 2}" for at in range(0, 16, 2)]
    assert [int(row.split()[2]) for row in rows] == [25, 21, *[25] * 5, 12], "those that count"
    assert lines[begin + 9].strip().startswith("99 % interval") and "├" in lines[begin + 9]
    within = [row for row in rows if "├" in row and "┤" in row]
    assert len(within) == 8 and all(row.index("●") for row in within)
    assert lines[begin + 10].split()[0] != "-69 %", "a burst does not set the axis"


def test_no_axis_goes_below_nothing() -> None:
    wild = judged(pairs_of([0.02, 0.1, 4.0, 0.05, 5.0, 0.04, 3.0, 6.0]))
    lines = plain(wild).splitlines()
    scale = next(
        line for at, line in enumerate(lines) if "99 %" in lines[at - 1] and "├" in lines[at - 1]
    )
    assert scale.split()[0] == "-100"


def test_a_verdict_stands_in_the_first_line() -> None:
    assert plain(sliced()).startswith("DIFFERENT  candidate is 3.1 % slower (99 % interval 2.9 to ")


def test_a_part_knows_its_median_and_quartiles() -> None:
    found = replace(sliced(), pairs=tuple(pairs_in_slices(100, 0.05, 0.02)))
    parts = slice_course.parts(found)
    assert [(each.begin_s, each.end_s) for each in parts] == [(at, at + 1) for at in range(8)]
    assert sum(each.counted for each in parts) == 100
    first = sorted(pair.candidate.requests_per_s / 10_000 for pair in found.pairs[:13])  # type: ignore[union-attr]
    assert parts[0].counted == 13 and parts[0].ratio == pytest.approx(first[6])
    assert parts[0].low == pytest.approx(first[3]) and parts[0].high == pytest.approx(first[9])
    after = tuple(replace(each, at_s=(each.at_s or 0.0) + 1.3) for each in found.pairs)
    later = replace(found, pairs=after)
    assert slice_course.begun_s(later) == pytest.approx(slice_course.begun_s(found)), "from 0"
    again = replace(found, pairs=(*found.pairs[:50], *found.pairs[:50]))  # two counts from 0
    places = slice_course.begun_s(again)
    assert places == sorted(places) and places[50] > places[49]


def test_far_out_ratios_do_not_set_a_range_and_all_near_ones_do() -> None:
    near = [1 + 0.001 * at for at in range(-20, 21)]
    assert slice_course.shown_range(near) == (0.98, 1.02)
    low, high = slice_course.shown_range([*near, 0.1, 5.0])
    assert 0.9 < low <= 0.98 and 1.02 <= high < 1.1
    assert slice_course.shown_range([0.1, 1.0, 5.0]) == (0.1, 5.0), "too few for quartiles"


def test_text_from_elsewhere_reaches_the_terminal_without_control_characters() -> None:
    for render in (comparison_text.render, comparison_text.beside_run):
        shown = SGR.sub("", render(hostile(), color=True, width=200))
        assert shown.count("<script>") >= 3, "the strings should be shown"
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_the_sentence_says_which_way_how_much_and_how_sure() -> None:
    found = faster()
    assert found.ratio is not None and found.interval is not None
    low, high = (100 * (end - 1) for end in found.interval)
    assert change.headline(found).startswith(
        f"candidate is {100 * (found.ratio - 1):.1f} % faster "
        f"(99 % interval {low:.1f} to {high:.1f} %), p99 "
    )
    found = slower()
    assert found.interval is not None
    near, far = (100 * (1 - end) for end in reversed(found.interval))
    assert f"% slower (99 % interval {near:.1f} to {far:.1f} %)" in change.headline(found)
    assert "slower" not in change.headline(faster())


def test_a_percentile_is_higher_or_lower_and_never_faster() -> None:
    found = judged(scattered(12, 0.05), "p99")
    assert change.headline(found).startswith("candidate's p99 is 4.")
    assert "% lower (99 % interval" in change.headline(found)


def test_no_difference_is_said_with_its_bound() -> None:
    sentence = change.headline(same())
    assert sentence.startswith("no difference beyond 2 %: candidate is 0.")
    assert "(90 % interval" in sentence
    assert "p99 unchanged within 2 %" in sentence


def test_an_open_question_says_what_would_settle_it() -> None:
    found = unsettled()
    assert found.pairs_needed
    total = 11 + found.pairs_needed
    assert f"about {found.pairs_needed} more pairs needed: --pairs {total}" in plain(found)
    assert "but the difference could be zero" in plain(found)
    assert "not counted: the load generator was saturated" in plain(found)


def test_a_regression_is_told_only_when_it_is_shown() -> None:
    assert "REGRESSION  requests/s 8." in plain(slower())
    assert "no regression beyond 5 %" in plain(faster())
    neither = "a regression beyond 5 % is neither shown nor excluded"
    assert neither in plain(interrupted())
    assert neither in plain(stored())
    assert "REGRESSION  the candidate fails requests that the base did not fail" in plain(broken())


def test_different_machines_are_both_named() -> None:
    shown = plain(stored())
    assert "Linux 6.1.0-18-amd64" in shown and "Linux 6.9.1" in shown
    assert "not interleaved: drift cannot be excluded" in shown


def test_a_machine_tells_what_may_change_its_speed() -> None:
    told = replace(samples.ENVIRONMENT, governor="powersave", smt=True)
    assert compared.machine(told) == (
        "Example CPU @ 2.40GHz, 2 cores, Linux 6.1.0-18-amd64, governor powersave, SMT on"
    )
    silent = replace(told, governor="unknown", smt=None)
    assert compared.machine(silent).endswith("2 cores, Linux 6.1.0-18-amd64")


def test_many_pairs_are_cut_and_the_rest_is_counted() -> None:
    shown = plain(many())
    assert "… 36 more pairs" in shown
    assert re.search(r"^ +1 base 1st|Pairs +1 base 1st", shown, re.M)
    assert re.search(r"^ +60 base 1st", shown, re.M)


@pytest.mark.parametrize("speed", [0.5, 0.9, 1.1, 3.0])
def test_a_dot_is_on_its_side_of_no_difference(speed: float) -> None:
    picture = pairs.axis([speed], None, 0.02, 50, unicode=True)
    line = picture.line(speed)
    assert (line.index("●") > line.index("│")) == (speed > 1)
    assert len(line) == 50
    assert len(picture.scale()) in (0, 50)


def test_the_interval_holds_its_dot() -> None:
    line = pairs.axis([1.0], (0.97, 1.05), 0.02, 60, unicode=True).line(1.01, (0.97, 1.05))
    assert line.index("├") < line.index("●") < line.index("┤")
    assert "│" not in line, "no difference lies within the interval"


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert [change.change(ratio) for ratio in (0.9999, 1.0001, 1.042, 0.9, 3.0)] == [
        "0.0 %",
        "0.0 %",
        "+4.2 %",
        "-10 %",
        "+200 %",
    ]


def test_eight_pairs_say_that_other_metrics_cannot_fire() -> None:
    shown = " ".join(plain(judged(pairs_of([1.04, 1.05] * 4))).split())
    assert "cannot be different" in shown
