"""Where placeholders stand in texts, as placeholder_texts.py finds them, and in URLs."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import placeholder_texts, urls


def cut(text: bytes) -> list[bytes]:
    """Return literal texts and what stands in placeholders, in turns."""
    return [
        part
        for literal, found in placeholder_texts.cut(text)
        for part in ([literal] if found is None else [literal, found.inner])
    ]


@given(st.text(max_size=40))
def test_a_text_without_two_braces_is_itself(text: str) -> None:
    text = re.sub(r"\{\{+", "{", text)
    assert cut(text.encode("utf-8", "surrogatepass")) == [text.encode("utf-8", "surrogatepass")]
    assert placeholder_texts.sheltered(text)[0] == text


@given(st.text("{}\\ax", max_size=30))
@example("\\\\{{a}}")
@example("\\\\\\{{a}}{{x}}")
@example("\\{{{0}}{{a}}")
def test_what_is_sheltered_comes_back(text: str) -> None:
    bare, restored = placeholder_texts.sheltered(text)
    assert restored(bare) == text


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_braces_behind_a_backslash_are_literal(before: bytes, after: bytes) -> None:
    before = before.replace(b"{", b"").rstrip(b"\\")
    after = after.replace(b"{", b"")
    assert cut(before + b"\\{{" + after) == [before + b"{{" + after]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (b"", [b""]),
        (b"a{{x}}b{{ y }}", [b"a", b"x", b"b", b" y ", b""]),
        (b'{"id":{{id}}}', [b'{"id":', b"id", b"}"]),
        (b"{{{id}}}", [b"{", b"id", b"}"]),
        (b"C:\\\\{{name}}", [b"C:\\\\", b"name", b""]),
        (b"\\\\\\{{name}}", [b"\\\\{{name}}"]),
        (b"\\{{{{x}}", [b"{{{{x}}"]),
        (b"{{pick:a\\}}|b}}", [b"", b"pick:a\\}}|b", b""]),
        (b"{{pick:{{|b}}", [b"", b"pick:{{|b", b""]),
        (b"}} {", [b"}} {"]),
    ],
)
def test_texts_are_cut(text: bytes, parts: list[bytes]) -> None:
    assert cut(text) == parts


@pytest.mark.parametrize("text", [b"{{seq", b"{{seq}", b"a{{b\nc}}", b"{{x\\}}"])
def test_a_placeholder_that_does_not_end_is_told(text: bytes) -> None:
    with pytest.raises(UsageError, match=r"has no \}\} on its line; .*--raw"):
        cut(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", [b"\\" * (1 << 20) + b"x{{seq}}", b"{" * (1 << 20) + b"seq}}"])
def test_a_megabyte_of_backslashes_or_braces_is_cut_at_once(text: bytes) -> None:
    before = text[: text.rindex(b"{{")]
    assert cut(text) == [before, b"seq", b""]


@pytest.mark.timeout(20)
def test_many_that_do_not_end_are_passed_at_once() -> None:
    text = "{{a" * 100_000
    assert placeholder_texts.sheltered(text)[0] == text
    assert placeholder_texts.sheltered(text + "\n{{b}}")[0] == text + "\n{{0}}"


def test_a_url_keeps_its_placeholders_as_they_are_typed() -> None:
    url = placeholder_texts.url(
        "http://h:81/é/{{pick:a b|c?d#e|é}}?q={{int:1:3}}&u={{ x }}#{{seq}}"
    )
    assert url.path == "/%C3%A9/{{pick:a b|c?d#e|é}}?q={{int:1:3}}&u={{ x }}".encode()
    assert (url.host, url.port) == ("h", 81)
    assert "{{pick:a b|c?d#e|é}}?q={{int:1:3}}&u={{ x }}" in url.shown


def test_a_secret_in_a_url_stays_masked() -> None:
    assert placeholder_texts.url("http://h/?token={{uuid}}&a={{seq}}").shown == (
        "http://h/?token=***&a={{seq}}"
    )


@given(st.text("ab/?&=%", max_size=20))
def test_a_url_without_any_is_parsed_as_ever(rest: str) -> None:
    assert placeholder_texts.url(f"http://h/{rest}") == urls.parse(f"http://h/{rest}")


@pytest.mark.parametrize(
    "text",
    [
        "{{base}}/x",
        "{{scheme}}://h/",
        "http://{{host}}/",
        "http://h:{{port}}/",
        "http://{{user}}:pw@h/",
        "http://{{pick:a|b}}?q=1",
    ],
)
def test_a_server_does_not_vary(text: str) -> None:
    with pytest.raises(UsageError, match="Scheme, host and port of a URL do not vary"):
        placeholder_texts.url(text)


def test_a_wrong_url_is_told_with_what_was_typed() -> None:
    with pytest.raises(UsageError, match=r"`http://h/\{\{pick:a b\|c\}\} x` has a space"):
        placeholder_texts.url("http://h/{{pick:a b|c}} x")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("3 GET http://h/{{pick:a b|c}}", ["3", "GET", "http://h/{{pick:a b|c}}"]),
        ("http://h/ {{x", ["http://h/", "{{x"]),
        ("a\t \\{{b c}}", ["a", "\\{{b", "c}}"]),
    ],
)
def test_lines_are_cut_at_blanks_but_not_within(line: str, words: list[str]) -> None:
    assert placeholder_texts.words(line) == words
