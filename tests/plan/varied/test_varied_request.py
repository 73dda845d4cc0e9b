"""Requests in pieces, as varied_request.py makes them: each value escaped for its place."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import body, placeholder_texts, urls
from fastbench.plan.pieces import Feed, Pieces
from fastbench.plan.plan import Request
from fastbench.plan.request import Message, render
from fastbench.plan.varied import reference
from fastbench.plan.varied.placeholder_values import Known
from fastbench.plan.varied.reference import Sent, Turn
from fastbench.plan.varied.varied_request import Cutter

COLUMNS = ("v", "w")
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def feed(*values: str) -> Feed:
    """One row."""
    data, cells = b"", b""
    for value in values:
        cells += (len(data) << 24 | len(value.encode())).to_bytes(8, "little")
        data += value.encode()
    longest = tuple(len(value.encode()) for value in values)
    return Feed(
        "x.csv", COLUMNS[: len(values)], 1, "in-order", memoryview(data), memoryview(cells), longest
    )


def cutter(**environment: str) -> Cutter:
    return Cutter(Known(COLUMNS, "x.csv", environment))


def request(
    url: str = "http://h/", message: Message | None = None, cut: Cutter | None = None
) -> Request:
    message = message or Message()
    typed = render(placeholder_texts.url(url), message)
    return (cut or cutter()).request(typed, message.body, credentials=message.credentials)


def said(found: Request, *values: str) -> Sent:
    assert found.varied is not None
    return reference.sent(found.varied, Turn(0), 1, feed(*values) if values else None)


def kinds(pieces: Pieces) -> list[str]:
    return [each.kind for each in pieces]


@given(any_text, any_text)
def test_a_value_in_a_url_comes_out_of_it_as_it_went_in(value: str, other: str) -> None:
    target = said(request("http://h/a/{{v}}/b?x={{w}}&y=1"), value, other).target.decode("ascii")
    parts = urlsplit(target)
    assert parts.path == f"/a/{quote(value, safe='')}/b"
    assert parse_qsl(parts.query, keep_blank_values=True) == [("x", other), ("y", "1")]


@given(any_text, any_text)
def test_a_value_in_a_string_of_json_comes_out_as_it_went_in(value: str, other: str) -> None:
    typed = '{"a \\"{{w}}": ["{{v}}", {"n": {{seq}}}], "t": "{{ v }}/\\\\{{w}}"}'
    found = request(message=Message(body=body.inline(typed), content_type="application/json"))
    sent = said(found, value, other).body
    assert sent is not None
    assert json.loads(sent) == {
        f'a "{other}': [value, {"n": 1}],
        "t": f"{value}/\\{other}",
    }


@given(any_text, any_text)
def test_a_value_in_a_form_comes_out_as_it_went_in(value: str, other: str) -> None:
    items = [("--data", "a={{v}}"), ("--data-urlencode", "b= ä={{w}}é")]
    sent = said(request(message=Message(body=body.urlencoded(items))), value, other).body
    assert sent is not None
    assert parse_qsl(sent.decode("ascii"), keep_blank_values=True) == [
        ("a", value),
        ("b", f" ä={other}é"),
    ]


@given(st.binary(max_size=60).filter(lambda data: b"{{" not in data))
def test_a_request_without_placeholders_is_what_it_was(data: bytes) -> None:
    message = Message(body=body.Body(data), headers=(("X-K", "}} {"),))
    typed = render(urls.parse("http://h/}}{a}?%20"), message)
    assert cutter().request(typed, message.body) == typed


def test_braces_behind_a_backslash_make_a_constant_request() -> None:
    message = Message(body=body.inline(r"\{{x}}"), headers=(("X-K", r"\{{y}}"),))
    found = request(r"http://h/\{{z}}", message)
    assert found.varied is None
    assert found.target == b"/{{z}}" and found.body == b"{{x}}"
    assert dict(found.fields)[b"X-K"] == b"{{y}}"
    assert dict(found.fields)[b"Content-Length"] == b"5"


def test_what_was_typed_stays_to_be_shown() -> None:
    found = request("http://h/{{seq}}", Message(body=body.inline("{{uuid}}")))
    assert (
        found.target == b"/{{seq}}" and found.body == b"{{uuid}}" and found.url.endswith("{seq}}")
    )


def test_fields_vary_and_the_length_is_left_to_the_engine() -> None:
    message = Message(
        headers=(("X-Id", "a {{v}}b"),),
        bearer="{{w}}",
        user_agent="{{pick:x|y}}",
        body=body.inline("{{v}}"),
    )
    sent = said(request(message=message), "1 2", "s")
    fields = dict(sent.fields)
    assert fields[b"X-Id"] == b"a 1 2b" and fields[b"Authorization"] == b"Bearer s"
    assert fields[b"User-Agent"] in (b"x", b"y") and b"Content-Length" not in fields
    assert sent.body == b"1 2"


def test_a_request_without_a_body_says_so() -> None:
    none = request("http://h/{{seq}}")
    empty = request("http://h/{{seq}}", Message(method="POST"))
    assert none.varied is not None and none.varied.body is None
    assert empty.varied is not None and empty.varied.body == ()


def test_credentials_are_sent_in_base64() -> None:
    sent = said(request(message=Message(credentials="{{v}}:{{w}}-{{seq}}")), "ann", "p:w")
    scheme, _, coded = dict(sent.fields)[b"Authorization"].partition(b" ")
    assert scheme == b"Basic" and b64decode(coded) == b"ann:p:w-1"


def test_each_random_value_has_a_place_of_its_own() -> None:
    found = request(
        "http://h/{{uuid}}/{{hex:4}}",
        Message(
            headers=(("X-K", "{{int:1:9}}"),), body=body.inline("{{pick:a|b}}{{int:1:9:zipf}}")
        ),
    )
    assert found.varied is not None
    parts = (found.varied.target, *(value for _, value in found.varied.fields))
    pieces = [each for part in (*parts, found.varied.body or ()) for each in part]
    places = [each.place for each in pieces if each.kind not in ("text", "seq")]
    assert places == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("content_type", "typed", "sent"),
    [
        ("application/json", '{"a":"{{v}}"}', b'{"a":"q\\"\\n&"}'),
        ("application/vnd.api+json; charset=utf-8", '["{{v}}"]', b'["q\\"\\n&"]'),
        ("application/x-ndjson", '{"a":"{{v}}"}\n', b'{"a":"q\\"\\n&"}\n'),
        ("application/json", '{"a":{{v}}}', b'{"a":q"\n&}'),
        ("", '{"a":"{{v}}","n":{{seq}}}', b'{"a":"q\\"\\n&","n":1}'),
        ("", '[section]\na="{{v}}"', b'[section]\na="q"\n&"'),
        ("", "{{v}}", b'q"\n&'),
        ("text/xml", '<a b="{{v}}"/>', b'<a b="q"\n&"/>'),
        ("application/x-www-form-urlencoded", "a={{v}}", b"a=q%22%0A%26"),
    ],
)
def test_a_body_is_escaped_by_its_kind(content_type: str, typed: str, sent: bytes) -> None:
    message = Message(body=body.inline(typed), content_type=content_type)
    assert said(request(message=message), 'q"\n&').body == sent


def test_constant_values_are_escaped_too() -> None:
    typed = '{"a":"{{env:E}}","b":"{{pick:"|x}}"}'
    message = Message(body=body.inline(typed), content_type="application/json")
    found = request("http://h/{{env:E}}/{{seq}}", message, cutter(E='é "/'))
    sent = said(found)
    assert unquote_to_bytes(sent.target) == 'é "/'.encode().join((b"/", b"/1"))
    assert sent.target == b"/%C3%A9%20%22%2F/1"
    assert json.loads(sent.body or b"")["a"] == 'é "/'
    assert json.loads(sent.body or b"")["b"] in ('"', "x")


def test_fields_of_a_form_vary_and_uploads_do_not(tmp_path: Path) -> None:
    upload = tmp_path / "up.txt"
    upload.write_text("{{seq}} {{nothing}}")
    forms = ["a={{v}}", f"f=@{upload};filename={{{{w}}}}.txt"]
    message = Message(body=body.multipart(forms, lambda: "XX"))
    cut = cutter()
    sent = said(request(message=message, cut=cut), 'q"\r\n', "n 1").body
    assert sent == (
        b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\nq"\r\n\r\n'
        b'--XX\r\nContent-Disposition: form-data; name="f"; filename="n 1.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\n{{seq}} {{nothing}}\r\n--XX--\r\n"
    )
    assert cut.columns == {0: (b"", ""), 1: (b'\r\n\0"', "the head of a form field")}


def test_a_file_that_is_no_text_is_sent_as_it_is() -> None:
    data = b"\x89PNG{{seq}}\xff{{"
    message = Message(body=body.of_file(data))
    sent = said(request("http://h/{{seq}}", message))
    assert sent.body == data


def test_columns_in_headers_are_noted_with_what_they_must_not_hold() -> None:
    cut = cutter()
    request("http://h/{{v}}", Message(headers=(("X-K", "{{w}}"),)), cut)
    assert cut.columns == {0: (b"", ""), 1: (b"\r\n\0", "a header")}


def test_expected_texts_are_of_values_that_a_reader_can_know() -> None:
    cut = cutter(E="e")
    expect = cut.expected(r"id={{v}} {{seq:5}} {{env:E}} {{pick:one}} \{{")
    assert kinds(expect) == ["text", "column", "text", "seq", "text"]
    found = cut.request(render(urls.parse("http://h/"), Message()), None, expect=expect)
    assert said(found, "7").expect == b"id=7 5 e one {{"
    for name in ("uuid", "hex:3", "int:1:2", "pick:a|b", "now", "int:1:3:zipf"):
        with pytest.raises(UsageError, match="which is another value here than in the request"):
            cut.expected(f"{{{{{name}}}}}")


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (Message(host="{{v}}"), "--host is one name"),
        (Message(headers=(("Connection", "{{pick:close|x}}"),)), "applies to the whole run"),
        (Message(headers=(("X-K", "{{env:SPLIT}}"),)), "line break or NUL"),
        (Message(headers=(("X-K", "{{nope}}"),)), "There is no {{nope}}"),
        (Message(body=body.inline("{{seq}}" * 1001)), "more than 1,000 placeholders"),
    ],
)
def test_what_cannot_vary_is_refused(message: Message, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        request(message=message, cut=cutter(SPLIT="a\r\nb"))


def test_all_pieces_of_a_run_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastbench.plan.varied.varied_request.MAX_ALL_PIECES", 20)
    cut = cutter()
    with pytest.raises(UsageError, match=r"more than 20 placeholders .* of --feed"):
        for _ in range(10):
            request("http://h/{{seq}}", cut=cut)


def test_blanks_around_a_constant_header_are_left_out() -> None:
    typed = Request(
        "GET", b"/", ((b"X-A", b"{{env:A}}"), (b"X-B", b"{{seq}}")), None, "http://h/", 1
    )
    found = cutter(A=" a b\t").request(typed, None)
    assert said(found).fields == ((b"X-A", b"a b"), (b"X-B", b"1"))
