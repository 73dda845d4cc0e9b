"""Did the server's listen queue overflow, under this run? Pure functions of a Result.

The kernel's count (TcpExt ListenOverflows of /proc/net/netstat) is of the whole machine, so that
any program's queue adds to it. It is this run's where its server listens on TCP on this machine
(a full queue of a Unix socket is an error), and who found it full shows that it waited:

1. A SYN that is dropped comes again after 1 s (RFC 6298, section 2.1): connecting took that long.
2. When the last part of the handshake is dropped, the client takes the connection for open, and
   waits for its answer until TCP sends again, 0.2 s later at least (Linux, TCP_RTO_MIN). Servers
   are that slow of themselves, too: only more connections than a queue usually holds count then.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.results.result import Result

MIN_BACKLOG = 5  # of Python's http.server, the smallest that is common
SYN_AGAIN_S = 0.9  # 1 s, less what the clock of the kernel's timers leaves open
SENT_AGAIN_S = 0.2

SENTENCE = (
    "the server's listen queue was full, so connections waited to be accepted; raise the server's "
    "backlog and net.core.somaxconn"
)


@dataclass(frozen=True, slots=True)
class Queue:
    """Who could fill the server's listen queue.

    `local`: it is one of this machine's kernel, and of TCP. `connections` is the most that were
    open at once, 0 where a script opens as many as it likes.
    """

    local: bool
    connections: int


NOBODYS = Queue(local=False, connections=0)


def overflows(found: Result, queue: Queue) -> int:
    """Return how often a listen queue overflowed, 0 where it cannot have been the server's."""
    host = found.resources.host
    if host is None or not host.listen_overflows or not queue.local:
        return 0
    return host.listen_overflows if _connected_late(found) or _waited(found, queue) else 0


def _connected_late(found: Result) -> bool:
    late = found.latency.connect.max_ns >= 1e9 * SYN_AGAIN_S
    return late or any(row.kind == "connect_timeout" for row in found.errors)


def _waited(found: Result, queue: Queue) -> bool:
    if 0 < queue.connections <= MIN_BACKLOG:
        return False
    summary, latency = found.summary, found.latency
    longest_s = max(latency.service.max_ns, latency.failed.max_ns) / 1e9
    return summary.timeouts > 0 or max(longest_s, summary.oldest_in_flight_s) >= SENT_AGAIN_S
