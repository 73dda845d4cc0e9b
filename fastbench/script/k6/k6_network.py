"""What options of a script of k6 say of its connections, given to the pool of a worker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Family, Tls
from fastbench.script.k6 import k6_tls

if TYPE_CHECKING:
    from fastbench.engine.client._client import Exchange, Pool, Response

Write = Callable[[str, str], None]  # a level and a text
_BODIES_TOO = "full"
_SELECT = ("first", "random", "roundRobin")  # connections go to the addresses in turn
_POLICY: Mapping[str, Family] = {
    **dict.fromkeys(("preferIPv4", "preferIPv6", "any"), 0),
    "onlyIPv4": 4,
    "onlyIPv6": 6,
}


@dataclass(frozen=True, slots=True)
class Network:
    """TLS, and which requests and responses are logged: "" none, "full" with their bodies."""

    tls: k6_tls.TlsOptions | None = None
    http_debug: str = ""
    family: Family = 0  # of addresses
    one_address: bool = False  # of a name

    def connect(self, pool: Pool, tls: Tls, write: Write | None) -> None:
        """Let a pool's connections be as the script wants them; `tls` is the run's own."""
        if self.tls is not None:
            pool.tls_of = partial(self.tls.context, tls)
        if self.http_debug:
            pool.trace = partial(_log, write or _to_stderr, self.http_debug == _BODIES_TOO)


def read(given: Mapping[str, Any]) -> Network:
    """Return what a script's options say; raises UsageError."""
    debug = given.get("httpDebug") or ""
    if not isinstance(debug, str):
        raise UsageError("httpDebug is 'headers' or 'full'; '' logs nothing.")
    dns = given.get("dns") or {}
    if not isinstance(dns, Mapping):
        raise UsageError("dns is an object such as { select: 'first', policy: 'onlyIPv4' }.")
    for name, known in (("select", _SELECT), ("policy", _POLICY)):
        if (said := dns.get(name)) and said not in known:
            shown = redact.printable(str(said))
            raise UsageError(f"dns.{name} is {', '.join(known)}, not {shown}.")
    family = _POLICY.get(dns.get("policy") or "", 0)
    return Network(k6_tls.read(given), debug, family, dns.get("select") == "first")


def _to_stderr(_level: str, text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _log(write: Write, bodies: bool, exchange: Exchange, response: Response) -> None:
    """Log one request when it has ended, and its response if there is one."""
    if not exchange.payload:
        return
    body = _body(exchange.body_sent or b"") if bodies else ""
    write("info", f"Request:\n{_head(exchange.sent_head)}\n\n{body}\n")
    if response.status:
        shown = _body(response.raw_body) if bodies else ""
        write("info", f"Response:\n{_head(response.raw_head)}\n\n{shown}\n")


def _head(raw: bytes) -> str:
    """Return a head with what is secret in it masked; one of HTTP/2 begins with pseudo-fields."""
    first, *lines = raw.decode("utf-8", "replace").rstrip("\r\n").split("\r\n")
    shown = [redact.text(first), *map(redact.field_line, lines)]
    return "\n".join(redact.printable(line) for line in shown)


def _body(raw: bytes) -> str:
    lines = raw.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return "\n".join(redact.printable(redact.text(line)) for line in lines)
