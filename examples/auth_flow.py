"""Log in, use the token, refresh it, use the new one.

Run it: `fastbench run examples/auth_flow.py -u 10 -d 1m -e BASE_URL=http://localhost:3001`
"""

from fastbench import Options, Trend, Vu, check, env, group, scenario, sleep

THINK_S = float(env("THINK_S", "0.5"))

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    thresholds={"checks": ["rate>0.99"], "login_duration": ["p(95)<500"]},
)

login_duration = Trend("login_duration", is_time=True)


@scenario
async def auth_flow(vu: Vu) -> None:
    async with group("Authentication Flow"):
        async with group("Login"):
            login = await vu.post(
                "/api/v1/auth/login",
                json={"email": "loadtest@example.com", "password": env("PASSWORD", "loadtest123")},
            )
            login_duration.add(login.timings.duration)
            check(
                login,
                {
                    "login successful": lambda r: r.status == 200,
                    "has access token": lambda r: bool(r.json("accessToken")),
                },
            )
        await sleep(THINK_S)
        if login.status == 200:
            await use(vu, login.json("accessToken"))
            await sleep(THINK_S)
            async with group("Refresh Token"):
                refreshed = await vu.post(
                    "/api/v1/auth/refresh", json={"refreshToken": login.json("refreshToken")}
                )
                check(refreshed, {"refresh successful": lambda r: r.status == 200})
            if refreshed.status == 200:
                await use(vu, refreshed.json("accessToken"))
    await sleep(THINK_S * 2)


async def use(vu: Vu, token: str) -> None:
    async with group("Access Protected Resource"):
        response = await vu.get("/api/v1/user/me", bearer=token)
        check(response, {"protected resource accessible": lambda r: r.status == 200})
