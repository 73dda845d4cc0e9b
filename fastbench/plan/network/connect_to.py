"""Servers in the place of those that URLs name: `--connect-to HOST:PORT:HOST2:PORT2`, as in curl.

1. Only the connection goes elsewhere: Host, TLS server name and certificate are still those of the
   URL. The first rule that fits counts.
2. What a name leads to may be said, too: `--resolve HOST:PORT:ADDRESS[,…]`, as in curl, of the host
   and the port that connections go to.
3. Without HOST or PORT a rule fits every one; without HOST2 or PORT2 that of the URL stays
   (curl(1), --connect-to). An IPv6 address stands in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import hostnames
from fastbench.plan.plan import ConnectTo

_MAX_PORT = 65535
_HOST = r"(\[[^\]]*\]|[^:\[\]]*)"
_RULE = re.compile(rf"{_HOST}:([0-9]*):{_HOST}:([0-9]*)")
_KNOWN = re.compile(r"(\*|\[[^\]]*\]|[^:\[\]*]+):([0-9]+):(.+)")  # of --resolve
_EXAMPLE = "--connect-to api.example.com:443:127.0.0.1:3000"


def parse(texts: Iterable[str]) -> tuple[ConnectTo, ...]:
    """Read rules; raises UsageError."""
    return tuple(map(_parsed, texts))


def parse_resolve(texts: Iterable[str]) -> tuple[ConnectTo, ...]:
    """Read HOST:PORT:ADDRESS[,ADDRESS…] of --resolve, as in curl; HOST may be *."""
    return tuple(map(_resolved, texts))


def _resolved(text: str) -> ConnectTo:
    found = _KNOWN.fullmatch(text.strip().removeprefix("+"))
    addresses = tuple(each.strip("[] ") for each in found[3].split(",")) if found else ()
    if found is None or not all(map(_is_address, addresses)):
        shown = redact.printable(text)
        raise UsageError(
            f"--resolve {shown} is not HOST:PORT:ADDRESS; write --resolve "
            "api.example.com:443:127.0.0.1, or several addresses with commas."
        )
    host = "" if found[1] == "*" else _host(found[1], text, "--resolve")
    return ConnectTo(host, _port(found[2], "--resolve"), "", 0, tuple(dict.fromkeys(addresses)))


def _is_address(text: str) -> bool:
    return hostnames.is_address(text)


def _parsed(text: str) -> ConnectTo:
    found = _RULE.fullmatch(text.strip())
    if found is None:
        shown = redact.printable(text)
        raise UsageError(f"--connect-to {shown} is not HOST:PORT:HOST2:PORT2; write {_EXAMPLE}.")
    host, port, to_host, to_port = found.groups()
    if not (to_host or to_port):
        raise UsageError(f"--connect-to {redact.printable(text)} leads nowhere; write {_EXAMPLE}.")
    names = [_host(each, text) for each in (host, to_host)]
    return ConnectTo(names[0], _port(port), names[1], _port(to_port))


def _host(text: str, whole: str, flag: str = "--connect-to") -> str:
    return hostnames.canonical(text, f"{flag} {redact.printable(whole)}") if text else ""


def _port(text: str, flag: str = "--connect-to") -> int:
    if text and not (len(text) <= 5 and 0 < int(text) <= _MAX_PORT):
        raise UsageError(f"{flag}: a port is from 1 to {_MAX_PORT}, not {text}.")
    return int(text or 0)


def where(rules: Sequence[ConnectTo], host: str, port: int) -> tuple[str, int]:
    """Return the host and port to connect to for those of a URL, in their one form."""
    for rule in rules:
        if not rule.addresses and rule.host in ("", host) and rule.port in (0, port):
            return rule.to_host or host, rule.to_port or port
    return host, port


def addresses(rules: Sequence[ConnectTo], host: str, port: int) -> tuple[str, ...]:
    """Return the addresses that a rule gives to a server, which nobody has to look up."""
    for rule in rules:
        if rule.addresses and rule.host in ("", host) and rule.port == port:
            return rule.addresses
    return ()
