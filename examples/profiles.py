"""One flow under five shapes of load; give the one to run.

    fastbench run examples/profiles.py -e SCENARIO=spike_test --json results/spike_test.json
    fastbench run examples/profiles.py --scenario ramp_up --scenario soak_test

Without either, all five run at the same time.
"""

from fastbench import Options, Rate, Trend, Vu, check, env, random_item, think

THINK_S = float(env("THINK_S", "2"))
TOKEN = env("TOKEN", "TEST_JWT")
CHOSEN = env("SCENARIO", "")

PROFILES = {
    "constant_load": {"executor": "constant-vus", "vus": 50, "duration": "5m"},
    "ramp_up": {
        "executor": "ramping-vus",
        "start_vus": 0,
        "stages": [("2m", 50), ("5m", 50), ("2m", 100), ("5m", 100), ("2m", 0)],
    },
    "stress_test": {
        "executor": "ramping-arrival-rate",
        "start_rate": 10,
        "stages": [("2m", 50), ("5m", 100), ("5m", 200), ("2m", 0)],
        "pre_allocated_vus": 100,
        "max_vus": 1000,
    },
    "spike_test": {
        "executor": "ramping-vus",
        "start_vus": 10,
        "stages": [("30s", 10), ("10s", 500), ("1m", 500), ("10s", 10), ("1m", 10)],
    },
    "soak_test": {"executor": "constant-vus", "vus": 30, "duration": "1h"},
}

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    scenarios={
        name: {**load, "exec": "conversation"}
        for name, load in PROFILES.items()
        if CHOSEN in ("", name)
    },
    thresholds={
        "http_req_duration": ["p(95)<1000"],
        "http_req_failed": ["rate<0.01"],
        "errors": ["rate<0.05"],
    },
)

errors = Rate("errors")
conversation_duration = Trend("conversation_duration", is_time=True)


async def conversation(vu: Vu) -> None:
    rows = await vu.get("/rest/v1/conversations?select=*&limit=20", bearer=TOKEN)
    if not check(rows, {"conversations listed": lambda r: r.status == 200}):
        errors.add(True)
        return
    chosen = random_item(rows.json())["id"]
    loaded, sent = await vu.batch(
        [
            vu.get(f"/rest/v1/messages?conversation_id=eq.{chosen}&limit=20", bearer=TOKEN),
            vu.post(
                "/functions/v1/whatsapp-send",
                json={"to": "1234567890", "message": "hello", "conversation_id": chosen},
                bearer=TOKEN,
            ),
        ]
    )
    done = check(loaded, {"messages loaded": lambda r: r.status == 200})
    done &= check(sent, {"message sent": lambda r: r.status == 200})
    errors.add(not done)
    conversation_duration.add(rows.timings.duration + loaded.timings.duration)
    await think(THINK_S / 2, THINK_S)
