"""The parser against the corpus: each row fed four ways, and against its plain-Python twin."""

from __future__ import annotations

import naive
import pytest
from case import NEXT, Case, Sequence, answer, chunked
from corpus import CASES, SEQUENCES
from feeding import Outcome, drive, splits, stream

from fastbench.engine.bridge import _core

GIB = 2**30


def shown(outcome: Outcome) -> tuple[object, ...]:
    """Reduce an outcome to what must be the same whichever way its bytes arrive."""
    if outcome.outcome == "ok":
        return ("ok", outcome.status, outcome.body_bytes, outcome.reusable, outcome.consumed)
    return (outcome.outcome, outcome.body_bytes, outcome.reusable)


def meets(case: Case, seen: tuple[object, ...]) -> bool:
    """Is this one of the outcomes the row allows?"""
    if seen[0] == "ok":
        row = ("ok", case.status, case.body_bytes, case.reusable, case.consumed)
        return "ok" in case.outcomes and seen == row
    if seen[0] == "truncated":
        return "truncated" in case.outcomes and seen == ("truncated", case.body_bytes, False)
    return seen[0] in case.outcomes


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_response_means_the_same_whichever_way_it_arrives(case: Case) -> None:
    seen = {
        shown(drive(pieces, head=case.head, eof=case.closes)[0]) for pieces in splits(case.wire)
    }
    assert len(seen) == 1, "the ways disagree"
    assert meets(case, seen.pop())


@pytest.mark.parametrize("case", [case for case in CASES if not case.closes], ids=str)
def test_the_next_response_behind_it_changes_nothing(case: Case) -> None:
    wire = case.wire[: case.consumed or len(case.wire)]
    outcomes, rest = stream(wire + NEXT, (case.head, False))
    assert meets(case, shown(outcomes[0]))
    if outcomes[0].outcome == "ok":
        assert [outcome.outcome for outcome in outcomes] == ["ok", "ok"]
        assert (outcomes[1].status, outcomes[1].body_bytes, rest) == (200, 4, b"")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_parser_and_naive_twin_agree(case: Case) -> None:
    twin = naive.parse(case.wire, head=case.head, eof=case.closes)
    assert shown(drive([case.wire], head=case.head, eof=case.closes)[0]) == shown(twin)


@pytest.mark.parametrize("row", SEQUENCES, ids=lambda row: f"{row.subject}: {row.name}")
def test_answers_in_a_row_are_told_apart(row: Sequence) -> None:
    outcomes, rest = stream(row.wire, row.heads)
    assert tuple(outcome.status for outcome in outcomes) == row.statuses
    assert all(outcome.outcome == "ok" for outcome in outcomes)
    assert len(rest) == row.left_over


@pytest.mark.parametrize(
    "framing", ["Content-Length: 5368709120", "Transfer-Encoding: chunked", "X: y"]
)
def test_a_body_above_4_gib_is_counted_to_the_byte(framing: str) -> None:
    parser = _core.Parser()
    parser.feed(answer(framing))
    if "chunked" in framing:
        parser.feed(b"140000000\r\n")
    piece = bytes(16 * 2**20)
    for _ in range(5 * GIB // len(piece)):
        assert parser.feed(piece) == len(piece)
    if "chunked" in framing:
        parser.feed(b"\r\n0\r\n\r\n")
    parser.eof()
    assert (parser.outcome, parser.body_bytes) == ("ok", 5 * GIB)


@pytest.mark.parametrize("needle", [b"needle", b"n", b"nnneedle", b"eedlen", b"aabaabaaab"])
@pytest.mark.parametrize("found", [True, False])
def test_expected_text_is_found_across_chunks_and_splits(needle: bytes, found: bool) -> None:
    text = b"nnnneedleneedlen aabaabaabaaab" if found else b"needl nedle aabaab"
    found = needle in text
    for size in (1, 2, 3, 7, len(text)):
        chunks = [text[i : i + size] for i in range(0, len(text), size)]
        lines = [line for chunk in chunks for line in (f"{len(chunk):x}".encode(), chunk)]
        wire = chunked(b"1;" + needle, b"-", *lines, b"0", b"T: " + needle, b"")
        for pieces in splits(wire):
            outcome, seen = drive(pieces, expect=needle)
            assert (outcome.outcome, seen) == ("ok", found)


def test_expected_text_is_looked_for_in_the_body_alone() -> None:
    wire = answer("X: needle", "Content-Length: 6", start="HTTP/1.1 200 needle", body=b"nothin")
    assert drive([wire], expect=b"needle")[1] is False


def test_a_parser_starts_the_next_message_afresh() -> None:
    parser = _core.Parser(head=True, expect_body=b"next")
    for case in CASES[:40]:
        parser.reset(head=case.head)
        parser.feed(case.wire)
        parser.reset()
        assert (parser.outcome, parser.rule, parser.status, parser.body_bytes) == ("", "", 0, 0)
        assert parser.feed(NEXT) == len(NEXT)
        assert (parser.outcome, parser.status, parser.body_found) == ("ok", 200, True)


@pytest.mark.parametrize("minor", [0, 1])
def test_the_minor_version_is_told(minor: int) -> None:
    parser = _core.Parser()
    parser.feed(answer("Content-Length: 0", start=f"HTTP/1.{minor} 200 OK"))
    assert parser.minor_version == minor


def test_every_broken_rule_has_a_name() -> None:
    seen = set()
    for case in CASES:
        if "protocol" in case.outcomes:
            parser = _core.Parser(head=case.head)
            parser.feed(case.wire)
            if parser.outcome == "protocol":
                assert parser.rule in _core.PROTOCOL_RULES, case
                seen.add(parser.rule)
    assert len(seen) >= 8, "rules are told apart"


def test_limits_are_those_of_the_specification() -> None:
    assert _core.MAX_HEAD_BYTES == naive.MAX_HEAD_BYTES
