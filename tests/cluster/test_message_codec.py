"""Dataclasses to JSON and back: what returns is what was sent, and what is wrong is named."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.cluster import message_codec
from fastbench.cluster.message_codec import MessageError


@dataclass(frozen=True, slots=True)
class Inner:
    """A dataclass within another."""

    pair: tuple[str, int] = ("a", 1)
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Outer:
    """One field of every kind that is sent."""

    flag: bool
    count: int
    number: float
    text: str
    data: bytes
    word: Literal["a", "b"]
    digit: Literal[0, 4]
    maybe: bytes | None
    inner: Inner | None
    several: tuple[Inner, ...]
    chosen: frozenset[int] | None
    named: Mapping[str, tuple[str, ...]]
    networks: tuple[IPv4Network | IPv6Network, ...]
    free: dict[str, object]
    any: Any = None
    made: bytes = field(init=False, default=b"")

    def __post_init__(self) -> None:
        object.__setattr__(self, "made", self.data * 2)


# Any text that Python can hold, also what is no UTF-8.
texts = st.text(st.characters(exclude_categories=()), max_size=20)
free = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
inners = st.builds(
    Inner, st.tuples(texts, st.integers(-(2**63), 2**63 - 1)), st.binary(max_size=50)
)
outers = st.builds(
    Outer,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    texts,
    st.binary(max_size=300),
    st.sampled_from(["a", "b"]),
    st.sampled_from([0, 4]),
    st.none() | st.binary(max_size=9),
    st.none() | inners,
    st.lists(inners, max_size=3).map(tuple),
    st.none() | st.frozensets(st.integers(0, 999)),
    st.dictionaries(texts, st.lists(texts, max_size=2).map(tuple), max_size=3),
    st.lists(st.sampled_from(["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"]).map(ip_network)).map(
        tuple
    ),
    st.dictionaries(texts, free, max_size=3),
    free,
)


@given(outers)
def test_what_returns_is_what_was_sent_by_either_library_of_json(sent: Outer) -> None:
    message = message_codec.pack(sent)
    assert message_codec.unpack(Outer, json.loads(json.dumps(message))) == sent
    returned = message_codec.unpack(Outer, orjson.loads(orjson.dumps(message)))
    assert returned == sent and returned.made == sent.made


def test_numbers_that_are_none_return() -> None:
    @dataclass(frozen=True)
    class Number:
        value: float

    sent = [Number(each) for each in (math.inf, -math.inf, -0.0, 5e-324, 0.1 + 0.2)]
    messages = orjson.loads(orjson.dumps([message_codec.pack(each) for each in sent]))
    returned = [message_codec.unpack(Number, each) for each in messages]
    assert returned == sent and str(returned[2].value) == "-0.0"
    assert math.isnan(message_codec.unpack(Number, message_codec.pack(Number(math.nan))).value)


def _sent() -> dict[str, Any]:
    network = ip_network("10.0.0.0/8")
    assert isinstance(network, IPv4Network)
    outer = Outer(
        True, 1, 1.0, "t", b"d", "a", 0, None, Inner(), (Inner(),), None, {}, (network,), {}
    )
    return message_codec.pack(outer)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("flag", 1, "Outer.flag: expected bool, got int"),
        ("count", True, "Outer.count: expected int, got bool"),
        ("count", 1.5, "Outer.count: expected int, got float"),
        ("number", "1e9", "Outer.number: expected float, got str"),
        ("text", 5, "Outer.text: expected str, got int"),
        ("text", {"text": "/w=="}, "Outer.text: expected text, got dict"),
        ("data", "§", "Outer.data: expected base64, got str"),
        ("data", None, "Outer.data: expected base64, got NoneType"),
        ("word", "c", "Outer.word: expected one of a, b, got str"),
        ("digit", False, "Outer.digit: expected one of 0, 4, got bool"),
        ("word", [], "Outer.word: expected one of a, b, got list"),
        ("inner", {"pair": ["a", 1]}, "Outer.inner.data is missing, or not known here"),
        ("inner", [], "Outer.inner: expected an object, got list"),
        ("several", [None], r"Outer.several\[0\]: expected an object, got NoneType"),
        ("inner", {"pair": ["a"], "data": ""}, "Outer.inner.pair: expected 2 values, got list"),
        ("chosen", {}, "Outer.chosen: expected a list, got dict"),
        ("chosen", [None], r"Outer.chosen\[0\]: expected int, got NoneType"),
        ("named", [["a"]], "Outer.named: expected pairs, got list"),
        ("networks", ["10.0.0.1/8"], r"Outer.networks\[0\]: expected .*, got str"),
        ("free", "{", "Outer.free: expected a list, got str"),
        ("any", "{", "Outer.any: expected a text of JSON, got str"),
        ("extra", 1, "Outer.extra is missing, or not known here"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(name: str, value: object, sentence: str) -> None:
    message = _sent()
    message[name] = value
    with pytest.raises(MessageError, match=f"^{sentence}$"):
        message_codec.unpack(Outer, message)


def test_what_cannot_be_sent_is_a_mistake_of_ours() -> None:
    @dataclass(frozen=True)
    class Odd:
        value: complex

    with pytest.raises(TypeError, match="complex"):
        message_codec.pack(Odd(1j))
