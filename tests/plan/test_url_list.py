"""Lists of requests: methods, headers and bodies by line, as vegeta's targets and as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from case import answer
from hypothesis import given
from hypothesis import strategies as st
from running import ONE, fastbench
from servers import OK, Peer, Server

from fastbench.cli.args import request_args
from fastbench.cli.args.varied_args import Varying
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file, url_list
from fastbench.plan.request import Message


def read(text: str) -> list[url_list.Line]:
    return url_list.read(text_file.lines(text), "list")


def rendered(folder: Path, text: str, common: Message | None = None) -> list[bytes]:
    """Render a list as the command line does."""
    path = folder / "list.txt"
    path.write_text(text)
    flags = SimpleNamespace(urls_from_file=[str(path)], rand_regex_url=False)
    requests, _ = request_args.render(
        flags, (), common or Message(user_agent="me"), Varying(raw=False, seed=0)
    )
    return [request.payload for request in requests]


def test_headers_and_a_body_stand_below_their_url(tmp_path: Path) -> None:
    (tmp_path / "body.bin").write_bytes(b"\0\r\nbody")
    first, second, third = read(
        f"# targets\nPOST http://h/a\nX-One: 1\n# why\nX-Two:\n@{tmp_path}/body.bin\n\n"
        "2 http://h/b\nX-Three: a: b\nhttp://h/c\n"
    )
    assert (first.method, first.headers) == ("POST", (("X-One", "1"), ("X-Two", "")))
    assert first.body is not None and first.body.data == b"\0\r\nbody"
    assert (second.weight, second.headers, second.body) == (2, (("X-Three", "a: b"),), None)
    assert third.headers == () and third.place == "list, line 10"


@pytest.mark.parametrize(
    ("line", "body", "content_type"),
    [
        ({"body": "a=b\n"}, b"a=b\n", ""),
        ({"body": {"a": ["é", None]}}, '{"a": ["é", null]}'.encode(), "application/json"),
        ({"body": []}, b"[]", "application/json"),
        ({"body_base64": "AP8="}, b"\0\xff", ""),
        ({"body": "AP8=", "header": {"X-A": ["1", "2"]}}, b"\0\xff", ""),
        ({"body": ""}, b"", ""),
    ],
)
def test_a_json_line_has_a_body(line: dict[str, Any], body: bytes, content_type: str) -> None:
    (found,) = read(json.dumps({"url": "http://h/", "method": "PUT", "weight": 3, **line}))
    assert found.body is not None
    assert (found.body.data, found.body.content_type) == (body, content_type)
    assert (found.method, found.weight) == ("PUT", 3)
    assert found.headers == ((("X-A", "1"), ("X-A", "2")) if "header" in line else ())


def test_what_an_entry_says_replaces_what_all_requests_have(tmp_path: Path) -> None:
    common = Message(
        method="PUT", headers=(("X-All", "1"), ("Accept", "a/b")), user_agent="me", host="all"
    )
    own = '{"url": "http://h/a", "headers": {"x-all": 2, "Host": "own"}, "body": {}}'
    first, second = rendered(tmp_path, f"{own}\nGET http://h/b", common)
    assert first == (
        b"PUT /a HTTP/1.1\r\nHost: own\r\nUser-Agent: me\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\nAccept: a/b\r\nx-all: 2\r\n\r\n{}"
    )
    assert second == (
        b"GET /b HTTP/1.1\r\nHost: all\r\nUser-Agent: me\r\nX-All: 1\r\nAccept: a/b\r\n\r\n"
    )


def test_a_body_makes_a_post_and_every_length_is_its_own(tmp_path: Path) -> None:
    payloads = rendered(
        tmp_path,
        '{"url": "http://h/", "body": "four"}\nPOST http://h/\nhttp://h/\n'
        '{"url": "http://h/", "method": "GET", "body": "x"}',
    )
    lengths = [payload.partition(b"Content-Length: ")[2][:1] for payload in payloads]
    assert [payload.split(b" ")[0] for payload in payloads] == [b"POST", b"POST", b"GET", b"GET"]
    assert lengths == [b"4", b"0", b"", b"1"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("@/nowhere", "@FILE cannot read `/nowhere`: no such file or directory."),
        ("X-A:b", "is `Name: value`, with a space after the colon"),
        ('{"url": "http://h/", "headers": {"X": "1\\r"}}', "has a line break or NUL"),
        ("Connection: close", "Connection applies to the whole run: --no-keepalive"),
        ("\nX-A: 1", "a header must follow its URL directly"),
        ("\n@/dev/null", "the @FILE of a body must follow its URL directly"),
        ("@/dev/null\nX-A: 1", "headers come before the @FILE"),
        ("@/dev/null\n@/dev/null", "a request has one body; this is the second"),
        ("localhost:8080/x", "write http://localhost:8080/x instead"),
        ('{"url": "http://h/"', "not JSON, Expecting ',' delimiter"),
        ('{"uri": "http://h/"}', "an entry has no `uri`; there are url, method, weight, headers"),
        ('{"method": "GET"}', 'an entry has a "url"'),
        ('{"url": 3}', 'an entry has a "url"'),
        ('{"url": "ftp://h/"}', "cannot be benchmarked"),
        ('{"url": "http://h/", "method": 3}', '"method" is a text'),
        ('{"url": "http://h/", "method": "A B"}', "A method is one word"),
        ('{"url": "http://h/", "weight": "2"}', '"weight" is a whole number'),
        ('{"url": "http://h/", "weight": 0}', "a weight is between 1 and 10000"),
        ('{"url": "http://h/", "headers": ["X"]}', '"headers" is an object'),
        ('{"url": "http://h/", "headers": {"X": {}}}', "the value of header X is a text"),
        ('{"url": "http://h/", "headers": {"X Y": "1"}}', "A header name has only"),
        ('{"url": "http://h/", "header": {}, "body": "no!"}', "the body is not base64"),
        ('{"url": "http://h/", "body": "a", "body_base64": "YQ=="}', "a request has one body"),
    ],
)
def test_a_wrong_line_is_refused_with_file_and_line(line: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(f"http://h/\n{line}\n")
    at = 2 + line.count("\n")
    assert str(caught.value).startswith(f"list, line {at}: ")
    assert sentence in str(caught.value)


def test_a_length_that_is_wrong_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"list\.txt, line 2: The body has 0 bytes"):
        rendered(tmp_path, "http://h/\nPOST http://h/\nContent-Length: 3\n")


@given(st.text(max_size=30), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_any_list_is_read_or_refused_in_one_sentence(text: str, more: dict[str, str]) -> None:
    for line in (text, "http://h/\n" + text, "{" + text, json.dumps({"url": "http://h", **more})):
        try:
            read(line)
        except UsageError as error:
            assert str(error).endswith(".") and "\n" not in str(error)


def mixed(peer: Peer) -> None:
    """Answer HEAD with the length of a body that does not come, DELETE with 204, GET with 304."""
    while True:
        method = peer.request().split(b" ")[0]
        if method == b"HEAD":
            peer.send(answer("Content-Length: 500"))
        elif method == b"DELETE":
            peer.send(answer(start="HTTP/1.1 204 No Content"))
        elif method == b"GET":
            peer.send(answer("Content-Length: 77", start="HTTP/1.1 304 Not Modified"))
        else:
            peer.send(OK)


@pytest.mark.parametrize("flags", [(), ("-p", "4")])
def test_answers_are_read_as_each_method_has_them(tmp_path: Path, flags: tuple[str, ...]) -> None:
    with Server(mixed) as server:
        path = tmp_path / "list.jsonl"
        entries = [("HEAD", "/h"), ("POST", "/p"), ("DELETE", "/d"), ("GET", "/g")]
        path.write_text(
            "".join(
                json.dumps({"method": method, "url": server.url(target), "body": "x" * at}) + "\n"
                for at, (method, target) in enumerate(entries)
            )
        )
        run = fastbench("--urls-from-file", str(path), "-n", "40", *ONE, *flags)
    assert run.code == 0 and run.summary["ok"] == 40 == server.seen.requests
    rows = {row["name"]: row["status_codes"] for row in run.document["requests"]}
    assert rows == {"/h": {"200": 10}, "/p": {"200": 10}, "/d": {"204": 10}, "/g": {"304": 10}}


def test_only_what_may_be_sent_again_is_retried(tmp_path: Path) -> None:
    def closes(peer: Peer) -> None:
        """Answer once on each connection, read one more request, and go."""
        peer.request()
        peer.send(OK)
        peer.head()

    with Server(closes) as server:
        path = tmp_path / "list.txt"
        targets = ("GET /get", "POST /post", "PUT /put")
        lines = [(method, server.url(target)) for method, target in map(str.split, targets)]
        path.write_text("".join(f"{method} {url}\n" for method, url in lines))
        run = fastbench("--urls-from-file", str(path), "-n", "20", *ONE)
    rows = {row["name"]: row for row in run.document["requests"]}
    assert rows["/get"]["failed"] == rows["/put"]["failed"] == 0 and run.summary["retried"] > 0
    assert rows["/post"]["failed"] > 0
    assert rows["/post"]["failed"] == run.summary["failed"]
