"""A messaging service: sign in, send, read, reply, look at the numbers; five profiles.

    fastbench run examples/messaging.py --scenario smoke
    fastbench run examples/messaging.py --scenario conversation -e BASE_URL=https://staging.example
    fastbench run examples/messaging.py --vus 20 --duration 60s --tag name=mine

Without `--scenario` the profiles run at the same time.
"""

from fastbench import (
    Counter,
    Options,
    Response,
    Trend,
    Vu,
    check,
    env,
    scenario,
    sleep,
    teardown,
    uuid,
)

THINK_S = float(env("THINK_S", "1"))

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    thresholds={
        "http_req_duration{endpoint:message}": ["p(95)<2000"],
        "http_req_duration{endpoint:conversations}": ["p(95)<1000"],
        "http_req_failed": ["rate<0.01"],
    },
)

auth_successes = Counter("auth_successes")
auth_failures = Counter("auth_failures")
message_send_duration = Trend("message_send_duration", is_time=True)
conversation_fetch_duration = Trend("conversation_fetch_duration", is_time=True)
analytics_duration = Trend("analytics_duration", is_time=True)
api_errors = Counter("api_errors")
successful_requests = Counter("successful_requests")


@scenario(executor="shared-iterations", vus=1, iterations=5)
async def smoke(vu: Vu) -> None:
    await everything(vu)


@scenario(executor="ramping-vus", start_vus=0, stages=[("20s", 10), ("20s", 10), ("10s", 0)])
async def load(vu: Vu) -> None:
    await everything(vu)


@scenario(executor="ramping-vus", start_vus=1, stages=[("5s", 50), ("10s", 50), ("5s", 0)])
async def spike(vu: Vu) -> None:
    await everything(vu)


@scenario(executor="constant-vus", vus=5, duration="5m")
async def soak(vu: Vu) -> None:
    await everything(vu)


@scenario(executor="ramping-vus", start_vus=0, stages=[("15s", 20), ("30s", 20)])
async def conversation(vu: Vu) -> None:
    token = await signed_in(vu)
    if token:
        await answer_somebody(vu, token)
        await sleep(THINK_S)


async def everything(vu: Vu) -> None:
    token = await signed_in(vu)
    if not token:
        return
    counted(await vu.get("/auth/me", bearer=token), "GET /auth/me")
    sent = await vu.post(
        "/messages/send",
        json={"content": "See you on Sunday"},
        bearer=token,
        tags={"endpoint": "message"},
    )
    counted(sent, "POST /messages/send")
    message_send_duration.add(sent.timings.duration)
    await answer_somebody(vu, token)
    summary = await vu.get("/analytics/summary", bearer=token, tags={"endpoint": "analytics"})
    counted(summary, "GET /analytics/summary")
    analytics_duration.add(summary.timings.duration)
    await sleep(THINK_S)


async def signed_in(vu: Vu) -> str | None:
    """Register and log in once per user; later iterations have the token."""
    if "token" not in vu.state:
        who = {"email": f"{uuid()}@example.com", "password": "TestPassword123!"}
        counted(await vu.post("/auth/register", json=who), "POST /auth/register")
        response = await vu.post("/auth/login", json=who)
        if not counted(response, "POST /auth/login"):
            auth_failures.add(1)
            return None
        auth_successes.add(1)
        vu.state["token"] = response.json("accessToken")
    token: str = vu.state["token"]
    return token


async def answer_somebody(vu: Vu, token: str) -> None:
    """List the conversations, open the newest one, mark it as read and reply."""
    tags = {"endpoint": "conversations"}
    listed = await vu.get("/messages/conversations", bearer=token, tags=tags)
    conversation_fetch_duration.add(listed.timings.duration)
    if not counted(listed, "GET /messages/conversations"):
        return
    one = f"/messages/conversations/{listed.json('data[0].id')}"
    opened = await vu.get(one, bearer=token, tags=tags)
    counted(opened, "GET /messages/conversations/:id")
    read = await vu.patch(f"{one}/read", bearer=token, tags=tags)
    counted(read, "PATCH /messages/conversations/:id/read")
    reply = await vu.post(
        f"{one}/reply", json={"content": "Thank you"}, bearer=token, tags={"endpoint": "message"}
    )
    counted(reply, "POST /messages/conversations/:id/reply")


def counted(response: Response, name: str) -> bool:
    """Check an answer and count it as a success or as an error of the API."""
    passed = check(response, {f"{name} succeeds": lambda r: 200 <= r.status < 400})
    (successful_requests if passed else api_errors).add(1)
    return passed


@teardown
async def clean_up(vu: Vu) -> None:
    response = await vu.delete("/admin/cleanup-test-data", bearer=env("ADMIN_TOKEN", "admin"))
    check(response, {"test data removed": lambda r: r.status == 200})
