"""Lines of the live view that do not fit: what is left of them says nothing in half words."""

from __future__ import annotations

import pytest

from fastbench.cli.output.live.blocks import Look
from fastbench.cli.output.live.chart_lines import histogram
from fastbench.cli.output.live.run_blocks import throughput
from fastbench.cli.output.live.run_figures import Figures, NameFigures, RunFacts, Second
from fastbench.cli.output.live.styled_line import Line
from fastbench.cli.output.live.table_blocks import by_name
from fastbench.results.histogram import index
from fastbench.run.sampling import Progress


@pytest.mark.parametrize(
    ("text", "columns", "left"),
    [
        (
            " THROUGHPUT  2.00k req/s now   2.00k last 10 s   5.22k whole run",
            58,
            " THROUGHPUT  2.00k req/s now   2.00k last 10 s",
        ),
        (" USE         fastbench 5 %   host 100 % of 2 cores", 40, " USE         fastbench 5 %"),
        ("  503  the server is overloaded or not ready", 36, "  503  the server is overloaded or…"),
        ("  503  the server is overloaded or not ready", 12, "  503"),
        (" the load generator was lost", 20, " the load generator…"),
        ("unbreakable", 6, "unbre…"),
        ("two words", 9, "two words"),
        ("two words", 4, "two…"),
    ],
)
def test_what_does_not_fit_is_left_out_by_words_and_facts(
    text: str, columns: int, left: str
) -> None:
    assert Line(text).cut(columns, "…").text == left
    bare = Line(text).cut(columns).text
    assert len(bare) <= columns and text.startswith(bare)


def test_a_histogram_with_too_few_rows_says_that_its_first_has_all_below() -> None:
    counts = {index(value_ns): 10 for value_ns in (10_000, 100_000, 1_000_000, 10_000_000)}
    first, *_, last = (line.text.split()[0] for line in histogram(counts, 60, 2, unicode=True))
    assert (first, last) == ("<1.00ms", "1.00ms")
    assert histogram(counts, 60, 9, unicode=True)[0].text.split()[0] == "10.0us"


def test_a_rate_that_is_asked_keeps_its_share_and_its_queue_on_half_a_screen() -> None:
    now = Progress(12.3, 24_000, 1_990.0, 0.5, 1.2, 0, (), asked_rate=2_000.0, queued=386)
    seconds = tuple(Second(at + 1.0, 1_990.0, 2_000.0, 0.4, 1.2, 0.0) for at in range(12))
    figures = Figures(RunFacts("GET /", connections=20, duration_s=40.0), now, seconds)
    asked = [throughput(figures, Look(120, 40), columns).draw(4)[1].text for columns in (59, 100)]
    assert asked[0].endswith("99.5 % reached   386 queued")
    assert asked[1].endswith("99.5 % reached, last 10 s   386 queued")


def test_a_table_without_room_for_all_rows_says_how_many_are_left_out() -> None:
    names = tuple(NameFigures(f"/{at}", "", "", 1.0, 5, 0, (1.0, 2.0, 3.0)) for at in range(6))
    now = Progress(12.3, 24_000, 1_990.0, 0.5, 1.2, 0, ())
    figures = Figures(RunFacts("GET /", connections=20), now, (), names=names)
    block = by_name(figures, Look(100, 40), 100)
    assert [line.text.split()[0] for line in block.draw(7)][1:] == [f"/{at}" for at in range(6)]
    *_, before, last = block.draw(4)
    assert before.text.split()[0] == "/1" and last.text == "  and 4 more"
