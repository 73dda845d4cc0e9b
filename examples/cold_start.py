"""How long functions take that nobody called for three minutes, and how long right after.

    fastbench run examples/cold_start.py -e BASE_URL=https://staging.example
    fastbench run examples/cold_start.py -i 1 -e PAUSE_S=90

Ten rounds over five functions with three minutes before each call last two and a half hours.
"""

from fastbench import Options, Response, Vu, check, env, scenario, sleep

PAUSE_S = float(env("PAUSE_S", "180"))
TOKEN = env("TOKEN", "TEST_JWT")
FUNCTIONS = [
    "check-subscription",
    "whatsapp-send",
    "email-send-smtp",
    "sms-send",
    "create-checkout",
]

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    thresholds={
        "http_req_duration{start:cold}": ["max<3000"],
        "http_req_duration{start:warm}": ["p(95)<500"],
    },
)


@scenario(executor="per-vu-iterations", vus=1, iterations=10, max_duration="3h")
async def cold_start(vu: Vu) -> None:
    for function in FUNCTIONS:
        await sleep(PAUSE_S)
        print(f"Testing {function} cold start...")
        cold = await call(vu, function, "cold")
        check(cold, {f"{function} cold start < 3s": lambda r: r.timings.duration < 3000})
        warm = await call(vu, function, "warm")
        check(warm, {f"{function} warm start < 500ms": lambda r: r.timings.duration < 500})


async def call(vu: Vu, function: str, start: str) -> Response:
    return await vu.post(f"/functions/v1/{function}", json={}, bearer=TOKEN, tags={"start": start})
