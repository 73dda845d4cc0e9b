"""Many people open a dashboard: their conversations, then the messages of the newest one.

    fastbench run examples/dashboard_load.py -e BASE_URL=https://staging.example

Phases of a test plan are the same script at another size: `--scale 0.1` is 10 and 50 users.
"""

from fastbench import Options, Rate, Vu, check, env, scenario, sleep

THINK_S = float(env("THINK_S", "1"))
API_KEY = env("API_KEY", "ANON_KEY")
TOKENS = [f"JWT_TOKEN_{number}" for number in range(1, 51)]

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    stages=[
        ("2m", 100),  # ramp up to 100 users
        ("5m", 100),  # stay at 100 users
        ("2m", 500),  # ramp to 500 users
        ("5m", 500),  # stay at 500 users
        ("2m", 0),  # ramp down
    ],
    thresholds={
        "http_req_duration": ["p(95)<1500"],
        "http_req_duration{name:messages}": ["p(95)<1000"],
        "http_req_failed": ["rate<0.01"],
        "errors": ["rate<0.01"],
    },
)

errors = Rate("errors")


@scenario
async def dashboard(vu: Vu) -> None:
    headers = {"Authorization": f"Bearer {TOKENS[vu.id % len(TOKENS)]}", "apikey": API_KEY}
    conversations = await vu.get(
        "/rest/v1/conversations?select=*&order=last_message_at.desc&limit=50",
        headers=headers,
        name="conversations",
    )
    success = check(
        conversations,
        {
            "status is 200": lambda r: r.status == 200,
            "response time < 1.5s": lambda r: r.timings.duration < 1500,
        },
    )
    errors.add(not success)

    if conversations.status == 200 and conversations.json():
        newest = conversations.json("[0].id")
        messages = await vu.get(
            f"/rest/v1/messages?conversation_id=eq.{newest}&order=created_at.desc&limit=50",
            headers=headers,
            name="messages",
        )
        check(
            messages,
            {
                "messages loaded": lambda r: r.status == 200,
                "messages response time < 1s": lambda r: r.timings.duration < 1000,
            },
        )

    await sleep(THINK_S)
