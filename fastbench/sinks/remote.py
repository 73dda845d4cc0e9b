"""A server that takes points over HTTP: one connection, kept; a short patience."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from fastbench import __version__, redact, urls
from fastbench.sinks.point import OutputError

__all__ = ["Remote", "taken"]

TIMEOUT_S = 3.0
MOST_SHOWN = 200  # of what the server says about a refusal
LATER = {408, 429}  # and 5xx: the same message may be taken later


class Remote:
    """Where messages are posted to. Raises UsageError for a URL that cannot be one."""

    def __init__(self, where: str) -> None:
        url = urls.parse(where)
        parts = urlsplit(where)
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        self.path, self.query = parts.path, parts.query
        kind: type[http.client.HTTPConnection] = http.client.HTTPConnection
        more: dict[str, ssl.SSLContext] = {}
        if url.scheme == "https":
            kind = http.client.HTTPSConnection
            more["context"] = ssl.create_default_context()
        self._connection = kind(url.host, url.port, timeout=TIMEOUT_S, **more)  # type: ignore[arg-type]
        self._kept = False

    @property
    def basic(self) -> str:
        """The value of Authorization for the user in the URL, "" without one."""
        if not (self.user or self.password):
            return ""
        both = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(both).decode()}"

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post a message; raises OutputError unless it was taken."""
        taken(*self.ask(path, body, headers))

    def ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Post a message; return the status and what the answer says, as it may be shown."""
        sent = {"User-Agent": f"fastbench/{__version__}", **headers}
        if "Authorization" not in sent and self.basic:
            sent["Authorization"] = self.basic
        for attempt in (1, 2):
            try:
                return self._ask(path, body, sent)
            except (OSError, http.client.HTTPException, UnicodeError) as error:
                kept, self._kept = self._kept, False
                self._connection.close()
                if attempt == 1 and kept and not isinstance(error, TimeoutError):
                    continue  # the server closed what was idle
                raise OutputError(_reason(error), again=True) from None
        raise AssertionError("unreachable")

    def _ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        self._connection.request("POST", path, body, dict(headers))
        answer = self._connection.getresponse()
        text = answer.read(4 * MOST_SHOWN).decode("utf-8", "replace").strip()
        if not answer.isclosed():  # more than anybody wants to read
            self._connection.close()
        self._kept = not answer.will_close
        return answer.status, redact.printable(redact.text(text))[:MOST_SHOWN]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def taken(status: int, text: str) -> None:
    """Raise OutputError unless the status says that a message was taken."""
    if not 200 <= status <= 299:
        said = f": {text}" if text else ""
        raise OutputError(f"it answered {status}{said}", again=status in LATER or status >= 500)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"it did not answer within {TIMEOUT_S:g}s"
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).lower()
    if isinstance(error, UnicodeError):
        return "its URL or token has a character that HTTP cannot carry; write it as %XX"
    return f"its answer is not HTTP ({type(error).__name__})"
