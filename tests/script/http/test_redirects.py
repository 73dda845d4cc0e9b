"""Where an answer sends a script on to, and where it does not."""

from __future__ import annotations

import pytest
from servers import Peer, Server, answering
from vus import User, run

from fastbench.engine.client import _client


def moved(*fields: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\n" + b"".join(f + b"\r\n" for f in fields) + EMPTY


EMPTY = b"Content-Length: 0\r\n\r\n"


def sending_on(*fields: bytes) -> Server:
    """A server that answers /from with a redirect and everything else with 200."""

    def script(peer: Peer) -> None:
        while True:
            away = peer.request().startswith(b"GET /a/from")
            peer.send(moved(*fields) if away else b"HTTP/1.1 200 OK\r\n" + EMPTY)

    return Server(script)


def follow(server: Server, warned: list[tuple[str, str, str]]) -> _client.Response:
    async def go(vu: User) -> _client.Response:
        vu.maker.warn = lambda *said: warned.append(said)
        await vu.get(server.url("/a/from?token=s3cr3t"))
        return await vu.get(server.url("/a/from?token=s3cr3t"))

    response, _ = run(go)
    return response


@pytest.mark.parametrize(
    "field",
    [
        b"com.example.app:/oauth2redirect?code=S3CRET",
        b"mailto:x@example.org",
        b"javascript:alert(1)",
        b"myapp://callback?code=S3CRET",
        b"urn:ietf:wg:oauth:2.0:oob",
        b"http://a:b/",
        b"http://[::g]/",
        b"//",
    ],
)
def test_what_is_not_http_is_a_failed_request_and_said_once(field: bytes) -> None:
    warned: list[tuple[str, str, str]] = []
    with sending_on(b"Location: " + field) as server:
        response = follow(server, warned)
    assert (response.status, response.error_kind) == (0, "protocol")
    assert response.error.startswith("redirect not followed: ") and "S3CRET" not in response.error
    assert response.headers.get("Location") == field.decode(), "a script may look at it"
    assert [line.split()[1] for line in server.seen.lines] == [b"/a/from?token=s3cr3t"]
    (warning,) = warned
    assert warning[0] == "redirect_not_followed" and "/a/from)" in warning[1]
    assert "s3cr3t" not in repr(warning).lower()


def test_who_asks_for_no_redirects_gets_the_answer_that_leads_nowhere() -> None:
    async def go(vu: User) -> _client.Response:
        return await vu.get(server.url("/a/from"), redirects=0)

    with sending_on(b"Location: myapp://callback?code=1") as server:
        response, _ = run(go)
    assert (response.status, response.error) == (302, "")


def test_a_chain_that_is_too_long_gives_its_last_answer_and_a_warning() -> None:
    async def go(vu: User) -> _client.Response:
        vu.maker.warn = lambda *said: warned.append(said)
        return await vu.get(server.url("/"))

    warned: list[tuple[str, str, str]] = []
    with Server(answering(moved(b"Location: /a"))) as server:
        response, _ = run(go, max_redirects=3)
    assert response.status == 302 and server.seen.requests == 4
    (warning,) = warned
    assert warning[0] == "redirect_not_followed" and "max_redirects" in warning[1]


@pytest.mark.parametrize(
    ("field", "target"),
    [
        (b"/x", b"/x"),
        (b"../x//y", b"/x//y"),
        (b"?q", b"/a/from?q"),
        (b"\\x\\y", b"/x/y"),
        (b"/caf\xc3\xa9 \xff", b"/caf%C3%A9%20%FF"),
        (b"/x#f?g", b"/x"),
    ],
)
def test_a_location_is_followed_as_browsers_do(field: bytes, target: bytes) -> None:
    warned: list[tuple[str, str, str]] = []
    with sending_on(b"Location: " + field) as server:
        assert follow(server, warned).status == (302 if target.startswith(b"/a/from") else 200)
    assert list(server.seen.lines)[1].split()[1] == target
    assert not [said for said in warned if "max_redirects" not in said[1]]


def test_servers_that_differ_in_writing_only_are_one_and_keep_secrets() -> None:
    with Server(lambda peer: peer.stall()) as other:  # nobody may come here
        port = other.port
    with sending_on(b"") as server:
        port = server.port

        async def go(vu: User) -> None:
            for host in ("LOCALHOST", "localhost", "127.1", "127.0.0.1", "0x7f.0.0.1"):
                await vu.get(f"http://{host}:{port}/")

        run(go)
    assert server.seen.connections == 2


def test_two_locations_that_differ_are_a_protocol_error_and_two_that_agree_are_one() -> None:
    warned: list[tuple[str, str, str]] = []
    with sending_on(b"Location: /x", b"LOCATION:  /x ") as server:
        assert follow(server, warned).status == 200
    with sending_on(b"Location: /x", b"Location: /y") as server:
        response = follow(server, warned)
        assert (response.status, response.error) == (0, "protocol: several Locations")
        assert server.seen.requests == 2, "followed nowhere"

        async def as_it_is(vu: User) -> _client.Response:
            return await vu.get(server.url("/a/from"), redirects=0)

        assert run(as_it_is)[0].status == 302, "who does not follow gets the answer"
    assert not warned


def test_cookies_know_a_host_in_any_writing() -> None:
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Domain=LOCALHOST.\r\n" + EMPTY

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(head)

    with Server(script) as server:

        async def go(vu: User) -> None:
            await vu.get(f"http://LocalHost:{server.port}/")
            await vu.get(f"http://localhost.:{server.port}/")
            vu.cookies.set("c", "3", f"http://LOCALHOST.:{server.port}/")
            await vu.get(f"http://localhost:{server.port}/")

        run(go)
    assert b"Cookie: a=1; b=2; c=3\r\n" in server.seen.last


def test_a_relative_location_keeps_the_zone_of_an_address() -> None:
    def script(peer: Peer) -> None:
        while True:
            away = peer.request().startswith(b"GET /from")
            peer.send(moved(b"Location: /x") if away else b"HTTP/1.1 200 OK\r\n" + EMPTY)

    with Server(script, host="::1") as server:
        response, _ = run(lambda vu: vu.get(f"http://[0::1%25lo]:{server.port}/from"))
    assert (response.status, response.url) == (200, f"http://[::1]:{server.port}/x")
    assert server.seen.connections == 1
    assert f"\r\nHost: [::1]:{server.port}\r\n".encode() in server.seen.last
