"""Servers that do exactly what a test says: raw sockets, one thread for each connection.

A script is a plain function of a `Peer`: what it does is what the client meets, step by step.

    def script(peer: Peer) -> None:
        peer.request()              # wait until one whole request has been read
        peer.send(OK)
        peer.reset()                # RST

    with Server(script) as server:
        ...                         # server.url("/"), server.seen.requests

1. A script ends when it returns, when the client is gone, or when the server stops; the connection
   is then closed (with close_notify under TLS). Any other exception fails the test at `__exit__`.
2. `Seen` holds the server's own counts; they are final once the `with` block has ended.
3. Nothing outlives the block: threads are joined, sockets closed.
"""

from __future__ import annotations

import contextlib
import errno
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psutil
from case import answer
from compiling import compiled

__all__ = [
    "OK",
    "OK_BODY",
    "CServer",
    "Peer",
    "Script",
    "Seen",
    "Server",
    "answering",
    "c_server",
    "never_accepting",
    "refusing",
]

OK_BODY = b"hello, world"
OK = answer("Content-Length: 12", body=OK_BODY)
JOIN_S = 10
Script = Callable[["Peer"], None]


class _Gone(Exception):
    """The client closed or reset the connection, or the server stops."""


@dataclass(slots=True)
class Seen:
    """What a server saw: `requests` were read to their last byte, bytes are plain text."""

    connections: int = 0
    requests: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    failed_handshakes: int = 0
    lines: Counter[bytes] = field(default_factory=Counter)  # request lines
    sources: Counter[str] = field(default_factory=Counter)  # client addresses of connections
    last: bytes = b""


class Peer:
    """One connection, seen from the server; `number` counts from 0 in the order of accept."""

    def __init__(self, server: Server, sock: socket.socket, number: int) -> None:
        self.server = server
        self.number, self.requests = number, 0
        self._sock = sock
        self._buffer = bytearray()

    def request(self) -> bytes:
        """Read one whole request, its body included, and count it."""
        head = self.head()
        length = re.search(rb"\r\nContent-Length: *(\d+)", head, re.IGNORECASE)
        body = self.read(int(length[1])) if length else b""
        self.requests += 1
        with self.server.lock:
            self.server.seen.requests += 1
            self.server.seen.lines[head.partition(b"\r\n")[0]] += 1
            self.server.seen.last = head + body
        return head + body

    def head(self) -> bytes:
        """Read a request's head alone; it is not counted."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        return self.read(self._buffer.index(b"\r\n\r\n") + 4)

    def read(self, length: int) -> bytes:
        """Read this many bytes."""
        while len(self._buffer) < length:
            self._receive()
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def unread(self, data: bytes) -> None:
        """Put back what was read too much."""
        self._buffer[:0] = data

    def send(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._sock.sendall(data)
        except OSError as gone:
            raise _Gone from gone
        with self.server.lock:
            self.server.seen.bytes_out += len(data)

    def drip(self, data: bytes, interval_s: float) -> None:
        """Send one byte at a time, at this interval, until the client has had enough."""
        for i in range(len(data)):
            self.send(data[i : i + 1])
            self.pause(interval_s)

    def pause(self, seconds: float) -> None:
        """Do nothing for a while; ends early when the server stops."""
        if self.server.stopping.wait(seconds):
            raise _Gone

    def stall(self) -> None:
        """Answer nothing; ends when the client closes or the server stops."""
        while True:
            self._receive()

    def finish(self) -> None:
        """Send FIN and read on until the client closes too, so that no RST follows."""
        with contextlib.suppress(OSError):  # who does not like what it got may be gone already
            self._sock.shutdown(socket.SHUT_WR)
        self.stall()

    def cut(self) -> None:
        """Close the socket: FIN without TLS's close_notify, RST if bytes were left unread."""
        self._sock.close()
        raise _Gone

    def relay(self, other: socket.socket) -> None:
        """Pass bytes on to and from another socket until one side has closed."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # of either side
            other.sendall(self._buffer)
            self._buffer.clear()
            while True:
                for ready in select.select([self._sock, other], [], [])[0]:
                    piece = ready.recv(65536)
                    if not piece:
                        return
                    (other if ready is self._sock else self._sock).sendall(piece)

    @property
    def alpn(self) -> str | None:
        """The protocol agreed on under TLS."""
        assert isinstance(self._sock, ssl.SSLSocket)
        return self._sock.selected_alpn_protocol()

    def reset(self) -> None:
        """Close with RST (SO_LINGER of 0, socket(7))."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cut()

    def _receive(self) -> None:
        try:
            piece = self._sock.recv(65536)
        except OSError as gone:
            raise _Gone from gone
        if not piece:
            raise _Gone
        self._buffer += piece
        with self.server.lock:
            self.server.seen.bytes_in += len(piece)


class Server:
    """A context manager that serves one script on a free port, or on a Unix socket."""

    def __init__(
        self,
        script: Script,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        path: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.script = script
        self.host = host
        self.port = port
        self.path = path
        self.tls = tls
        self.seen = Seen()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self._wrong: list[BaseException] = []
        self._open: dict[int, socket.socket] = {}
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket

    def url(self, target: str = "/") -> str:
        """Name a resource on this server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{target}"

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def __enter__(self) -> Self:
        if self.path is not None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self.path)
        else:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            self._listener = socket.socket(family)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((self.host, self.port))
            self.port = self._listener.getsockname()[1]
        self._listener.listen(1024)
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._wrong and error is None:
            raise self._wrong[0]

    def refuse(self) -> None:  # no more connections; who is connected stays
        self.stopping.set()
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Close the listener and every connection, and wait for their threads."""
        self.refuse()
        while self._threads:
            with self.lock:
                for wake in self._open.values():
                    with contextlib.suppress(OSError):  # the client was faster
                        wake.shutdown(socket.SHUT_RDWR)
                thread = self._threads.pop()
            thread.join(JOIN_S)
            assert not thread.is_alive(), "a script does not end"
        self._listener.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        with self.lock:  # started in it too: `stop` joins what it finds
            thread.start()
            self._threads.append(thread)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, address = self._listener.accept()
            except OSError:
                return
            self.seen.connections += 1
            self.seen.sources[address[0] if address else ""] += 1
            self._start(self._serve, sock, self.seen.connections - 1)

    def _serve(self, sock: socket.socket, number: int) -> None:
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wake = sock.dup()  # shutdown through it wakes a thread that reads or writes
        with self.lock:
            self._open[number] = wake
        if self.stopping.is_set():
            with contextlib.suppress(OSError):  # the client was faster
                wake.shutdown(socket.SHUT_RDWR)
        try:
            self._follow(sock, number)
        except _Gone:
            pass
        except BaseException as wrong:
            self._wrong.append(wrong)
        finally:
            with self.lock:
                del self._open[number]
            sock.close()
            wake.close()

    def _follow(self, sock: socket.socket, number: int) -> None:
        if self.tls is None:
            with sock:
                return self.script(Peer(self, sock, number))
        try:
            secure = self.tls.wrap_socket(sock, server_side=True)
        except OSError:
            with self.lock:
                self.seen.failed_handshakes += 1
            return None
        with secure:
            self.script(Peer(self, secure, number))
            secure.settimeout(1)
            with contextlib.suppress(OSError):  # the client need not say goodbye
                secure.unwrap()


def answering(response: bytes = OK, *, per_connection: int | None = None) -> Script:
    """Answer every request alike; close after `per_connection` of them."""

    def script(peer: Peer) -> None:
        while per_connection is None or peer.requests < per_connection:
            peer.request()
            peer.send(response)

    return script


@contextlib.contextmanager
def refusing() -> Iterator[int]:
    """Yield a port that refuses connections: bound, so that nobody else gets it; not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def never_accepting() -> Iterator[int]:
    """Yield a port whose listen queue is full, so that a SYN to it gets no answer (listen(2))."""
    with contextlib.ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        for _ in range(8):
            filler = open_sockets.enter_context(socket.socket())
            filler.setblocking(False)
            assert filler.connect_ex(listener.getsockname()) == errno.EINPROGRESS
            if not select.select([], [filler], [], 0.1)[1]:
                break
        else:
            raise AssertionError("the listen queue does not fill up")
        yield listener.getsockname()[1]


@dataclass(slots=True)
class CServer:
    """bench/server.c at work, for rates that Python threads do not reach; counts after `stop`."""

    process: subprocess.Popen[str]
    port: int
    read: int = 0
    answered: int = 0
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def connected(self) -> int:
        """How many connections it has open now."""
        return len(psutil.Process(self.process.pid).net_connections("tcp")) - 1

    def stop(self) -> None:
        """Ask it to end, and take its counts; a killed one has none."""
        if self.process.returncode is None:
            self.process.terminate()
            self.process.send_signal(signal.SIGCONT)  # a test may have stopped it
            line, _ = self.process.communicate(timeout=JOIN_S)
            self.read, self.answered, self.connections = map(int, line.split()[1::2])


@contextlib.contextmanager
def c_server(*, port: int = 0, body_bytes: int = 38) -> Iterator[CServer]:
    """Run bench/server.c; skips the test where there is no C compiler."""
    command = [compiled("server.c"), "--port", str(port), "--body", str(body_bytes), "--count"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = CServer(process, int(process.stdout.readline()))
        try:
            yield server
        finally:
            server.stop()
