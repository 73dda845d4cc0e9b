"""A cable with a delay, for kernels without netem: frames that come in here go out there, later.

    python delayed_wire.py PORT TAP FORTH_MS BACK_MS

It stands between a port that was a bridge's and a new device, TAP, that takes its place there. What
comes from PORT is held back FORTH_MS. It says "ready" once TAP is there.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x2, 0x1000  # linux/if_tun.h
ETH_P_ALL, SOL_PACKET, PACKET_IGNORE_OUTGOING = 3, 263, 23  # linux/if_ether.h, if_packet.h
PR_SET_TIMERSLACK, SO_RCVBUFFORCE = 29, 33  # prctl(2), socket(7)
FRAME_BYTES = 1 << 16
QUEUE_BYTES = 1 << 23


def open_port(name: str) -> int:
    """Open what comes in over a device, and what goes out; give its descriptor."""
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # of no device yet
    port.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    port.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUE_BYTES)
    port.bind((name, ETH_P_ALL))
    return port.detach()


def open_tap(name: str) -> int:
    """Make a device whose frames are read and written here; it ends with this process."""
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


class Way:
    """One direction: frames wait in the order in which they came."""

    def __init__(self, source: int, sink: int, delay_ns: int) -> None:
        self.source, self._sink, self._delay_ns = source, sink, delay_ns
        self._waiting: deque[tuple[int, bytes]] = deque()

    def take(self) -> None:
        """Take all that is there now."""
        due_ns = time.monotonic_ns() + self._delay_ns
        with contextlib.suppress(BlockingIOError, OSError):  # a cable that was pulled
            while True:
                self._waiting.append((due_ns, os.read(self.source, FRAME_BYTES)))

    def give(self, now_ns: int) -> int | None:
        """Pass on what is due; return when the next will be."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            with contextlib.suppress(OSError):  # nobody is there: lost, as on any wire
                os.write(self._sink, self._waiting.popleft()[1])
        return self._waiting[0][0] if self._waiting else None


def carry(ways: tuple[Way, Way], wait: Callable[[float | None], list[tuple[int, int]]]) -> None:
    """Pass frames on until the process is killed."""
    while True:
        now_ns = time.monotonic_ns()
        due = [each for each in (way.give(now_ns) for way in ways) if each is not None]
        ready = {descriptor for descriptor, _ in wait(_left_s(min(due) - now_ns) if due else None)}
        for way in ways:
            if way.source in ready:
                way.take()


def _left_s(left_ns: int) -> float:
    return max(left_ns, 0) / 1e9


def main(port: str, tap: str, forth_ms: str, back_ms: str) -> None:
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    here, there = open_port(port), open_tap(tap)
    ready = select.epoll()
    for each in (here, there):
        os.set_blocking(each, False)
        ready.register(each, select.EPOLLIN)
    forth = Way(here, there, round(float(forth_ms) * 1e6))
    back = Way(there, here, round(float(back_ms) * 1e6))
    print("ready", flush=True)
    carry((forth, back), lambda left_s: ready.poll(left_s))


if __name__ == "__main__":
    main(*sys.argv[1:])
