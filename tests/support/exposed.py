"""What must not get out: planted secrets, and how pages and terminals are read for them."""

from __future__ import annotations

import base64
import re
import unicodedata
from pathlib import Path

from case import answer
from servers import Peer

NAMES = (
    "userinfo", "query", "token", "signature", "bearer", "proxy", "cookie", "api-key", "header",
    "file", "referer", "body", "form",
)  # fmt: skip


SECRETS = {name: f"hunter2-{name}-Zq9x" for name in NAMES}


def encoded(secret: str) -> str:
    return base64.b64encode(f"user:{secret}".encode()).decode()


def planted(folder: Path, address: str) -> list[str]:
    """Return flags and a URL that carry twelve secrets; `form` is for the other half."""
    headers = folder / "headers"
    headers.write_text(f"X-Client-Secret: {SECRETS['file']}\n")
    query = f"api_key={SECRETS['query']}&access_token={SECRETS['token']}"
    return [
        *("-H", f"Authorization: Bearer {SECRETS['bearer']}"),
        *("-H", f"Proxy-Authorization: Basic {encoded(SECRETS['proxy'])}"),
        *("-H", f"Cookie: theme=dark; sid={SECRETS['cookie']}"),
        *("-H", f"X-Api-Key: {SECRETS['api-key']}"),
        *("-H", f"X-Auth-Token={SECRETS['header']}"),
        *("-H", f"@{headers}"),
        *("-H", f"Referer: http://u:{SECRETS['referer']}@ref.test/?sig={SECRETS['signature']}"),
        *("-b", f'{{"name": "x", "password": "{SECRETS["body"]}"}}'),
        f"http://user:{SECRETS['userinfo']}@{address}/p?page=1&{query}",
    ]


def leaked(*texts: str) -> set[str]:
    """Name the secrets that stand in a text, as they are or encoded as credentials are."""
    everything = "\n".join(texts)
    return {
        name
        for name, secret in SECRETS.items()
        if secret in everything or encoded(secret) in everything
    }


def echo(peer: Peer) -> None:
    """Send everything back: in a cookie, in another header, and in the body."""
    while True:
        request = peer.request()
        flat = re.sub(rb"[\r\n]+", b" ", request)
        fields = (b"Set-Cookie: echo=" + flat, b"X-Echo: " + flat)
        peer.send(answer(*fields, f"Content-Length: {len(request)}", body=request))


def dangerous(text: str) -> set[str]:
    """What a terminal would act on, or a reader be deceived by; line ends and tabs are neither."""
    return {
        character
        for character in text
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    } - {"\n", "\t"}
