"""Fifty sockets, each sending a message and the next one when it comes back; see ws_echo.js."""

from fastbench import Counter, env, scenario

MESSAGE = "abcdefghijklmnopqrstuvwxyz"
SECONDS = float(env("SECONDS"))

echoed = Counter("echoed")


@scenario(executor="per-vu-iterations", vus=50, iterations=1)
async def echo(vu):
    async with vu.ws(env("URL")) as socket:
        socket.after(SECONDS, socket.close)
        socket.send(MESSAGE)
        async for _ in socket:
            echoed.add(1)
            socket.send(MESSAGE)
