"""json_codec.py: what is written by types is read back by them."""

from __future__ import annotations

import json
import typing
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from fastbench.results import json_codec
from fastbench.results.json_codec import DocumentError


def test_what_is_written_of_pairs_and_choices_is_read_back() -> None:
    kind = tuple[tuple[int, Literal["a", "b"], Any], ...]
    whole = ((1, "a", {"c": 2}), (3, "b", 4.5))
    assert json_codec.read(kind, json.loads(json.dumps(whole)), "pairs") == whole
    with pytest.raises(DocumentError, match=r"pairs\[0\]\[1\]: expected .*, got 'c'"):
        json_codec.read(kind, [[1, "c", 2]], "pairs")


@pytest.mark.parametrize("value", [1e308, 10**101, float("inf"), float("nan"), -0.5])
def test_what_overflows_in_another_unit_is_refused(value: float) -> None:
    """1e308 ms are no finite number of ns: such a document ended in a traceback."""
    with pytest.raises(DocumentError, match=r"^max_ms: .* is out of range$"):
        json_codec.read(float, value, "max_ms")
    assert json_codec.read(float, 1e99, "max_ms") == 1e99


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_that_only_python_reads_are_no_json(word: str) -> None:
    with pytest.raises(DocumentError, match=f"^it is not JSON: {word} is no number$"):
        json_codec.parsed(f'{{"a": [{word}]}}'.encode())


@dataclass(frozen=True, slots=True)
class Sample:
    """What a machine of a cluster tells every second, a thousand of them to one parent."""

    name: str
    cores: tuple[float, ...]


def test_types_are_looked_at_once_however_much_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample("a", (1.0, 2.0))
    assert json_codec.read(Sample, json_codec.plain(sample), "sample") == sample

    def again(*args: object, **more: object) -> None:
        raise AssertionError("to look at the types takes nine times as long as to read")

    monkeypatch.setattr(typing, "get_type_hints", again)
    assert json_codec.read(Sample, json_codec.plain(sample), "sample") == sample
    with pytest.raises(DocumentError, match=r"^sample.cores\[1\]: expected a number, got 'x'$"):
        json_codec.read(Sample, {"name": "a", "cores": [1, "x"]}, "sample")
