"""Redirects, followed as Go and so k6 does, without carrying secrets to another origin.

301, 302 and 303 ask for the new address with GET (HEAD stays HEAD); 307 and 308 repeat the method
and the body. On the way to another scheme, host or port everything that is a secret is left behind
(CVE-2018-1000007), and stays behind on a later way back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.script.http.headers import Headers
from fastbench.script.http.request_cache import Maker, RequestOptions, RequestSource, stays

if TYPE_CHECKING:
    from fastbench.engine.client._client import Exchange, Ready, Response
    from fastbench.script.http.cookies import Cookies

Following = tuple["Ready", bytes | None, str]  # with its body, and cookies of the jar

REPEATED = (307, 308)
_ABOUT_BODY = ("content-type", "content-encoding", "content-language", "content-location")


class Follows(Protocol):
    """Whose requests are followed: a VU's client."""

    @property
    def maker(self) -> Maker: ...
    @property
    def cookies(self) -> Cookies: ...


def following(
    client: Follows, exchange: Exchange, response: Response, *, refers: bool = False
) -> Following | str | None:
    """Return the request that follows from an answer, or None where it is the last one.

    With `refers` it says in Referer where it comes from, unless that is secret to its server.

    Where a Location cannot be followed a text says why, and the request that was answered with it
    has failed. It never raises: what a server writes is no error of the script. Of fields that say
    the same the first counts; where they differ there is no answer (see `_exchange.pxi`).
    """
    before: RequestSource = exchange.keep
    location = next(iter(Headers(response.raw_head).get_all("Location")), "")
    if not location:
        return None
    if exchange.redirects <= 0:
        client.maker.not_followed(before, "max_redirects was reached")
        return None
    repeats = response.status in REPEATED
    try:
        url = urls.join(before.site.url.server, before.target, location)
        options = asked(before, url, repeats)
        if refers:
            options = options._replace(referer=_referer(before, url))
        after = client.maker.prepared(before.place, options)
        if after.heading.origin is not exchange.origin:
            after = client.maker.prepared(before.place, _led_away(options))
    except UsageError as error:
        why = str(error).rstrip(".")
        client.maker.not_followed(before, why, failed=True)
        return f"redirect not followed: {why}"
    to: RequestSource = after.keep
    jar = ""
    if client.cookies:
        jar = client.cookies.header(to.site.url.cookie_host, to.path, to.site.secure)
    return after, exchange.body_sent if repeats else None, jar


def asked(before: RequestSource, url: str, repeats: bool) -> RequestOptions:
    """Ask for another URL of the same origin."""
    found = before.options._replace(url=url)
    userinfo = before.site.url.userinfo
    if userinfo is not None and found.auth is None and found.bearer is None:
        user, _, password = userinfo.decode("utf-8", "surrogateescape").partition(":")
        found = found._replace(auth=(user, password))
    if repeats:
        return found
    method = "HEAD" if before.options.method == "HEAD" else "GET"
    headers = tuple(each for each in found.headers if each[0].lower() not in _ABOUT_BODY)
    return found._replace(method=method, content_type="", headers=headers)


def _referer(before: RequestSource, url: str) -> str:
    """Return the URL that was left, without credentials; "" on the way from https to http."""
    if before.site.secure and url[:5].lower() == "http:":
        return ""
    return f"{before.site.url.scheme}://{before.site.url.authority}{before.target}"


def _led_away(options: RequestOptions) -> RequestOptions:
    headers = tuple((name, value) for name, value in options.headers if not stays(name))
    return options._replace(headers=headers, auth=None, bearer=None, cookies=(), led_away=True)
