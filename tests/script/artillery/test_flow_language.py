"""The small languages of a flow: YAML, templates, JSONPath, conditions, captures, phases."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from fastbench.script import remarks
from fastbench.script.artillery import captures, conditions, json_path, phases, yaml_tree
from fastbench.script.artillery.templates import UNDEFINED, Template
from fastbench.script.artillery.yaml_tree import Map, Refusal

VARS: dict[str, Any] = {
    "id": 7,
    "user": {"name": "ann", "tags": ["a", "b"]},
    "none": None,
    "yes": True,
    "half": 0.5,
    "$loopCount": 2,
}


def value(text: str) -> Any:
    return yaml_tree.read(text.encode())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[yes, on, 12:30, 0o17]", ["yes", "on", "12:30", "0o17"]),
        ("[1, -2, 017, 0x1F, 0b11, 1_000]", [1, -2, 15, 31, 3, 1000]),
        ("[1e3, .5, 1.5, -1.0]", [1000.0, 0.5, 1.5, -1.0]),
        ("[true, False, ~, null, '1', !!str 1]", [True, False, None, None, "1", "1"]),
        ("{a: &x {b: 1}, c: {<<: *x, d: 2}}", {"a": {"b": 1}, "c": {"d": 2, "b": 1}}),
    ],
)
@pytest.mark.parametrize("pure", [False, True], ids=["libyaml", "python"])
def test_scalars_mean_what_they_mean_in_yaml_1_2(
    text: str, found: Any, pure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pure:
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    read = value(text)
    assert read == found
    if isinstance(found, list):
        assert [type(each) for each in read] == [type(each) for each in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ id }}", 7),
        ("{{id}}!", "7!"),
        ("{{ user }}", VARS["user"]),
        ("a {{ user.tags[1] }} {{ user['name'] }}", "a b ann"),
        ("{{ user.tags }}/{{ none }}/{{ yes }}/{{ half }}", '["a","b"]/null/true/0.5'),
        ("{{ user.tags.length }}", 2),
        ("{{ $loopCount }}", 2),
        ("{{ nothing }}", UNDEFINED),
        ("x{{ nothing }}", "xundefined"),
        ("{{{ id }}}", 7),
        (value('{a: "{{ id }}", "{{ user.name }}": [1, "{{ yes }}"]}'), {"a": 7, "ann": [1, True]}),
        (value('{a: "{{ nothing }}", b: 1}'), {"b": 1}),
        (value('["{{ nothing }}"]'), [None]),
    ],
)
def test_a_template_is_its_value_or_a_text(text: Any, found: Any) -> None:
    remarks.begin()
    assert Template(text, 3).render(VARS) == found
    told = remarks.texts()
    line = 3 if isinstance(text, str) else 1
    assert told == (
        (f"line {line}: {{{{ nothing }}}} has no value",) if "nothing" in str(text) else ()
    )


def test_numbers_and_texts_by_chance() -> None:
    numbers = Template("{{ $randomNumber(3, 5) }}", 1)
    assert {numbers.render({}) for _ in range(200)} == {"3", "4", "5"}
    assert re.fullmatch("n-[A-Za-z0-9]{6}", Template("n-{{ $randomString(6) }}", 1).render({}))
    assert len(Template("{{ $randomString() }}", 1).render({})) == 10


DOCUMENT = {
    "id": 1,
    "items": [{"n": 1, "id": "a"}, {"n": 2, "id": "b"}, {"n": 3, "id": "c", "ok": True}],
    "a.b": {"c d": 5},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.id", [1]),
        ("id", [1]),
        ("$", [DOCUMENT]),
        ("$.items[0].id", ["a"]),
        ("$.items[*].id", ["a", "b", "c"]),
        ("$.items[-1:].id", ["c"]),
        ("$.items[0:2].n", [1, 2]),
        ("$.items[0,2].n", [1, 3]),
        ("$.items[(@.length-1)].n", [3]),
        ("$.items.length", [3]),
        ("$..id", [1, "a", "b", "c"]),
        ("$.items[?(@.n > 1)].id", ["b", "c"]),
        ("$.items[?(@.id=='b' || @.ok)].n", [2, 3]),
        ("$.items[?(@.n >= 2 && !@.ok)].n", [2]),
        ("$['a.b']['c d']", [5]),
        ("$.nothing.at.all", []),
    ],
)
def test_a_json_path_gives_values_in_their_order(path: str, found: list[Any]) -> None:
    assert json_path.compiled(path, 1)(DOCUMENT) == found


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("id == 7", True),
        ('id == "7"', True),
        ("id > 7 or yes", True),
        ("not yes", False),
        ("id in (1, 7) and half < 1", True),
        ("id not in (1, 2)", True),
        ("(id + 1) * 2 == 16", True),
        ("id % 2 == 1 ? yes : 0", True),
        ("nothing", False),
        ("floor(half) == 0 and abs(-3) == 3", True),
        ("2 ^ 3 == 8", True),
        ("nothing > 3", True),  # what cannot be worked out holds
        ('user.name == "x"', False),
    ],
)
def test_a_condition_holds_or_not(text: str, holds: bool) -> None:
    assert conditions.compiled(text, 1)(VARS) is holds


class Answer:
    """An answer with a header and a body."""

    status = 200
    headers = {"x-token": "t-1"}  # noqa: RUF012

    def __init__(self, text: str, document: Any) -> None:
        self.text = text
        self.document = document


def test_captures_take_all_or_nothing() -> None:
    given = value(
        "capture: [{json: $.id, as: id}, {header: x-token, as: t}, "
        "{regexp: 'n=(?<n>.)', group: n, as: n}, {json: $.no, as: user.no, strict: false}]"
    )
    takes = captures.read(given, True)
    answer = Answer("n=5", {"id": 3})
    vars: dict[str, Any] = {}
    assert captures.taken(takes, answer, vars) is None
    assert vars == {"id": 3, "t": "t-1", "n": "5", "user": {"no": UNDEFINED}}
    vars.clear()
    failed = captures.taken(takes, Answer("", captures.NO_JSON), vars)
    assert failed is not None and failed.shown == "json $.id" and vars == {}
    assert captures.taken(captures.read(given, False), Answer("", captures.NO_JSON), vars) is None


@pytest.mark.parametrize(("wanted", "holds"), [(3, True), ("'3'", False), ("true", False)])
def test_a_match_compares_strictly(wanted: object, holds: bool) -> None:
    takes = captures.read(value(f"match: {{json: $.id, value: {wanted}}}"), True)
    assert (captures.taken(takes, Answer("", {"id": 3}), {}) is None) == holds


def of_phases(text: str) -> Any:
    given = value(f"phases: {text}")
    assert isinstance(given, Map)
    return phases.specs(phases.read(given), "load", "function")


def test_phases_are_stages_with_their_names() -> None:
    (found,) = of_phases(
        "[{name: a, duration: 10, arrivalRate: 2}, {duration: 1m, arrivalRate: 5, rampTo: 9}, "
        "{pause: 5}, {duration: 4, arrivalCount: 8}]"
    )
    assert found.executor == "ramping-arrival-rate" and found.start_rate == 2
    assert found.stages == ((10, 2), (0, 5), (60, 9), (0, 0), (5, 0), (0, 2), (4, 2))
    assert found.stage_names == ("a", *["phase 2"] * 2, *["phase 3"] * 2, *["phase 4"] * 2)
    assert found.planned == found.max_vus == 20 + 420 + 8
    (one,) = of_phases("[{duration: 30s, arrivalRate: 5, maxVusers: 3}]")
    assert (one.executor, one.rate, one.duration_s, one.max_vus) == (
        *("constant-arrival-rate", 5, 30),
        3,
    )


def test_phases_with_other_limits_are_scenarios_of_their_own() -> None:
    first, second = of_phases(
        "[{name: a, duration: 2, arrivalRate: 5}, {pause: 1}, "
        "{name: b, duration: 2, arrivalRate: 5, maxVusers: 4}]"
    )
    assert (first.name, first.start_time_s, first.max_vus) == ("a", 0, 10)
    assert (second.name, second.start_time_s, second.max_vus) == ("b", 3, 4)


def test_a_json_path_that_is_not_understood_is_refused() -> None:
    for path in ("$.a[", "$.a[?(b)]", "$.a[(x)]", "$.a b"):
        with pytest.raises(Refusal):
            json_path.compiled(path, 1)
