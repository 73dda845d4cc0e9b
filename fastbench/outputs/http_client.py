"""A server that takes points over HTTP: one connection, kept; a short patience."""

from __future__ import annotations

import http.client
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from fastbench import __version__
from fastbench.foundation import redact
from fastbench.foundation.errors import describe
from fastbench.outputs.point import OutputError
from fastbench.plan import urls
from fastbench.plan.network import plain_http, resolve

TIMEOUT_S = 3.0
MAX_READ = 4096  # of an answer
MAX_SHOWN = 200  # of what the server says about a refusal
LATER = frozenset({408, 429, *range(500, 600)})  # the same message may be taken later


@dataclass(frozen=True, slots=True)
class Access:
    """What a server may ask for beside its URL: a user, headers; all of it is secret.

    `insecure` takes any certificate.
    """

    user: str = ""
    password: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `text` is what it says, as it may be shown; `after_s` is Retry-After."""

    status: int
    body: bytes
    text: str
    after_s: float = 0.0


class Remote:
    """Where messages are posted to. Raises UsageError for a URL that cannot be one."""

    def __init__(self, where: str, access: Access | None = None) -> None:
        url = urls.parse(where)
        access = access or Access()
        user, _, self.url_password = (url.userinfo or b"").decode("utf-8", "replace").partition(":")
        self.user = user or access.user
        self.password = self.url_password or access.password
        self.path, _, self.query = url.path.decode("ascii").partition("?")
        self._headers = access.headers
        secure = plain_http.context(url, verify=not access.insecure)
        self._connection = plain_http.Connection(url, TIMEOUT_S, secure)
        self._kept = False
        self._secrets: set[str] = set()

    @property
    def basic(self) -> str:
        """The value of Authorization for a user, "" without one."""
        if not (self.user or self.password):
            return ""
        return urls.basic(f"{self.user}:{self.password}".encode())

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post a message; raises OutputError unless it was taken."""
        taken(self.ask(path, body, headers))

    def ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a message and return the answer; raises OutputError without one."""
        sent = {"User-Agent": f"fastbench/{__version__}", **headers, **self._headers}
        if self.basic and not any(name.lower() == "authorization" for name in sent):
            sent["Authorization"] = self.basic
        for attempt in (1, 2):
            try:
                return self._ask(path, body, sent)
            except resolve.ResolveError as error:
                sentence = describe("dns", "resolve", error.code)[0]
                raise OutputError(sentence, again=True) from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                kept, self._kept = self._kept, False
                self._connection.close()
                if attempt == 1 and kept and not isinstance(error, TimeoutError):
                    continue  # the server closed what was idle
                again = not isinstance(error, ValueError)
                raise OutputError(_reason(error), again=again) from None
        raise AssertionError("unreachable")

    def _ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self._connection.request("POST", path, body, dict(headers))
        answer = self._connection.getresponse()
        found = answer.read(MAX_READ)
        if not answer.isclosed():  # more than anybody wants to read
            self._connection.close()
        self._kept = not answer.will_close
        said = found.decode("utf-8", "replace")
        after_s = _seconds(answer.headers.get("Retry-After", ""))
        self._secrets = set(self._secrets_of(headers))
        return Answer(answer.status, found, self.shown(said), after_s)

    def shown(self, said: str) -> str:
        """Return what a server says as it may be shown: it may echo what it was sent last."""
        masked = redact.values(said, self._secrets)
        return redact.printable(redact.text(masked)).strip()[:MAX_SHOWN]

    def _secrets_of(self, headers: Mapping[str, str]) -> Iterator[str]:
        """Yield what must not be shown: of a header with a scheme, what follows it, too."""
        yield self.password
        for name, value in headers.items():
            if name in self._headers or redact.secret_header(name):
                yield value
                yield value.rpartition(" ")[2]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def taken(answer: Answer, later: Collection[int] = LATER) -> None:
    """Raise OutputError unless a message was taken; `later` are statuses to try it again after."""
    if not 200 <= answer.status <= 299:
        said = f": {answer.text}" if answer.text else ""
        raise OutputError(
            f"it answered {answer.status}{said}",
            again=answer.status in later,
            after_s=answer.after_s,
        )


def _seconds(text: str) -> float:
    """Read Retry-After in seconds; a date, which few send, is as good as nothing."""
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"it did not answer within {TIMEOUT_S:g}s"
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).lower()
    if isinstance(error, ValueError):
        return "its URL or token has a character that HTTP cannot carry; write it as %XX"
    return f"its response is not HTTP ({type(error).__name__})"
