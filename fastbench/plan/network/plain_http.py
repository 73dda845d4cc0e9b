"""A connection of http.client to a server of ours: its name is looked up as that of a run is.

For what stands around a run, such as waiting for a server, or outputs; nothing is measured with it.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Sequence

from fastbench.foundation.units import format_s
from fastbench.plan import hostnames
from fastbench.plan.network import connect_to, plain_tunnel, proxies, resolve
from fastbench.plan.plan import ConnectTo, Request, Tls
from fastbench.plan.proxy import Proxy
from fastbench.plan.urls import DEFAULT_PORT, Url

MAX_INTERIM = 100  # responses before the final one
FAILURES = (OSError, resolve.ResolveError, http.client.HTTPException)  # of an exchange


class _Response(http.client.HTTPResponse):
    """A final response: 103 and what else comes before it is passed over (RFC 9110 section 15.2).

    http.client passes over 100 alone.
    """

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INTERIM):
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if not 102 <= found[1] <= 199:
                return found
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException(f"more than {MAX_INTERIM} responses before the final one")


class Connection(http.client.HTTPConnection):
    """A connection to a server or a Unix socket, under TLS where a context is given.

    Connecting raises resolve.ResolveError where the name has no address, else OSError; each of
    several addresses may take `limit_s`. `rules` may put another server in the place of the URL's.
    A `proxy` that makes no tunnel raises plain_tunnel.RefusedError; one that answers plain HTTP
    itself gets requests as `wanted` says.
    """

    response_class = _Response

    def __init__(
        self,
        url: Url,
        limit_s: float,
        secure: ssl.SSLContext | None = None,
        unix_path: str | None = None,
        family: int = 0,
        rules: Sequence[ConnectTo] = (),
        proxy: Proxy | None = None,
    ) -> None:
        super().__init__(hostnames.without_zone(url.host), url.port, timeout=limit_s)
        self.default_port = DEFAULT_PORT[url.scheme]  # which Host leaves out
        self.url = url
        self._limit_s = limit_s
        self._secure = secure
        self._path = unix_path
        self._family = family
        self._where = connect_to.where(rules, url.host, url.port)
        self._known = connect_to.addresses(rules, *self._where)
        self.servername = ""  # of TLS, where it is not that of the URL
        self._proxy = proxy
        self._asks = proxies.answers_itself(proxy, url.scheme, url.host, url.port, rules)

    def wanted(self, target: str) -> tuple[str, dict[str, str]]:
        """Return how a request names path and query, and the fields that a proxy needs."""
        if self._proxy is None or not self._asks:
            return target, {}
        value = self._proxy.authorization
        fields = {"Proxy-Authorization": value} if value else {}
        return f"http://{self.url.authority}{target}", fields

    def exchange(self, request: Request) -> http.client.HTTPResponse:
        """Send a request as it is, with what a proxy needs; return the answer, its body unread."""
        target, added = self.wanted(request.target.decode("ascii"))
        self.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.fields:
            self.putheader(name.decode("latin-1"), value)
        for name_of_proxy, text in added.items():
            self.putheader(name_of_proxy, text)
        self.endheaders(request.body)
        return self.getresponse()

    def connect(self) -> None:
        """Connect to the socket's path, or to the first address of the server that accepts."""
        if self._proxy is not None:
            plain = self._through(self._proxy)
        elif self._path is None:
            plain = resolve.connected(*self._where, self._limit_s, self._family, self._known)
        else:
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(self._limit_s)
            plain.connect(resolve.unix_address(self._path))
        self.sock = plain
        if self._secure is not None:
            name = self.servername or hostnames.certificate_name(self.url.host)
            self.sock = self._secure.wrap_socket(plain, server_hostname=name)

    def _through(self, proxy: Proxy) -> socket.socket:
        """Connect to the proxy, and through it where it is not to answer itself."""
        beyond = next(iter(self._known), self._where[0]), self._where[1]
        if not (self._asks or proxy.looks_up):
            beyond = resolve.lookup(*beyond)[0].host, beyond[1]
        stream = resolve.connected(proxy.host, proxy.port, self._limit_s, self._family)
        if not self._asks:
            try:
                plain_tunnel.Opening(stream, proxy.tunnel(*beyond)).run()
            except OSError:
                stream.close()
                raise
        return stream

    @property
    def chosen(self) -> str | None:
        """What the server chose of the protocols that it was offered, once connected."""
        return self.sock.selected_alpn_protocol() if isinstance(self.sock, ssl.SSLSocket) else None


def context_of(tls: Tls) -> ssl.SSLContext:
    """Return what TLS needs as the run has it: its certificates, and whether it verifies."""
    made = ssl.create_default_context(cafile=tls.cafile)
    if not tls.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if tls.certfile:
        made.load_cert_chain(tls.certfile, tls.keyfile)
    return made


def context(
    url: Url, *, verify: bool, protocols: Sequence[str] = ("http/1.1",)
) -> ssl.SSLContext | None:
    """Return what TLS to a server needs, None for plain HTTP; `protocols` are offered (ALPN)."""
    if url.scheme == "http":
        return None
    made = ssl.create_default_context()
    made.set_alpn_protocols(protocols)
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def reason(error: Exception, limit_s: float) -> str:
    """Say why there is no answer; `error` is one of FAILURES."""
    if isinstance(error, TimeoutError):
        return f"no response within {format_s(limit_s)}"
    if isinstance(error, resolve.ResolveError):
        return f"its name has no address ({error.code})"
    if isinstance(error, OSError):
        return getattr(error, "verify_message", "") or error.strerror or str(error)
    return f"its response is not HTTP/1.1 ({type(error).__name__})"
