"""Who is loaded: the server of the script's base URL, found before the run like a plain run's.

A script without base URL may load anybody, so nothing is known of its server; a name without an
address is the script's business, too: its requests will say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastbench import processes, resolve, urls
from fastbench.processes import Found
from fastbench.scenario.asked import Asked
from fastbench.scenario.options import Settings

__all__ = ["Sought", "find"]


@dataclass(frozen=True, slots=True)
class Sought:
    """The server's processes; `verified` is None without TLS, `public` a public address."""

    found: Found
    verified: bool | None = None
    public: str = ""


def find(options: Settings, asked: Asked) -> Sought:
    """Look up who serves the base URL. Raises UsageError for an idle --watch."""
    if options.base_url is None:
        return _nobody(asked)
    url = urls.parse(options.base_url)
    verified = options.tls.verify if url.scheme == "https" else None
    try:
        endpoint = resolve.endpoint_of(
            url.host, url.port, asked.unix_path, asked.family, asked.bind
        )
    except resolve.ResolveError:
        return replace(_nobody(asked), verified=verified)
    found = processes.find(endpoint.host, endpoint.port, asked.unix_path, asked.watch)
    return Sought(found, verified, endpoint.host if endpoint.public else "")


def _nobody(asked: Asked) -> Sought:
    """Return those that --watch names alone."""
    found = processes.find("127.0.0.1", 0, None, asked.watch)
    return Sought(replace(found, local=False, targets=()))
