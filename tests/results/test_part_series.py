"""How parts went over time comes back from a document, which an older one has not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import part_samples
import pytest
from commandline import validator
from hypothesis import given
from hypothesis import strategies as st

from fastbench.results.json_codec import DocumentError, parsed
from fastbench.results.merging.neighbours import last_merged, merged
from fastbench.results.part_series import joined_counts, joined_percentiles
from fastbench.results.result import Result


def through_json(result: Result) -> Any:
    return parsed(json.dumps(result.to_document()).encode())


@pytest.mark.parametrize("made", [part_samples.urls, part_samples.script])
def test_it_comes_back_as_it_was(made: Any) -> None:
    document = through_json(made())
    validator().validate(document)
    found = Result.from_document(document)
    assert found.part_series == made().part_series
    assert found.series == made().series


@pytest.mark.parametrize("column", ["t_s", "span_s", "ended", "failed", "p50_ms", "p99_ms"])
def test_columns_of_other_steps_are_refused(column: str) -> None:
    document = through_json(part_samples.script())
    found = document["part_series"]
    (found if column.endswith("_s") else found["parts"][-1])[column].pop()
    with pytest.raises(DocumentError, match=r"part_series: .* as many values as there are steps"):
        Result.from_document(document)


def test_a_step_without_a_length_is_refused() -> None:
    document = through_json(part_samples.script())
    document["part_series"]["span_s"][0] = 0
    with pytest.raises(DocumentError, match=r"part_series.span_s: a step has no length"):
        Result.from_document(document)


def test_a_document_without_it_is_read_and_one_that_is_broken_is_refused() -> None:
    document = through_json(part_samples.urls())
    del document["part_series"]
    assert Result.from_document(document).part_series is None
    document = through_json(part_samples.urls())
    document["part_series"]["parts"][1]["ended"][3] = -1
    with pytest.raises(DocumentError, match=r"part_series.parts\[1\].ended\[3\]"):
        Result.from_document(document)


PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)))


@given(PAIRS)
def test_joined_steps_lose_nothing(pairs: list[tuple[int, int]]) -> None:
    flat = [each for pair in pairs for each in pair]
    assert joined_counts(flat) == [sum(pair) for pair in pairs]
    times = [each or None for each in flat]
    highest = joined_percentiles(times)
    assert highest == [max(pair) or None for pair in pairs]


def test_neighbouring_rows_add_up_and_keep_the_higher_percentile() -> None:
    one, other = part_samples.script().series[3:5]
    found = merged(one, replace(other, p95_ms=None))
    assert found.statuses == {
        status: one.statuses.get(status, 0) + other.statuses.get(status, 0)
        for status in one.statuses
    }
    assert found.p95_ms == one.p95_ms
    assert found.iterations == (one.iterations or 0) + (other.iterations or 0)
    assert found.vus == other.vus
    assert last_merged(one, other).vus == one.vus
