"""What stands in a placeholder, as placeholder_values.py reads it, and what it refuses."""

from __future__ import annotations

import pytest

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.pieces import Piece
from fastbench.plan.varied.placeholder_values import Known, piece

KNOWN = Known(("id", "first name", "uuid", "a:b"), "users.csv", {"TOKEN": "é ", "EMPTY": ""})


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("seq", Piece("seq", low=1, high=1, width=1)),
        (" seq ", Piece("seq", low=1, high=1, width=1)),
        ("seq:100", Piece("seq", low=100, high=1, width=1)),
        ("seq:-5:-2:8", Piece("seq", low=-5, high=-2, width=8)),
        ("seq:::6", Piece("seq", low=1, high=1, width=6)),
        ("int:1:100", Piece("int", low=1, high=100)),
        ("int:-3:-3:uniform", Piece("int", low=-3, high=-3)),
        ("int:1:100:zipf", Piece("zipf", low=1, high=100)),
        ("hex:16", Piece("hex", width=16)),
        ("pick:a|b|", Piece("pick", choices=(b"a", b"b", b""))),
        (r"pick:a\|b|c\}\}|\d\\", Piece("pick", choices=(b"a|b", b"c}}", b"\\d\\"))),
        ("pick:é:x|y", Piece("pick", choices=("é:x".encode(), b"y"))),
        ("pick:one", Piece("text", text=b"one")),
        ("now", Piece("now")),
        ("now_ms", Piece("now_ms")),
        ("env:TOKEN", Piece("text", text="é ".encode())),
        ("env:EMPTY", Piece("text")),
        ("id", Piece("column")),
        ("first name", Piece("column", column=1)),
        ("feed:uuid", Piece("column", column=2)),
        ("a:b", Piece("column", column=3)),
    ],
)
def test_a_placeholder_is_read(inner: str, found: Piece) -> None:
    assert piece(inner.encode(), KNOWN) == found


@pytest.mark.parametrize(
    ("inner", "sentence"),
    [
        (
            "sec",
            r"There is no {{sec}}; did you mean {{seq}}\? Known: seq, uuid, .*columns of ",
        ),
        ("frist name", "did you mean {{first name}}"),
        ("", "There is no {{}}"),
        ("id2:secret-value", "There is no {{id2}}"),
        ("feed:nope", "There is no {{nope}}"),
        ("uuid", "is a column of users.csv and a value that is made here; write {{feed:uuid}}"),
        ("uuid:4", "uuid is a column"),
        ("now:1", "it has no arguments"),
        ("int", r"A placeholder int is {{int:LOW:HIGH}}"),
        ("int:1:2:3:4", r"A placeholder int is {{int:LOW:HIGH}}"),
        ("int:1:2:normal", "or {{int:LOW:HIGH:zipf}}"),
        ("int:9:1", "LOW is at most HIGH, not 9 and 1"),
        ("int:a:1", "LOW is a whole number"),
        ("int:1:1.5", "HIGH is a whole number"),
        ("int:0:1000000000000000001", "HIGH is between -1,000,000,000,000,000,000 and"),
        ("int:1:1000000000000001:zipf", "with zipf there are at most 1,000,000,000,000,000"),
        ("seq:1:2:3:4", "A placeholder seq is {{seq}}, {{seq:START}}"),
        ("seq:1:2000000", "STEP is between -1,000,000 and 1,000,000"),
        ("seq:1:1:20", "WIDTH is between 1 and 19"),
        ("hex", "DIGITS is a whole number"),
        ("hex:0", "DIGITS is between 1 and 1,024"),
        ("pick", r"A placeholder pick is {{pick:A\|B\|C}}"),
        ("env", "A placeholder env is {{env:NAME}}"),
        ("env:NOPE", "The environment has no NOPE, which {{env:NOPE}} names"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(inner: str, sentence: str) -> None:
    known = Known(("id", "first name"), "users.csv", {}) if inner == "uuid:4" else KNOWN
    if inner == "uuid:4":
        sentence = "A placeholder uuid is {{uuid}}: it has no arguments"
    with pytest.raises(UsageError, match=sentence.replace("{{", r"\{\{")) as refused:
        piece(inner.encode(), known)
    assert "secret-value" not in str(refused.value)


@pytest.mark.timeout(20)
def test_a_megabyte_to_pick_is_read_at_once() -> None:
    assert piece(b"pick:" + b"x" * (1 << 20) + b"|y", KNOWN).choices == (b"x" * (1 << 20), b"y")


def test_without_a_feed_the_flag_is_named() -> None:
    with pytest.raises(UsageError, match=r"--feed FILE gives columns.*--raw sends braces"):
        piece(b"user", Known())
