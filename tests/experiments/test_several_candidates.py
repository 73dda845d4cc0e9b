"""Several candidates compared with one base: order, pairs, verdicts, document, reports, command."""

from __future__ import annotations

import copy
import json
import random
import re
from array import array
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import browser
import jsonschema
import pytest
from candidate_schemas import SCHEMAS, VALIDATOR
from comparing import LATENCIES, SUBJECT, failing, sliced
from html_pages import EVIL, complaints, needs_browser, read
from hypothesis import given
from hypothesis import strategies as st

from fastbench.cli import main
from fastbench.cli.args import compare_args
from fastbench.cli.output import formats
from fastbench.experiments.compare.compare_document import DocumentError, Pair
from fastbench.experiments.compare.comparisons_document import Comparisons
from fastbench.experiments.compare.decision import Rules, judge
from fastbench.experiments.compare.interval_history import looks
from fastbench.experiments.slices import order_effect, slice_pilot
from fastbench.experiments.slices.slice_order import order_of
from fastbench.experiments.slices.slice_pairs import Pairs
from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.foundation.usage_error import UsageError
from fastbench.report import candidates
from fastbench.report.html import html_comparisons
from fastbench.report.markdown import markdown_comparisons
from fastbench.report.text import comparisons_text
from fastbench.run.turns import SlicePart

MS = 1_000_000


def part(side: int, times_ms: list[float], failed: int = 0) -> SlicePart:
    times = array("I", [round(each * MS) for each in times_ms])
    return SlicePart(side, len(times_ms), failed, 0, 100.0 + side, 0.1, times)


def together(*pairs: list[Pair], **rules: Any) -> Comparisons:
    """Judge so many candidates together."""
    shared = replace(Rules(candidates=len(pairs)), **rules)
    config: dict[str, object] = {"time_s": 15.0, "slice_s": 0.02, "candidates": len(pairs)}
    config["interval_confidence"] = shared.interval_confidence
    return Comparisons(
        tuple(
            judge(
                each,
                "requests_per_s",
                replace(SUBJECT, candidate=f"http://127.0.0.1:80{at:02}/", config=config),
                shared,
            )
            for at, each in enumerate(pairs, 2)
        )
    )


def sample() -> Comparisons:
    """Three candidates: the same, one that is slower, one that fails."""
    found = together(
        sliced(120, 0.0, 0.004),
        sliced(120, -0.2, 0.02),
        [failing(each) for each in sliced(120, 0.0)],
        regression_limit=0.1,
    )
    return Comparisons(tuple(replace(each, latency=LATENCIES) for each in found.each))


@given(st.integers(0, 2**63 - 1), st.integers(1, 400), st.integers(3, 8))
def test_each_block_has_every_side_once(seed: int, slices: int, sides: int) -> None:
    order = order_of(seed, slices, sides)
    assert slices <= len(order) < slices + sides and len(order) % sides == 0
    assert order == order_of(seed, slices, sides)
    for at in range(0, len(order), sides):
        assert sorted(order[at : at + sides]) == list(range(sides))


def test_all_orders_of_a_block_come_about_as_often() -> None:
    order = order_of(7, 3 * 6000, 3)
    blocks = [tuple(order[at : at + 3]) for at in range(0, len(order), 3)]
    assert all(900 < blocks.count(each) < 1100 for each in permutations(range(3)))


@pytest.mark.parametrize("seed", range(3))
def test_two_sides_have_the_order_they_always_had(seed: int) -> None:
    known = {0: "10100110101010101001", 1: "01011001101010100101", 2: "01010110011010010101"}
    assert "".join(map(str, order_of(seed, 20))) == known[seed]


def test_each_candidate_has_a_pair_of_each_block() -> None:
    pairs = Pairs(3, sides=3)
    given = [part(2, [3]), part(0, [1]), part(1, [2])]
    assert list(pairs.rows(given[:2])) == []
    ((first, second),) = pairs.rows(given[2:])
    assert first.base == second.base and first.base is not None and first.base.p50_ms == 1
    assert first.candidate is not None and second.candidate is not None
    assert (first.candidate.p50_ms, second.candidate.p50_ms) == (2, 3)
    assert (first.candidate.requests_per_s, second.candidate.requests_per_s) == (101, 102)
    assert (first.order, second.order) == ("base first", "candidate first")


def test_a_candidate_that_fails_costs_only_its_own_pairs() -> None:
    ((good, bad),) = Pairs(3, sides=3).rows([part(0, [1]), part(1, [1]), part(2, [1], failed=1)])
    assert good.valid and not bad.valid
    assert bad.reasons == ("candidate: 50 % of its requests failed",)
    (both,) = Pairs(3, sides=3).rows([part(0, [1], failed=1), part(1, [1]), part(2, [1])])
    assert [each.reasons for each in both] == [("base: 50 % of its requests failed",)] * 2


def test_a_course_has_room_for_the_slices_of_all_sides() -> None:
    terms = SliceTerms(1, 32.0, primary="p99")
    two, four = (slice_pilot.course(terms, 100.0, sides=sides) for sides in (2, 4))
    assert two.slice_s == four.slice_s == 0.5
    assert (two.blocks, four.blocks) == (2, 1), "room for the fewest pairs comes first"
    roomy = SliceTerms(1, 120.0, primary="p99")
    assert slice_pilot.course(roomy, 100.0, sides=4).blocks == 3
    assert slice_pilot.course(SliceTerms(1, 600.0, 0.02), 1e5, sides=4).blocks == 2
    assert slice_pilot.course(SliceTerms(1, 600.0, 0.02), 1e5).blocks == 4, "4000 pairs at most"


def test_an_order_effect_is_that_of_its_candidate() -> None:
    levels: list[order_effect.Level] = []
    before = -1
    for side in order_of(3, 3 * 3000, 3):
        hurt = 0.9 if side == 2 and before != 2 else 1.0
        levels.append((side, 100.0 * hurt * (1 + 0.001 * (len(levels) % 7))))
        before = side
    assert order_effect.told(levels, "requests_per_s", 0.02, 1)[0] == ()
    (warning,), _ = order_effect.told(levels, "requests_per_s", 0.02, 2)
    assert warning.code == "order_effect" and "of the candidate is 10" in warning.text
    assert abs(order_effect.share_after_another(levels) - 8 / 9) < 0.02


@pytest.mark.parametrize("effect", [0.0, 0.002, 0.003, 0.004, 0.03])
@pytest.mark.parametrize("pairs", [20, 120])
def test_interval_p_and_verdict_agree(effect: float, pairs: int) -> None:
    alone = together(sliced(pairs, effect)).each[0]
    for each in together(*[sliced(pairs, effect)] * 3, threshold=0.001).each:
        metric, own = each.metrics["requests_per_s"], alone.metrics["requests_per_s"]
        assert metric.interval is not None and metric.p is not None and own.p is not None
        assert own.interval is not None
        assert metric.p == pytest.approx(min(1, 3 * own.p))
        assert each.confidence == 0.99
        assert metric.interval[0] <= own.interval[0] < own.interval[1] <= metric.interval[1]
        apart = not metric.interval[0] <= 1 <= metric.interval[1]
        if pairs > 32:  # both are of the sign test there
            assert apart == (metric.p <= 0.01)
        if each.verdict == "different":
            assert apart
        for other in each.metrics.values():
            assert other.verdict != "different" or (other.p_holm or 0) <= 0.01


def test_of_candidates_without_a_difference_at_most_one_comparison_in_a_hundred_errs() -> None:
    many, wrong = 300, 0
    for seed in range(many):
        base = sliced(49, 0.0)
        each = [_coins(base, 7 * seed + at) for at in range(7)]
        found = together(*each, threshold=0.001)
        apart = (one.interval for one in found.each if one.interval)
        wrong += any(not low <= 1 <= high for low, high in apart)
    assert wrong <= 9, "3 are expected; without the correction some 19"


def _coins(pairs: list[Pair], seed: int) -> list[Pair]:
    """Let a coin say which of the two sides of each pair is the candidate."""
    chance = random.Random(seed)
    return [
        each if chance.random() < 0.5 else replace(each, base=each.candidate, candidate=each.base)
        for each in pairs
    ]


def test_the_interval_as_it_narrowed_ends_with_the_one_that_is_told() -> None:
    for each in sample().each[:2]:
        assert looks(each)[-1].interval == pytest.approx(each.interval)


def test_a_document_comes_back_and_obeys_the_schema() -> None:
    found = sample()
    document = json.loads(json.dumps(found.to_document(), allow_nan=False))
    VALIDATOR.validate(document)
    assert Comparisons.from_document(document) == found
    assert document["regressed"] and document["ended"] == "complete"
    assert set(document) == set(SCHEMAS["comparisons.schema.json"]["properties"])
    for name in document:
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate({key: each for key, each in document.items() if key != name})


def test_a_wrong_document_is_told_with_the_path() -> None:
    document = json.loads(json.dumps(sample().to_document()))
    wrong = copy.deepcopy(document)
    wrong["comparisons"][1]["verdict"] = "perhaps"
    with pytest.raises(DocumentError, match=r"^comparisons\[1\]\.verdict: "):
        Comparisons.from_document(wrong)
    with pytest.raises(DocumentError, match="comparisons: expected a list"):
        Comparisons.from_document({**document, "comparisons": []})
    with pytest.raises(DocumentError, match="comparisons is missing"):
        Comparisons.from_document({"schema": "fastbench.comparisons/1"})


@pytest.mark.parametrize("width", [60, 75, 76, 80, 100, 140])
def test_the_report_begins_with_a_row_for_each(width: int) -> None:
    shown = comparisons_text.render(sample(), color=False, width=width)
    assert max(map(len, shown.splitlines())) <= width
    overview, _, details = shown.partition("CANDIDATE 1")
    rows = [
        line for line in overview.splitlines() if not line.startswith("   ") or "change" in line
    ]
    for each in candidates.rows(sample()):
        assert each.interval in overview, "an interval stands in the row, or below it"
    assert re.search(r"8002/ .* same$", rows[2]) and rows[3].endswith("REGRESSION")
    assert rows[4].endswith("REGRESSION")
    assert "99 % for all 3 candidates together (Bonferroni, 99.67 % each)" in " ".join(
        overview.split()
    )
    assert details.count("EQUIVALENT") == 1 and "CANDIDATE 3" in details
    assert comparisons_text.render(sample(), color=False, width=width, unicode=False).isascii()


def test_markdown_and_page_have_a_row_and_the_details_of_each() -> None:
    found = sample()
    shown = markdown_comparisons.render(found)
    assert shown.startswith("## fastbench: 3 candidates against ")
    assert shown.count("\n## fastbench: ") == 3 and shown.count("**REGRESSION**") == 2
    page = html_comparisons.render(found)
    names = [value for key, value in read(page).attributes if key == "id"]
    assert len(names) == len(set(names)) and "candidates" in names
    charts = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert charts is not None
    lines = json.loads(charts[1])["charts"]["spectrum"]["lines"]
    assert [each["name"] for each in lines] == ["base", *(f"candidate {n}" for n in (1, 2, 3))]
    assert all(f"Candidate {number}: " in page for number in (1, 2, 3))


@pytest.mark.parametrize("evil", EVIL)
def test_a_hostile_label_is_text_and_nothing_else(evil: str) -> None:
    def page(label: str) -> str:
        return html_comparisons.render(
            Comparisons(tuple(replace(each, base=label, candidate=label) for each in sample().each))
        )

    assert read(page(evil)).elements == read(page("harmless")).elements
    assert "&quot; id=&quot;b&quot;" in page('" id="b"'), "only names of elements are taken out"


@needs_browser
def test_a_browser_draws_the_page_without_complaint(
    tmp_path: Path, chromium: browser.Browser
) -> None:
    path = tmp_path / "page.html"
    path.write_text(html_comparisons.render(sample()), "utf-8")
    chromium.look(360)
    chromium.open(path)
    assert complaints(chromium) == []
    assert chromium.ask("document.documentElement.scrollWidth") == 360
    assert chromium.ask("document.querySelectorAll('figure[data-chart] svg').length") == 2


def test_a_saved_one_is_reported_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, page, text = (tmp_path / name for name in ("out.json", "out.html", "out.md"))
    path.write_text(json.dumps(sample().to_document()))
    assert main(["report", str(path), "--html", str(page), "--md", str(text)]) == 0
    assert page.read_bytes() == formats.several("html", sample())
    assert text.read_bytes() == formats.several("md", sample())
    assert main(["report", str(path), "--no-color"]) == 0
    assert "all 3 candidates together" in capsys.readouterr().out
    assert main(["report", str(path), "--csv", "x"]) == 1
    assert "a comparison of several candidates has --html and --md" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--visits", "--visits is for two sides; compare two at a time, or leave it out"),
        ("--pairs 9", "--pairs is for two sides"),
        ("--visit 2s", "--visit is for two sides"),
        ("--stop-when sure", "--stop-when is for two sides"),
        ("--save-baseline x", "--save-baseline is for two sides"),
        ("--script x.py", "--script is for two sides"),
        ("-n 100", "slices cannot have a number of requests (-n); compare two at a time"),
        ("--time 0.9s", "--time must be at least 960ms: 16 pairs of slices"),
        (" ".join(["http://127.0.0.1/"] * 6), "a base and up to 7 candidates, not 9 sides"),
        ("saved.json", "compare saved results two at a time"),
    ],
)
def test_what_two_sides_alone_can_have_is_refused(
    words: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.py").write_text(
        "from fastbench import scenario\n\n\n@scenario\nasync def one(vu):\n    pass\n"
    )
    (tmp_path / "saved.json").write_text("{}")
    urls = [f"http://127.0.0.1:800{at}/" for at in (1, 2, 3)]
    with pytest.raises(UsageError) as error:
        compare_args.parse([*words.split(), *urls])
    assert told in str(error.value) and str(error.value).count("\n") == 0
