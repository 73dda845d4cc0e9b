"""Live updates of the help desk over Socket.IO: agents subscribe, hear of tickets, and type.

    fastbench run examples/helpdesk/realtime.py -e BASE_URL=http://localhost:8080
    fastbench run --scale 0.1 --time-scale 0.1 examples/helpdesk/realtime.py

A message's latency is taken from the sender's own stamp, so that it is right on any server whose
load comes from one machine.
"""

import time

from fastbench import Counter, Options, Trend, Vu, check, env, random_int, scenario, socketio

from lib.auth import login
from lib.config import BASE_URL

STAY_S = float(env("STAY_S", "60"))  # how long an agent stays connected
TYPE_AFTER_S = float(env("TYPE_AFTER_S", "5"))
CHANNEL = "tickets:org_123"

ws_connections = Counter("ws_connections")
ws_messages = Counter("ws_messages_received")
ws_message_latency = Trend("ws_message_latency", is_time=True)

options = Options(
    base_url=BASE_URL,
    thresholds={
        "ws_connections": ["count>500"],
        "ws_message_latency": ["p(95)<100"],
        "ws_msg_rtt": ["p(95)<100"],
        "operation_duration{name:subscribe}": ["p(95)<100"],
        "ws_errors": ["count==0"],
        "checks": ["rate==1"],
    },
)


@scenario(
    executor="ramping-vus",
    stages=[("2m", 100), ("5m", 500), ("5m", 1000), ("2m", 0)],
    graceful_ramp_down="30s",
)
async def agent(vu: Vu) -> None:
    token = await login(vu)
    async with socketio.open(vu, "/socket.io/", params={"token": token}) as io:
        check(io, {"WebSocket connected": lambda c: c.status == 101})
        desk = await io.connect("/")
        if io.status == 101:
            print("WebSocket connected")
        if not check(desk, {"namespace connected": lambda d: d.connected}):
            return
        ws_connections.add(1)
        ack = await desk.call("subscribe", {"channel": CHANNEL})
        check(ack, {"subscribed": lambda a: a.ok})

        def typing() -> None:
            ticket = f"ticket_{random_int(1, 1000)}"
            desk.emit("typing", {"ticketId": ticket, "timestamp": time.time() * 1000})

        io.every(25, io.socket.ping)
        io.after(TYPE_AFTER_S, typing)
        io.after(STAY_S, io.close)
        async for event in desk:
            ws_messages.add(1)
            if event.name == "typing":
                ws_message_latency.add(time.time() * 1000 - event.data["timestamp"])
