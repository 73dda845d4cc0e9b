"""One request and one check: what a load generator costs at the least. Twin: get_check.js."""

from fastbench import Options, Vu, check, env, scenario

options = Options(base_url=env("BASE_URL"))


@scenario
async def get_check(vu: Vu) -> None:
    response = await vu.get("/")
    check(response, {"status is 200": lambda r: r.status == 200})
