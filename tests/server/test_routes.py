"""The made-up application of the embedded server: what load-test plans ask for, route by route."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from made_up_server import Client, Clock, using

from fastbench.server import functions
from fastbench.server.accounts import ACCESS_S, REFRESH_S
from fastbench.server.conversations import CONVERSATIONS, LIMIT_REQUESTS, LIMIT_WINDOW_S
from fastbench.server.helpdesk import TICKETS_MAX, HelpDesk
from fastbench.server.limiter import Limiter
from fastbench.server.routes import TEXT_CHARACTERS_MAX, Totals

TOKEN = {"Authorization": "Bearer TEST_JWT"}


async def asked(
    client: Client, method: str, path: str, body: object = None, token: str = ""
) -> tuple[int, Any]:
    """Send JSON and give the status and what came back."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with client.request(method, path, json=body, headers=headers) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else None


async def logged_in(client: Client) -> dict[str, str]:
    status, tokens = await asked(
        client, "POST", "/api/v1/auth/login", {"email": "agent@test.com", "password": "password"}
    )
    assert status == 200
    return dict(tokens)


async def counted(client: Client) -> Any:
    return (await asked(client, "GET", "/count"))[1]


def test_every_listed_route_answers_and_has_a_line() -> None:
    async def story(client: Client, clock: Clock) -> None:
        text = await (await client.get("/api")).text()
        routes = [line.split(maxsplit=2) for line in text.splitlines()]
        assert len(routes) > 25
        for method, path, what in routes:
            async with client.request(method, path.replace("NAME", "sms-send")) as response:
                assert response.status in (200, 400, 401, 404), path
                # A 404 of ours says what there is not; the router's own is plain text.
                assert response.content_type == "application/json", path
            assert what, path

    using(story)


def test_tokens_open_what_is_closed_and_are_refreshed() -> None:
    async def story(client: Client, clock: Clock) -> None:
        me = "/api/v1/user/me"
        assert (await asked(client, "GET", me))[0] == 401
        tokens = await logged_in(client)
        status, who = await asked(client, "GET", me, token=tokens["accessToken"])
        assert (status, who["email"]) == (200, "agent@test.com")
        refresh = {"refreshToken": tokens["refreshToken"]}
        status, fresh = await asked(client, "POST", "/api/v1/auth/refresh", refresh)
        assert status == 200
        assert fresh["accessToken"] != tokens["accessToken"]
        assert (await asked(client, "GET", "/auth/me", token=fresh["accessToken"]))[0] == 200
        assert (await asked(client, "GET", me, token=tokens["refreshToken"]))[0] == 401
        totals = (await counted(client))["totals"]
        assert totals == {"logins": 1, "refreshed": 1}

    using(story)


def test_tokens_expire() -> None:
    async def story(client: Client, clock: Clock) -> None:
        tokens = await logged_in(client)
        refresh = {"refreshToken": tokens["refreshToken"]}
        clock.now_s += ACCESS_S - 1
        assert (await asked(client, "GET", "/auth/me", token=tokens["accessToken"]))[0] == 200
        clock.now_s += 1
        status, why = await asked(client, "GET", "/auth/me", token=tokens["accessToken"])
        assert (status, why) == (401, {"error": "the token has expired: refresh it"})
        assert (await asked(client, "POST", "/auth/refresh", refresh))[0] == 200
        clock.now_s += REFRESH_S
        assert (await asked(client, "POST", "/auth/refresh", refresh))[0] == 401

    using(story)


@pytest.mark.parametrize("token", ["x", "a.b", "é.é", "YWNjZXNzIDEgOTk5OTk5OTk5OTk5OSBh.00"])
def test_a_token_of_somebody_else_is_refused(token: str) -> None:
    async def story(client: Client, clock: Clock) -> None:
        assert (await asked(client, "GET", "/user/me", token=token))[0] == 401

    using(story)


def test_a_wrong_password_is_refused_and_counted() -> None:
    async def story(client: Client, clock: Clock) -> None:
        body = {"email": "a@b.c", "password": "wrong"}
        assert (await asked(client, "POST", "/login", body))[0] == 401
        register = {"email": "a@b.c", "password": "new"}
        assert (await asked(client, "POST", "/auth/register", register))[0] == 201
        assert (await counted(client))["totals"] == {"logins_refused": 1, "registered": 1}

    using(story)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"email": 1}'])
def test_a_body_that_is_no_object_is_told_so(body: bytes) -> None:
    async def story(client: Client, clock: Clock) -> None:
        async with client.post("/login", data=body) as response:
            assert (response.status, "must be" in await response.text()) == (400, True)

    using(story)


def test_tickets_are_created_read_changed_commented_found_and_deleted() -> None:
    async def story(client: Client, clock: Clock) -> None:
        token = (await logged_in(client))["accessToken"]

        async def ask(method: str, path: str, body: object = None) -> tuple[int, Any]:
            return await asked(client, method, "/api/v1/tickets" + path, body, token)

        new = {"title": "Billing is late", "description": "d", "priority": "URGENT"}
        status, ticket = await ask("POST", "", new)
        assert (status, ticket["status"], ticket["author"]) == (201, "OPEN", "agent@test.com")
        one = "/" + ticket["id"]
        assert (await ask("PATCH", one, {"status": "IN_PROGRESS"}))[1]["status"] == "IN_PROGRESS"
        assert (await ask("POST", one + "/comments", {"content": "seen"}))[0] == 201
        status, full = await ask("GET", one)
        assert (full["title"], full["status"]) == ("Billing is late", "IN_PROGRESS")
        assert [each["content"] for each in full["comments"]] == ["seen"]
        status, page = await ask("GET", "?page=1&limit=2")
        assert (len(page["data"]), page["data"][0]["id"], page["total"]) == (2, ticket["id"], 21)
        found = (await ask("GET", "/search?q=billing%20is"))[1]["data"]
        assert [each["id"] for each in found] == [ticket["id"]]
        assert (await ask("DELETE", one))[0] == 204
        assert (await ask("GET", one))[0] == 404
        totals = (await counted(client))["totals"]
        assert totals == {"logins": 1, "tickets_created": 1, "tickets_changed": 1, "comments": 1}

    using(story)


def test_tickets_refuse_what_makes_no_sense() -> None:
    async def story(client: Client, clock: Clock) -> None:
        token = (await logged_in(client))["accessToken"]
        long = "x" * (TEXT_CHARACTERS_MAX + 1)
        for body in ({}, {"title": ""}, {"title": long}, {"title": "t", "priority": "HUGE"}):
            assert (await asked(client, "POST", "/tickets", body, token))[0] == 400
        for query in ("page=0", "limit=101", "limit=x", "page=-1"):
            assert (await asked(client, "GET", f"/tickets?{query}", token=token))[0] == 400
        assert (await asked(client, "POST", "/tickets", {"title": "t"}))[0] == 401
        assert (await counted(client))["totals"] == {"logins": 1}

    using(story)


def test_old_tickets_are_forgotten() -> None:
    desk = HelpDesk(lambda request: "nobody", Totals())
    first = next(iter(desk._tickets.values()))
    for i in range(TICKETS_MAX):
        desk._keep(type(first)(str(i), "t", "", "LOW", "nobody"))
    assert desk.clear() == TICKETS_MAX


def test_test_data_can_be_cleaned_up() -> None:
    async def story(client: Client, clock: Clock) -> None:
        status, found = await asked(client, "DELETE", "/admin/cleanup-test-data", token="admin")
        assert (status, found) == (200, {"deleted": 20})
        token = (await logged_in(client))["accessToken"]
        assert (await asked(client, "GET", "/tickets", token=token))[1]["total"] == 0

    using(story)


def test_the_knowledge_base_and_the_dashboard() -> None:
    async def story(client: Client, clock: Clock) -> None:
        articles = "/api/v1/knowledge-base/articles"
        found = (await asked(client, "GET", articles + "?q=billing"))[1]
        assert found["total"] == len(found["data"]) == 4
        article = (await asked(client, "GET", f"{articles}/{found['data'][0]['id']}"))[1]
        assert article["topic"] == "billing"
        assert (await asked(client, "GET", articles + "/0"))[0] == 404
        token = (await logged_in(client))["accessToken"]
        seen = (await asked(client, "GET", "/api/v1/analytics/dashboard", token=token))[1]
        assert seen == {"tickets": 20, "byStatus": {"OPEN": 20}}

    using(story)


def test_conversations_as_a_database_gives_them() -> None:
    async def story(client: Client, clock: Clock) -> None:
        path = "/rest/v1/conversations?select=*&order=last_message_at.desc&limit=50"
        assert (await asked(client, "GET", path))[0] == 401
        rows = (await asked(client, "GET", path, token="any"))[1]
        assert len(rows) == CONVERSATIONS
        query = f"?conversation_id=eq.{rows[0]['id']}&order=created_at.desc&limit=7"
        messages = (await asked(client, "GET", "/rest/v1/messages" + query, token="any"))[1]
        assert {each["conversation_id"] for each in messages} == {rows[0]["id"]}
        assert len(messages) == 7
        none = await asked(client, "GET", "/rest/v1/messages?conversation_id=eq.x", token="any")
        assert none == (200, [])
        wrong = await asked(client, "GET", "/rest/v1/messages?conversation_id=x", token="any")
        assert wrong[0] == 400

    using(story)


def test_a_reply_is_the_newest_message_and_moves_its_conversation_up() -> None:
    async def story(client: Client, clock: Clock) -> None:
        token = (await logged_in(client))["accessToken"]

        async def ask(method: str, path: str, body: object = None) -> Any:
            status, found = await asked(client, method, "/messages" + path, body, token)
            assert status == 200
            return found

        rows = (await ask("GET", "/conversations?limit=50"))["data"]
        one = f"/conversations/{rows[-1]['id']}"
        await ask("POST", one + "/reply", {"content": "hello"})
        assert (await ask("GET", "/conversations?limit=1"))["data"][0]["last_message"] == "hello"
        assert (await ask("PATCH", one + "/read"))["unread"] is False
        assert (await ask("GET", one))["messages"][0]["content"] == "hello"
        await ask("POST", "/send", {"content": "anybody"})
        summary = (await asked(client, "GET", "/analytics/summary", token=token))[1]
        assert summary["messages"] == CONVERSATIONS * 50 + 2
        assert (await counted(client))["totals"]["messages"] == 2

    using(story)


def test_the_count_is_limited_by_token_and_says_when_to_come_back() -> None:
    async def story(client: Client, clock: Clock) -> None:
        path = "/rest/v1/conversations?select=count"
        for _ in range(LIMIT_REQUESTS):
            assert (await asked(client, "GET", path, token="mine"))[0] == 200
        clock.now_s += 600.5
        headers = {"Authorization": "Bearer mine"}
        async with client.get(path, headers=headers) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "3000")
        assert (await asked(client, "GET", path, token="other")) == (200, [{"count": 50}])
        whole = "/rest/v1/conversations?select=*"
        assert (await asked(client, "GET", whole, token="mine"))[0] == 200
        seen = await counted(client)
        statuses = seen["routes"]["GET /rest/v1/conversations"]
        assert statuses == {"200": LIMIT_REQUESTS + 2, "429": 1}
        assert seen["totals"] == {"limited": 1}
        clock.now_s += LIMIT_WINDOW_S
        assert (await asked(client, "GET", path, token="mine"))[0] == 200

    using(story)


def test_a_limiter_forgets_the_oldest_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastbench.server.limiter.KEYS_MAX", 2)
    clock = Clock()
    limiter = Limiter(1, 10, clock)
    assert [limiter.wait_s(key) for key in "aab"] == [0, 10, 0]
    assert limiter.wait_s("c") == 0
    assert limiter.wait_s("a") == 0  # forgotten, so new
    assert limiter.wait_s("c") == 10


def test_a_function_is_slow_to_start_and_told_from_a_warm_one() -> None:
    async def story(client: Client, clock: Clock) -> None:
        async def call() -> str | None:
            path = "/functions/v1/sms-send"
            async with client.post(path, json={}, headers=TOKEN) as response:
                assert response.status == 200
                return response.headers.get("X-Cold-Start")

        assert set(await asyncio.gather(call(), call())) == {"true"}
        clock.now_s += functions.COLD_S
        assert await call() is None
        clock.now_s += functions.IDLE_S
        assert await call() is None
        clock.now_s += functions.IDLE_S + 0.1
        assert await call() == "true"
        assert (await counted(client))["totals"] == {"cold_starts": 2}

    using(story)


def test_functions_send_and_check_out() -> None:
    async def story(client: Client, clock: Clock) -> None:
        async def call(name: str, body: object, token: str = "t") -> tuple[int, Any]:
            return await asked(client, "POST", f"/functions/v1/{name}", body, token)

        email = {"to": "a@b.c", "subject": "s", "content": "c"}
        assert (await call("email-send-smtp", email))[1]["status"] == "sent"
        assert (await call("sms-send", {"to": "+1"}))[0] == 400
        bought = (await call("create-checkout", {"priceId": "p", "quantity": 1}))[1]
        assert bought["url"].endswith(bought["id"])
        assert (await call("create-checkout", {"priceId": "p", "quantity": True}))[0] == 400
        assert (await call("create-checkout", {}))[1] == {"status": "ready"}
        assert (await call("nothing", {}))[0] == 404
        assert (await call("sms-send", {}, token=""))[0] == 401
        whatsapp = {"to": "1", "message": "m"}
        assert (await asked(client, "POST", "/api/whatsapp/send", whatsapp))[0] == 200
        assert (await asked(client, "POST", "/api/leads", {"name": "n"}))[0] == 201
        totals = (await counted(client))["totals"]
        assert totals.items() >= {"email-send-smtp": 1, "checkouts": 1, "leads": 1}.items()
        assert totals["whatsapp-send"] == 1

    using(story)


def test_uploads_are_measured_and_not_kept() -> None:
    async def story(client: Client, clock: Clock) -> None:
        path = "/storage/v1/object/media/test/1.pdf"
        form = aiohttp.FormData()
        form.add_field("file", b"x" * 300_000, filename="a.pdf", content_type="application/pdf")
        form.add_field("note", "hi")
        async with client.post(path, data=form, headers=TOKEN) as response:
            found = await response.json()
        assert (response.status, found["Key"]) == (200, "media/test/1.pdf")
        assert found["files"][0] == {
            "field": "file",
            "filename": "a.pdf",
            "type": "application/pdf",
            "bytes": 300_000,
        }
        async with client.put(path, data=b"raw", headers=TOKEN) as response:
            assert (await response.json())["files"] == [{"bytes": 3}]
        for kind in ("multipart/form-data", "multipart/form-data; boundary=b"):
            headers = {**TOKEN, "Content-Type": kind}
            async with client.post(path, data=b"no parts", headers=headers) as response:
                assert response.status == 400
        assert (await counted(client))["totals"] == {"uploads": 2, "upload_bytes": 300_005}

    using(story)


def test_the_count_names_routes_and_bounds_them() -> None:
    async def story(client: Client, clock: Clock) -> None:
        for path in ("/nowhere", "/else", "/bytes/1", "/bytes/2", "/bytes/x"):
            await client.get(path)
        await client.request("PURGE", "/echo")
        seen = await counted(client)
        assert seen["requests"] == 6
        assert seen["routes"] == {
            "unknown": {"404": 2},
            "GET /bytes/N": {"200": 2, "400": 1},
            "* /echo": {"200": 1},
        }

    using(story)
