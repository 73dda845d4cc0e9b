"""Selectors of goquery: standard ones as lexbor has them, and those that goquery adds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from k6_pages import PAGE

from fastbench.script.k6.html import css_grammar, dom_tree
from fastbench.script.k6.html.css_grammar import SelectorError
from fastbench.script.k6.html.dom_tree import Node

lexbor = pytest.importorskip("selectolax.lexbor", reason="HTML needs the extra html")

SIMPLE = [
    *("li", "*", "ul", "p", "b", "div", "span", "input", "td", "tr", "html", "body", "a"),
    *(".item", ".last", "#l1", "#d1", "li.item", "[data-role]", '[rel~="me"]', '[lang|="en"]'),
    *('a[href^="https"]', 'a[href$="path"]', 'a[href*="q="]', '[type="CHECKBOX" i]'),
    *(":first-child", ":last-child", ":only-child", ":nth-child(2n+1)", ":nth-child(-n+2)"),
    *(":nth-last-child(2)", ":nth-of-type(2)", ":nth-last-of-type(odd)", ":first-of-type"),
    *(":last-of-type", ":only-of-type", ":root", "li:not(.item)"),
    *("input:checked", ":nth-child( 3n - 1 )"),
]
# lexbor tries only one of the elements above against these, so they stand last.
LAST = ["li:not(.item)", ":not(li):not(b)", ":not(p, li)", ":has(b)", "div:has(img, span)"]


def found(selector: str, page: Node) -> list[str]:
    matches = css_grammar.read(selector)
    return [_shown(node.name, node.attributes) for node in page.descendants() if matches(node)]


def _shown(name: str, attributes: dict[str, str]) -> str:
    return f"{name} {sorted((key, value or '') for key, value in attributes.items())}"


# lexbor counts a doctype among the siblings of the root, and has elements in <noscript>, which k6
# reads as text: so neither is here.
TEXT = re.sub("(?s)<!DOCTYPE html>|<noscript>.*?</noscript>", "", PAGE)
PARSED = lexbor.LexborHTMLParser(TEXT)
TREE = dom_tree.parse(TEXT)


@given(
    st.lists(st.sampled_from(SIMPLE), max_size=2),
    st.sampled_from([*SIMPLE, *LAST]),
    st.lists(st.sampled_from([" ", " > ", " + ", " ~ ", ", ", ">", "+"]), min_size=2, max_size=2),
)
def test_standard_selectors_find_what_they_find_in_lexbor(
    parts: list[str], last: str, signs: list[str]
) -> None:
    selector = "".join(part + sign for part, sign in zip(parts, signs[: len(parts)], strict=True))
    selector += last
    theirs = [
        _shown(node.tag, node.attributes)
        for node in {each.mem_id: each for each in PARSED.css(selector)}.values()
    ]
    assert sorted(found(selector, TREE)) == sorted(theirs)


@pytest.mark.parametrize(
    ("selector", "ids"),
    {
        "li:contains('B')": ["l2"],
        "li:containsOwn(b)": [],
        "li:containsOwn('2')": ["l2"],
        "p:matches(^par)": ["p1"],
        "p:matchesOwn([xt]t)": ["p1"],
        "ul:haschild(b)": [],
        "li:haschild(b)": ["l2"],
        "li[class!=item]": ["l1", "l3", "l4", None],
        "[id#=^l[13]$]": ["l1", "l3"],
        "#f :input:disabled": [None, "infs"],
        "LI#l1, /* and */ LI.last": ["l1", "l4"],
        r"#\6c 1": ["l1"],
        r"[id='l\31 ']": ["l1"],
        "p:empty": ["empty", "sp"],
        "a:link:not([download])": ["a3", "a4"],
        "*|*#l1": ["l1"],
        "li:hover": [],
        ":not(li) b#bold": ["bold"],  # lexbor looks at the nearest element only
        "ul :not(p, li)": ["bold"],
    }.items(),
)
def test_what_goquery_adds(selector: str, ids: list[str | None]) -> None:
    matches = css_grammar.read(selector)
    assert [node.attributes.get("id") for node in TREE.descendants() if matches(node)] == ids


@pytest.mark.parametrize(
    "selector",
    [
        *("", "!", "li:first", "li:eq(1)", "li[", "li[a", "[a=1]", "[a='x", "li >", ",li", "li,"),
        *("#", ".", ":", "li:nth-child()", "li:nth-child(x)", ":not()", ":not(li", "::before"),
        *("[a#=(]", ":matches([)", "li)", "a{}", "[a?=b]", ".1a"),
    ],
)
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(SelectorError):
        css_grammar.read(selector)


@given(st.text(st.sampled_from("li.#[]:()\"'=~|^$*>+, \\1-n/"), max_size=12))
def test_any_text_is_read_or_refused(selector: str) -> None:
    try:
        matches = css_grammar.read(selector)
    except SelectorError:
        return
    for node in TREE.descendants()[:20]:
        matches(node)
