"""json_codec.py: what is written by types is read back by them."""

from __future__ import annotations

import json
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
