"""Every way a request can fail, and what to tell the person who sees it.

1. An error has a kind (what happened), a phase (when) and a code (who says so): an errno name,
   an EAI name from the resolver, the name of a broken protocol rule, OpenSSL's reason, or nothing.
2. `describe` turns the three into a cause in words and a remedy. Both are one line of plain text.
3. An unknown code still gets a sentence: the catalogue grows, the engine need not wait for it.
"""

from __future__ import annotations

import errno
import os

from fastbench.foundation import http2_errors, proxy_errors, websocket_errors
from fastbench.foundation.error_table import catalogue

KINDS = (
    *("dns", "connect_refused", "connect_timeout", "connect", "tls", "timeout", "reset"),
    *("truncated", "protocol", "too_large", "unsolicited", "expectation", "cancelled"),
    *("upgrade", "closed", "content_encoding", "stream_reset", "goaway", "proxy"),
)
PHASES = (
    *("resolve", "connect", "tls", "send", "head", "body", "idle", "upgrade", "settings"),
    "proxy",
)

_WHILE = {
    "resolve": "while resolving the name",
    "connect": "while connecting",
    "tls": "during the TLS handshake",
    "send": "while sending the request",
    "head": "before the response head was complete",
    "body": "in the middle of the body",
    "idle": "between requests",
    "upgrade": "during the WebSocket handshake",
    "settings": "before the server's SETTINGS of HTTP/2 came",
    "proxy": "before the proxy had made a tunnel",
    "message sent": "while sending a message",
    "message awaited": "while a message was awaited",
    "silence": "between messages",
}
# What the phases of an open connection are where it is a WebSocket.
_OF_SOCKETS = {"send": "message sent", "head": "message awaited", "idle": "silence"}

_SERVER_LOG = "check the server's log for a crash, a worker restart or a limit"


# errno(3) names. EADDRNOTAVAIL: connect(2), "all port numbers in the ephemeral range are in use".
_ERRNO = catalogue("""
ECONNREFUSED: connection refused: nothing listens on that address and port
  > start the server, or check host and port
EADDRNOTAVAIL: no local port left: every ephemeral port towards this address is in use or in
  TIME_WAIT
  > keep connections alive, add source addresses with --bind A,B,.., or widen
    net.ipv4.ip_local_port_range
EADDRINUSE: the local address and port are taken
  > choose another address with --bind, or give several
EAGAIN: the server's listen queue is full, or no local port is free
  > raise the server's listen backlog, or use fewer connections with -c
EMFILE: this process may not open more files
  > raise the limit with ulimit -n, or use fewer connections with -c
ENFILE: the system may not open more files
  > raise fs.file-max with sysctl, or use fewer connections with -c
ENOBUFS: the kernel has no memory left for sockets
  > use fewer connections with -c, or raise net.ipv4.tcp_mem
ENOMEM: the kernel has no memory left for sockets
  > use fewer connections with -c, or raise net.ipv4.tcp_mem
EHOSTUNREACH: no route to the host
  > check the address, the route and the firewall; a machine that is off says this too
ENETUNREACH: no route to that network
  > check the address and the route; without IPv6 at hand try --ipv4
EHOSTDOWN: the host is down
  > check that the machine is up and on this network
ENETDOWN: the local network is down
  > bring the interface up
ETIMEDOUT: the kernel gave up: the peer stopped answering
  > check the network and the firewall between here and the server
EACCES: permission denied
  > check the rights on the socket file, or the local firewall
EPERM: the local firewall or sandbox forbids the connection
  > allow the address in the firewall rules of this machine
ENOENT: no such Unix socket
  > check the path given to --unix, and that the server is running
ENOTSOCK: the path is not a socket
  > check the path given to --unix
EPROTOTYPE: the Unix socket is of another type
  > the server must listen on a stream socket
EAFNOSUPPORT: this machine does not support that address family
  > use the other one: --ipv4 or --ipv6
EINVAL: the kernel refused the address
  > check that the --bind address and the target are of one family and reach each other
""")
_ERRNO |= {
    "ECONNRESET": ("the server reset the connection", _SERVER_LOG),
    "ECONNABORTED": ("the connection was aborted", _SERVER_LOG),
    "EPIPE": ("the server had closed the connection already", _SERVER_LOG),
    "ENOTCONN": ("the server had closed the connection already", _SERVER_LOG),
}

# getaddrinfo(3)
_RESOLVER = catalogue("""
ENODEV: this machine has no network interface of the zone's name
  > `ip link` lists the interfaces; write the zone as in http://[fe80::1%25eth0]/
EKEYREJECTED: the name is blocked by the script
  > options.blockHostnames has a pattern that it matches
EADDRNOTAVAIL: the address is blocked by the script
  > options.blacklistIPs has a network that it is in
EAI_NONAME: the name does not resolve
  > check the spelling of the host name
EAI_NODATA: the name has no address of the family asked for
  > drop --ipv4 or --ipv6, or check the name's records
EAI_ADDRFAMILY: the name has no address of the family asked for
  > drop --ipv4 or --ipv6, or check the name's records
EAI_AGAIN: the name server did not answer
  > check the network and /etc/resolv.conf, then try again
EAI_FAIL: the name server failed
  > check /etc/resolv.conf, or use the address instead of the name
""")

# Substrings of X509_verify_cert_error_string(3) and of OpenSSL's reasons; | separates them and the
# first match counts.
_TLS = catalogue("""
signed certificate in certificate chain: the server's certificate comes from a CA that is not
  trusted here
  > give that CA with --cacert FILE, or accept any certificate with -k
self-signed|self signed: the server's certificate is self-signed
  > give the certificate itself with --cacert FILE, or accept any certificate with -k
mismatch: the server's certificate is for another name
  > use the certificate's name, give it with --servername NAME, or skip the check with -k
expired: the server's certificate has expired
  > renew it on the server, or accept any certificate with -k
not yet valid: the server's certificate is not valid yet
  > check the clocks of both machines, or accept any certificate with -k
issuer certificate: the server's certificate comes from a CA that is not known here
  > give that CA with --cacert FILE (is an intermediate missing on the server?), or use -k
verify the first certificate: the server does not send the certificates that lead to a known CA
  > install the whole chain on the server, give the CA with --cacert FILE, or use -k
revoked: the server's certificate was revoked
  > renew it on the server, or accept any certificate with -k
too weak: the server's certificate is too weak for this machine's OpenSSL
  > renew it with a longer key or a newer digest, or accept any certificate with -k
too small: the server's key exchange is too weak for this machine's OpenSSL
  > give the server longer keys, or lower the security level in openssl.cnf
certificate required: the server asks for a client certificate
  > give one with --cert FILE --key FILE
alert bad certificate: the server rejects the client certificate, or requires one
  > check --cert and --key against what the server trusts
alert unknown ca: the server does not trust the CA of the client certificate
  > give a certificate that the server trusts with --cert FILE --key FILE
alert certificate: the server rejects the client certificate
  > check --cert and --key against what the server trusts
no application protocol: the server does not speak HTTP/2 over TLS, or not on this port
  > switch it on in the server, or leave --http2 out
unrecognized name: the server does not know that name
  > give the name it knows with --servername NAME
wrong version number|http request|packet length too long: the response is not TLS: this looks like a
  plain HTTP port
  > use http://, or the port for TLS
protocol version|unsupported protocol: client and server have no common TLS version (fastbench
  supports 1.2 and 1.3)
  > enable TLS 1.2 or 1.3 on the server
handshake failure: client and server have no common cipher, or the server requires a client
  certificate
  > check the server's ciphers; give a certificate with --cert FILE --key FILE
unexpected eof: the server closed the connection during the TLS handshake
  > check that this is a TLS port, and read the server's log
""")

# By phase.
_TIMEOUTS = catalogue("""
connect: no connection within the connect timeout
  > the listen queue may be full or a firewall drops packets: raise the server's backlog, or
    --connect-timeout
tls: the TLS handshake did not end within the connect timeout
  > the server may be busy with handshakes, or this is not a TLS port; see --connect-timeout
proxy: the proxy made no tunnel to the server within the connect timeout
  > the proxy may be busy, or not reach the server; see its log, and --connect-timeout
send: the server did not take the whole request within the timeout
  > the server reads too slowly for this load; raise --timeout if that is expected
head: no response within the timeout
  > the server is too slow for this load or hangs; raise --timeout if that is expected
message sent: the server did not take the whole message within the timeout
  > the server reads too slowly for this load; raise --timeout if that is expected
message awaited: no message came back within the timeout
  > the server is too slow for this load, or answers no message: --ws-mode push only listens
upgrade: no answer to the WebSocket handshake within the connect timeout
  > the server may be busy, or knows no WebSocket there; see --connect-timeout
settings: no SETTINGS of HTTP/2 came within the connect timeout
  > is this a port for HTTP/2? Leave --http2 out, or see --connect-timeout
body: the response began but did not end within the timeout
  > the body is too large or comes too slowly; raise --timeout if that is expected
""")

_PROTOCOL_HINT = "look at one exchange with --debug"
_NOT_HTTP_HINT = (
    "is this an HTTP/1.1 port? HTTP/2 without TLS needs --http2, a TLS port https://; see --debug"
)


def describe(kind: str, phase: str, code: str) -> tuple[str, str]:
    """Return the cause in words and the remedy for one error row.

    `kind` is one of KINDS, `phase` one of PHASES; `code` may be empty or unknown.
    """
    if kind in _SPECIAL:
        return _SPECIAL[kind](phase, code)
    message, hint = _by_errno(code) or (f"the connection failed{_during(phase)}", _SERVER_LOG)
    return _named(message, code), hint


def describe_of_socket(kind: str, phase: str, code: str) -> tuple[str, str]:
    """Return the same of an error row of a run of WebSockets."""
    return describe(kind, _OF_SOCKETS.get(phase, phase), code)


def _by_errno(code: str) -> tuple[str, str] | None:
    """Look an errno name up, in the catalogue first, then in the C library."""
    if code in _ERRNO:
        return _ERRNO[code]
    number = getattr(errno, code, None) if code.startswith("E") else None
    if number is None:
        return None
    return os.strerror(number).lower(), "see errno(3) for the code"


def _during(phase: str) -> str:
    """Say when it happened, with a space in front; nothing for an unknown phase."""
    return f" {_WHILE[phase]}" if phase in _WHILE else ""


def _named(message: str, code: str) -> str:
    return f"{message} ({code})" if code and code not in message else message


def _dns(phase: str, code: str) -> tuple[str, str]:
    message, hint = _RESOLVER.get(
        code, ("the host name could not be resolved", "check the host name and /etc/resolv.conf")
    )
    return _named(message, code), hint


def _tls(phase: str, code: str) -> tuple[str, str]:
    if code in _ERRNO:
        return _reset(phase, code)
    reason = code.lower()
    for parts, (message, hint) in _TLS.items():
        if any(part in reason for part in parts.split("|")):
            return f"{message} ({code})", hint
    message = f"TLS failed: {code}" if code else f"TLS failed{_during(phase)}"
    return message, "check the port and the server's TLS settings; -k skips only certificate checks"


def _timeout(phase: str, code: str) -> tuple[str, str]:
    message, hint = _TIMEOUTS.get(phase, _TIMEOUTS["head"])
    if "behind" in code:
        cause = "lost with a request on the same connection that timed out"
        return cause, "use fewer requests on each connection (-p, -m); " + hint
    return message, hint


def _connect_timeout(phase: str, code: str) -> tuple[str, str]:
    return _TIMEOUTS[phase if phase in ("tls", "upgrade", "settings", "proxy") else "connect"]


def _reset(phase: str, code: str) -> tuple[str, str]:
    message, hint = _by_errno(code) or ("the server closed the connection", _SERVER_LOG)
    return _named(f"{message}{_during(phase)}", code), hint


def _truncated(phase: str, code: str) -> tuple[str, str]:
    if "notify" in code or code == "unexpected eof while reading":
        return (
            f"the TLS stream ended without close_notify{_during(phase)}: data may be missing",
            "let the server close TLS properly, or send Content-Length",
        )
    if phase == "body":
        return "the body ended before its announced length", _SERVER_LOG
    return f"the server closed the connection{_during(phase)}", _SERVER_LOG


def _protocol(phase: str, code: str) -> tuple[str, str]:
    if code in websocket_errors.FRAMES:
        return websocket_errors.frame(code)
    if code in http2_errors.RULES:
        return http2_errors.rule(code)
    if code == "unusable Location":
        return (
            "a redirect leads to where no HTTP request can be sent (unusable Location)",
            "check the Location of that response; redirects=0 gives the script the redirect itself",
        )
    hint = _NOT_HTTP_HINT if code in ("", "status line", "HTTP version") else _PROTOCOL_HINT
    if not code:
        return f"the response is not valid HTTP/1.1{_during(phase)}", hint
    return f"the response is not valid HTTP/1.1 (rule broken: {code})", hint


def _content_encoding(phase: str, code: str) -> tuple[str, str]:
    return (
        "the body cannot be unpacked as its Content-Encoding says",
        "look at one response with --debug; is it compressed twice, or not at all?",
    )


def _too_large(phase: str, code: str) -> tuple[str, str]:
    if code in websocket_errors.FRAMES:
        return websocket_errors.frame(code)
    return (
        _named("a part of the response around the body is larger than fastbench accepts", code),
        "limits: head 64 KiB, trailers 64 KiB, chunk extensions 16 KiB; see --debug",
    )


def _unsolicited(phase: str, code: str) -> tuple[str, str]:
    return (
        "the server sent bytes without a request",
        "look for a body after HEAD, 204 or 304, or a wrong Content-Length: see --debug",
    )


def _expectation(phase: str, code: str) -> tuple[str, str]:
    if phase == "body":
        return (
            "the body does not contain the text of --expect-body",
            "look at one response with --debug",
        )
    status = f" {code}" if code.isdigit() else ""
    return (
        f"the status{status} is not one of --expect-status",
        "look at one response with --debug, or widen --expect-status",
    )


def _cancelled(phase: str, code: str) -> tuple[str, str]:
    return (
        f"the script cancelled the request{_during(phase)}",
        "the server is slower than the script's own limit (asyncio.wait_for, asyncio.timeout, a "
        "task that was cancelled): find out why, or raise that limit",
    )


_SPECIAL = {
    "dns": _dns,
    "tls": _tls,
    "timeout": _timeout,
    "connect_timeout": _connect_timeout,
    "reset": _reset,
    "truncated": _truncated,
    "protocol": _protocol,
    "too_large": _too_large,
    "content_encoding": _content_encoding,
    "unsolicited": _unsolicited,
    "expectation": _expectation,
    "cancelled": _cancelled,
    "upgrade": websocket_errors.upgrade,
    "closed": websocket_errors.closed,
    "stream_reset": http2_errors.stream_reset,
    "goaway": http2_errors.goaway,
    "proxy": proxy_errors.refused,
}
