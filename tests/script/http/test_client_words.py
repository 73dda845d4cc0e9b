"""What a request may be given, in the shapes people write; and how its URL is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from servers import Server, answering, refusing
from vus import User, run

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls

HOME = "http://h"


def sent(call: Any) -> tuple[list[bytes], bytes]:
    """Send one request; return the lines of its head, and its body."""
    with Server(answering()) as server:
        response, _ = run(lambda vu: call(vu, server.url("")))
        assert response.status == 200
    head, _, body = server.seen.last.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


# What is sent of a URL.


@pytest.mark.parametrize(
    ("written", "out"),
    [
        ("/a/b-c_d.e~f!g$h&i'j(k)l*m+n,o;p=q:r@s", None),
        ("/%2f/%zz", None),
        ("/ä/Ω?x=é", "/%C3%A4/%CE%A9?x=%C3%A9"),
        ("/a b?c d", "/a%20b?c%20d"),
        ('/{"a"}<[1]>|\\^`', None),
        ("/?filter[a]={1}|2&order=a.desc,b&select=*,c(d)&or=(a.eq.1)", None),
        ('/?a="1"&b=<2>', None),
        ("/a?b?c", None),
        ("/\udcff", "/%FF"),
        ("", None),
    ],
)
def test_what_a_url_may_hold_stays_and_the_rest_is_encoded(written: str, out: str | None) -> None:
    assert urls.sent(written) == (written if out is None else out)
    assert urls.sent(urls.sent(written)) == urls.sent(written)


def test_a_url_is_encoded_on_the_wire_and_named_as_it_was_written() -> None:
    async def two(vu: User) -> str:
        await vu.get("/köln am rhein", params={"a": "ö"})
        return (await vu.get("/köln am rhein?x=ö")).url

    with Server(answering()) as server:
        url, ran = run(two, base_url=server.url("/é"))
    path = "/%C3%A9/k%C3%B6ln%20am%20rhein"
    assert server.seen.lines == {
        f"GET {path}?a=%C3%B6 HTTP/1.1".encode(): 1,
        f"GET {path}?x=%C3%B6 HTTP/1.1".encode(): 1,
    }
    assert url == server.url("") + path + "?x=%C3%B6"
    (tags,) = (json.loads(each) for each in ran.rows("named", "named"))
    assert tags["name"] == "/é/köln am rhein", "a threshold can name what the script says"


# What is read of an answer.


@pytest.mark.parametrize(("status", "ok"), [(200, True), (399, True), (400, False), (503, False)])
def test_ok_is_an_answer_below_400(status: int, ok: bool) -> None:
    with Server(answering(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)) as server:
        response, _ = run(lambda vu: vu.get(server.url("/"), expected=range(200, 600)))
    assert response.ok is ok and response.expected
    assert not response.cookies


def test_no_answer_is_not_ok() -> None:
    with refusing() as port:
        response, _ = run(lambda vu: vu.get(f"http://127.0.0.1:{port}/"))
    assert response.ok is False and response.cookies == {}


def test_the_cookies_of_an_answer_are_those_that_it_sets() -> None:
    lines = (
        b"Set-Cookie: sid=a=b; Path=/; HttpOnly",
        b"set-cookie: theme = dark",
        b"Set-Cookie: gone=; Max-Age=0",
        b"Set-Cookie: theme=light",
        b"Set-Cookie: other=1; Domain=elsewhere.example",
    )
    head = b"\r\n".join((b"HTTP/1.1 200 OK", *lines, b"Content-Length: 0", b"", b""))
    with Server(answering(head)) as server:
        response, _ = run(lambda vu: vu.get(server.url("/")))
    assert response.cookies == {"sid": "a=b", "theme": "light"}
    assert response.cookies is response.cookies, "read once"


# The shapes of what it is given.


def test_headers_may_come_as_pairs_also_twice() -> None:
    pairs = [("X-A", "1"), ["X-A", 2], ("X-No", None)]
    lines, _ = sent(lambda vu, url: vu.get(url, headers=pairs))
    assert [line for line in lines if line.startswith(b"X-")] == [b"X-A: 1", b"X-A: 2"]


def test_cookies_tags_params_and_files_may_come_as_pairs() -> None:
    def call(vu: User, url: str) -> Any:
        more: dict[str, Any] = {"tags": [("kind", 1)], "cookies": [("a", 1), ("b", "2")]}
        return vu.post(url, files=[("f", "text")], params=(("p", 1), ("p", 2)), **more)

    lines, body = sent(call)
    assert lines[0] == b"POST /?p=1&p=2 HTTP/1.1" and b"Cookie: a=1; b=2" in lines
    assert b'name="f"; filename="f"' in body


def test_the_tag_name_names_a_request_as_in_k6() -> None:
    async def act(vu: User) -> None:
        await vu.get("/a/1", tags={"name": "one a", "scenario": "no", "method": "no"})
        await vu.get("/a/2", name="said", tags={"name": "one a"})

    with Server(answering()) as server:
        _, ran = run(act, base_url=server.url(""))
    found = [json.loads(tags) for tags in ran.rows("named", "named")]
    assert [row["name"] for row in found] == ["one a", "said"]
    assert all((row["scenario"], row["method"]) == ("s", "GET") for row in found)


def test_a_batch_takes_requests_as_dicts() -> None:
    async def named(vu: User) -> list[tuple[str, str]]:
        found = await vu.batch(
            {
                "a": {"url": "/a"},
                "b": {"method": "PUT", "url": "/b", "json": [1], "headers": {"X-A": "1"}},
                "c": ("DELETE", "/c", {"name": "gone"}),
            }
        )
        listed = await vu.batch([{"url": "/d", "method": "head"}])
        return [(each.method, each.url[-2:]) for each in (*found.values(), *listed)]

    with Server(answering()) as server:
        found, _ = run(named, base_url=server.url(""))
    assert found == [("GET", "/a"), ("PUT", "/b"), ("DELETE", "/c"), ("HEAD", "/d")]


WRONG: list[tuple[str, Any]] = [
    ("headers= takes a dict or a list of pairs, not str", lambda vu: vu.get(HOME, headers="A: b")),
    ("headers= takes a dict or", lambda vu: vu.get(HOME, headers=["A: b"])),
    ("A header name has only letters", lambda vu: vu.get(HOME, headers=[("A b", "c")])),
    ("tags= takes a dict or a list of pairs, not str", lambda vu: vu.get(HOME, tags="a")),
    ("cookies= takes a dict or a list of pairs, not int", lambda vu: vu.get(HOME, cookies=1)),
    ("params= takes a dict or a list of pairs, not int", lambda vu: vu.get(HOME, params=1)),
    ("files= takes a dict or a list of pairs", lambda vu: vu.post(HOME, files="a")),
    ("timeout= takes seconds, not list", lambda vu: vu.get(HOME, timeout=[1])),
    ("timeout= takes seconds, not object", lambda vu: vu.get(HOME, timeout=object())),
    ("redirects= takes a number, not dict", lambda vu: vu.get(HOME, redirects={})),
    ("bearer= takes a text, not tuple", lambda vu: vu.get(HOME, bearer=("a",))),
    ("auth= takes", lambda vu: vu.get(HOME, auth="u:p")),
    ("A URL is a text, not NoneType", lambda vu: vu.get(None)),
    ("A URL is a text, not NoneType", lambda vu: vu.post(None, json={}, params={"a": 1})),
    ("A URL is a text, not bytes", lambda vu: vu.put(b"/a")),
    ("A method is a text such as GET, not NoneType", lambda vu: vu.request(None, HOME)),
    ("batch.. takes a list or a dict of requests, not str", lambda vu: vu.batch("/a")),
    ("batch.. takes a list or a dict of requests, not NoneType", lambda vu: vu.batch(None)),
    ("not dict without url", lambda vu: vu.batch([{"method": "GET"}])),
    ("not tuple of 4", lambda vu: vu.batch([("POST", "/a", "body", {})])),
    ("not list of 3", lambda vu: vu.batch([["POST", "/a", "body"]])),
    ("not int", lambda vu: vu.batch([7])),
]


@pytest.mark.parametrize(("sentence", "call"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_shape_is_one_sentence(sentence: str, call: Any) -> None:
    async def once(vu: User) -> None:
        await call(vu)

    with pytest.raises(UsageError, match=sentence):
        run(once, base_url=HOME)
