"""Phone calls as Twilio's Media Streams bring them to a voice agent that has 50 lines.

A call sends 20 ms of audio every 20 ms, speech or silence. When the caller falls silent the agent
answers: with audio, then with a mark, which goes back once it was played. There are more callers
than lines, so that the limit is reached: who is refused tries again a second later.

Run it: `fastbench run examples/twilio_media.py -e BASE_URL=https://staging.example`
"""

import base64
import json
from typing import Any

from fastbench import Counter, Options, Socket, Vu, check, env, scenario, sleep, uuid

CALLERS = int(env("MAX_CONCURRENT_CALLS", "50")) + int(env("WAITING_CALLERS", "5"))
TURNS = int(env("TURNS", "5"))  # how often the caller speaks in one call
SPEECH_S = float(env("SPEECH_S", "0.9"))
FRAME_S = 0.02
PATH = env("MEDIA_PATH", "/ws/twilio-media")

SPEECH = base64.b64encode(bytes(range(160))).decode()  # 8,000 samples a second, mu-law
SILENCE = base64.b64encode(b"\xff" * 160).decode()

calls_completed = Counter("calls_completed")
calls_rejected = Counter("calls_rejected")
frames_sent = Counter("media_frames_sent")
frames_received = Counter("media_frames_received")

options = Options(
    base_url=env("BASE_URL", "http://localhost:8080"),
    vus=CALLERS,
    duration="5m",
    thresholds={
        "operation_duration{name:turn}": ["p(95)<500"],  # from the last word to the agent's mark
        "operation_failed": ["rate==0"],
        "calls_completed": ["count>0"],
        "calls_rejected": ["count>0"],  # the limit was reached, so it was tested
        "checks": ["rate==1"],
    },
)


@scenario
async def call(vu: Vu) -> None:
    async with vu.ws(PATH, name="call", expected=[101, 429]) as socket:
        check(socket, {"taken or refused": lambda s: s.status in (101, 429)})
        if socket.open:
            await talk(socket)
        else:
            calls_rejected.add(1)
            await sleep(1)


async def talk(socket: Socket) -> None:
    caller = Caller(socket)
    sending = socket.every(FRAME_S, caller.send_audio)
    answered = sum([await caller.turn() for _ in range(TURNS)])
    sending.cancel()
    check(answered, {"each turn is answered": lambda n: n == TURNS})
    socket.send({"event": "stop", "streamSid": caller.stream})
    while await socket.receive(timeout=5) is not None:
        pass
    check(socket, {"the agent hangs up": lambda s: s.close_code == 1000})
    calls_completed.add(1)


class Caller:
    """Twilio's side of one call."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.stream = f"MZ{uuid()}"
        self.speaks = False
        self.spoken = 0  # frames of speech in this turn
        call: dict[str, Any] = {
            "streamSid": self.stream,
            "callSid": f"CA{uuid()}",
            "tracks": ["inbound"],
        }
        call["mediaFormat"] = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        socket.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        socket.send({"event": "start", "streamSid": self.stream, "start": call})

    def send_audio(self) -> None:
        self.spoken += self.speaks
        frames_sent.add(1)
        self.socket.send(self.media(SPEECH if self.speaks else SILENCE))

    async def turn(self) -> bool:
        """Speak, fall silent, and wait for the agent's answer; its mark goes back."""
        self.speaks, self.spoken = True, 0
        await sleep(SPEECH_S)
        self.speaks = False
        frames_sent.add(1)
        last = self.media(SILENCE)
        mark = await self.socket.request(last, match={"event": "mark"}, name="turn")
        if mark is None:
            return False
        for _ in range(self.spoken):
            message = await self.socket.receive(timeout=5)
            frames_received.add(message is not None and json.loads(message)["event"] == "media")
        await sleep(self.spoken * FRAME_S)  # it is played
        self.socket.send(mark)
        return True

    def media(self, payload: str) -> dict[str, Any]:
        return {"event": "media", "streamSid": self.stream, "media": {"payload": payload}}
