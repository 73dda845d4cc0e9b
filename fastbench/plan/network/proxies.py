"""Through which proxy a server is reached: --proxy, the environment where that is asked for.

1. The environment is not used by itself: a proxy would be a part of what is measured. Who is used
   to tools that obey its variables is told so when connecting fails; values may be secrets.
2. `--proxy env` reads http_proxy, https_proxy, all_proxy and no_proxy, the lower case first, as
   curl does. HTTP_PROXY is not read under CGI, where a client sets it (REQUEST_METHOD tells).
3. no_proxy has names, which fit their subdomains too, addresses, networks and `*`, with commas or
   blanks between; a port behind them counts.
4. ws:// goes as http://, wss:// as https://.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import hostnames
from fastbench.plan.network import connect_to
from fastbench.plan.pieces import Piece
from fastbench.plan.plan import ConnectTo, Plan, Request
from fastbench.plan.proxy import MAX_LOGIN_BYTES, Proxies, Proxy, ProxyScheme

if TYPE_CHECKING:  # brings asyncio, which a refusal does without
    from fastbench.plan.network.resolve import Reach

ENVIRONMENT = "env"

_NAMES = ("http_proxy", "https_proxy", "all_proxy")
CONNECTING = {"dns", "connect", "connect_refused", "connect_timeout"}
_HINT = "--proxy env uses them; else run fastbench on a machine that reaches the server"
_SCHEMES: dict[str, ProxyScheme] = {each: each for each in ("http", "socks5", "socks5h")}
_EXAMPLE = "for example --proxy http://user:password@localhost:3128"
_FORM = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:(?P<login>[^/?#]*)@)?"
    r"(?P<host>\[[^\]]*\]|[^:/?#@\[\]]+)(?::(?P<port>[0-9]{1,5}))?/?"
)
_SOCKS_PORT = 1080  # RFC 1928 section 3


def read(text: str, environ: Mapping[str, str] = os.environ, *, flag: str = "--proxy") -> Proxies:
    """Read the value of --proxy, or of what `flag` names; raises UsageError."""
    if text == ENVIRONMENT:
        return of_environment(environ)
    found = parse(text, flag)
    return Proxies(found, found)


def of_environment(environ: Mapping[str, str] = os.environ) -> Proxies:
    """Read the variables; raises UsageError for one that names no proxy."""
    every = _variable(environ, "all_proxy")
    http, https = (_variable(environ, name) or every for name in _NAMES[:2])
    _, exempt = _value(environ, "no_proxy")
    return Proxies(http, https, tuple(re.split(r"[,\s]+", exempt.strip(", \t"))) if exempt else ())


def parse(text: str, flag: str) -> Proxy:
    """Read the URL of a proxy; raises UsageError, which never shows a password."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{flag} takes the URL of a proxy, {_EXAMPLE}.")
    scheme, host = (found["scheme"] or "http").lower(), found["host"]
    if scheme == "https":
        raise UsageError(f"{flag}: TLS to a proxy is not supported; give its http:// port.")
    if scheme not in _SCHEMES:
        raise UsageError(f"{flag}: a proxy is http://, socks5:// or socks5h://, not {scheme}://.")
    shown = f"{flag} {scheme}://{redact.printable(host)}"
    port = int(found["port"] or (0 if scheme == "http" else _SOCKS_PORT))
    if not 0 < port <= 65535:
        raise UsageError(f"{shown} needs a port from 1 to 65535, {_EXAMPLE}.")
    return Proxy(_SCHEMES[scheme], hostnames.canonical(host, shown), port, _login(found, shown))


def _login(found: re.Match[str], shown: str) -> str | None:
    if found["login"] is None:
        return None
    login = unquote_to_bytes(found["login"].encode("utf-8", "surrogateescape"))
    login = login if b":" in login else login + b":"
    if max(map(len, login.split(b":", 1))) > MAX_LOGIN_BYTES or not login.partition(b":")[0]:
        raise UsageError(f"{shown}: user and password have 1 to {MAX_LOGIN_BYTES} bytes each.")
    return login.decode("latin-1")


def _variable(environ: Mapping[str, str], name: str) -> Proxy | None:
    found, value = _value(environ, name)
    return parse(value, found) if value else None


def _value(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return which of both spellings is set, and its value."""
    upper = name.upper()
    if name == "http_proxy" and "REQUEST_METHOD" in environ:
        upper = name
    return next(((each, environ[each]) for each in (name, upper) if environ.get(each)), (name, ""))


def of(proxies: Proxies, scheme: str, host: str, port: int) -> Proxy | None:
    """Return the proxy for a server, None where it is connected to directly."""
    found = proxies.http if scheme == "http" else proxies.https
    if found is None or any(_fits(each, host, port) for each in proxies.exempt):
        return None
    return found


def _fits(pattern: str, host: str, port: int) -> bool:
    """Tell whether an entry of no_proxy is of this server."""
    name = hostnames.certificate_name(host).lower()
    start, colon, wanted = pattern.lower().rpartition(":")
    if not colon or _network(pattern) is not None:  # the colons are of an IPv6 address
        start = pattern.lower()
    elif wanted != str(port):
        return False
    if start == "*":
        return True
    if hostnames.is_address(name):
        network = _network(start)
        return network is not None and ipaddress.ip_address(name) in network
    start = start.removeprefix("*.").lstrip(".").removesuffix(".")
    return bool(start) and (name == start or name.endswith(f".{start}"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Read an address or a network, None if it is neither."""
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def destination(rules: Sequence[ConnectTo], host: str, port: int) -> tuple[str, int]:
    """Return where a tunnel leads: to the server, or where --connect-to or --resolve say."""
    host, port = connect_to.where(rules, host, port)
    return next(iter(connect_to.addresses(rules, host, port)), host), port


def answers_itself(
    proxy: Proxy | None, scheme: str, host: str, port: int, rules: Sequence[ConnectTo] = ()
) -> bool:
    """Tell whether plain HTTP/1.1 to a server needs no tunnel: an HTTP proxy asks it itself.

    Where --connect-to or --resolve lead elsewhere it needs one, as in curl: the proxy goes by the
    URL.
    """
    here = destination(rules, host, port) == (host, port)
    return proxy is not None and proxy.scheme == scheme == "http" and here


def sent(plan: Plan, requests: tuple[Request, ...]) -> tuple[Request, ...]:
    """Return requests of a plan as they are sent: in absolute form where a proxy answers."""
    if not _absolute(plan):
        return requests
    assert plan.proxy is not None
    start = f"http://{_authority(plan)}".encode("ascii")
    value = plan.proxy.authorization.encode("ascii")
    added = ((b"Proxy-Authorization", value),) if value else ()
    return tuple(_absolute_form(each, start, added) for each in requests)


def tunnel(plan: Plan, reach: Reach) -> tuple[bytes, ...] | None:
    """Return what is said for a tunnel to the server of a plan; None: it needs none."""
    if plan.proxy is None or _absolute(plan):
        return None
    if reach.beyond is not None:
        return plan.proxy.tunnel(reach.beyond.host, reach.beyond.port)
    return plan.proxy.tunnel(*destination(plan.connect_to, plan.target.host, plan.target.port))


def _absolute(plan: Plan) -> bool:
    target = plan.target
    if plan.websocket is not None or plan.protocols != "http/1.1":
        return False
    return answers_itself(plan.proxy, target.scheme, target.host, target.port, plan.connect_to)


def _authority(plan: Plan) -> str:
    host = hostnames.without_zone(plan.target.host)
    host = f"[{host}]" if ":" in host else host
    return host if plan.target.port == 80 else f"{host}:{plan.target.port}"


def _absolute_form(
    request: Request, start: bytes, added: tuple[tuple[bytes, bytes], ...]
) -> Request:
    varied = request.varied
    if varied is not None:
        more = tuple((name, (Piece("text", value),)) for name, value in added)
        target = (Piece("text", start), *varied.target)
        varied = replace(varied, target=target, fields=(*varied.fields, *more))
    fields = (*request.fields, *added)
    return replace(request, target=start + request.target, fields=fields, varied=varied)


def sentence(environ: Mapping[str, str] = os.environ) -> str:
    """Return what to say of the variables that are set, "" when none is."""
    found = [name for name, value in environ.items() if name.lower() in _NAMES and value.strip()]
    if not found:
        return ""
    are = "is" if len(found) == 1 else "are"
    return f"fastbench connects directly; {' and '.join(sorted(found))} {are} not used"


def notices(kinds: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return the warning (code, text, hint) of a run with errors of these kinds, if one is due."""
    text = sentence() if CONNECTING & set(kinds) else ""
    return [("proxy_not_used", text, _HINT)] if text else []
