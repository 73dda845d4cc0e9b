"""Values of headers that are not ASCII: bytes stay bytes, what was read goes back unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Peer, Server
from vus import User, run

from fastbench.cli.args import script_args, url_args
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import body
from fastbench.script.api.options import Options
from fastbench.script.http.headers import Headers

ANY = bytes(range(0x80, 0x100))


class Heard:
    """A server that sets an ETag and a cookie of any bytes, and keeps the heads it was sent."""

    def __init__(self, value: bytes) -> None:
        self.heads: list[bytes] = []
        self._answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: %b\r\n" % value
        self._answer += b"Set-Cookie: t=%b\r\n\r\n" % value

    def __call__(self, peer: Peer) -> None:
        while head := peer.request():
            self.heads.append(head)
            peer.send(self._answer)


def test_what_an_answer_held_goes_back_with_its_bytes() -> None:
    heard = Heard(ANY)

    async def act(vu: User) -> None:
        first = await vu.get(server.url("/"))
        assert first.headers["ETag"].encode("latin-1") == ANY
        assert first.cookies["t"].encode("latin-1") == ANY
        mine = {"If-None-Match": first.headers["ETag"]}
        await vu.get(server.url("/"), headers=mine, cookies={"again": first.cookies["t"], "m": "Ω"})

    with Server(heard) as server:
        run(act)
    assert b"\r\nIf-None-Match: " + ANY + b"\r\n" in heard.heads[1]
    assert b"\r\nCookie: again=" + ANY + b"; m=\xce\xa9; t=" + ANY + b"\r\n" in heard.heads[1]


@pytest.mark.parametrize(
    ("how", "sent"),
    [
        ({"headers": {"X": b"Jos\xc3\xa9"}}, b"X: Jos\xc3\xa9\r\n"),
        (
            {"headers": [("X", b"Jos\xe9"), ("X", "é"), ("X", "Ωé")]},
            b"X: Jos\xe9\r\nX: \xe9\r\nX: \xce\xa9\xc3\xa9\r\n",
        ),
        ({"headers": {"X": "\udce9Ω"}}, b"X: \xe9\xce\xa9\r\n"),
        (
            {"headers": {"Cookie": b"a=\xe9"}, "cookies": {"b": b"\xc3\xa9"}},
            b"Cookie: a=\xe9; b=\xc3\xa9\r\n",
        ),
        ({"bearer": b"t\xe9"}, b"Authorization: Bearer t\xe9\r\n"),
        ({"auth": ("é", "p")}, b"Authorization: Basic w6k6cA==\r\n"),
        ({"auth": (b"\xe9", b"p")}, b"Authorization: Basic 6Tpw\r\n"),
        ({"data": {"n": b"\xe9"}}, b"\r\n\r\nn=%E9"),
    ],
)
def test_bytes_are_sent_as_they_are(how: dict[str, Any], sent: bytes) -> None:
    heard = Heard(b"x")
    with Server(heard) as server:
        run(lambda vu: vu.request("POST", server.url("/"), **how))
    assert sent in heard.heads[0]


@given(st.binary(max_size=20))
def test_the_rule_is_the_inverse_of_reading(value: bytes) -> None:
    clean = value.translate(None, b"\r\n\0").strip(b" \t")
    read = Headers(b"HTTP/1.1 200 OK\r\nX: " + clean + b"\r\n\r\n")["x"]
    assert body.field_text(read).encode("latin-1") == clean
    assert body.field_text(clean).encode("latin-1") == clean


@given(st.text(max_size=20))
def test_all_text_is_sent_or_refused(value: str) -> None:
    try:
        sent = body.field_text(value).encode("latin-1")
    except UsageError as error:
        assert "half a character" in str(error)
    else:
        assert sent in (
            value.encode("latin-1", "replace"),
            value.encode("utf-8", "surrogateescape"),
        )


def test_what_is_typed_is_sent_as_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "h").write_bytes(b"X-File: Jos\xe9\nX-Utf: Jos\xc3\xa9\n")
    words = ["-H", "X-Typed: José", "-H", f"@{tmp_path}/h", "-H", "Cookie: c=\udce9"]
    parsed = url_args.parse([*words, "http://localhost/"])
    assert isinstance(parsed, url_args.Command)
    payload = parsed.plan.requests[0].payload
    for line in (
        b"X-Typed: Jos\xc3\xa9",
        b"X-File: Jos\xe9",
        b"X-Utf: Jos\xc3\xa9",
        b"Cookie: c=\xe9",
    ):
        assert line + b"\r\n" in payload


def test_what_is_typed_for_a_script_is_sent_as_its_bytes() -> None:
    words = ["-H", "X: José", "-H", "Y: \udce9", "--accept", "Zoë", "--user-agent", "Ω/1", "s.py"]
    parsed = script_args.parse(words)
    assert isinstance(parsed, script_args.Command)
    asked = parsed.request
    sent = {name: value.encode("latin-1") for name, value in asked.headers}
    assert sent["X"] == b"Jos\xc3\xa9" and sent["Y"] == b"\xe9" and sent["Accept"] == b"Zo\xc3\xab"
    assert asked.user_agent is not None and asked.user_agent.encode("latin-1") == b"\xce\xa9/1"


def test_headers_of_options_may_be_bytes() -> None:
    options = Options(headers={"X": b"Jos\xc3\xa9", "Y": "é"})
    assert dict(options.settings.headers)["X"].encode("latin-1") == b"Jos\xc3\xa9"
