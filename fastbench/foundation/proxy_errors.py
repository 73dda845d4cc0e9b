"""Why a proxy made no way to the server, and what to do."""

from __future__ import annotations

from fastbench.foundation.error_table import catalogue

_LOGIN = "give them as --proxy http://user:password@host:port; Basic alone is known"

# Statuses that answer a CONNECT (RFC 9110 sections 9.3.6 and 15), and what breaks a rule.
_ANSWERS = catalogue(f"""
407: the proxy wants name and password, or other ones
  > {_LOGIN}
403: the proxy does not allow a tunnel to that server and port
  > allow CONNECT to that port in the proxy (squid: SSL_ports; tinyproxy: ConnectPort)
405: the proxy makes no tunnels
  > allow CONNECT in the proxy; is that port a proxy at all?
400: the proxy did not understand the request for a tunnel
  > is that port a proxy at all? See it with --debug
404: the proxy does not know how to make a tunnel
  > is that port a proxy at all, and no web server?
502: the proxy could not connect to the server
  > check the server's name and port, and that the proxy reaches it
503: the proxy could not connect to the server
  > check the server's name and port, and that the proxy reaches it; is the proxy overloaded?
504: the server did not accept the proxy's connection in time
  > check the server's name and port, and the firewall between it and the proxy
not HTTP: the answer of the proxy is not HTTP
  > is that the port of an HTTP proxy? A SOCKS5 proxy is --proxy socks5://host:port
answer too long: the head of the proxy's answer is longer than 64 KiB
  > see it with --debug
not SOCKS5: the answer of the proxy is not SOCKS5
  > is that the port of a SOCKS5 proxy? An HTTP proxy is --proxy http://host:port
no method: the proxy wants another way to log in
  > give name and password: --proxy socks5://user:password@host:port; GSSAPI is not supported
login refused: the proxy refused name and password
  > check them: --proxy socks5://user:password@host:port
closed: the proxy closed the connection before there was a tunnel
  > see the proxy's log for a limit of clients, a rule or a crash
general failure: the proxy could not connect to the server
  > check the server's name and port, and that the proxy reaches it
not allowed: the rules of the proxy do not allow that server
  > allow it in the proxy
network unreachable: the proxy has no way to the network of the server
  > check the address; socks5h:// lets the proxy look the name up
host unreachable: the proxy does not reach the server
  > check the address; socks5h:// lets the proxy look the name up
connection refused: nothing listens at the server's address and port, says the proxy
  > start the server, or check host and port as the proxy sees them
TTL expired: the server did not accept the proxy's connection in time
  > check the network between proxy and server
command not supported: the proxy makes no connections for clients (CONNECT of SOCKS5)
  > allow it in the proxy
address type not supported: the proxy does not take that kind of address
  > use an address of the other family, or socks5h:// for a name
""")


def refused(phase: str, code: str) -> tuple[str, str]:
    """Return cause and remedy where a proxy made no tunnel; `code` is its status or reply."""
    if code in _ANSWERS:
        message, hint = _ANSWERS[code]
        return f"{message} ({code})", hint
    answer = f"answered {code} to CONNECT" if code.isdigit() else f"said: {code or 'nothing'}"
    return f"the proxy made no tunnel: it {answer}", "see the proxy's log, and --debug"
