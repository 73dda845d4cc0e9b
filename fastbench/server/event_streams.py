"""Answers that come little by little: server-sent events, and a chat that answers word by word.

1. An event has its number as its id; who comes back with Last-Event-ID gets those after it.
2. The chat speaks as servers of language models do, with made-up words: with `"stream": true` one
   event for each token and `[DONE]` as the last one, else one JSON object.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from fastbench.server.routes import Route, json_object, number, refused

EVENTS_MAX = 1_000_000
GAP_MS_MAX = 60_000
TOKENS_MAX = 10_000
FIRST_TOKEN_MS = 40  # until the first one, then between two
TOKEN_MS = 10
_WORDS = ("A", "request", "is", "counted", "once", "it", "has", "ended", "well", "or", "not")


async def _stream(request: web.Request) -> web.StreamResponse:
    events = number(request, "events", 20, EVENTS_MAX)
    gap_ms = _gap_ms(request.query.get("gap", "5ms"))
    last = request.headers.get("Last-Event-ID", "")
    begin = int(last) + 1 if last.isdecimal() and len(last) < 8 else 0
    response = await _prepared(request)
    for at in range(begin, events if request.method == "GET" else 0):
        if at > begin and gap_ms:
            await asyncio.sleep(gap_ms / 1e3)
        await response.write(b'id: %d\nevent: tick\ndata: {"number": %d}\n\n' % (at, at))
    return response


async def _chat(request: web.Request) -> web.StreamResponse:
    body = await json_object(request)
    tokens = body.get("max_tokens", 20)
    if not isinstance(body.get("messages"), list):
        raise refused(web.HTTPBadRequest, "messages must be a list")
    if not isinstance(tokens, int) or not 1 <= tokens <= TOKENS_MAX:
        raise refused(web.HTTPBadRequest, f"max_tokens must be a number from 1 to {TOKENS_MAX}")
    words = [_WORDS[at % len(_WORDS)] for at in range(tokens)]
    if body.get("stream") is not True:
        await asyncio.sleep((FIRST_TOKEN_MS + TOKEN_MS * (tokens - 1)) / 1e3)
        message = {"role": "assistant", "content": " ".join(words)}
        return web.json_response({"object": "chat.completion", "choices": [{"message": message}]})
    response = await _prepared(request)
    await asyncio.sleep(FIRST_TOKEN_MS / 1e3)
    for at, word in enumerate(words):
        if at:
            await asyncio.sleep(TOKEN_MS / 1e3)
        delta: dict[str, Any] = {"content": f" {word}" if at else word}
        chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


async def _prepared(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Cache-Control": "no-cache"})
    response.content_type = "text/event-stream"
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


def _gap_ms(text: str) -> int:
    digits = text.removesuffix("ms")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 6):
        raise refused(web.HTTPBadRequest, "gap must be a number of ms, such as 5ms")
    return min(int(digits), GAP_MS_MAX)


def routes() -> tuple[Route, ...]:
    """Give the routes of what comes little by little."""
    return (
        Route("GET", "/stream", _stream, "?events=20&gap=5ms: server-sent events"),
        Route("POST", "/v1/chat/completions", _chat, "a chat, word by word if stream is true"),
    )
