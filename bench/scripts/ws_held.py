"""Users that open a socket and hold it until the load ends; see websocket.py."""

from fastbench import Vu, env, scenario


@scenario(executor="constant-vus", vus=100, duration="6s", graceful_stop="0s")
async def hold(vu: Vu) -> None:
    async with vu.ws(env("URL", "ws://localhost:8080/ws/echo")) as socket:
        async for _ in socket:
            pass
