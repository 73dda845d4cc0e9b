"""Five requests with JSON both ways, checks, groups and custom metrics.

Twins: five.js and locust_five.py. The server answers every request with
`{"id": 17, "token": "…", "status": "open"}`.
"""

from fastbench import Counter, Options, Trend, Vu, check, env, group, scenario

options = Options(base_url=env("BASE_URL"))
created = Counter("tickets_created")
create_duration = Trend("ticket_create_duration", is_time=True)


@scenario
async def five(vu: Vu) -> None:
    login = await vu.post(
        "/login", json={"email": "agent@test.com", "password": "password"}, name="login"
    )
    check(
        login,
        {
            "logged in": lambda r: r.status == 200,
            "has token": lambda r: r.json("token") is not None,
        },
    )
    headers = {"Authorization": f"Bearer {login.json('token')}"}

    async with group("ticket"):
        ticket = await vu.post(
            "/tickets",
            json={"title": f"ticket {vu.id}.{vu.iteration}", "priority": "HIGH"},
            headers=headers,
            name="create ticket",
        )
        create_duration.add(ticket.timings.duration)
        if check(ticket, {"created": lambda r: r.status == 200}):
            created.add(1)
        one = f"/tickets/{ticket.json('id')}"
        read = await vu.get(one, headers=headers, name="read ticket")
        check(read, {"is open": lambda r: r.json("status") == "open"})
        changed = await vu.patch(
            one, json={"status": "CLOSED"}, headers=headers, name="change ticket"
        )
        check(changed, {"changed": lambda r: r.status == 200})

    listed = await vu.get("/tickets?limit=20", headers=headers, name="list tickets")
    check(listed, {"listed": lambda r: r.status == 200})
