"""A mix of operations under more and more users: where does it break?

    fastbench run examples/helpdesk/stress.py -e BASE_URL=http://localhost:8080
    fastbench run examples/helpdesk/stress.py -e PROFILE=spike
    fastbench run examples/helpdesk/stress.py -e PROFILE=soak

The same mix runs under any profile of lib/config.py.
"""

import time

from fastbench import Options, Vu, check, env, random_item, scenario

from lib.auth import login
from lib.config import BASE_URL, STAGES
from lib.helpers import pause

options = Options(
    base_url=BASE_URL,
    stages=STAGES[env("PROFILE", "stress")],
    thresholds={
        "http_req_failed": ["rate<0.05"],  # more errors than usual are allowed
        "http_req_duration": ["p(95)<1000"],
    },
)


async def list_tickets(vu: Vu, token: str) -> None:
    response = await vu.get("/api/v1/tickets?limit=20", bearer=token, name="list tickets")
    check(response, {"list tickets": lambda r: r.status == 200})


async def create_ticket(vu: Vu, token: str) -> None:
    ticket = {
        "title": f"Stress Test {time.time_ns() // 1_000_000}",
        "description": "Stress test ticket",
        "priority": "MEDIUM",
    }
    response = await vu.post("/api/v1/tickets", json=ticket, bearer=token, name="create ticket")
    check(response, {"create ticket": lambda r: r.status == 201})


async def get_ticket_details(vu: Vu, token: str) -> None:
    listed = await vu.get("/api/v1/tickets?limit=1", bearer=token, name="list tickets")
    if listed.status == 200 and listed.json("data"):
        response = await vu.get(f"/api/v1/tickets/{listed.json('data[0].id')}", bearer=token)
        check(response, {"get ticket details": lambda r: r.status == 200})


async def get_dashboard(vu: Vu, token: str) -> None:
    response = await vu.get("/api/v1/analytics/dashboard", bearer=token)
    check(response, {"get dashboard": lambda r: r.status == 200})


async def search_tickets(vu: Vu, token: str) -> None:
    found = await vu.get("/api/v1/tickets/search?q=test", bearer=token, name="search tickets")
    check(found, {"search tickets": lambda r: r.status == 200})


MIX = [list_tickets, create_ticket, get_ticket_details, search_tickets, get_dashboard]


@scenario
async def mixed_operations(vu: Vu) -> None:
    token = await login(vu)
    await random_item(MIX)(vu, token)
    await pause(0.5)
