"""The health endpoint under a rising number of users.

Run it: `fastbench run examples/health.py -e BASE_URL=http://localhost:5000`
"""

from fastbench import Options, Vu, check, env, scenario, sleep

THINK_S = float(env("THINK_S", "0.1"))

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    stages=[
        ("30s", 20),  # ramp up
        ("1m", 50),  # sustained load
        ("10s", 0),  # ramp down
    ],
    thresholds={
        "http_req_duration": ["p(95)<500"],
        "http_req_failed": ["rate<0.01"],
    },
)


@scenario
async def health(vu: Vu) -> None:
    response = await vu.get("/api/health")
    check(
        response,
        {
            "status 200": lambda r: r.status == 200,
            "response time < 200ms": lambda r: r.timings.duration < 200,
        },
    )
    await sleep(THINK_S)
