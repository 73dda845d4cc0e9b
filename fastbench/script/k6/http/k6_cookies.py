"""Jars of cookies as k6 has them: that of the user, and those that a script makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastbench.plan import urls
from fastbench.script.http import cookies
from fastbench.script.http.cookies import Cookies
from fastbench.script.k6.k6_calls import K6Error, in_iteration

if TYPE_CHECKING:
    from fastbench.script.k6.http.k6_requests import K6Request
    from fastbench.script.k6.k6_realm import K6Realm
    from fastbench.script.k6.k6_user import K6User


class K6Jars:
    """All jars that scripts made in this worker, by number; 0 is that of the user who asks."""

    def __init__(self) -> None:
        self._made: dict[int, Cookies] = {}
        self._last = 0

    def new(self) -> int:
        """Make a jar; return its number."""
        self._last += 1
        self._made[self._last] = Cookies()
        return self._last

    def of(self, user: K6User, number: int) -> Cookies:
        """Return a jar."""
        if number:
            return self._made[number]
        assert user.vu is not None
        return user.vu.cookies

    def header(self, user: K6User, found: K6Request) -> str:
        """Return the cookies of a jar that go along with a request."""
        jar = self.of(user, found.jar)
        if not jar.stored or found.ready is None:
            return ""
        source = found.ready.keep
        text = jar.header(source.site.url.cookie_host, source.path, source.site.secure)
        if not found.replaced:
            return text
        kept = [pair for pair in text.split("; ") if pair.partition("=")[0] not in found.replaced]
        return "; ".join(kept)


def install(realm: K6Realm) -> None:
    """Add the operations."""
    realm.jars = jars = K6Jars()
    realm.define("newJar", jars.new)
    realm.define("jarCookies", _cookies)
    realm.define("setCookie", _set)
    realm.define("clearCookies", _clear)


def _jar(number: int) -> Cookies:
    user = in_iteration("cookies")
    found: Cookies = user.realm.jars.of(user, number)
    return found


def _cookies(number: int, url: str) -> dict[str, list[str]]:
    jar, parsed = _jar(number), urls.parse(url)
    path = parsed.path.partition(b"?")[0].decode("ascii")
    found: dict[str, list[str]] = {}
    for cookie in jar:
        if cookie.reaches(parsed.cookie_host, path, parsed.scheme == "https"):
            found.setdefault(cookie.name, []).append(cookie.value)
    return found


def _set(number: int, url: str, name: str, value: str, options: Mapping[str, Any]) -> bool:
    jar = _jar(number)
    said = {key.lower(): each for key, each in options.items()}
    if said.get("max_age") == 0:  # k6 has 0 for none
        del said["max_age"]
    if said.get("expires") and cookies.date_s(str(said["expires"])) is None:
        raise K6Error(f'unable to parse "expires" date string "{said["expires"]}"')
    try:
        path = urls.parse(url).path.partition(b"?")[0].decode("ascii")
        said.setdefault("path", path.rpartition("/")[0] or "/")  # RFC 6265, 5.1.4
        jar.keep(url, name, value, said)
    except ValueError as error:
        raise K6Error(str(error)) from None
    return True


def _clear(number: int, url: str, name: str | None) -> None:
    parsed = urls.parse(url)
    _jar(number).forget(parsed.cookie_host, name)
