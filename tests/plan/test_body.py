"""body.py: bodies as in curl."""

from __future__ import annotations

import io
import itertools
import sys
import tempfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import HTTP
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import body, text_file

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
file_names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters='"\\;/'),
    min_size=1,
    max_size=12,
)


def parts(made: body.Body) -> list[Message]:
    """Parse a multipart body back with the standard library's MIME parser."""
    head = f"Content-Type: {made.content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + made.data, policy=HTTP)
    assert message.is_multipart() and not message.defects
    return list(message.iter_parts())


def content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def test_an_inline_body_is_sent_as_typed(tmp_path: Path) -> None:
    assert body.inline('{"a": "é\udcff"}').data == '{"a": "é'.encode() + b'\xff"}'
    assert body.inline("").data == b""
    file = tmp_path / "body"
    file.write_bytes(b"\r\n\x00\xff@")
    assert body.inline(f"@{file}") == body.Body(b"\r\n\x00\xff@", fixed=((0, 5),))


def test_a_body_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from\xffstdin")))
    assert body.inline("@-").data == b"from\xffstdin"


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/nowhere/x", "no such file or directory"), ("/", "is a directory"), ("a\0b", "null")],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(path: str, reason: str) -> None:
    with pytest.raises(UsageError, match=f"-b cannot read `.*`: .*{reason}"):
        body.inline(f"@{path}")


def test_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_file, "MAX_BYTES", 3)
    file = tmp_path / "body"
    file.write_bytes(b"abc")
    assert text_file.read_bytes(str(file), "-D") == b"abc"
    file.write_bytes(b"abcd")
    with pytest.raises(UsageError, match="larger than 1 GiB"):
        text_file.read_bytes(str(file), "-D")


# URL-encoded


@pytest.mark.parametrize(
    ("items", "data"),
    [
        ([("--data", "a=1&b=é")], "a=1&b=é"),
        ([("--data", "a=1"), ("--data", "b=2")], "a=1&b=2"),
        ([("--data-urlencode", "a b&c")], "a+b%26c"),
        ([("--data-urlencode", "=a=b")], "a%3Db"),
        ([("--data-urlencode", "name=ä &=")], "name=%C3%A4+%26%3D"),
        ([("--data", "x=1"), ("--data-urlencode", "y=a/b~c-d._")], "x=1&y=a%2Fb~c-d._"),
        ([("--data-urlencode", "na%20me=v")], "na%20me=v"),
    ],
)
def test_form_fields_are_joined_and_encoded_as_in_curl(
    items: list[tuple[str, str]], data: str
) -> None:
    assert body.urlencoded(items) == body.Body(data.encode(), "application/x-www-form-urlencoded")


def test_form_fields_come_from_files_too(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"a\r\nb\n c")
    assert body.urlencoded([("--data", f"@{file}")]).data == b"ab c"
    assert body.urlencoded([("--data-urlencode", f"@{file}")]).data == b"a%0D%0Ab%0A+c"
    assert body.urlencoded([("--data-urlencode", f"n@{file}")]).data == b"n=a%0D%0Ab%0A+c"


@given(st.lists(st.tuples(st.from_regex("[a-z]{1,5}", fullmatch=True), text), min_size=1))
def test_encoded_fields_decode_to_what_was_given(fields: list[tuple[str, str]]) -> None:
    made = body.urlencoded([("--data-urlencode", f"{name}={value}") for name, value in fields])
    assert parse_qsl(made.data.decode("ascii"), keep_blank_values=True) == fields


# Multipart


def test_a_multipart_body_has_the_shape_of_rfc_7578(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"\x89PNG\r\n")
    made = body.multipart(["name=value", f"up=@{file}"], boundary=lambda: "XX")
    assert made.content_type == "multipart/form-data; boundary=XX"
    assert made.data == (
        b'--XX\r\nContent-Disposition: form-data; name="name"\r\n\r\nvalue\r\n'
        b'--XX\r\nContent-Disposition: form-data; name="up"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\r\n"
        b"--XX--\r\n"
    )


def test_a_boundary_that_occurs_in_a_part_is_not_used() -> None:
    proposals: Iterator[str] = iter(["aa", "bb", "cc"])
    made = body.multipart(["x=1aa2", "bb=y"], boundary=lambda: next(proposals))
    assert made.content_type.endswith("boundary=cc")


def test_a_boundary_follows_from_what_is_sent() -> None:
    made = [body.multipart(forms) for forms in (["a=b"], ["a=b"], ["a=c"], ["a=b", "a=b"])]
    assert made[0] == made[1]
    assert len({each.content_type for each in made}) == 3


def test_a_boundary_that_is_in_a_file_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x")
    part = body.form_part(f"a=@{file}")
    first, second, *_ = itertools.islice(body._digests([part]), 3)
    assert first != second


@pytest.mark.parametrize(
    ("form", "name", "data", "filename", "content_type"),
    [
        ("a=b", "a", b"b", None, ""),
        ("a=", "a", b"", None, ""),
        ("a==b", "a", b"=b", None, ""),
        ("a=b;type=text/x", "a", b"b", None, "text/x"),
        ('a="b;c\\"d\\\\"', "a", b'b;c"d\\', None, ""),
        ('a="b;c";type=t/x; filename=n.x', "a", b"b;c", "n.x", "t/x"),
        ('a=b;filename="n;1"', "a", b"b", "n;1", ""),
        ('a=b"c', "a", b'b"c', None, ""),
        ("a={F}", "a", b"{F}", None, ""),
        ("a=<{f}", "a", b"DATA", None, ""),
        ("a=<{f};type=text/x", "a", b"DATA", None, "text/x"),
        ("a=@{f}", "a", b"DATA", "up.txt", "text/plain"),
        ("a=@{f};filename=o.bin", "a", b"DATA", "o.bin", "application/octet-stream"),
        ("a=@{f};filename=o.tar.gz", "a", b"DATA", "o.tar.gz", "application/octet-stream"),
        ("a=@{f};type=x/y;filename=", "a", b"DATA", "", "x/y"),
        ('a=@"{f}";type="x/y; charset=z"', "a", b"DATA", "up.txt", "x/y; charset=z"),
    ],
)
def test_a_form_value_is_read_as_in_curl(
    tmp_path: Path, form: str, name: str, data: bytes, filename: str | None, content_type: str
) -> None:
    file = tmp_path / "up.txt"
    file.write_bytes(b"DATA")
    part = body.form_part(form.replace("{f}", str(file)))
    assert part == body.Part(name, data, filename, content_type, fixed="=@" in form)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("a", "-F needs `name=value`"),
        ("=b", "-F needs `name=value`"),
        ("a=b;c", "put a value with ; in quotes"),
        ("a=b;header=x", "-F takes ;type= and ;filename="),
        ("a=b;type", "-F takes ;type= and ;filename="),
        ("a=@/nowhere/x", "-F cannot read `/nowhere/x`"),
        ("a=b;type=x\r\nEvil: 1", "Content-Type has a line break"),
    ],
)
def test_a_form_value_that_is_not_understood_is_refused(form: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        body.form_part(form)
    assert sentence in str(caught.value)


@given(st.lists(st.tuples(st.from_regex("[a-z]{1,5}", fullmatch=True), text), min_size=1))
def test_multipart_fields_read_back(fields: list[tuple[str, str]]) -> None:
    quoted = [v.replace("\\", "\\\\").replace('"', '\\"') for _, v in fields]
    forms = [f'{name}="{value}"' for (name, _), value in zip(fields, quoted, strict=True)]
    found = parts(body.multipart(forms))
    assert [part.get_param("name", header="content-disposition") for part in found] == [
        name for name, _ in fields
    ]
    assert [content(part) for part in found] == [value.encode() for _, value in fields]


@given(file_names)
def test_a_name_cannot_grow_a_header(name: str) -> None:
    form = f'{name.replace("=", "")}"\r\nX: y=data;filename="{name}\\"\r\nZ: y"'
    made = body.multipart([form], boundary=lambda: "B" * 20)
    head, _, rest = made.data.partition(b"\r\n\r\n")
    assert rest == b"data\r\n--" + b"B" * 20 + b"--\r\n"
    assert head.count(b"\r") == head.count(b"\n") == 1 and head.count(b'"') == 4


@given(st.binary(max_size=300))
def test_file_bytes_arrive_unchanged(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(prefix="up", suffix=".bin") as file:
        file.write(data)
        file.flush()
        made = body.multipart([f"a=@{file.name}"])
    mark = made.content_type.partition("boundary=")[2].encode()
    first, part, last = made.data.split(b"--" + mark)
    assert (first, last) == (b"", b"--\r\n")
    assert part.partition(b"\r\n\r\n")[2] == data + b"\r\n"
