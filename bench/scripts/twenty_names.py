"""Requests under twenty names, one after the other, with a check each, and PAUSE_S after them."""

from fastbench import Options, Trend, Vu, check, env, scenario, sleep

options = Options(base_url=env("BASE_URL"))
sizes = Trend("answer_bytes")
pause_s = float(env("PAUSE_S", "0"))


@scenario
async def twenty_names(vu: Vu) -> None:
    for number in range(20):
        response = await vu.get("/", name=f"request {number}")
        check(response, {"status is 200": lambda r: r.status == 200})
        sizes.add(len(response.body))
    if pause_s:
        await sleep(pause_s)
