"""A small shop that makes up tokens and ids, and a recording of a browser's session with it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from request_log import threaded

__all__ = ["Shop", "recorded", "shop"]

ROUTES = {"/static/a.css": "text/css", "/redirected": "text/html"}


@dataclass
class Shop:
    """What came, with everything made up by the server replaced by its name."""

    url: str = ""
    came: list[tuple[str, str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    made_up: dict[str, str] = field(default_factory=dict)

    def new(self, name: str, value: str = "") -> str:
        made = value or secrets.token_hex(12)
        self.made_up[made] = f"<{name}>"
        return made

    def plain(self, text: str) -> str:
        for value, name in self.made_up.items():
            text = text.replace(value, name)
        text = re.sub(r"--[0-9a-f]{32}", "--boundary", text)
        return re.sub(r"boundary[=-]+[\w]+", "boundary", text)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    shop: Shop

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def handle_one(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        kind = self.headers.get("content-type", "")
        shown = json.dumps(json.loads(body)) if "json" in kind else body
        self.shop.came.append((self.command, self.shop.plain(self.path), self.shop.plain(shown)))
        self._answer(self.path.partition("?")[0], body)

    do_GET = do_POST = do_PUT = do_DELETE = handle_one

    def _answer(self, path: str, body: str) -> None:
        shop = self.shop
        if path == "/login" and self.command == "GET":
            shop.csrf = token = shop.new("csrf")  # type: ignore[attr-defined]
            page = f'<form><input type="hidden" name="csrf" value="{token}"></form>'
            return self._send(
                200, page, "text/html", {"Set-Cookie": f"sid={shop.new('sid')}; Path=/"}
            )
        if path == "/login":
            fields = parse_qs(body)
            self._expect(fields.get("csrf") == [shop.csrf], "csrf")  # type: ignore[attr-defined]
            self._expect("sid=" in self.headers.get("cookie", ""), "cookie")
            self._expect(fields.get("password") == ["hunter2 & more"], "password")
            return self._send(303, "", "text/html", {"Location": "/home?tab=1"})
        if path == "/home":
            return self._send(200, "<h1>Home</h1>", "text/html", {})
        if path == "/api/session":
            shop.bearer = shop.new("bearer")  # type: ignore[attr-defined]
            return self._json(200, {"auth": {"accessToken": shop.bearer}})  # type: ignore[attr-defined]
        self._expect(
            path.startswith("/static")
            or self.headers.get("authorization") == f"Bearer {getattr(shop, 'bearer', '')}",
            f"bearer of {path}",
        )
        if path == "/api/carts" and self.command == "POST":
            number = 1000 + secrets.randbelow(9000)
            shop.new("cart", str(number))
            return self._json(201, {"cart": {"id": number}, "items": []})
        if path == "/missing":
            return self._json(404, {"error": "no"})
        return self._json(200, {"ok": True})

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.shop.refused.append(what)

    def _json(self, status: int, value: object) -> None:
        self._send(status, json.dumps(value), "application/json", {})

    def _send(self, status: int, text: str, kind: str, more: dict[str, str]) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def shop() -> Iterator[Shop]:
    """Run the shop on a free port."""
    made = Shop()
    with threaded(type("Handler", (_Handler,), {"shop": made})) as made.url:
        yield made


class _Browser:
    """Send requests as a browser does, and write down what its network panel shows."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.entries: list[dict[str, Any]] = []
        self.clock_ms = 0
        self.cookie = ""

    def send(
        self,
        page: str,
        method: str,
        path: str,
        body: str = "",
        kind: str = "",
        auth: str = "",
        think_ms: int = 20,
    ) -> dict[str, Any]:
        headers = {"Accept": "*/*", "User-Agent": "Browser/1.0", "Accept-Language": "de"}
        headers |= {"Content-Type": kind} if kind else {}
        headers |= {"Authorization": auth} if auth else {}
        headers |= {"Cookie": self.cookie} if self.cookie else {}
        connection = HTTPConnection(self.url.removeprefix("http://"))
        connection.request(method, path, body.encode() or None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if cookie := answer.getheader("set-cookie"):
            self.cookie = cookie.partition(";")[0]
        self.clock_ms += think_ms
        entry = {
            "pageref": page,
            "startedDateTime": f"2026-01-01T10:00:{self.clock_ms / 1000:09.6f}Z",
            "time": 5,
            "request": {
                "method": method,
                "url": self.url + path,
                "headers": [{"name": k, "value": v} for k, v in headers.items()],
                "postData": {"mimeType": kind, "text": body} if body else {},
            },
            "response": {
                "status": answer.status,
                "headers": [{"name": k, "value": v} for k, v in answer.getheaders()],
                "content": {"mimeType": answer.getheader("content-type"), "text": text},
            },
        }
        self.clock_ms += 5
        self.entries.append(entry)
        if location := answer.getheader("location"):
            self.send(page, "GET", location)
        return {"text": text, "json": json.loads(text) if text.startswith("{") else None}


def recorded(url: str) -> dict[str, Any]:
    """Use the shop as a person does, and return the HAR of it."""
    browser = _Browser(url)
    page = browser.send("p1", "GET", "/login?next=%2Fhome")["text"]
    browser.send("p1", "GET", "/static/a.css")
    token = re.findall(r'value="(\w+)"', page)[0]
    form = f"user=anna&password=hunter2+%26+more&csrf={token}&empty="
    browser.send("p1", "POST", "/login", form, "application/x-www-form-urlencoded", think_ms=2500)
    found = browser.send(
        "p2", "POST", "/api/session", '{"user": "anna", "n": 1.5}', "application/json"
    )
    auth = f"Bearer {found['json']['auth']['accessToken']}"
    made = browser.send("p2", "POST", "/api/carts", "{}", "application/json", auth, think_ms=1200)
    cart = made["json"]["cart"]["id"]
    item = json.dumps({"cartId": cart, "sku": "a-1", "tags": ["x", None, True], "q": 'say "hi"'})
    browser.send("p2", "PUT", f"/api/carts/{cart}/items?sort=asc", item, "application/json", auth)
    parts = [
        '--XX\r\nContent-Disposition: form-data; name="title"\r\n\r\nInvoice\r\n',
        '--XX\r\nContent-Disposition: form-data; name="doc"; filename="a.txt"\r\n'
        "Content-Type: text/plain\r\n\r\nhello\r\n--XX--\r\n",
    ]
    browser.send(
        "p2", "POST", "/api/files", "".join(parts), "multipart/form-data; boundary=XX", auth
    )
    browser.send("p2", "GET", "/missing", auth=auth)
    browser.send("p2", "DELETE", f"/api/carts/{cart}", auth=auth)
    other = json.loads(json.dumps(browser.entries[0]))
    other["request"]["url"] = "https://metrics.example/collect"
    pages = [{"id": "p1", "title": "Sign in"}, {"id": "p2", "title": url + "/cart"}]
    creator = {"name": "Browser", "version": "1"}
    entries = [*browser.entries, other]
    return {"log": {"version": "1.2", "creator": creator, "pages": pages, "entries": entries}}
