"""--rand-regex-url: what is drawn matches, what is not understood is one sentence."""

from __future__ import annotations

import re

import pytest
from commandline import invoke, measured
from hypothesis import given
from hypothesis import strategies as st
from servers import Server, answering

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import url_pattern

PATTERNS = [
    "http://h/[a-z][a-z][0-9]",
    r"http://h/items/\d{1,3}\?q=(red|green|blue)&n=[^a-m.]{2}",
    r"http://h/(a|b(c|d)*)+x?\w\h",
    "http://h/[-a-c_]{3}[]x][[:alpha:]][[:digit:]]",
    r"http://h/(?:ab){2,}\.html",
    "^http://h/x*?y+?$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(seed=st.integers(0, 2**40), more=st.integers(0, 6))
def test_what_is_drawn_matches_its_expression(pattern: str, seed: int, more: int) -> None:
    known = pattern.replace("[[:alpha:]]", "[a-zA-Z]").replace("[[:digit:]]", "[0-9]")
    known = known.replace(r"\h", "[0-9a-f]").replace("://h", r"://h")
    found = url_pattern.draw(pattern, 20, seed, more)
    assert found and len(found) == len(set(found)) <= 20
    assert all(re.fullmatch(known, each, re.ASCII) for each in found), found
    assert found == url_pattern.draw(pattern, 20, seed, more)


def test_an_open_end_is_as_long_as_is_said_and_a_point_is_a_point() -> None:
    lengths = {len(each) for each in url_pattern.draw("a+", 100, 1, 4)}
    assert lengths == {1, 2, 3, 4, 5}
    assert {len(each) for each in url_pattern.draw("a{2,}", 100, 1, 1)} == {2, 3}
    assert url_pattern.draw("a.b", 5, 1) == ["a.b"]
    assert set(url_pattern.draw("[ab][cd]", 1000, 1)) == {"ac", "ad", "bc", "bd"}
    assert len(url_pattern.draw("[a-z]{4}", 10_000, 1)) == 10_000


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("a(b", "has a ( without a )"),
        ("a)b", "has a ) without a ("),
        ("a[b", "ends too early"),
        ("a\\", "ends too early"),
        ("*a", "repeats nothing"),
        ("/?a?(?=b)", "looks around"),
        (r"(a)\1", "which is not known"),
        ("a{x}", "has a { that is no {m}"),
        ("a{3,2}", "the lower number first"),
        ("a{1,99999}", "that is 0 to 1000"),
        ("[z-a]", "no later end"),
        ("[[:odd:]]", "a class that is not known"),
        ("(a{1000}){1000}", "repeat less"),
        ("((){1000}){1000}", "repeat less"),
        ("(" * 200 + ")" * 200, "more than 100 deep"),
    ],
)
def test_what_is_not_understood_is_one_sentence(pattern: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        url_pattern.draw(pattern, 3, 1)
    assert said in str(caught.value) and str(caught.value).startswith("--rand-regex-url: `")


def test_what_takes_minutes_to_draw_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_pattern, "MAX_ALL_PARTS", 10_000)
    assert len(url_pattern.draw("http://h/[a-z]{100}", 50, 1)) == 50
    said = r"takes too long: 91 of 10,000 URLs were drawn; repeat less, or give --rand-regex-count"
    with pytest.raises(UsageError, match=said):
        url_pattern.draw("http://h/[a-z]{100}", 10_000, 1)


def test_a_run_loads_what_was_drawn_and_counts_it_for_its_pattern() -> None:
    with Server(answering()) as server:
        words = ("--rand-regex-url", "--rand-regex-count", "40", "-c4", "-n200")
        run = measured(*words, server.url("/[a-z]{5}"))
        few = measured("--rand-regex-url", "-n20", "-c2", server.url("/[ab]"))
        refused = invoke("--rand-regex-url", "-n1", "http://[a-z]{5}.test/")
    paths = {line.split()[1] for line in server.seen.lines} - {b"/a", b"/b"}
    assert len(paths) == 40 and all(re.fullmatch(rb"/[a-z]{5}", each) for each in paths)
    config = run.document["config"]
    assert (config["urls"], config["drawn_urls"]) == (1, 40) and isinstance(config["seed"], int)
    assert "40 URLs drawn" in run.out and server.url("/[a-z]{5}") in run.out
    assert few.document["config"]["drawn_urls"] == 2
    assert refused.returncode == 1 and "All URLs of a run share" in refused.stderr


def test_both_sides_of_a_comparison_have_the_same_urls() -> None:
    with Server(answering()) as one, Server(answering()) as other:
        words = ("--slice", "20ms", "--time", "1s", "--rand-regex-url", "--rand-regex-count", "30")
        invoke("compare", *words, one.url("/[a-z]{8}"), other.url("/[a-z]{8}"))
    assert set(one.seen.lines) == set(other.seen.lines) and len(one.seen.lines) == 30
