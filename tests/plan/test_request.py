"""request.py: the bytes that are sent are those that were asked for, and no more."""

from __future__ import annotations

from base64 import b64decode

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench import __version__
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.body import Body
from fastbench.plan.plan import Request
from fastbench.plan.request import Message, closes, parse_header, render
from fastbench.plan.urls import parse

values = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=30)
tokens = st.from_regex(r"X-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)


def sent(message: Message, url: str = "http://localhost:8080/a?b=c", **more: object) -> Request:
    return render(parse(url), message, **more)  # type: ignore[arg-type]


def taken_apart(payload: bytes) -> tuple[str, dict[str, str], bytes]:
    """Split by hand, without the code under test: request line, fields, body."""
    head, _, body = payload.partition(b"\r\n\r\n")
    line, *fields = head.decode("utf-8", "surrogateescape").split("\r\n")
    pairs = [field.split(": ", 1) for field in fields]
    assert len({name.lower() for name, _ in pairs}) == len(pairs), "a field was sent twice"
    return line, {name: value for name, value in pairs}, body


def test_a_plain_request_has_four_lines() -> None:
    assert sent(Message()).payload == (
        b"GET /a?b=c HTTP/1.1\r\n"
        b"Host: localhost:8080\r\n"
        + f"User-Agent: fastbench/{__version__}\r\n".encode()
        + b"Accept: */*\r\n\r\n"
    )


def test_the_request_carries_method_weight_and_the_redacted_url() -> None:
    request = sent(Message(), "http://u:p@h/?token=abc", method="HEAD", weight=3)
    assert (request.method, request.weight) == ("HEAD", 3)
    assert request.url == "http://***@h/?token=***"


def test_path_and_query_go_out_as_typed() -> None:
    request = sent(Message(), 'http://h/%2e/ü?q="\udcff"#f')
    assert request.payload.startswith(b'GET /%2e/%C3%BC?q="%FF" HTTP/1.1\r\n')


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://h:80/", "h"),
        ("https://h:443/", "h"),
        ("http://h:443/", "h:443"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("http://[fe80::1%25lo]/", "[fe80::1]"),
        ("http://bücher.example/", "xn--bcher-kva.example"),
    ],
)
def test_host_has_no_default_port_and_no_zone(url: str, host: str) -> None:
    assert taken_apart(sent(Message(), url).payload)[1]["Host"] == host


def test_host_can_be_overridden() -> None:
    assert taken_apart(sent(Message(host="app.test:1")).payload)[1]["Host"] == "app.test:1"


@pytest.mark.parametrize(
    ("message", "method", "content_length"),
    [
        (Message(), "GET", None),
        (Message(body=Body(b"x")), "POST", "1"),
        (Message(body=Body(b"")), "POST", "0"),
        (Message(method="GET", body=Body(b"xy")), "GET", "2"),
        (Message(method="PUT"), "PUT", "0"),
        (Message(method="PATCH"), "PATCH", "0"),
        (Message(method="DELETE"), "DELETE", None),
        (Message(method="DELETE", body=Body(b"x")), "DELETE", "1"),
    ],
)
def test_a_body_makes_it_a_post_unless_a_method_was_named(
    message: Message, method: str, content_length: str | None
) -> None:
    line, fields, body = taken_apart(sent(message).payload)
    assert line == f"{method} /a?b=c HTTP/1.1"
    assert fields.get("Content-Length") == content_length
    assert body == (message.body.data if message.body else b"")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_a_url_that_names_a_method_without_a_body_goes_without_it(method: str) -> None:
    mixed = sent(Message(body=Body(b"x")), method=method)
    assert mixed.method == method and mixed.payload.endswith(b"\r\n\r\n")
    assert b"Content-Length" not in mixed.payload


def test_a_body_with_a_named_get_goes_to_every_get() -> None:
    assert sent(Message(method="GET", body=Body(b"x")), method="GET").payload.endswith(b"\r\n\r\nx")


def test_headers_replace_defaults_whatever_their_case() -> None:
    message = Message(
        headers=(("user-agent", "me"), ("ACCEPT", "text/html"), ("authorization", "x")),
        bearer="t",
        keepalive=False,
    )
    _, fields, _ = taken_apart(sent(message, "http://u:p@h/").payload)
    assert fields == {
        "Host": "h",
        "Connection": "close",
        "user-agent": "me",
        "ACCEPT": "text/html",
        "authorization": "x",
    }


def test_a_header_given_twice_is_sent_twice() -> None:
    request = sent(Message(headers=(("X-A", "1"), ("x-a", "2"))))
    assert b"\r\nX-A: 1\r\nx-a: 2\r\n" in request.payload


@pytest.mark.parametrize(
    ("message", "url", "authorization"),
    [
        (Message(credentials="user:pä:ss"), "http://h/", "user:pä:ss"),
        (Message(), "http://user:a%40b@h/", "user:a@b"),
        (Message(), "http://user@h/", "user:"),
        (Message(credentials="a:b"), "http://user:p@h/", "a:b"),
    ],
)
def test_basic_authentication_comes_from_a_flag_or_the_url(
    message: Message, url: str, authorization: str
) -> None:
    scheme, _, token = taken_apart(sent(message, url).payload)[1]["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert b64decode(token).decode() == authorization


def test_a_bearer_token_is_sent() -> None:
    assert taken_apart(sent(Message(bearer="abc")).payload)[1]["Authorization"] == "Bearer abc"


def test_a_bearer_token_cannot_split_the_request() -> None:
    with pytest.raises(UsageError, match="Authorization has a line break") as caught:
        sent(Message(bearer="s3cr3t\r\nX: y"))
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("field", ["host", "user_agent", "accept", "content_type"])
def test_no_field_can_split_the_request(field: str) -> None:
    with pytest.raises(UsageError, match="has a line break or NUL"):
        sent(Message(**{field: "a\r\nX: y"}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "content_type"),
    [
        (Message(body=Body(b"x")), None),
        (Message(body=Body(b"x", "text/a")), "text/a"),
        (Message(body=Body(b"x", "text/a"), content_type="text/b"), "text/b"),
        (Message(content_type="text/b"), "text/b"),
    ],
)
def test_the_content_type_is_the_one_asked_for(message: Message, content_type: str | None) -> None:
    assert taken_apart(sent(message).payload)[1].get("Content-Type") == content_type


def test_a_right_content_length_is_sent_once() -> None:
    message = Message(body=Body(b"abc"), headers=(("content-length", "3"),))
    assert taken_apart(sent(message).payload)[1]["content-length"] == "3"


@pytest.mark.parametrize("value", ["2", "03", "x", "3, 3"])
def test_a_wrong_content_length_is_refused(value: str) -> None:
    message = Message(body=Body(b"abc"), headers=(("Content-Length", value),))
    with pytest.raises(UsageError, match="The body has 3 bytes"):
        sent(message)


def test_transfer_encoding_is_refused() -> None:
    with pytest.raises(UsageError, match="leave Transfer-Encoding out"):
        sent(Message(headers=(("transfer-encoding", "chunked"),)))


@pytest.mark.parametrize(
    ("message", "closing"),
    [
        (Message(), False),
        (Message(keepalive=False), True),
        (Message(headers=(("connection", "Close"),)), True),
        (Message(headers=(("Connection", "TE, close"),)), True),
        (Message(headers=(("Connection", "keep-alive"),)), False),
        (Message(headers=(("X-Connection", "close"),)), False),
    ],
)
def test_connection_close_means_no_keep_alive(message: Message, closing: bool) -> None:
    assert closes(message) is closing


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("K: V", ("K", "V")),
        ("K:V", ("K", "V")),
        ("K=V", ("K", "V")),
        ("K:", ("K", "")),
        ("Cookie: a=b; c=d", ("Cookie", "a=b; c=d")),
        ("X-Query=a:b", ("X-Query", "a:b")),
        ("X:  a: b ", ("X", "a: b")),
    ],
)
def test_a_header_is_written_with_colon_or_equals_sign(text: str, header: tuple[str, str]) -> None:
    assert parse_header(text) == header


@pytest.mark.parametrize(
    "text", ["", "s3cr3t", ": v", "=v", "Bearer s3cr3t: v", "s3cr3t\n: v", "é: v"]
)
def test_what_is_no_header_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_header(text)
    assert "s3cr3t" not in str(caught.value) and "\n" not in str(caught.value)


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS"]),
    st.lists(st.tuples(tokens, st.text(st.characters(min_codepoint=33, max_codepoint=126)))),
    st.none() | st.binary(max_size=2000),
)
def test_another_parser_reads_what_was_rendered(
    method: str, headers: list[tuple[str, str]], data: bytes | None
) -> None:
    body = None if data is None else Body(data)
    request = sent(Message(method=method, headers=tuple(headers), body=body))
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(request.payload)
    head = peer.next_event()
    assert isinstance(head, h11.Request)
    assert head.method == method.encode()
    found = [(name, value) for name, value in head.headers if name.startswith(b"x-")]
    assert found == [(name.lower().encode(), value.encode()) for name, value in headers]
    received = b""
    while isinstance(event := peer.next_event(), h11.Data):
        received += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert received == (data or b"")
    assert peer.trailing_data == (b"", False)


@given(tokens, values)
def test_a_header_goes_out_as_it_was_given(name: str, value: str) -> None:
    header = parse_header(f"{name}: {value}")
    payload = sent(Message(headers=(header,))).payload
    assert f"\r\n{name}: {value.strip(chr(32) + chr(9))}\r\n".encode() in payload
    assert payload.count(b"\r\n") == 6
