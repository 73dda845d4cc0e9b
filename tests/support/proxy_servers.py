"""Proxies that do what a test says, as scripts of `servers.Server`, and real ones."""

from __future__ import annotations

import base64
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from real_servers import Kinds, Recipe, need, write
from servers import Peer

__all__ = ["KINDS", "LOGIN", "HttpProxy", "Socks5Proxy", "in_pieces"]

LOGIN = ("user", "p:w@d")  # what stands in a URL as user:p%3Aw%40d
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)


def in_pieces(peer: Peer, data: bytes) -> None:
    """Send every byte by itself."""
    for at in range(len(data)):
        peer.send(data[at : at + 1])
        peer.pause(0.0005)


@dataclass
class HttpProxy:
    """An HTTP proxy: tunnels by CONNECT, and requests in absolute form, one after the other.

    `tunnels` are the targets of those it made, `asked` how many requests it passed on. With a
    `login` others get 407. `answer` stands for its own answer to CONNECT, all of it.
    """

    login: tuple[str, str] | None = None
    answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    send: Callable[[Peer, bytes], None] = Peer.send
    tunnels: list[str] = field(default_factory=list)
    asked: int = 0
    refused: int = 0

    def __call__(self, peer: Peer) -> None:
        while True:
            head = peer.head()
            method, target, _ = head.split(b"\r\n", 1)[0].split(b" ")
            if not self._allowed(head):
                self.refused += 1
                peer.send(
                    b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n"
                    b"Content-Length: 0\r\n\r\n"
                )
                continue
            if method == b"CONNECT":
                return self._tunnel(peer, target.decode())
            self._pass_on(peer, method, target, head)

    def _allowed(self, head: bytes) -> bool:
        said = re.search(rb"\r\nProxy-Authorization: Basic (\S+)", head)
        if self.login is None:
            return said is None
        return said is not None and base64.b64decode(said[1]).decode() == ":".join(self.login)

    def _tunnel(self, peer: Peer, target: str) -> None:
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with peer.server.lock:
                self.tunnels.append(target)
            self.send(peer, self.answer)
            peer.relay(upstream)

    def _pass_on(self, peer: Peer, method: bytes, target: bytes, head: bytes) -> None:
        """Ask the server in origin form, on a connection of its own."""
        found = re.fullmatch(rb"http://([^/]*)(/.*)", target)
        assert found is not None, target
        host, _, port = found[1].decode().partition(":")
        rest = head.split(b"\r\n", 1)[1]
        rest = re.sub(rb"Proxy-Authorization: [^\r]*\r\n", b"", rest)
        length = _LENGTH.search(head)
        body = peer.read(int(length[1])) if length else b""
        with socket.create_connection((host, int(port or 80))) as upstream:
            upstream.sendall(b"%b %b HTTP/1.1\r\n%b%b" % (method, found[2], rest, body))
            self.send(peer, _one_answer(upstream))
        with peer.server.lock:
            self.asked += 1


def _one_answer(upstream: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += upstream.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    assert length is not None
    while len(body) < int(length[1]):
        body += upstream.recv(65536)
    return head + b"\r\n\r\n" + body


@dataclass
class Socks5Proxy:
    """A SOCKS5 proxy; `names` are the targets that it looked up itself, `addresses` the others."""

    login: tuple[str, str] | None = None
    reply: int = 0
    send: Callable[[Peer, bytes], None] = Peer.send
    names: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def __call__(self, peer: Peer) -> None:
        version, count = peer.read(2)
        methods = peer.read(count)
        assert version == 5
        wanted = 0 if self.login is None else 2
        if wanted not in methods:
            self.send(peer, b"\x05\xff")
            return peer.finish()
        self.send(peer, bytes([5, wanted]))
        if self.login is not None and not self._logs_in(peer, self.login):
            return peer.finish()
        version, command, _, kind = peer.read(4)
        assert (version, command) == (5, 1)
        host, seen = _address(peer, kind), self.names if kind == 3 else self.addresses
        (port,) = struct.unpack(">H", peer.read(2))
        with peer.server.lock:
            seen.append(f"{host}:{port}")
        if self.reply:
            self.send(peer, bytes([5, self.reply, 0, 1, 0, 0, 0, 0, 0, 0]))
            return peer.finish()
        with socket.create_connection((host, port)) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.send(peer, b"\x05\x00\x00\x03\x05proxy\x01\x02")
            peer.relay(upstream)

    def _logs_in(self, peer: Peer, login: tuple[str, str]) -> bool:
        assert peer.read(1) == b"\x01"
        said = tuple(peer.read(peer.read(1)[0]).decode() for _ in range(2))
        self.send(peer, b"\x01\x00" if said == login else b"\x01\x01")
        return said == login


def _address(peer: Peer, kind: int) -> str:
    if kind == 3:
        return peer.read(peer.read(1)[0]).decode()
    family = socket.AF_INET if kind == 1 else socket.AF_INET6
    return socket.inet_ntop(family, peer.read(4 if kind == 1 else 16))


def tinyproxy(folder: Path, port: int) -> Recipe:
    program = need("tinyproxy")
    write(
        folder / "tinyproxy.conf",
        f"""
        Port {port}
        Listen 127.0.0.1
        Timeout 30
        MaxClients 100
        LogLevel Connect
        """,
    )
    return Recipe([program, "-d", "-c", str(folder / "tinyproxy.conf")])


def squid(folder: Path, port: int) -> Recipe:
    program = need("squid")
    folder.chmod(0o777)  # it gives up root
    write(
        folder / "squid.conf",
        f"""
        http_port 127.0.0.1:{port}
        http_access allow all
        cache deny all
        access_log stdio:{folder}/access.log
        cache_log {folder}/cache.log
        pid_filename {folder}/squid.pid
        coredump_dir {folder}
        shutdown_lifetime 0 seconds
        """,
    )
    return Recipe([program, "-N", "-f", str(folder / "squid.conf")])


def microsocks(folder: Path, port: int) -> Recipe:
    return Recipe([need("microsocks"), "-i", "127.0.0.1", "-p", str(port)])


KINDS: Kinds = {"tinyproxy": tinyproxy, "squid": squid, "microsocks": microsocks}
