"""The requests of a virtual user, on the wire and as they are counted."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from servers import OK, OK_BODY, Peer, Server, answering, refusing
from vus import User, run

from fastbench.engine.client import _client
from fastbench.foundation.usage_error import UsageError
from fastbench.script.expected import expected_statuses
from fastbench.script.http import json_paths, url_grouping
from fastbench.script.http.bodies import file
from fastbench.script.http.request_arguments import with_params


def sent(call: Any, **settings: Any) -> tuple[str, dict[str, str], bytes]:
    """Send one request to a server; return its request line, its fields and its body."""
    with Server(answering()) as server:

        async def once(vu: User) -> _client.Response:
            answer: _client.Response = await call(vu, server.url(""))
            return answer

        response, _ = run(once, **settings)
        assert response.status == 200 and response.body == OK_BODY
    head, _, body = server.seen.last.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    names = [field.partition(":")[0].lower() for field in fields]
    assert len(names) == len(set(names)), f"a field stands twice: {fields}"
    return line, dict(field.split(": ", 1) for field in fields), body


def test_a_url_is_sent_byte_for_byte() -> None:
    path = "/rest/v1/c?select=*&order=a.desc&id=eq.7&n=[1]|{2}&e=%2f&x=%zz"
    line, fields, body = sent(lambda vu, url: vu.get(url + path))
    assert line.encode() == f"GET {path} HTTP/1.1".encode()
    assert set(fields) == {"Host", "User-Agent", "Accept"} and body == b""


@pytest.mark.parametrize(
    ("base", "url", "path"),
    [
        ("", "/a", "/a"),
        ("/api", "/a?b", "/api/a?b"),
        ("/api/", "a", "/api/a"),
        ("/api", "", "/api"),
        ("", "", "/"),
        ("/api", "?b=1", "/api?b=1"),
        ("/api", "/a#part", "/api/a"),
    ],
)
def test_a_path_is_joined_to_base_url(base: str, url: str, path: str) -> None:
    with Server(answering()) as server:
        run(lambda vu: vu.get(url), base_url=server.url(base))
    assert server.seen.lines == {f"GET {path} HTTP/1.1".encode(): 1}


@pytest.mark.parametrize(
    ("url", "params", "whole"),
    [
        ("/a", {"select": "*", "order": "made_at.desc"}, "/a?select=*&order=made_at.desc"),
        ("/a?b=1", {"c": "x y&z+50%"}, "/a?b=1&c=x%20y%26z%2B50%25"),
        ("/a", {"id": [1, 2], "none": None, "yes": True}, "/a?id=1&id=2&yes=true"),
        ("/a", "raw=%zz&", "/a?raw=%zz&"),
        ("/a#f", [("k=", "v=")], "/a?k%3D=v=#f"),
        ("/a", {}, "/a"),
    ],
)
def test_params(url: str, params: Any, whole: str) -> None:
    assert with_params(url, params) == whole


def test_headers_of_a_request_replace_the_defaults_and_those_of_the_run() -> None:
    _, fields, _ = sent(
        lambda vu, url: vu.get(
            url, headers={"user-agent": "me", "X-Run": "own", "N": 3, "No": None}
        ),
        headers=(("X-Run", "all"), ("X-All", "1")),
    )
    assert fields["user-agent"] == "me" and fields["X-Run"] == "own"
    assert fields["X-All"] == "1" and fields["N"] == "3" and "No" not in fields


def test_the_same_url_with_other_headers_is_another_request() -> None:
    async def two(vu: User) -> None:
        for token in ("a", "b", "a"):
            await vu.get("/", headers={"Authorization": f"Bearer {token}"})
        headers = {"Authorization": "Bearer c"}
        await vu.get("/", headers=headers)
        headers["Authorization"] = "Bearer d"  # the dict is the same, what it says is not
        await vu.get("/", headers=headers)

    said = []

    def script(peer: Peer) -> None:
        while True:
            said.append(re.search(rb"Bearer (\w)", peer.request())[1])  # type: ignore[index]
            peer.send(OK)

    with Server(script) as server:
        run(two, base_url=server.url(""))
    assert b"".join(said) == b"abacd"


def test_json_bodies() -> None:
    line, fields, body = sent(lambda vu, url: vu.post(url + "/t", json={"a": [1, "é"]}))
    assert line == "POST /t HTTP/1.1" and fields["Content-Type"] == "application/json"
    assert json.loads(body) == {"a": [1, "é"]} and fields["Content-Length"] == str(len(body))


def test_forms_text_and_no_body() -> None:
    _, fields, body = sent(lambda vu, url: vu.put(url, {"a": "1 &", "b": [True, None]}))
    assert body == b"a=1+%26&b=true&b="
    assert fields["Content-Type"] == "application/x-www-form-urlencoded"
    _, fields, body = sent(lambda vu, url: vu.patch(url, "é", headers={"Content-Type": "x/y"}))
    assert body == "é".encode() and fields["Content-Type"] == "x/y"
    _, fields, body = sent(lambda vu, url: vu.post(url))
    assert body == b"" and fields["Content-Length"] == "0"
    line, fields, _ = sent(lambda vu, url: vu.request("delete", url))
    assert line.startswith("DELETE ") and "Content-Length" not in fields


@pytest.mark.parametrize("how", ["data", "files"])
def test_files_are_multipart_and_built_once(how: str) -> None:
    upload = file(b"%PDF" + bytes(100_000), "a.pdf")

    async def twice(vu: User) -> list[bytes]:
        payloads = []
        for _ in range(2):
            if how == "data":
                one = vu.post("/up", {"file": upload, "note": "x"})
            else:
                one = vu.post("/up", {"note": "x"}, files={"file": upload})
            payloads.append(one.payload)
            assert (await one).status == 200
        return payloads

    with Server(answering()) as server:
        (first, second), _ = run(twice, base_url=server.url(""))
    assert first is second, "the same upload was built twice"
    head, _, body = server.seen.last.partition(b"\r\n\r\n")
    mark = re.search(rb"Content-Type: multipart/form-data; boundary=(\w+)\r\n", head + b"\r\n")
    assert mark is not None
    parts = body.split(b"--" + mark[1])
    assert parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == 4
    assert (
        b'\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n%PDF" + bytes(100_000) + b"\r\n"
    ) in parts
    assert b'\r\nContent-Disposition: form-data; name="note"\r\n\r\nx\r\n' in parts


def test_signatures() -> None:
    _, fields, _ = sent(lambda vu, url: vu.get(url, auth=("u", "pä")))
    assert fields["Authorization"] == "Basic dTpww6Q="
    _, fields, _ = sent(lambda vu, url: vu.get(url, bearer="t"))
    assert fields["Authorization"] == "Bearer t"
    _, fields, _ = sent(lambda vu, url: vu.get(url.replace("://", "://u:p@")))
    assert fields["Authorization"] == "Basic dTpw" and "@" not in fields["Host"]


WRONG: list[tuple[str, Any]] = [
    ("names no server", lambda vu: vu.get("/a")),
    ("has a line feed", lambda vu: vu.get("http://h/a\nb")),
    ("starts with http:// or https://|cannot be benchmarked", lambda vu: vu.get("ftp://h/")),
    ("would split the request", lambda vu: vu.get("http://h/", headers={"A": "b\r\nC: d"})),
    ("would split the request", lambda vu: vu.get("http://h/", bearer="b\nC: d")),
    ("is set by fastbench", lambda vu: vu.post("http://h/", headers={"Content-Length": "1"})),
    ("one body", lambda vu: vu.post("http://h/", "a", json=1)),
    ("cannot be written as JSON", lambda vu: vu.post("http://h/", json=object())),
    ("one Authorization", lambda vu: vu.get("http://h/", auth=("a", "b"), bearer="c")),
    ("timeout= is in seconds", lambda vu: vu.get("http://h/", timeout=0)),
    ("timeout= is not a time", lambda vu: vu.get("http://h/", timeout="soon")),
    ("redirects= is the number", lambda vu: vu.get("http://h/", redirects=-1)),
    ("100 to 599", lambda vu: vu.get("http://h/", expected=99)),
    ("JSON goes in json=", lambda vu: vu.post("http://h/", [1, 2])),
    ("file\\(data, name\\)", lambda vu: vu.post("http://h/", files={"f": 1})),
    ("needs text, not dict", lambda vu: vu.get("http://h/", headers={"A": {}})),
    ("A method is one word", lambda vu: vu.request("A B", "http://h/")),
]


@pytest.mark.parametrize(("sentence", "call"), WRONG, ids=range(len(WRONG)))
def test_what_is_asked_wrongly_is_a_sentence(sentence: str, call: Any) -> None:
    async def once(vu: User) -> None:
        await call(vu)

    with pytest.raises(UsageError, match=sentence):
        run(once)


def test_an_unknown_word_is_a_type_error() -> None:
    async def once(vu: User) -> None:
        await vu.get("http://h/", header={})  # type: ignore[call-arg]

    with pytest.raises(TypeError, match="takes no header; it takes headers, json"):
        run(once)


def test_requests_are_counted_by_name_method_and_scenario() -> None:
    async def several(vu: User) -> None:
        for number in range(3):
            await vu.get(f"/tickets/{number}?q={number}")
        await vu.get("/tickets/17", name="one ticket")
        await vu.post("/tickets/17")
        await vu.get("http://localhost" + server.url("").removeprefix("http://127.0.0.1") + "/x/9")

    with Server(answering()) as server:
        _, ran = run(several, base_url=server.url(""))
    port = server.url("").rpartition(":")[2]
    found = {
        (tags["method"], tags["name"]): row["reqs"]
        for tags, row in ((json.loads(t), row) for t, row in ran.rows("named", "named").items())
    }
    assert found == {
        ("GET", "/tickets/{id}"): 3,
        ("GET", "one ticket"): 1,
        ("POST", "/tickets/{id}"): 1,
        ("GET", f"http://localhost:{port}/x/{{id}}"): 1,
    }


def test_expected_statuses_decide_what_failed() -> None:
    async def three(vu: User) -> list[bool]:
        answers = [
            await vu.get("/"),
            await vu.get("/", expected=429),
            await vu.get("/", expected=expected_statuses(200, range(400, 430))),
            await vu.get("/", expected=[200, 201]),
        ]
        return [each.expected for each in answers]

    refusal = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
    with Server(answering(refusal)) as server:
        found, ran = run(three, base_url=server.url(""))
    assert found == [False, True, True, False]
    assert [row["failed"] for row in ran.rows("requests", "requests").values()] == [2]


def test_answers_speak_of_their_headers_and_json() -> None:
    body = b'{"items": [{"id": 7}]}'
    head = b"HTTP/1.1 200 OK\r\nretry-after: 3\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: %d\r\n\r\n"
    with Server(answering(head % len(body) + body)) as server:
        response, _ = run(lambda vu: vu.get(server.url("/")))
    assert response.headers["Retry-After"] == "3" and response.headers["x-A"] == "1, 2"
    assert response.headers.get("No") is None and "RETRY-AFTER" in response.headers
    assert response.json("items[0].id") == 7 and response.json()["items"] == [{"id": 7}]
    assert response.json("items[1].id") is None and response.url == server.url("/")


def test_json_of_what_is_none_is_a_sentence() -> None:
    with Server(answering()) as server:
        response, _ = run(lambda vu: vu.get(server.url("/")))
    with pytest.raises(ValueError, match="The body is no JSON: "):
        response.json()


def test_the_network_never_raises() -> None:
    async def several(vu: User) -> list[_client.Response]:
        return [await vu.get(f"http://127.0.0.1:{port}/"), await vu.post(stalls, timeout="50ms")]

    with refusing() as port, Server(Peer.stall) as server:
        stalls = server.url("/")
        (refused, late), ran = run(several)
    assert (refused.status, refused.error_kind) == (0, "connect_refused")
    assert (late.status, late.error_kind) == (0, "timeout") and not late.expected
    assert [row["failed"] for row in ran.rows("requests", "requests").values()] == [2]


def test_a_batch_is_sent_at_once() -> None:
    with Server(
        answering(),
    ) as server:
        base = server.url("")

        async def both(vu: User) -> Any:
            a, b, c = await vu.batch(
                [f"{base}/a", ("POST", f"{base}/b", {"json": 1}), vu.get(base)]
            )
            by_name = await vu.batch({"x": f"{base}/x", "y": ("PUT", f"{base}/y")})
            return [a.url, b.method, c.status, by_name["x"].url, by_name["y"].method]

        found, _ = run(both)
    assert found == [f"{base}/a", "POST", 200, f"{base}/x", "PUT"]
    assert server.seen.connections == 3, "they went one after the other"


def test_a_batch_is_no_wider_than_asked() -> None:
    async def ten(vu: User) -> list[str]:
        return [answer.url for answer in await vu.batch([f"/{n}" for n in range(10)])]

    with Server(answering()) as server:
        urls, _ = run(ten, base_url=server.url(""), batch=2)
    assert urls == [server.url(f"/{n}") for n in range(10)]
    assert server.seen.requests == 10 and server.seen.connections <= 3


def test_users_have_connections_of_their_own() -> None:
    async def each(*users: User) -> None:
        for user in users:
            await user.get("/")
            await user.get("/")

    with Server(answering()) as server:
        run(each, users=3, base_url=server.url(""))
    assert (server.seen.connections, server.seen.requests) == (3, 6)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastbench.script.http.request_cache.MAX_PREPARED", 10)

    async def many(vu: User) -> None:
        for number in range(35):
            await vu.get(f"/name-{number}x")
            await vu.get(f"/name-{number}x", headers={"A": str(number)})

    with Server(answering()) as server:
        _, ran = run(many, base_url=server.url(""))
    kept = (ran.place.plain, ran.place.prepared, ran.place.routes)
    assert all(0 < len(each) <= 10 for each in kept) and server.seen.requests == 70


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "/"),
        ("/tickets/17/notes", "/tickets/{id}/notes"),
        ("/v1/oauth2/page-2/utf8", "/v1/oauth2/page-2/utf8"),
        ("/functions/v1/whatsapp-send-message-2", "/functions/v1/whatsapp-send-message-2"),
        ("/u/550e8400-e29b-41d4-a716-446655440000", "/u/{id}"),
        ("/u/507f1f77bcf86cd799439011.json", "/u/{id}.json"),
        ("/u/01ARZ3NDEKTSV4RRFFQ69G5FAV/", "/u/{id}/"),
        ("/u/cus_9s6XKzkNRiz8i3", "/u/{id}"),
        ("/u/V1StGXR8Z5jdHi6BmyT", "/u/{id}"),
        ("/day/2024-01-31", "/day/{id}"),
        ("/mail/a%40b.example", "/mail/{id}"),
    ],
)
def test_ids_in_paths(path: str, name: str) -> None:
    assert url_grouping.path(path) == name


DOCUMENT = {"a": {"b": [{"id": 1}, {"id": 2}]}, "x.y": 3, "0": "zero", "n": None}


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("a.b[0].id", 1),
        ("a.b.1.id", 2),
        ("a.b[-1].id", 2),
        ("a.b.#", 2),
        ("a.b.#.id", [1, 2]),
        ('["x.y"]', 3),
        ("x\\.y", 3),
        ("0", "zero"),
        ("a.b[2].id", None),
        ("n.more", None),
        ("", DOCUMENT),
    ],
)
def test_selectors(selector: str, value: object) -> None:
    assert json_paths.select(DOCUMENT, selector) == value


@pytest.mark.parametrize("selector", [".a", "a..b", "a[", "a[x]"])
def test_a_selector_that_cannot_be_read_is_a_sentence(selector: str) -> None:
    with pytest.raises(UsageError, match="cannot be read from character"):
        json_paths.select({}, selector)


def test_a_request_that_is_given_up_closes_its_connection() -> None:
    async def give_up(vu: User) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(vu.get(server.url("/")), 0.05)

    with Server(Peer.stall) as server:
        run(give_up)
    assert server.seen.connections == 1
