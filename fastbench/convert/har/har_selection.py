"""Which requests of a recording the script sends: the site's own, without what a browser adds.

1. The site is the host of the first page and those that share its registered name; `--host` names
   others, `--all-hosts` takes all.
2. Files of a page (images, styles, scripts, fonts) are left out unless they are asked for.
3. An answer that redirects and the request that it leads to are one: the client follows.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin

from fastbench.convert.har.har_file import Entry, Recording
from fastbench.foundation.usage_error import UsageError

_REDIRECTS = (301, 302, 303, 307, 308)
_STATIC_KINDS = {"image", "font", "stylesheet", "script", "media", "manifest", "texttrack"}
_STATIC_TYPES = re.compile(r"(image|font|audio|video)/|text/css|(text|application)/(x-)?javascript")
_STATIC_PATH = re.compile(
    r"\.(png|jpe?g|gif|svg|ico|webp|avif|css|m?js|map|woff2?|ttf|otf|eot|mp4|webm|mp3|webmanifest)$"
)
# Second-level names under which names are registered: example.co.uk is one site.
_SECOND_LEVEL = {"ac", "co", "com", "edu", "gob", "gov", "ne", "net", "or", "org"}


@dataclass(slots=True)
class Selection:
    """Hold what is sent and what is not: hosts with their requests, and reasons with theirs."""

    entries: list[Entry]
    other_hosts: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


def select(
    recording: Recording, *, hosts: Collection[str], all_hosts: bool, static: bool
) -> Selection:
    """Choose the requests; raises UsageError where none is left."""
    found = Selection([])
    home = _home(recording.entries)
    asked = {each.lower() for each in hosts}
    for entry in recording.entries:
        if entry.parts.scheme in ("ws", "wss"):
            found.dropped["WebSocket connections (vu.ws opens one)"] += 1
        elif not (all_hosts or same_site(entry.host, home) or _named(entry.host, asked)):
            found.other_hosts[entry.host] += 1
        elif entry.method == "OPTIONS" and entry.header("access-control-request-method"):
            found.dropped["CORS preflights, which only browsers send"] += 1
        elif entry.status == 0:
            found.dropped["requests without an answer"] += 1
        elif entry.method == "CONNECT":
            found.dropped["CONNECT requests to a proxy"] += 1
        elif not static and _is_static(entry):
            found.dropped["images, styles, scripts and fonts (--static keeps them)"] += 1
        else:
            found.entries.append(entry)
    if not found.entries:
        raise UsageError(
            f"no request of the HAR is left: its site is {home}; use --all-hosts, --host NAME or "
            "--static to keep more."
        )
    found.entries = _with_redirects(found.entries)
    return found


def _home(entries: Sequence[Entry]) -> str:
    """Return the host of the first page, else of the first request."""
    for entry in entries:
        if entry.resource == "document" or (
            entry.method == "GET" and entry.answer_type == "text/html"
        ):
            return entry.host
    return next((e.host for e in entries if not _is_static(e)), entries[0].host)


def _named(host: str, asked: Collection[str]) -> bool:
    return any(host == each or host.endswith(f".{each}") for each in asked)


def same_site(host: str, home: str) -> bool:
    """Tell whether both hosts are of one registered name."""
    return host == home or _site(host) == _site(home)


def _site(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        labels = host.split(".")
    short = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if short else -2 :])


def _is_static(entry: Entry) -> bool:
    if entry.method != "GET":
        return False
    return (
        entry.resource in _STATIC_KINDS
        or _STATIC_TYPES.match(entry.answer_type) is not None
        or _STATIC_PATH.search(entry.parts.path.lower()) is not None
    )


def _with_redirects(entries: Sequence[Entry]) -> list[Entry]:
    """Join each redirecting answer with the request that follows from it."""
    left = list(entries)
    found: list[Entry] = []
    while left:
        entry = left.pop(0)
        found.append(entry)
        hop = entry
        while hop.status in _REDIRECTS and (location := hop.answered("location")):
            target = urljoin(hop.url, location).partition("#")[0]
            at = next((n for n, e in enumerate(left[:30]) if _leads(hop, e, target)), None)
            if at is None:
                break
            hop = left.pop(at)
            entry.followed.append(hop)
    return found


def _leads(hop: Entry, entry: Entry, target: str) -> bool:
    kept = hop.status in (307, 308)
    method = hop.method if kept or hop.method in ("GET", "HEAD") else "GET"
    return entry.url.partition("#")[0] == target and entry.method == method
