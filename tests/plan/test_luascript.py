"""luascript.py: wrk scripts that set three things are read, all others are pointed elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import luascript
from fastbench.plan.luascript import Script


def read(source: str | bytes) -> Script:
    data = source.encode() if isinstance(source, str) else source
    return luascript.read(data, "post.lua")


def test_the_script_of_wrks_own_examples_is_read() -> None:
    script = read(
        "-- example HTTP POST script which demonstrates setting the\n"
        "-- HTTP method, body, and adding a header\n\n"
        'wrk.method = "POST"\n'
        'wrk.body   = "foo=bar&baz=quux"\n'
        'wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"\n'
    )
    assert script == Script(
        "POST", (("Content-Type", "application/x-www-form-urlencoded"),), b"foo=bar&baz=quux"
    )


def test_an_empty_script_changes_nothing() -> None:
    for source in ("", "\n -- nothing\n--[[ long\nwrk.body = 'x' ]] ;; --[==[ ]] ]==]\n--[x"):
        assert read(source) == Script("GET", (), None)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('"a"', b"a"),
        ("'a\"b'", b'a"b'),
        ('""', b""),
        (r'"\"\\\'"', b"\"\\'"),
        (r'"\a\b\f\n\r\t\v"', b"\a\b\f\n\r\t\v"),
        (r'"\0\65\065\255x"', b"\0AA\xffx"),
        (r'"\x41\xff"', b"A\xff"),
        (r'"\u{e9}\u{1F600}"', "é😀".encode()),
        ('"a\\\nb"', b"a\nb"),
        ('"a\\z  \n  b"', b"ab"),
        ("[[a]]", b"a"),
        ("[[\na\\n]b\n]]", b"a\\n]b\n"),
        ("[==[ ]] ]=] ]==]", b" ]] ]=] "),
        ("[[a\r\nb]]", b"a\nb"),
        ('"é"', "é".encode()),
        ('"--[[ no comment"', b"--[[ no comment"),
    ],
)
def test_lua_strings_are_read_as_lua_does(literal: str, value: bytes) -> None:
    assert read(f"wrk.body = {literal} -- done").body == value


def test_bytes_that_are_no_text_stay_what_they_are() -> None:
    assert read(b'wrk.body = "\xff\xfe"').body == b"\xff\xfe"


def test_headers_are_set_by_index_or_by_name_and_the_last_one_counts() -> None:
    script = read(
        "wrk.headers['X-A'] = '1'; wrk.headers.Accept = 'a/b'\n"
        "wrk . headers [ [[X-A]] ]\n = '2'\nwrk.headers[\"Host\"]='h'"
    )
    assert script.headers == (("X-A", "2"), ("Accept", "a/b"), ("Host", "h"))


@pytest.mark.parametrize(
    "source",
    [
        "request = function() return wrk.format() end",
        "function init(args) end",
        "local x = 1",
        'wrk.body = "a" .. "b"',
        "wrk.body = nil",
        "wrk.body = 5",
        "wrk.body = x",
        'wrk.body = "open',
        'wrk.body = "line\nbreak"',
        r'wrk.body = "\q"',
        r'wrk.body = "\256"',
        r'wrk.body = "\u{110000}"',
        "wrk.body = [[open",
        'wrk.path = "/x"',
        'wrk.headers = "x"',
        'wrk.headers = { ["X"] = "y" }',
        'wrk.body.x = "y"',
        'wrk.method["x"] = "y"',
        'wrk["body"] = "x"',
        'wrk.headers["X"]["Y"] = "z"',
        'if true then wrk.body = "x" end',
        'other.body = "x"',
    ],
)
def test_anything_else_is_refused_with_its_line_and_the_way_out(source: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(f'wrk.method = "PUT"\n\n{source}\n')
    assert str(caught.value).startswith("post.lua, line 3: only wrk.method, wrk.body")
    assert "`fastbench run FILE.py`" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('wrk.method = "GET /\\r\\nX: y"', "A method is one word"),
        ('wrk.headers["X-A"] = "a\\r\\nEvil: 1"', "X-A has a line break"),
        ('wrk.headers["X A"] = "a"', "A header name has only letters"),
    ],
)
def test_a_script_cannot_split_a_request(source: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read(source)


def test_an_open_string_of_many_escapes_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="line 1"):
        read('wrk.body = "' + "\\z " * 5000)


@given(st.binary(max_size=100))
def test_a_quoted_body_reads_back(data: bytes) -> None:
    literal = "".join(f"\\{byte:03}" for byte in data)
    assert read(f'wrk.body = "{literal}"').body == data


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_a_script_or_one_sentence(before: bytes, after: bytes) -> None:
    for source in (before, b"wrk.body = " + before, b'wrk.headers["' + before + b'"] = ' + after):
        try:
            read(source)
        except UsageError as error:
            assert str(error).endswith(".") and "\n" not in str(error)
