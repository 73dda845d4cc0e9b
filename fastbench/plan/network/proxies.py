"""Proxies that the environment names, and that nothing here goes through.

A proxy would be what is measured, so the load always goes to the server itself. Who is used to
tools that obey these variables is told so when connecting fails. Values are never shown: they may
hold a password.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

_NAMES = ("http_proxy", "https_proxy", "all_proxy")
_CONNECTING = {"dns", "connect", "connect_refused", "connect_timeout"}
_HINT = "run fastbench on a machine that reaches the server without a proxy"


def sentence(environ: Mapping[str, str] = os.environ) -> str:
    """Return what to say of the variables that are set, "" when none is."""
    found = [name for name, value in environ.items() if name.lower() in _NAMES and value.strip()]
    if not found:
        return ""
    are = "is" if len(found) == 1 else "are"
    return f"fastbench connects directly; {' and '.join(sorted(found))} {are} not used"


def notices(kinds: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return the warning (code, text, hint) of a run with errors of these kinds, if one is due."""
    text = sentence() if _CONNECTING & set(kinds) else ""
    return [("proxy_not_used", text, _HINT)] if text else []
