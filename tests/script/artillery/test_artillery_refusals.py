"""What a file of Artillery may not say: refused by name and line, nothing sent."""

from __future__ import annotations

import re

import pytest

from fastbench.script import remarks
from fastbench.script.artillery import phases, test_file, yaml_tree
from fastbench.script.artillery.test_file import TestFile
from fastbench.script.artillery.yaml_tree import Refusal

GOOD = """
config:
  target: http://127.0.0.1:1
  phases:
    - duration: 1
      arrivalRate: 1
scenarios:
  - flow:
      - get:
          url: /
"""


def read(text: str, environment: str | None = None) -> TestFile:
    return test_file.read(yaml_tree.read(text.encode()), "test.yml", environment, {})


def refused(text: str, environment: str | None = None) -> str:
    """Return the line and the sentence of a refusal."""
    with pytest.raises(Refusal) as raised:
        found = read(text, environment)
        phases.specs(found.config.phases, "name", "function")
    return f"{raised.value.line}: {raised.value}"


def beside(place: str, words: str) -> str:
    """Return the good file with another line behind that place, indented alike."""
    assert f"{place}\n" in GOOD
    line = next(line for line in GOOD.splitlines() if line.strip(" -") == place)
    indent = " " * (len(line) - len(line.lstrip(" -")))
    return GOOD.replace(f"{place}\n", f"{place}\n{indent}{words}\n", 1)


@pytest.mark.parametrize(
    ("place", "words", "said"),
    [
        ("target: http://127.0.0.1:1", "targt: x", "4: config has no targt; did you mean target?"),
        ("target: http://127.0.0.1:1", "processor: ./f.js", "4: processor: f.js does not exist."),
        ("target: http://127.0.0.1:1", "plugins: {slack: {}}", "4: plugins: slack is not supp"),
        ("target: http://127.0.0.1:1", "http: {proxy: x}", "4: http: proxy is not supported"),
        ("target: http://127.0.0.1:1", "tls: {pfx: x}", "4: tls: pfx is not supported"),
        ("target: http://127.0.0.1:1", "engines: {playwright: {}}", "4: the engine playwright"),
        ("arrivalRate: 1", "arivalRate: 1", "7: a phase has no arivalRate; did you mean arrival"),
        ("arrivalRate: 1", "arrivalCount: 5", "5: a phase has arrivalCount and a rate"),
        ("arrivalRate: 1", "maxVusers: many", "7: maxVusers of a phase is a number, not `many`"),
        ("arrivalRate: 1", "duration: 5", "7: duration stands there twice"),
        ("url: /", "capture: {xpath: //a, as: x}", "11: a capture: xpath is not supported"),
        ("url: /", "capture: {selector: a, as: x}", "11: a capture: selector is not supported"),
        ("url: /", "capture: {json: $.a}", "11: a capture needs as"),
        ("url: /", "capture: {json: '$.a[?(b)]', as: x}", "11: b of the JSONPath"),
        ("url: /", "capture: {regexp: '(', as: x}", "11: the regular expression ( cannot"),
        ("url: /", "afterResponse: f", "11: afterResponse is code in JavaScript"),
        ("url: /", "expect: {statuscode: 200}", "11: expect has no statuscode; did you mean stat"),
        ("url: /", "expect: {jmespath: a}", "11: expect: jmespath is not supported"),
        ("url: /", "ifTrue: 'a ='", "11: the condition a = is not understood"),
        ("url: /", "body: {a: 1}", "11: body of the request get is a text, not a mapping"),
        ("url: /", "json: '{{ $pick(3) }}'", "11: $pick() is not known"),
        ("url: /", "json: '{{ a + b }}'", "11: {{ a + b }} is no template"),
        ("url: /", "json: '{{ a'", "11: {{ a has {{ but no }} behind it"),
        ("url: /", "form: {a: 1}\n          json: {}", "11: the request get has json and form"),
    ],
)
def test_a_key_or_value_that_cannot_be_used_is_named_with_its_line(
    place: str, words: str, said: str
) -> None:
    assert refused(beside(place, words)).startswith(said)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("- function: f", "function is code in JavaScript; config.processor must"),
        ("- gett: {url: /}", "a flow has no gett; did you mean get?"),
        ("- think: soon", "think is a time"),
        ("- loop: [{think: 1}]", "a loop needs count or over"),
        ("- {loop: [{think: 1}], whileTrue: f}", "whileTrue is code in JavaScript"),
        ("- {loop: [{think: 1}], count: 0}", "count is a number from 1"),
        ("- get: {url: api}", "the url api begins with /"),
        ("- get: {name: a}", "the request get needs a url"),
        ("- {get: {url: /}, expect: {}}", "expect stands beside get, not in it"),
        ("- get", "a step is a mapping"),
    ],
)
def test_a_step_that_cannot_be_done_is_named_with_its_line(step: str, said: str) -> None:
    found = refused(GOOD + f"      {step}\n")
    assert re.match(r"11: ", found) and found[4:].startswith(said), found


def test_a_file_that_is_none_or_brings_nobody_is_refused() -> None:
    assert refused("a: [1").startswith("2: this is not YAML") or refused("a: [1").startswith("1: ")
    assert refused("[1]") == "1: a file of Artillery is a mapping with config and scenarios."
    assert refused(GOOD.replace("arrivalRate: 1", "arrivalRate: 0")).startswith(
        "5: config.phases bring no user"
    )
    none = "-e staging: config has no environments; a variable is -e NAME=VALUE."
    assert refused(GOOD, "staging") == f"3: {none}"
    assert refused("a: &a [*a]").endswith("an alias stands within what it names.")


def test_what_is_documented_is_read() -> None:
    found = read(GOOD)
    assert found.config.target == "http://127.0.0.1:1" and len(found.flows) == 1


def test_a_group_is_its_steps_and_apdex_is_told_of() -> None:
    remarks.begin()
    text = GOOD.replace("phases:", "apdex: {threshold: 5}\n  plugins: {apdex: {}}\n  phases:")
    found = read(text + "      - group: {name: turn, steps: [get: {url: /a}, think: 2]}\n")
    assert (found.flows[0].requests, found.flows[0].sleeps_s) == (2, 2)
    assert remarks.texts() == ("line 5: apdex is not measured",)
    assert refused(GOOD + "      - group: {steps: [], nam: a}\n").startswith(
        "11: a group has no nam"
    )
