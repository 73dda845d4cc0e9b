"""Addresses as the URL Standard reads them, by ada (package ada-url), for the jslib module url."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

_PARTS = (
    *("origin", "protocol", "username", "password", "host"),
    *("hostname", "port", "pathname", "search", "hash"),
)


def install(realm: K6Realm) -> None:
    """Add the operations; ada-url is imported when the first address is read."""
    realm.define("urlParse", _parse)
    realm.define("urlParts", _parts)
    realm.define("urlSet", _set)
    realm.define("unquote", lambda text: unquote(text, errors="replace"))


def _parse(url: str, base: str | None) -> str | None:
    """Return the address in full, as it is written; None where it is none."""
    from ada_url import URL

    try:
        return URL(url, base).href
    except ValueError:
        return None


@lru_cache(maxsize=1000)
def _parts(href: str) -> list[str]:
    from ada_url import URL

    url = URL(href)
    return [getattr(url, name) for name in _PARTS]


def _set(href: str, name: str, value: str) -> str:
    """Return the address with one part changed; a value that cannot be one changes nothing."""
    from ada_url import URL

    url = URL(href)
    try:
        setattr(url, name, value)
    except ValueError:
        return href
    return url.href
