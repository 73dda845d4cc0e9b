"""A limit of 1,000 requests an hour: does it hold, and does it say when to come back?

    fastbench run examples/rate_limit.py -e BASE_URL=https://staging.example

1,200 requests in a minute are 200 too many. (2,000 an hour for one minute would be 33 requests,
which no limit of 1,000 would stop: `--dry-run` finds such plans.) A 429 is what is wanted here, so
it does not count as a failed request.
"""

from fastbench import Counter, Options, Vu, check, env, expected_statuses, scenario

LIMIT = int(env("LIMIT", "1000"))

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    thresholds={
        "http_req_failed": ["rate==0"],
        "checks": ["rate==1"],
        "limited": ["count>0"],
        "allowed": [f"count<={LIMIT}"],
    },
)

allowed = Counter("allowed")
limited = Counter("limited")


@scenario(
    executor="constant-arrival-rate",
    rate=1200,
    time_unit="1m",
    duration="1m",
    pre_allocated_vus=10,
)
async def rate_limit_test(vu: Vu) -> None:
    response = await vu.get(
        "/rest/v1/conversations?select=count",
        headers={"apikey": env("API_KEY", "ANON_KEY")},
        bearer=env("TOKEN", "TEST_JWT"),
        expected=expected_statuses(200, 429),
    )
    if response.status == 429:
        limited.add(1)
        check(
            response,
            {
                "rate limit triggered": lambda r: r.status == 429,
                "has retry-after header": lambda r: "Retry-After" in r.headers,
            },
        )
    else:
        allowed.add(1)
        check(response, {"legitimate traffic passes": lambda r: r.status == 200})
