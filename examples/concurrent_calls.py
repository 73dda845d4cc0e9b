"""More callers than the limit of concurrent calls: the counter in Redis lets none too many in.

Run it: `fastbench run examples/concurrent_calls.py -e REDIS_URL=redis://localhost:6379/0`
It needs `pip install 'fastbench-http[redis]'`. Callers hang up and make room again, which counting
to the limit once does not show. The counters are removed at the end, also after an interrupt.
"""

from fastbench import (
    Counter,
    Options,
    Trend,
    Vu,
    check,
    env,
    redis,
    scenario,
    setup,
    sleep,
    teardown,
)

LIMIT = int(env("MAX_CONCURRENT_CALLS", "50"))
CALL_S = float(env("CALL_S", "2"))
ACTIVE, TALKING = env("KEY", "calls:active_count"), "loadtest:calls:talking"

store = redis.open(env("REDIS_URL", "redis://localhost:6379/0"), pool=200)
accepted = Counter("calls_accepted")
rejected = Counter("calls_rejected")
talking_at_once = Trend("calls_at_once")

options = Options(
    vus=200,
    duration="1m",
    thresholds={
        "calls_at_once": [f"max<={LIMIT}"],
        "calls_accepted": ["count>0"],
        "calls_rejected": ["count>0"],  # the limit was reached, so it was tested
        "redis_duration{command:incr}": ["p(95)<100"],
        "checks": ["rate==1"],
    },
)


@setup
async def reset(vu: Vu) -> None:
    await store.delete(ACTIVE, TALKING)
    print(f"Current active: {await store.get(ACTIVE) or 0}")


@scenario
async def call(vu: Vu) -> None:
    place = await store.incr(ACTIVE)
    try:
        if place > LIMIT:
            rejected.add(1)
        else:
            accepted.add(1)
            await talk()
    finally:
        await store.decr(ACTIVE)
    await sleep(CALL_S / 4)


async def talk() -> None:
    """Hold a call, and count who else does."""
    talking = await store.incr(TALKING)
    try:
        talking_at_once.add(talking)
        check(talking, {"no overflow": lambda n: n <= LIMIT})
        await sleep(CALL_S)
    finally:
        await store.decr(TALKING)


@teardown
async def clean_up(vu: Vu) -> None:
    print(f"After the calls: {await store.get(ACTIVE) or 0}")
    await store.delete(ACTIVE, TALKING)
    print("Reset to 0")
