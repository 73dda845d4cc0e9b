"""A voice agent that takes calls as Twilio's Media Streams bring them: JSON over a WebSocket.

1. The caller's side sends `connected`, `start`, `media` (20 ms of mu-law audio in base64 each) and
   `stop`. The agent answers when the caller falls silent, or after a second of speech: as much
   media as it heard, then a `mark`. A caller sends each mark back once it was played.
2. There are CALLS_MAX lines; a handshake beyond is refused with 429.
3. What is out of order or wrong ends the call: 1008 with a sentence. `dtmf` and unknown events are
   left alone, as new ones may come.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from typing import Any

from aiohttp import web

from fastbench.server.live_sockets import LiveSocket, Sockets, WrongMessage, parsed, rendered, text
from fastbench.server.routes import Route, Totals, refused

CALLS_MAX = 50
TURN_FRAMES_MAX = 50  # of speech, until the agent answers even who goes on: a second
MARKS_MAX = 100  # kept of one call, the newest
FRAME_BYTES_MAX = 8_000  # of audio: a second
SILENCE = b"\xff\x7f"  # the two zeros of mu-law
SPEECH = base64.b64encode(bytes(range(160))).decode()  # 20 ms


class _Call:
    """One call: what the caller said since the agent last answered."""

    def __init__(self, socket: LiveSocket, totals: Totals) -> None:
        self._socket = socket
        self._totals = totals
        self._stream: str | None = None
        self._heard = 0  # frames of speech
        self._turns = 0
        self._unplayed: deque[str] = deque(maxlen=MARKS_MAX)
        self.over = False

    def take(self, message: str) -> None:
        found = parsed(message)
        if not isinstance(found, dict) or not isinstance(found.get("event"), str):
            raise WrongMessage("the message must be an object with an event")
        event = found["event"]
        if event == "start":
            self._start(found)
        elif event == "stop":
            self.over = True
        elif event in ("media", "mark"):
            if found.get("streamSid") != self._stream or self._stream is None:
                raise WrongMessage(f"{event} without the streamSid of its start")
            if event == "media":
                self._media(found)
            else:
                self._mark(found)

    def _start(self, found: dict[str, Any]) -> None:
        about = found.get("start")
        stream = about.get("streamSid") if isinstance(about, dict) else found.get("streamSid")
        if self._stream is not None:
            raise WrongMessage("a second start")
        if not isinstance(stream, str) or not stream:
            raise WrongMessage("start needs a streamSid")
        self._stream = stream
        self._totals["calls"] += 1

    def _media(self, found: dict[str, Any]) -> None:
        media = found.get("media")
        payload = media.get("payload") if isinstance(media, dict) else None
        try:
            audio = base64.b64decode(payload, validate=True) if isinstance(payload, str) else b""
        except (binascii.Error, ValueError):
            audio = b""
        if not 0 < len(audio) <= FRAME_BYTES_MAX:
            raise WrongMessage("media needs a payload of audio in base64")
        self._totals["media_frames"] += 1
        silent = not audio.strip(SILENCE)
        self._heard += not silent
        if self._heard and (silent or self._heard >= TURN_FRAMES_MAX):
            self._answer()

    def _answer(self) -> None:
        media = {"event": "media", "streamSid": self._stream, "media": {"payload": SPEECH}}
        self._turns += 1
        name = f"turn-{self._turns}"
        self._unplayed.append(name)
        mark = {"event": "mark", "streamSid": self._stream, "mark": {"name": name}}
        self._socket.put(*[rendered(media)] * self._heard, rendered(mark))
        self._totals["marks_sent"] += 1
        self._heard = 0

    def _mark(self, found: dict[str, Any]) -> None:
        mark = found.get("mark")
        name = mark.get("name") if isinstance(mark, dict) else None
        if isinstance(name, str) and name in self._unplayed:
            self._unplayed.remove(name)
            self._totals["marks_played"] += 1


class MediaStreams:
    """The lines, and who is talking."""

    def __init__(self, sockets: Sockets, totals: Totals) -> None:
        self._sockets = sockets
        self._totals = totals
        self._talking = 0

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        what = f"a voice agent for Twilio's Media Streams, {CALLS_MAX} calls at once"
        return (Route("GET", "/ws/twilio-media", self._call, what),)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if self._talking == CALLS_MAX:
            self._totals["calls_refused"] += 1
            why = f"all {CALLS_MAX} lines are taken"
            raise refused(web.HTTPTooManyRequests, why, {"Retry-After": "1"})
        self._talking += 1
        talks = True
        self._totals["calls_at_once"] = max(self._totals["calls_at_once"], self._talking)
        try:
            async with self._sockets.accepted(request) as socket:
                call = _Call(socket, self._totals)
                async for message in socket:
                    call.take(text(message))
                    if call.over:
                        break
                talks = False
                self._talking -= 1  # the line is free before the socket is closed
            return socket.response
        finally:
            self._talking -= talks
