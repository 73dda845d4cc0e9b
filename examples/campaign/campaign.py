"""A campaign goes out and 10,000 people open their dashboard: more than one machine may make.

    fastbench run --on tcp://load0:8786 examples/campaign/campaign.py -e BASE_URL=https://staging.test
    fastbench run --on local:2 -t 1 --scale 0.01 --time-scale 0.02 examples/campaign/campaign.py

Users have the numbers 1 to 10,000 on however many machines, and each takes its row of users.csv by
that number: 500 accounts, so that 20 users share one. The header X-User tells the server which user
a request is of.
"""

from typing import Any

from fastbench import Options, Trend, Vu, check, data, env, group, random_int, scenario, think

THINK_S = float(env("THINK_S", "10"))
REPLY_PERCENT = int(env("REPLY_PERCENT", "20"))  # of those who read a conversation
MINE = "/api/v1/messages/conversations"

accounts = data("users.csv")
login_duration = Trend("login_duration", is_time=True)

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    thresholds={
        "operation_duration{name:open dashboard}": ["p(95)<1500"],
        "operation_failed{name:open dashboard}": ["rate<0.01"],
        "http_req_duration{name:reply}": ["p(95)<1000"],
        "http_req_failed": ["rate<0.01"],
        "login_duration": ["p(95)<1500"],
        "checks": ["rate>0.99"],
    },
)


@scenario(
    executor="ramping-vus",
    start_vus=0,
    stages=[
        ("1m", 10_000),  # the campaign goes out
        ("5m", 10_000),  # everybody is there
        ("1m", 0),  # they leave
    ],
)
async def campaign(vu: Vu) -> None:
    newest = None
    if "token" in vu.state or await signed_in(vu):
        newest = await dashboard(vu)
    await think(THINK_S / 2, THINK_S * 1.5)
    if newest and random_int(1, 100) <= REPLY_PERCENT:
        async with group("reply"):
            said = {"content": "Yes, until Sunday"}
            replied = await vu.post(f"{MINE}/{newest}/reply", json=said, name="reply", **known(vu))
            check(replied, {"reply accepted": lambda r: r.status == 200})


def known(vu: Vu) -> dict[str, Any]:
    """Give what tells the server who asks."""
    return {"headers": {"X-User": str(vu.id)}, "bearer": vu.state.get("token")}


async def dashboard(vu: Vu) -> str | None:
    """Open it: the list, then the newest conversation, whose id is returned.

    People wait for both: the requests are one operation, which has a threshold of its own.
    """
    async with group("dashboard"), vu.operation("open dashboard") as opened:
        listed = await vu.get(f"{MINE}?limit=20", name="list", **known(vu))
        if not check(listed, {"conversations listed": lambda r: r.status == 200}):
            opened.fail(f"list: {listed.status or listed.error_kind}")
            return None
        newest: str = listed.json("data[0].id")
        read = await vu.get(f"{MINE}/{newest}", name="conversation", **known(vu))
        if not check(read, {"messages loaded": lambda r: r.status == 200 and r.json("messages")}):
            opened.fail(f"conversation: {read.status or read.error_kind}")
        return newest


async def signed_in(vu: Vu) -> bool:
    """Sign in, once per user; say whether that worked."""
    account = accounts.per_vu()
    who = {"email": account["email"], "password": account["password"]}
    async with group("sign in"):
        response = await vu.post("/api/v1/auth/login", json=who, name="login", **known(vu))
        login_duration.add(response.timings.duration)
        if check(response, {"signed in": lambda r: r.status == 200}):
            vu.state["token"] = response.json("accessToken")
    return "token" in vu.state
