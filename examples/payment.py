"""Twenty people open a checkout, each with a token of their own.

Run it: `fastbench run examples/payment.py -e BASE_URL=https://staging.example`
"""

from fastbench import Options, Vu, check, env, scenario, sleep

THINK_S = float(env("THINK_S", "3"))

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    vus=20,
    duration="2m",
    thresholds={"http_req_duration": ["p(95)<2000"], "checks": ["rate>0.99"]},
)


@scenario
async def checkout(vu: Vu) -> None:
    response = await vu.post(
        "/functions/v1/create-checkout",
        json={"priceId": "price_EXAMPLE", "quantity": 1},
        bearer=f"TEST_JWT_{vu.id}",
    )
    check(
        response,
        {
            "checkout created": lambda r: r.status == 200,
            "has url": lambda r: r.json("url") is not None,
            "response time < 2s": lambda r: r.timings.duration < 2000,
        },
    )
    await sleep(THINK_S)
