"""Cookies of a virtual user, and redirects."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from time import process_time
from types import SimpleNamespace
from typing import Any

import pytest
from servers import OK, Peer, Server
from vus import User, run

from fastbench.foundation.usage_error import UsageError
from fastbench.script.http import cookies
from fastbench.script.http.cookies import Cookies
from fastbench.script.http.headers import Headers

DATE = "Date: Wed, 21 Oct 2015 07:28:00 GMT"


def learned(url: str, *lines: str, jar: Cookies | None = None) -> Cookies:
    """Return a jar that has seen one answer."""
    jar = jar or Cookies()
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()
    answer: Any = SimpleNamespace(raw_head=head, url=url)
    jar.learn(answer)
    return jar


@pytest.mark.parametrize(
    ("origin", "line", "host", "path", "carried"),
    [
        ("http://a.example/", "n=v", "a.example", "/", True),
        ("http://a.example/", "n=v", "b.a.example", "/", False),
        ("http://a.example/", "n=v; Domain=a.example", "b.a.example", "/", True),
        ("http://b.a.example/", "n=v; Domain=.A.Example", "c.a.example", "/", True),
        ("http://b.a.example/", "n=v; Domain=a.example", "nota.example", "/", False),
        ("http://a.example/", "n=v; Domain=b.a.example", "b.a.example", "/", False),
        ("http://a.example/", "n=v; Domain=evil.example", "evil.example", "/", False),
        ("http://a.example/", "n=v; Domain=example", "b.example", "/", False),
        ("http://localhost/", "n=v; Domain=localhost", "localhost", "/", True),
        ("http://1.2.3.4/", "n=v; Domain=3.4", "9.9.3.4", "/", False),
        ("http://1.2.3.4/", "n=v; Domain=1.2.3.4", "1.2.3.4", "/", True),
        ("http://a.example/x/y", "n=v", "a.example", "/x/z", True),
        ("http://a.example/x/y", "n=v", "a.example", "/", False),
        ("http://a.example/x/y", "n=v; Path=/", "a.example", "/", True),
        ("http://a.example/", "n=v; Path=/x", "a.example", "/xy", False),
        ("http://a.example/", "n=v; Path=/x", "a.example", "/x/y", True),
        ("http://a.example/", "n=v; Path=/x/", "a.example", "/x", False),
        ("http://a.example/", "n=v; Path=x", "a.example", "/", True),
        ("http://a.example/", "n=v; Secure", "a.example", "/", False),
        ("http://a.example/", "n=v; Max-Age=60", "a.example", "/", True),
        ("http://a.example/", "n=v; Max-Age=0", "a.example", "/", False),
        ("http://a.example/", "n=v; Max-Age=-1", "a.example", "/", False),
        ("http://a.example/", "n=v; Max-Age=x", "a.example", "/", True),
        ("http://a.example/", "n=v; Expires=Wed, 21 Oct 2015 07:28:01 GMT", "a.example", "/", True),
        ("http://a.example/", "n=v; Expires=Wed, 21-Oct-15 07:28:00 GMT", "a.example", "/", False),
        ("http://a.example/", "n=v; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=9",
         "a.example", "/", True),
        ("http://a.example/", "nothing", "a.example", "/", False),
        ("http://a.example/", "=v", "a.example", "/", False),
        ("http://a.example/", "n=" + "v" * 5000, "a.example", "/", False),
        ("http://a.example/", "n=v\x01", "a.example", "/", False),
    ],
)  # fmt: skip
def test_where_a_cookie_goes(origin: str, line: str, host: str, path: str, carried: bool) -> None:
    jar = learned(origin, DATE, f"set-cookie: {line}")
    assert jar.header(host, path, False) == ("n=v" if carried else "")


def test_a_secure_cookie_goes_over_https() -> None:
    jar = learned("https://a.example/", "Set-Cookie: n=v; secure")
    assert jar.header("a.example", "/", True) == "n=v"
    assert jar.header("a.example", "/", False) == ""


def test_without_date_only_what_ended_long_ago_is_deleted() -> None:
    jar = learned("http://a.example/", "Set-Cookie: a=1", "Set-Cookie: b=2")
    learned("http://a.example/", "Set-Cookie: a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", jar=jar)
    learned("http://a.example/", "Set-Cookie: b=3; Expires=Wed, 21 Oct 2015 07:28:00 GMT", jar=jar)
    assert jar.header("a.example", "/", False) == "b=3"


def test_a_cookie_ends_when_its_age_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 10**12
    monkeypatch.setattr(cookies, "monotonic_ns", lambda: now_ns)
    jar = learned("http://a.example/", "Set-Cookie: a=1; Max-Age=10", "Set-Cookie: b=2")
    assert jar.header("a.example", "/", False) == "a=1; b=2"
    now_ns += 10 * 10**9
    assert jar.header("a.example", "/", False) == "b=2" and jar.get("a") is None


def test_longer_paths_go_first_and_a_new_value_keeps_its_place() -> None:
    jar = learned("http://a.example/x/", "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2; Path=/x",
                  "Set-Cookie: c=3; Path=/")  # fmt: skip
    learned("http://a.example/", "Set-Cookie: a=4; Path=/", jar=jar)
    assert jar.header("a.example", "/x/", False) == "b=2; a=4; c=3"


@pytest.mark.parametrize("filling", [" ", "\t", ";", "=", "a=b;", "12:", ",", "%40", "."])
def test_no_answer_costs_more_than_its_length(filling: str) -> None:
    long = filling * (60_000 // len(filling))
    begun_s = process_time()
    learned("http://a.example/", f"Date: x{long}x", f"Set-Cookie: n=v{long}x; Expires=x{long}x")
    with Server(routed({"/": f"302\nLocation: /{long.strip()}@/17"}, [])) as server:
        run(lambda vu: vu.get(server.url("/")))
    assert process_time() - begun_s < 1


def test_a_jar_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cookies, "MAX_COOKIES", 5)
    jar = learned("http://a.example/", *(f"Set-Cookie: c{n}=v" for n in range(9)))
    assert [cookie.name for cookie in jar] == ["c4", "c5", "c6", "c7", "c8"]
    for number in range(9):
        jar.header("a.example", f"/{number}", False)
    assert len(jar._headers) <= 5


def test_cookies_by_hand() -> None:
    jar = Cookies("http://a.example/api")
    jar.set("n", "v")
    assert jar.header("a.example", "/", False) == "n=v" and "n" in jar and jar.get("n") == "v"
    jar.delete("n")
    assert len(jar) == 0 and jar.header("a.example", "/", False) == ""
    with pytest.raises(UsageError, match="no cookie may have"):
        jar.set("n", "a\r\nb")
    with pytest.raises(UsageError, match="needs a host"):
        Cookies().set("n", "v")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("6 nov 2034 8:49:37", 2046415777),
        ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("", None),
    ],
)
def test_dates(text: str, seconds: int | None) -> None:
    assert cookies.date_s(text) == seconds


# On the wire


def routed(answers: Mapping[str, str | bytes], heard: list[bytes]) -> Callable[[Peer], None]:
    """Answer by path: with bytes, or with a head of these fields; all others with OK."""

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            heard.append(request)
            answer = answers.get(request.split(b" ")[1].decode(), OK)
            if isinstance(answer, str):
                status, *fields = answer.split("\n")
                lines = [f"HTTP/1.1 {status} X", "Content-Length: 0", *fields, "", ""]
                answer = "\r\n".join(lines).encode()
            peer.send(answer)

    return script


def field(request: bytes, name: str) -> str | None:
    match = re.search(rb"\r\n%s: ([^\r]*)" % name.encode(), request)
    return match[1].decode() if match else None


def test_a_jar_is_one_users_and_survives_redirects() -> None:
    heard: list[bytes] = []

    async def two(first: User, second: User) -> None:
        await first.post("/login", json={})
        await first.get("/me")
        await first.get("/me", cookies={"own": "1"})
        await first.get("/me", headers={"Cookie": "mine=2"})
        await second.get("/me")
        first.cookies.clear()
        await first.get("/me")

    answers = {"/login": "302\nSet-Cookie: sid=7; HttpOnly\nLocation: /home"}
    with Server(routed(answers, heard)) as server:
        run(two, users=2, base_url=server.url(""))
    lines = [request.split(b" HTTP")[0].decode() for request in heard]
    assert lines == ["POST /login", "GET /home", *["GET /me"] * 5]
    sent = [field(request, "Cookie") for request in heard]
    assert sent == [None, "sid=7", "sid=7", "own=1; sid=7", "mine=2; sid=7", None, None]


@pytest.mark.parametrize(
    ("status", "method", "after", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "PUT", "GET", b""),
        (303, "POST", "GET", b""),
        (303, "HEAD", "HEAD", b""),
        (307, "POST", "POST", b'{"a":1}'),
        (308, "PATCH", "PATCH", b'{"a":1}'),
    ],
)
def test_methods_of_redirects(status: int, method: str, after: str, body: bytes) -> None:
    heard: list[bytes] = []
    more: dict[str, Any] = {} if method == "HEAD" else {"json": {"a": 1}}

    def script(peer: Peer) -> None:
        heard.append(peer.request())
        peer.send(b"HTTP/1.1 %d X\r\nLocation: ../b?c\r\nContent-Length: 0\r\n\r\n" % status)
        heard.append(peer.request())
        peer.send(b"HTTP/1.1 204 X\r\n\r\n")

    with Server(script) as server:
        response, ran = run(lambda vu: vu.request(method, server.url("/x/a"), **more))
    assert response.status == 204 and response.url == server.url("/b?c")
    assert heard[1].startswith(f"{after} /b?c HTTP/1.1\r\n".encode())
    assert heard[1].partition(b"\r\n\r\n")[2] == body
    assert (field(heard[1], "Content-Type") is None) == (not body)
    assert [row["reqs"] for row in ran.rows("requests", "requests").values()] == [2]


SECRETS = {"Authorization": "Bearer s", "Proxy-Authorization": "s", "X-Api-Key": "s", "X-Ok": "1"}


@pytest.mark.parametrize("way", ["headers", "auth", "bearer", "url", "run"])
def test_secrets_stay_at_home(way: str) -> None:
    heard: list[bytes] = []
    settings: dict[str, Any] = {"headers": tuple(SECRETS.items())} if way == "run" else {}
    away: list[bytes] = []
    with Server(routed({}, away)) as other:
        answers = {"/near": "302\nLocation: /far", "/far": f"302\nLocation: {other.url('/there')}"}
        with Server(routed(answers, heard)) as server:
            url = server.url("/near")
            asked: dict[str, dict[str, Any]] = {
                "headers": {"headers": SECRETS},
                "auth": {"auth": ("u", "p")},
                "bearer": {"bearer": "s"},
            }
            more = asked.get(way, {})
            if way == "url":
                url = url.replace("://", "://u:p@")

            async def once(vu: User) -> int:
                await vu.get(url, cookies={"sid": "1"}, **more)
                vu.cookies.set("jar", "2", server.url("/"))
                return (await vu.get(url, cookies={"sid": "1"}, **more)).status

            assert run(once, **settings)[0] == 200
    near, far = heard[:2]
    assert field(near, "Authorization") and field(far, "Authorization"), "lost within its origin"
    assert field(far, "Cookie") == "sid=1" and field(heard[3], "Cookie") == "sid=1; jar=2"
    for there in away:
        for name in ("Authorization", "Proxy-Authorization", "X-Api-Key"):
            assert field(there, name) is None
    # The jar belongs to the host, whatever its port (RFC 6265 section 8.5).
    assert [field(there, "Cookie") for there in away] == [None, "jar=2"]
    if way in ("headers", "run"):
        assert field(away[0], "X-Ok") == "1"


@pytest.mark.parametrize(
    "location", ["ftp://h/", "http://", "http://[x/", "http://a:0/", "//", "javascript:1", ""]
)
def test_a_location_that_leads_nowhere_fails_and_none_is_the_answer(location: str) -> None:
    with Server(routed({"/": f"302\nLocation: {location}"}, [])) as server:
        response, _ = run(lambda vu: vu.get(server.url("/")))
    assert response.status == (0 if location else 302)


def test_redirects_end() -> None:
    heard: list[bytes] = []
    with Server(routed({"/": "302\nLocation: /"}, heard)) as server:
        response, _ = run(lambda vu: vu.get(server.url("/")))
        assert response.status == 302 and len(heard) == 11
        run(lambda vu: vu.get(server.url("/"), redirects=0))
    assert len(heard) == 12


def test_a_location_is_made_sendable() -> None:
    heard: list[bytes] = []
    with Server(routed({"/": "302\nLocation: /a b?c=<é>"}, heard)) as server:
        run(lambda vu: vu.get(server.url("/")))
    assert heard[1].startswith(b"GET /a%20b?c=<%C3%A9> ")


def test_headers_keep_what_came_more_than_once() -> None:
    headers = Headers(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX:  y \r\n\r\n")
    assert headers.get_all("SET-COOKIE") == ["a=1", "b=2"] and headers["x"] == "y"
    assert list(headers) == ["Set-Cookie", "X"] and len(headers) == 2 and "z" not in headers
