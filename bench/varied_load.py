"""Requests that vary, as throughput.py loads with them, and what is compared with each.

Three values in the path and in a JSON body of 200 bytes: a number, a UUID and a number of six
digits. `typed` gives them to fastbench, `constant` the same request with values that never change,
`LUA` makes them in wrk; `feed` has a million rows of the same three.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from random import Random

FIXED = (1_234_567, "8d6a3d0e-1f5c-4d53-9f0f-6a2b1c3d4e5f", 654_321)
BODY_BYTES = 200
ROWS = 1_000_000
TYPE = ("-H", "Content-Type: application/json")


def _body(name: str, number: str, size: int) -> str:
    """Return the body with these values; `size`: their length together, as sent."""
    filler = BODY_BYTES - len('{"id":"","n":,"text":""}') - size
    return f'{{"id":"{name}","n":{number},"text":"{"x" * filler}"}}'


def typed() -> tuple[str, ...]:
    """The flags of fastbench for requests that vary; the path comes last."""
    body = _body("{{uuid}}", "{{int:100000:999999}}", 42)
    return ("-X", "POST", *TYPE, "-b", body, "item/{{seq:1000000}}")


def constant() -> tuple[str, ...]:
    """Return the same for the constant request."""
    number, name, six = FIXED
    return ("-X", "POST", *TYPE, "-b", _body(name, str(six), 42), f"item/{number}")


def fed(feed: Path) -> tuple[str, ...]:
    """Return the same for requests from a feed, which is written if it is not there."""
    if not feed.exists():
        write_feed(feed)
    body = _body("{{name}}", "{{six}}", 42)
    return ("-X", "POST", *TYPE, "--feed", str(feed), "-b", body, "item/{{number}}")


def write_feed(path: Path) -> None:
    random = Random(1)
    with path.open("w", encoding="ascii") as out:
        out.write("number,name,six\n")
        for row in range(ROWS):
            name = uuid.UUID(int=random.getrandbits(128), version=4)
            out.write(f"{1_000_000 + row},{name},{random.randrange(100_000, 1_000_000)}\n")


LUA = f"""
local number = 999999
local random, format = math.random, string.format
local headers = {{["Content-Type"] = "application/json"}}
local body = '{_body("%s", "%d", 42)}'

local function uuid()
  return format("%08x-%04x-4%03x-%04x-%06x%06x", random(0, 0xffffffff), random(0, 0xffff),
    random(0, 0xfff), random(0x8000, 0xbfff), random(0, 0xffffff), random(0, 0xffffff))
end

request = function()
  number = number + 1
  return wrk.format("POST", "/item/" .. number, headers,
    format(body, uuid(), random(100000, 999999)))
end
"""
