"""VUs that mostly sleep: a request, then a pause of five seconds. Run with -u 10000."""

from fastbench import Options, Vu, check, env, scenario, sleep

options = Options(base_url=env("BASE_URL"))


@scenario
async def sleeper(vu: Vu) -> None:
    response = await vu.get("/")
    check(response, {"status is 200": lambda r: r.status == 200})
    await sleep(5)
