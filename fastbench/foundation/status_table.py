"""What a status that is no success says of a load, and what to look at first.

RFC 9110 section 15 has the statuses, RFC 6585 section 4 has 429.
"""

from __future__ import annotations

from fastbench.foundation.error_table import catalogue

_STATUSES = catalogue("""
400: the server cannot read the request
  > look at one request and its response with --debug
401: the server asks who it is
  > give -a USER:PASSWORD, --bearer or a header
403: the server refuses it
  > check the rights of the user or token, and a firewall for web applications
404: there is nothing at that path
  > check the path, and the Host header (-H) where one address serves several names
405: the path does not take that method
  > check -X, and that a body is meant to be sent
408: the server waited too long for the request
  > look for a small timeout in the server, or for a client without processor time
413: the body is too large for the server
  > raise its limit, or send less
415: the server does not take that Content-Type
  > set it with -H
421: this server does not serve that host
  > check the URL, --connect-to and --resolve
429: the server limits how many requests it takes
  > load it more slowly (-R), or raise its limit for this client
500: the server failed at it
  > see the server's log
502: a proxy got no valid answer from the server behind it
  > see the log of the server behind the proxy
503: the server is overloaded or not ready
  > load it with less (-R, -c), or see its limits of workers and queues
504: a proxy waited too long for the server behind it
  > find out what the server behind the proxy waits for
""")
_OF_CLASS = {
    "3": ("it leads elsewhere", "use --follow to load where it leads"),
    "4": ("the server does not accept the request", "look at one response with --debug"),
    "5": ("the server failed at it", "see the server's log"),
}


def describe(status: str) -> tuple[str, str]:
    """Return the cause in words and the remedy for a status; empty for one of success."""
    return _STATUSES.get(status) or _OF_CLASS.get(status[:1], ("", ""))
