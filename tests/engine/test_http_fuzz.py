"""Made-up responses, whole and damaged: the parser against its twin, h11 and httptools."""

from __future__ import annotations

from collections.abc import Sequence

import naive
import pytest
from corpus import CASES
from feeding import Outcome, drive
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from oracles import H11, HTTPTOOLS, Excuse, Verdict, ask_h11, ask_httptools
from responses import pieces_of, wires
from running import SLOW

pytestmark = pytest.mark.slow
bounded = settings(
    max_examples=5_000 if SLOW else 150,
    derandomize=not SLOW,  # the everyday run asks the same questions every day
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def ours(wire: bytes, *, head: bool = False) -> tuple[Outcome, Verdict]:
    """Read a response whose peer then closes."""
    outcome, _ = drive([wire], head=head, eof=True)
    if outcome.outcome != "ok":
        return outcome, Verdict(False)
    return outcome, Verdict(True, outcome.status, outcome.body_bytes, outcome.reusable)


def excuses(wire: bytes, known: Sequence[Excuse]) -> list[str]:
    return [reason for reason, applies in known if applies(wire)]


@bounded
@given(
    wire=st.one_of(wires(), st.binary(max_size=60)),
    head=st.booleans(),
    eof=st.booleans(),
    data=st.data(),
)
def test_parser_and_naive_twin_agree_however_the_bytes_are_cut(
    wire: bytes, head: bool, eof: bool, data: st.DataObject
) -> None:
    twin = naive.parse(wire, head=head, eof=eof)
    event(twin.outcome)
    seen, _ = drive(data.draw(pieces_of(wire)), head=head, eof=eof)
    assert (seen.outcome, seen.body_bytes, seen.reusable) == (
        twin.outcome,
        twin.body_bytes,
        twin.reusable,
    )
    if twin.outcome == "ok":
        assert (seen.status, seen.consumed) == (twin.status, twin.consumed)


@bounded
@given(wire=wires(), needle=st.binary(min_size=1, max_size=4), data=st.data())
def test_expected_text_is_found_when_the_body_holds_it(
    wire: bytes, needle: bytes, data: st.DataObject
) -> None:
    twin = naive.parse(wire, eof=True)
    if len(twin.body) > 2 and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(twin.body) - 2))
        needle = twin.body[at : at + data.draw(st.integers(1, 4))]
    _, found = drive(data.draw(pieces_of(wire)), eof=True, expect=needle)
    assert found == (needle in twin.body)


def check_h11(wire: bytes, head: bool) -> bool:
    """Is h11 of the same mind, or does it lack nothing but bytes?"""
    return ours(wire, head=head)[1] == ask_h11(wire, head=head)


def check_httptools(wire: bytes, head: bool) -> bool:
    """Is httptools of the same mind? What it wants more bytes for is at its end or cut off."""
    verdict, theirs = ours(wire)[1], ask_httptools(wire)
    if head or theirs == verdict:
        return True
    same = (verdict.status, verdict.body_bytes) == (theirs.status, theirs.body_bytes)
    return theirs.accepted is None and not verdict.reusable and (same or not verdict.accepted)


ORACLES = {"h11": (check_h11, H11), "httptools": (check_httptools, HTTPTOOLS)}


@pytest.mark.parametrize("oracle", ORACLES)
@bounded
@given(wire=wires(), head=st.booleans())
def test_parser_and_oracle_agree_but_for_the_known_differences(
    oracle: str, wire: bytes, head: bool
) -> None:
    check, known = ORACLES[oracle]
    if reasons := excuses(wire, known):
        event(reasons[0])
    else:
        event(ours(wire, head=head)[0].outcome)
        assert check(wire, head)


@pytest.mark.parametrize("oracle", ORACLES)
def test_parser_and_oracle_agree_on_the_corpus_but_for_the_known_differences(oracle: str) -> None:
    check, known = ORACLES[oracle]
    agreed = [case for case in CASES if not excuses(case.wire, known)]
    assert [str(case) for case in agreed if not check(case.wire, case.head)] == []
    assert len(agreed) > len(CASES) // 3


@pytest.mark.parametrize(
    ("oracle", "excuse"),
    [(oracle, excuse) for oracle, (_, known) in ORACLES.items() for excuse in known],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_known_difference_is_still_one(oracle: str, excuse: Excuse) -> None:
    check, _ = ORACLES[oracle]
    applies = [case for case in CASES if excuse[1](case.wire)]
    assert any(not check(case.wire, case.head) for case in applies)
