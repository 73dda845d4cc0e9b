"""1,000 people listen for five minutes: two Supabase subscriptions each, every message checked.

    fastbench run examples/realtime.py -e BASE_URL=https://example-project.supabase.co -e ANON_KEY=…
    fastbench run examples/realtime.py --scale 0.1 --time-scale 0.02 -e STAY_S=6

One more socket sends a broadcast a second with its own stamp: what the others make of it is the
latency of a message, right as long as one machine makes the load.
"""

import time
from contextlib import AbstractAsyncContextManager

from fastbench import Options, Trend, Vu, check, env, phoenix, scenario, sleep

KEY = env("ANON_KEY", "ANON_KEY")
STAY_S = float(env("STAY_S", "300"))  # how long each socket stays open
SEND_EVERY_S = float(env("SEND_EVERY_S", "1"))
CONVERSATIONS, MESSAGES = "realtime:public:conversations", "realtime:public:messages"

message_latency = Trend("message_latency", is_time=True)

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    thresholds={
        "operation_failed{name:connect realtime}": ["rate==0"],
        "operation_failed{name:subscribe}": ["rate==0"],  # all subscriptions succeed
        "ws_errors": ["count==0"],  # no connection drops
        "message_latency": ["p(95)<100"],
        "checks": ["rate==1"],
    },
)


def realtime(vu: Vu) -> AbstractAsyncContextManager[phoenix.PhoenixSocket]:
    path = "/realtime/v1/websocket"
    return phoenix.open(vu, path, vsn="1.0.0", params={"apikey": KEY}, name="realtime")


@scenario(executor="constant-vus", vus=1000, duration="5m")
async def listener(vu: Vu) -> None:
    async with realtime(vu) as socket:
        check(socket, {"status is 101": lambda s: s.status == 101})
        await socket.join(CONVERSATIONS, name="subscribe")
        messages = await socket.join(MESSAGES, name="subscribe")
        check(messages, {"subscribed": lambda channel: channel.joined})
        socket.after(STAY_S, socket.close)
        async for message in messages:
            check(message, {"message received": lambda m: len(m.payload) > 0})
            if message.event == "broadcast":
                message_latency.add(time.time() * 1000 - message.payload["payload"]["sent_ms"])


@scenario(executor="constant-vus", vus=1, duration="5m")
async def sender(vu: Vu) -> None:
    async with realtime(vu) as socket:
        messages = await socket.join(MESSAGES, name="subscribe")
        end = time.monotonic() + STAY_S
        while messages.joined and time.monotonic() < end:
            said = {
                "type": "broadcast",
                "event": "news",
                "payload": {"sent_ms": time.time() * 1000},
            }
            await messages.send("broadcast", said)
            await sleep(SEND_EVERY_S)
