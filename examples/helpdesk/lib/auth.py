"""Logging in, once per user: the token is kept until shortly before it expires."""

from time import monotonic

from fastbench import Trend, Vu, data

login_duration = Trend("login_duration", is_time=True)
users = data("../data/users.json")

EARLY_S = 60


async def login(vu: Vu) -> str:
    """Give this user's token; each user has one of the accounts of data/users.json."""
    token: str
    kept = vu.state.get("login")
    if kept and kept["expires_s"] > monotonic():
        token = kept["token"]
        return token
    response = await vu.post("/api/v1/auth/login", json=users.per_vu(), name="login")
    login_duration.add(response.timings.duration)
    if response.status != 200:
        raise RuntimeError(f"login failed: {response.status}")
    token = response.json("accessToken")
    lifetime_s = response.json("expiresIn") - EARLY_S
    vu.state["login"] = {"token": token, "expires_s": monotonic() + lifetime_s}
    return token
