"""The cookies of one VU (RFC 6265), in memory.

No cookie reaches the server of another domain, and a Secure one goes over https only. There is no
list of public suffixes: a Domain without an inner point (`com`, `localhost`) is taken for the host
alone. A time of expiry is an age from the answer's own Date, so that no clock has to be right; an
answer without Date can only delete. A jar holds at most 1,000 cookies of 4 KiB each.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic_ns
from typing import TYPE_CHECKING

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import hostnames, urls
from fastbench.plan.body import field_text

if TYPE_CHECKING:
    from fastbench.engine.client._client import Response

MAX_COOKIES = 1000
MAX_BYTES = 4096
MAX_AGE_S = 400 * 86_400  # RFC 6265bis section 5.5: user agents need not keep one longer

_NEVER = 1 << 62
_SET_COOKIE = re.compile(rb"^set-cookie:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_DATE = re.compile(rb"^date:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

Key = tuple[str, str, str]  # domain, path, name


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie of a user.

    Attributes:
        name: Its name.
        value: Its value.
        domain: The host or domain it is for, without a leading point.
        host_only: True if it is for that very host alone.
        path: The path it is for.
        secure: True if it goes over https only.
        expires_ns: When it ends, ns of CLOCK_MONOTONIC.

    Example::

        vu.cookies.set("theme", "dark")
        for cookie in vu.cookies:
            check(cookie, {"for this host": lambda c: c.host_only})
    """

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    expires_ns: int = _NEVER

    def reaches(self, host: str, path: str, secure: bool) -> bool:
        """Tell whether a request carries the cookie.

        Args:
            host: Host of the request.
            path: Path of the request.
            secure: True for https.

        Returns:
            True if it does.

        Example::

            vu.cookies.set("theme", "dark", "http://shop.example/")
            for cookie in vu.cookies:
                check(cookie, {"sent": lambda c: c.reaches("shop.example", "/cart", False)})
        """
        if self.secure and not secure:
            return False
        if host != self.domain and (self.host_only or not _within(host, self.domain)):
            return False
        return _covers(self.path, path)


class Cookies:
    """The cookies of a user (RFC 6265), `vu.cookies`: answers set them, requests carry them.

    `len(vu.cookies)`, `"name" in vu.cookies` and iteration (over `Cookie`) work.

    Attributes:
        stored: All of them, by domain, path and name.

    Example::

        vu.cookies.set("theme", "dark")
        response = await vu.get("/echo")
        check(response, {"sent": lambda r: "theme=dark" in r.text})
    """

    __slots__ = ("_headers", "_home", "stored")

    def __init__(self, home: str = "") -> None:
        """Make an empty jar; `home` is the URL that cookies set by hand belong to."""
        self.stored: dict[Key, Cookie] = {}
        self._headers: dict[tuple[str, str, bool], tuple[str, int]] = {}
        self._home = home

    def __len__(self) -> int:
        return len(self.stored)

    def __iter__(self) -> Iterator[Cookie]:
        return iter(self.stored.values())

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str) -> str | None:
        """Look a cookie up.

        Args:
            name: Its name.

        Returns:
            The value of the first cookie of this name, or None.

        Example::

            vu.cookies.set("theme", "dark")
            check(vu.cookies.get("theme"), {"kept": lambda value: value == "dark"})
        """
        now_ns = monotonic_ns()
        for cookie in self.stored.values():
            if cookie.name == name and cookie.expires_ns > now_ns:
                return cookie.value
        return None

    def set(self, name: str, value: str, url: str = "", *, path: str = "/") -> None:
        """Keep a cookie from now on.

        Args:
            name: Its name.
            value: Its value.
            url: A URL of the host it is for; default: `base_url` of Options.
            path: The path it is for.

        Raises:
            UsageError: There is no host, or a character that no cookie may have.

        Example::

            vu.cookies.set("session", "abc123", path="/api")
            await vu.get("/api/health")
        """
        home = url or self._home
        if not home:
            raise UsageError(
                f"The cookie `{name}` needs a host: give url=, or set base_url in options."
            )
        if _UNSAFE.search(name + value) or not name or re.search("[=; \t]", name) or ";" in value:
            raise UsageError(f"The cookie `{name}` has a character that no cookie may have.")
        host, _ = _home_of(home)
        self._keep(Cookie(name, value, host, True, path, secure=False))

    def keep(self, url: str, name: str, value: str, said: Mapping[str, object]) -> None:
        """Keep a cookie for a URL; `said` are its attributes, in small letters.

        :meta private:
        """
        host, _ = _home_of(url)
        texts = {key.replace("_", "-"): str(each) for key, each in said.items()}
        domain = _domain(texts.get("domain", "")) or host
        place = texts.get("path") or "/"
        secure = texts.get("secure", "").lower() == "true"
        self._keep(
            Cookie(name, value, domain, domain == host, place, secure, _expiry_ns(texts, None))
        )

    def forget(self, host: str, name: str | None) -> None:
        """Forget the cookies of a host, or the one of this name.

        :meta private:
        """
        for key in [k for k, each in self.stored.items() if each.reaches(host, each.path, True)]:
            if name is None or key[2] == name:
                del self.stored[key]
        self._headers.clear()

    def delete(self, name: str) -> None:
        """Forget every cookie of a name.

        Args:
            name: The name.

        Example::

            vu.cookies.set("theme", "dark")
            vu.cookies.delete("theme")
            check(vu.cookies, {"gone": lambda jar: "theme" not in jar})
        """
        for key in [key for key in self.stored if key[2] == name]:
            del self.stored[key]
        self._headers.clear()

    def clear(self) -> None:
        """Forget every cookie.

        Example::

            vu.cookies.set("theme", "dark")
            vu.cookies.clear()
            check(vu.cookies, {"empty": lambda jar: len(jar) == 0})
        """
        if self.stored:
            self.stored.clear()
            self._headers.clear()

    def learn(self, response: Response) -> None:
        """Take the cookies that an answer sets.

        :meta private:
        """
        for cookie in _set_by(response):
            self._keep(cookie)

    def header(self, host: str, path: str, secure: bool) -> str:
        """Return the value of Cookie for a request ("" for none), longest paths first.

        It is text whose Latin-1 bytes are to be sent, as `field_text` gives it.

        :meta private:
        """
        key = (host, path, secure)
        now_ns = monotonic_ns()
        found = self._headers.get(key)
        if found is not None and now_ns < found[1]:
            return found[0]
        if len(self._headers) >= MAX_COOKIES:
            self._headers.clear()
        self._drop_expired(now_ns)
        mine = [cookie for cookie in self.stored.values() if cookie.reaches(host, path, secure)]
        mine.sort(key=lambda cookie: -len(cookie.path))
        value = "; ".join(field_text(f"{cookie.name}={cookie.value}") for cookie in mine)
        until_ns = min((cookie.expires_ns for cookie in mine), default=_NEVER)
        self._headers[key] = (value, until_ns)
        return value

    def _keep(self, cookie: Cookie) -> None:
        key = (cookie.domain, cookie.path, cookie.name)
        if cookie.expires_ns <= monotonic_ns():
            self.stored.pop(key, None)
        else:
            # One that is replaced keeps its place: older cookies go first in the header.
            if key not in self.stored and len(self.stored) >= MAX_COOKIES:
                del self.stored[next(iter(self.stored))]
            self.stored[key] = cookie
        self._headers.clear()

    def _drop_expired(self, now_ns: int) -> None:
        for key in [key for key, each in self.stored.items() if each.expires_ns <= now_ns]:
            del self.stored[key]


def of(response: Response) -> dict[str, str]:
    """Return the cookies that one answer sets, name to value; what it deletes is not there."""
    now_ns = monotonic_ns()
    found = {each.name: each for each in _set_by(response)}
    return {name: each.value for name, each in found.items() if each.expires_ns > now_ns}


def _set_by(response: Response) -> Iterator[Cookie]:
    """Give the cookies of an answer that its server may set, in their order."""
    lines = _SET_COOKIE.findall(response.raw_head)
    if not lines:
        return
    host, path = _home_of(response.url)
    dated = _DATE.search(response.raw_head)
    now_s = date_s(dated[1].decode("latin-1")) if dated is not None else None
    for line in lines:
        cookie = parse(line.decode("latin-1"), host, path, now_s)
        if cookie is not None:
            yield cookie


def parse(line: str, host: str, request_path: str, now_s: int | None) -> Cookie | None:
    """Read one Set-Cookie field of an answer from `host`, or return None where it is refused."""
    pair, *attributes = line.split(";")
    name, equals, value = (each.strip(" \t") for each in pair.partition("="))
    if not equals or not name or len(pair) > MAX_BYTES or _UNSAFE.search(line):
        return None
    said = {}
    for attribute in attributes:
        key, _, content = attribute.partition("=")
        said[key.strip(" \t").lower()] = content.strip(" \t")  # the last one of a name counts
    domain, host_only = host, True
    if asked := _domain(said.get("domain", "")):
        if asked != host and not _within(host, asked):
            return None
        if "." in asked.strip("."):
            domain, host_only = asked, hostnames.is_address(host)
        elif asked != host:
            return None
    path = said.get("path", "")
    return Cookie(
        name,
        value,
        domain,
        host_only,
        path if path.startswith("/") else default_path(request_path),
        "secure" in said,
        _expiry_ns(said, now_s),
    )


def default_path(request_path: str) -> str:
    """Return the path of a cookie that names none (RFC 6265 section 5.1.4)."""
    return request_path[: request_path.rfind("/")] or "/" if request_path[:1] == "/" else "/"


def date_s(text: str) -> int | None:
    """Read a date leniently (RFC 6265 section 5.1.1), as seconds since 1970."""
    time = day = month = year = None
    for token in re.split(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+", text):
        if time is None and (match := re.match(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)", token)):
            time = tuple(map(int, match.groups()))
        elif day is None and (match := re.match(r"(\d{1,2})(?!\d)", token)):
            day = int(match[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (match := re.match(r"(\d{2,4})(?!\d)", token)):
            year = int(match[1])
    if time is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if not 1 <= day <= 31 or year < 1601 or time > (23, 59, 59) or max(time[1:]) > 59:
        return None
    return timegm((year, month, day, *time))


def _expiry_ns(said: dict[str, str], now_s: int | None) -> int:
    """Return when a cookie ends, on the monotonic clock; Max-Age wins over Expires."""
    age_s: float | None = None
    if re.fullmatch(r"-?[0-9]{1,18}", said.get("max-age", ""), re.ASCII):
        age_s = int(said["max-age"])
    elif (end_s := date_s(said.get("expires", ""))) is not None:
        # Without a Date only what ended long ago is known to have ended: the way to delete.
        age_s = end_s - now_s if now_s is not None else (0 if end_s < 10**9 else None)
    if age_s is None:
        return _NEVER
    return monotonic_ns() + int(min(age_s, MAX_AGE_S) * 1e9) if age_s > 0 else 0


def _within(host: str, domain: str) -> bool:
    return host.endswith(f".{domain}") and not hostnames.is_address(host)


def _covers(path: str, request_path: str) -> bool:
    if request_path == path:
        return True
    return request_path.startswith(path if path.endswith("/") else f"{path}/")


@lru_cache(maxsize=256)
def _home_of(address: str) -> tuple[str, str]:
    """Return host and path of a URL, as cookies know them."""
    url = urls.parse(address)
    return url.cookie_host, url.path.partition(b"?")[0].decode("ascii")


@lru_cache(maxsize=256)
def _domain(text: str) -> str:
    """Return a Domain in the one form of hosts, without points around it; "" is none."""
    name = text.removeprefix(".").removesuffix(".")
    try:
        return hostnames.canonical(name, name) if name else ""
    except UsageError:
        return name.lower()  # which is no host's, so the cookie is refused
