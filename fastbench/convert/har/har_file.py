"""A HAR file as entries in the order of their start; what is not as HAR 1.2 says is forgiven."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from fastbench.foundation.usage_error import UsageError

_EXPORT = "export it from the network panel of the browser with `Save all as HAR`"
_SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)


@dataclass(slots=True)
class Entry:
    """One request and its answer."""

    number: int
    page: str
    start_s: float
    took_s: float
    method: str
    url: str
    parts: SplitResult
    headers: list[tuple[str, str]]
    body: str
    body_type: str
    params: list[dict[str, Any]]
    status: int
    answer_headers: list[tuple[str, str]]
    answer: str
    answer_type: str
    resource: str
    followed: list[Entry] = field(default_factory=list)  # where its redirects led

    def header(self, name: str) -> str:
        """Return a header of the request, "" where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def answered(self, name: str) -> str:
        """Return a header of the answer, "" where there is none."""
        return next((value for key, value in self.answer_headers if key.lower() == name), "")

    @property
    def host(self) -> str:
        return (self.parts.hostname or "").lower()

    @property
    def origin(self) -> str:
        return f"{self.parts.scheme}://{self.parts.netloc.rpartition('@')[2]}"

    @property
    def target(self) -> str:
        """Path and query."""
        return (self.parts.path or "/") + (f"?{self.parts.query}" if self.parts.query else "")

    @property
    def last(self) -> Entry:
        """The entry whose answer the client gets in the end."""
        return self.followed[-1] if self.followed else self


@dataclass(frozen=True, slots=True)
class Recording:
    """Hold all entries, the titles of the pages by their ids, and who recorded."""

    entries: list[Entry]
    titles: dict[str, str]
    creator: str


def read(text: str, shown: str) -> Recording:
    """Read a recording; raises UsageError where there is none, or none of HTTP."""
    try:
        document = json.loads(text)
        if _SURROGATE.search(text):  # a half of a pair is no character, and cannot be written
            whole = json.dumps(document, ensure_ascii=False)
            document = json.loads(whole.encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        raise UsageError(f"{shown}{where}: this is no JSON, so no HAR; {_EXPORT}.") from None
    log = document.get("log") if isinstance(document, dict) else None
    if not isinstance(log, dict) or not isinstance(log.get("entries"), list):
        raise UsageError(f"{shown} is no HAR: it has no log with entries; {_EXPORT}.")
    found = [
        entry
        for number, each in enumerate(log["entries"])
        if (entry := _entry(_map(each), number)) is not None
    ]
    if not found:
        raise UsageError(
            f"{shown} has no requests; open the network panel first, use the page, then export."
        )
    found.sort(key=lambda entry: entry.start_s)
    titles = {
        str(page.get("id", "")): str(page.get("title") or "") for page in _maps(log.get("pages"))
    }
    creator = _map(log.get("creator"))
    return Recording(found, titles, str(creator.get("name") or ""))


def _entry(given: dict[str, Any], number: int) -> Entry | None:
    """Return an entry, None for what is no request of HTTP."""
    request, answer = _map(given.get("request")), _map(given.get("response"))
    url = str(request.get("url") or "")
    try:
        parts = urlsplit(url.partition("#")[0])
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        return None
    posted, content = _map(request.get("postData")), _map(answer.get("content"))
    return Entry(
        number=number,
        page=str(given.get("pageref") or ""),
        start_s=_time_s(str(given.get("startedDateTime") or "")),
        took_s=max(0.0, _number(given.get("time")) / 1000),
        method=str(request.get("method") or "GET").upper(),
        url=url,
        parts=parts,
        headers=list(_pairs(request.get("headers"))),
        body=str(posted.get("text") or ""),
        body_type=str(posted.get("mimeType") or ""),
        params=_maps(posted.get("params")),
        status=int(_number(answer.get("status"))),
        answer_headers=list(_pairs(answer.get("headers"))),
        answer=_content(content),
        answer_type=str(content.get("mimeType") or "").partition(";")[0].strip().lower(),
        resource=str(given.get("_resourceType") or "").lower(),
    )


def _content(content: dict[str, Any]) -> str:
    """Return the body of an answer as text, "" where it is none."""
    text = str(content.get("text") or "")
    if content.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, ValueError):
        return ""


def _map(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _maps(given: object) -> list[dict[str, Any]]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _pairs(given: object) -> Iterator[tuple[str, str]]:
    for each in _maps(given):
        if each.get("name"):
            yield str(each["name"]), str(each.get("value") or "")


def _number(given: object) -> float:
    return float(given) if isinstance(given, int | float) and abs(given) < 1e9 else 0.0


def _time_s(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0
