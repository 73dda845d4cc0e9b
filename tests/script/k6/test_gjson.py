"""Paths of gjson: what each sign of the grammar does, and laws that hold for any JSON."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from typing import Any

import pytest
from gjson_paths import DOCUMENTS, FRIENDS, PATHS
from hypothesis import given
from hypothesis import strategies as st

from fastbench.script.k6.gjson import gjson_grammar
from fastbench.script.k6.gjson.gjson_search import get, select
from fastbench.script.k6.gjson.gjson_values import MISSING, exact, text_of

PEOPLE = json.loads(FRIENDS)
EXPECTED: dict[str, Any] = {
    "name.last": "Anderson",
    "children.1": "Alex",
    "children.-1": MISSING,
    "child*.2": "Jack",
    "c?ildren.0": "Sara",
    r"fav\.movie": "Deer Hunter",
    "friends.#": 3,
    "friends.#.age": [44, 68, 47],
    "friends.#.nets.#": [3, 2, 2],
    "friends.#.nope": [],
    'friends.#(last=="Murphy").first': "Dale",
    'friends.#(last=="Murphy")#.first': ["Dale", "Jane"],
    "friends.#(age>45)#.last": ["Craig", "Murphy"],
    "friends.#(age<=47)#.age": [44, 47],
    "friends.#(age!=47)#.age": [44, 68],
    'friends.#(first%"D*").last': "Murphy",
    'friends.#(first!%"D*").last': "Craig",
    'children.#(!%"*a*")': "Alex",
    'children.#(%"*a*")#': ["Sara", "Jack"],
    'friends.#(nets.#(=="fb"))#.first': ["Dale", "Roger"],
    "friends.#(nope)#": [],
    "friends|#": 3,
    "friends.0|first": "Dale",
    'friends.#(last="Murphy")#|first': MISSING,
    'friends.#(last="Murphy")#.0': [],
    'friends.#(last="Murphy")#|0.age': 44,
    'friends.#(last="Murphy")#.#': [],
    'friends.#(last="Murphy")#|#': 2,
    "children.@reverse": ["Jack", "Alex", "Sara"],
    "name.@keys": ["first", "last"],
    "name.@values": ["Tom", "Anderson"],
    "@dig:first": ["Tom", "Dale", "Roger", "Jane"],
    "@this.age": 37,
    "@valid.age": 37,
    "name.@tostr": '{"first": "Tom", "last": "Anderson"}',
    "name.@ugly.@tostr": '{"first":"Tom","last":"Anderson"}',
    "name.@pretty.@tostr": '{\n  "first": "Tom",\n  "last": "Anderson"\n}\n',
    "name.@tostr.@fromstr.last": "Anderson",
    "friends.#.nets|@flatten|#": 7,
    '{name.first,age,"murphys":friends.#(last="Murphy")#.first}': {
        "first": "Tom",
        "age": 37,
        "murphys": ["Dale", "Jane"],
    },
    "[name.first,nope,age]": ["Tom", 37],
    '{"new":!{"a":[1]},"on":!true}.new.a.0': 1,
    '!"text"': "text",
    "..#": 1,
    "..0.age": 37,
    "nope|@keys": [],
    "nope.x|@keys": MISSING,
    "@nothing": MISSING,
}


@pytest.mark.parametrize("path", EXPECTED)
def test_a_path_points_at_what_gjson_documents(path: str) -> None:
    assert select(exact(FRIENDS), path) == EXPECTED[path]


def test_a_search_goes_on_behind_a_key_that_leads_nowhere() -> None:
    assert select({"a1": {"x": 1}, "a2": {"y": 2}}, "a*.y") == 2
    assert select({"a1": [{"x": 1}], "a2": [{"y": 2}]}, "a*.#(y=2).y") == 2


def test_the_first_of_two_values_of_a_key_counts_where_the_text_is_read() -> None:
    value = exact('{"a": 1, "b": 0, "a": 2}')
    assert (select(value, "a"), select(value, "@keys")) == (1, ["a", "b", "a"])
    assert select(value, "@this.@tostr") == '{"a": 1, "b": 0, "a": 2}'


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[1,]", '{"a":1,}', "01", "1.", "nul", '"\n"', '"\\x"', "1 2", "{1:2}"),
        *("[1 2]", '{"a" 1}', "[" * 5000),
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        exact(text)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
KEYS = st.text(st.sampled_from('ab.*?|#@\\é{[!:"~'), min_size=1, max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(JSON, st.integers(0, 3))
def test_text_and_values_are_the_same_to_a_path(value: Any, indent: int) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    assert exact(text) == value and text_of(exact(text)) == text
    assert json.loads(text_of(value)) == value
    if value is not None:  # gjson reads it as no text at all
        assert get(value, "@tostr.@fromstr") == value or isinstance(value, str)
    assert json.loads(get(value, "@pretty.@tostr")) == value
    assert json.loads(get(value, '@pretty:{"width":9,"indent":"\\t"}|@ugly.@tostr')) == value
    assert get(value, "@reverse.@reverse") == value


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_every_key_is_found_where_its_signs_are_escaped(value: dict[str, Any]) -> None:
    for key, each in value.items():
        path = "".join(f"\\{sign}" for sign in key)
        assert get({"x": value}, f"x.{path}") == each
        assert get(value, "{" + f'"k":{path}' + "}") == {"k": each}


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.integers(-3, 3) | st.text("ab", max_size=2))
    ),
    st.sampled_from(list(COMPARISONS)),
    st.integers(-3, 3),
)
def test_a_query_is_a_filter(rows: list[dict[str, Any]], sign: str, limit: int) -> None:
    holds = COMPARISONS[sign]
    like = [
        row
        for row in rows
        if "a" in row and holds(row["a"], str(limit) if isinstance(row["a"], str) else limit)
    ]
    assert get(rows, f"#(a{sign}{limit})#") == like
    assert get(rows, f"#(a{sign}{limit})#.b") == [row["b"] for row in like if "b" in row]
    first = get(rows, f"#(a {sign} {limit})")
    assert first == like[0] if like else first is MISSING


@given(st.sampled_from(DOCUMENTS), st.sampled_from([p for p in PATHS if gjson_grammar.plain(p)]))
def test_the_short_way_of_plain_paths_finds_what_the_long_one_finds(text: str, path: str) -> None:
    try:
        value = exact(text)
    except ValueError:
        return
    assert select(value, path) == get(value, path)


@given(st.text(st.sampled_from('ab.*#()="1@[]{},:!|\\~%> t'), max_size=12))
def test_any_text_is_a_path(path: str) -> None:
    select(PEOPLE, path)


def test_only_paths_of_keys_and_indices_go_the_short_way() -> None:
    assert gjson_grammar.plain("a.0.b c") == ("a", "0", "b c")
    for path in ("a*", "a|b", "a.#", "@this", "a.@this", r"a\.b", "[a]", "a.{b}", "!1", "..0"):
        assert gjson_grammar.plain(path) is None
