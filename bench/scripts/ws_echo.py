"""Fifty sockets, each sending a message and the next one when it comes back; see ws_echo.js."""

from fastbench import Counter, Vu, env, scenario

MESSAGE = "abcdefghijklmnopqrstuvwxyz"
SECONDS = float(env("SECONDS", "5"))

echoed = Counter("echoed")


@scenario(executor="per-vu-iterations", vus=50, iterations=1)
async def echo(vu: Vu) -> None:
    async with vu.ws(env("URL", "ws://localhost:8080/ws/echo")) as socket:
        socket.after(SECONDS, socket.close)
        socket.send(MESSAGE)
        async for _ in socket:
            echoed.add(1)
            socket.send(MESSAGE)
