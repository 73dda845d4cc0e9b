"""Redirects of k6/http: the same as of all scripts, but for what leads to where nobody can go.

1. A Location that net/url of Go cannot read makes the answer that has it a failed request (1000).
2. One that it reads, and that no request can be sent to, is a failed request of its own: another
   scheme, no host, a port that cannot be, an address of blacklistIPs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastbench.script.http import redirects
from fastbench.script.http.headers import Headers
from fastbench.script.k6.http import k6_urls

if TYPE_CHECKING:
    from fastbench.engine.client._client import Exchange, Response
    from fastbench.plan.network.blocked import Blocked
    from fastbench.script.http.redirects import Following, Follows
    from fastbench.script.http.request_cache import RequestSource

_OWN_SERVER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")


def following(
    client: Follows, blocked: Blocked | None, exchange: Exchange, response: Response
) -> Following | str | None:
    """Return the request that follows; None if none does, or in words why none can."""
    before: RequestSource = exchange.keep
    location = next(iter(Headers(response.raw_head).get_all("Location")), "").strip(" \t")
    if wrong := k6_urls.misread(location):
        return f"failed to parse Location header {k6_urls.quoted(location)}: {wrong}"
    if exchange.redirects > 0 and _OWN_SERVER.match(location):
        url = f"{before.site.url.scheme}:{location}" if location.startswith("//") else location
        if fault := k6_urls.fault(url):
            return _failing(client, exchange, response, url, fault)
    found = redirects.following(client, exchange, response, refers=True)
    if blocked is not None and isinstance(found, tuple):
        url = found[0].url
        if fault := k6_urls.blacklisted(blocked, url):
            return _failing(client, exchange, response, url, fault)
    return found


def _failing(
    client: Follows, exchange: Exchange, response: Response, url: str, fault: k6_urls.Fault
) -> Following:
    before: RequestSource = exchange.keep
    options = redirects.asked(before, url, response.status in redirects.REPEATED)
    return k6_urls.unreachable(client.maker, before.place, options, fault), None, ""
