"""Wait until a server answers: a GET every so often, until one gets a status below a limit.

1. Whatever else happens is "not yet": a name that is not known, a refused or broken connection, no
   answer within a second, an answer that is not HTTP, and the statuses of a server that starts.
2. Nothing is sent but a GET without a header of the run's, over HTTP/2 where the server chooses it
   or understands nothing else. Who answers is not checked: whether the certificate is right is the
   run's question, and it has a better answer.
3. Nobody waits for longer than was said, but for the one look that is under way.
"""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from fastbench.foundation import meanwhile, signals
from fastbench.foundation.errors import describe
from fastbench.foundation.units import format_s, parse_duration_s
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.plan.network import plain_http, plain_http2, proxies, resolve
from fastbench.plan.plan import ConnectTo
from fastbench.plan.proxy import Proxy
from fastbench.plan.urls import Url
from fastbench.plan.workload import MAX_DURATION_S

LIMIT_S = 30.0  # where none is given
LOOK_S = 0.05  # between two looks
PROBE_S = 1.0  # for one answer
STARTING = 500  # from here on a status says: not yet

_TIMED = re.compile(r"(.*),\s*([0-9.]+[a-zµμ][0-9a-zµμ.]*)", re.DOTALL | re.IGNORECASE)
_BARE = re.compile(r"[0-9.]+[a-zµμ0-9.]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Whom to wait for, and how long; the URL is None for the one that the run loads."""

    url: Url | None
    limit_s: float


def parse(text: str, flag: str = "--wait-for") -> WaitFor:
    """Read `URL`, `URL,30s` or `30s`. Raises UsageError.

    A comma belongs to the URL unless a time with its unit follows it.
    """
    if _BARE.fullmatch(text):
        return WaitFor(None, _limit_s(text, flag))
    timed = _TIMED.fullmatch(text)
    address, limit_s = (timed[1], _limit_s(timed[2], flag)) if timed else (text, LIMIT_S)
    if not address:
        raise UsageError(f"{flag} takes URL,30s, or a time alone for the URL of the run.")
    return WaitFor(urls.parse(address), limit_s)


def until_ready(
    url: Url,
    limit_s: float,
    *,
    unix_path: str | None = None,
    family: int = 0,
    rules: Sequence[ConnectTo] = (),
    proxy: Proxy | None = None,
    nap: Callable[[float], None] = meanwhile.sleep,
    late: Callable[[], None] = lambda: None,
) -> str:
    """Return "" as soon as the server answers below 500, else a sentence that says it did not.

    `family` is that of the addresses to try, 0 for any; `rules` may lead elsewhere, `proxy` stands
    before it. `nap` sleeps
    between two looks, and may raise to end it all; `late` is called once, when the first look
    found nobody ready.
    """
    end_s = time.monotonic() + limit_s
    once = partial(look, url, unix_path, family, rules, proxy)
    status, reason = _looked(once, nap)
    if not 0 < status < STARTING:
        late()
    with meanwhile.stage(f"waiting for {url.shown}", limit_s):
        while not 0 < status < STARTING:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                what = f"it answered {status}" if status else reason
                unused = "" if status or proxy is not None else proxies.sentence()
                return (
                    f"{url.shown} was not ready within {format_s(limit_s)}: {what}; start the "
                    f"server, or give it more time{unused and f' ({unused})'}."
                )
            nap(min(LOOK_S, left_s))
            status, reason = _looked(once, nap)
    return ""


def _looked(once: Callable[[], tuple[int, str]], nap: Callable[[float], None]) -> tuple[int, str]:
    """Look, and give up on it as soon as `nap` does: a name may take long to be looked up."""

    def check() -> None:
        meanwhile.beat()
        nap(0)

    return signals.beside(once, check)


def look(
    url: Url,
    unix_path: str | None = None,
    family: int = 0,
    rules: Sequence[ConnectTo] = (),
    proxy: Proxy | None = None,
) -> tuple[int, str]:
    """Ask once; return the status, or 0 and why there is none."""
    secure = plain_http.context(url, verify=False, protocols=("h2", "http/1.1"))
    way = unix_path, family, rules, proxy
    connection = plain_http.Connection(url, PROBE_S, secure, *way)
    try:
        connection.connect()
        if connection.chosen == "h2":
            return _over_http2(connection)
        target, fields = connection.wanted(url.path.decode("ascii"))
        connection.request("GET", target, headers={"Host": url.authority, **fields})
        return connection.getresponse().status, ""
    except TimeoutError:
        return 0, f"no response within {format_s(PROBE_S)}"
    except http.client.BadStatusLine as error:
        if secure is None and _maybe_http2(error):
            return _by_prior_knowledge(plain_http.Connection(url, PROBE_S, None, *way))
        return 0, _reason(error)
    except resolve.ResolveError as error:
        return 0, describe("dns", "resolve", error.code)[0]
    except (OSError, http.client.HTTPException, ValueError) as error:
        return 0, _reason(error)
    finally:
        connection.close()


def _maybe_http2(error: http.client.BadStatusLine) -> bool:
    """Tell whether the server may speak nothing but HTTP/2: it says so, or has closed at once."""
    if isinstance(error, http.client.RemoteDisconnected):
        return True
    return plain_http2.speaks(str(error).encode("latin-1", "replace"))


def _over_http2(connection: plain_http.Connection) -> tuple[int, str]:
    """Ask over HTTP/2, on an open connection. Raises OSError."""
    found = plain_http2.status(connection.sock, connection.url, PROBE_S)
    return found, "" if found else "it closed the connection without a response"


def _by_prior_knowledge(connection: plain_http.Connection) -> tuple[int, str]:
    """Ask a server that speaks nothing but HTTP/2, without TLS."""
    try:
        connection.connect()
        return _over_http2(connection)
    except TimeoutError:
        return 0, f"no response within {format_s(PROBE_S)}"
    except OSError as error:
        return 0, _reason(error)
    finally:
        connection.close()


def _reason(error: Exception) -> str:
    """Say in a few words why there is no answer."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection without a response"
    return f"its response is not HTTP ({type(error).__name__})"


def _limit_s(text: str, flag: str) -> float:
    try:
        limit_s = parse_duration_s(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}") from None
    if not 0 < limit_s <= MAX_DURATION_S:
        raise UsageError(f"{flag} waits longer than 0 and at most 365d, for example 30s.")
    return limit_s
