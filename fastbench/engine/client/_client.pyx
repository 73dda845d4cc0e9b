"""The client of scenarios: HTTP connections on an event loop, and metrics in shared memory.

The engine's parser, sockets and TLS do the work; uvloop says which socket is ready; a finished
answer resumes the coroutine that waits for it at once, without a future or a turn of the loop.
"""

import asyncio
import os
import re
from collections import deque

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.contextvars cimport PyContext_Enter, PyContext_Exit
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.errno cimport EAGAIN, EINPROGRESS, ETIMEDOUT
from libc.math cimport INFINITY
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, itimerspec, timespec
from posix.unistd cimport read

cimport fastbench.engine.addresses as addresses
cimport fastbench.engine.arena as arena
cimport fastbench.engine.block as block
cimport fastbench.engine.codec as codec
cimport fastbench.engine.websocket.frames as frames
cimport fastbench.engine.hdr as hdr
cimport fastbench.engine.http2.frame as h2frame
cimport fastbench.engine.http2.hpack as hpack
cimport fastbench.engine.http2.message as h2message
cimport fastbench.engine.http2.request_block as request_block
cimport fastbench.engine.http2.session as h2session
cimport fastbench.engine.http2.stream as h2stream
cimport fastbench.engine.http1.http as http
cimport fastbench.engine.kernel as kernel
cimport fastbench.engine.pace as pace
cimport fastbench.engine.proxy.passage as passage
cimport fastbench.engine.proxy.tunnel as tunnel
cimport fastbench.engine.http1.response as response
cimport fastbench.engine.rules as rules
cimport fastbench.engine.tls as tls
cimport fastbench.engine.trend as trend
cimport fastbench.engine.websocket.upgrade as upgrade
from fastbench.engine.bridge._core cimport Block, Histogram, code_name, fill_tunnel, view_of
from fastbench.engine.http2.meaning cimport set_up_hpack

from fastbench.engine.bridge._core import (
    CONNECTION_PROTOCOLS, ERROR_KINDS, ERROR_PHASES, FRAME_RULES, WORKER_STATES,
)

cdef extern from "<sys/timerfd.h>" nogil:
    int TFD_NONBLOCK, TFD_CLOEXEC, TFD_TIMER_ABSTIME
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec *new, itimerspec *old)

cdef extern from "<time.h>" nogil:
    int CLOCK_THREAD_CPUTIME_ID

cdef enum:
    NS_PER_S = 1000000000
    BEAT_NS = 20000000
    READ_BYTES = 262144
    LEAST_REGION_BYTES = 1 << 23
    LARGE_BYTES = 1 << 14       # of a body
    MAX_LARGE = 8               # bodies of this size whose requests are kept rendered

REGION_BYTES = 1 << 32
# Two builds that share memory have one; see _core.LAYOUT.
LAYOUT = " ".join(str(size) for size in (
    arena.ENTRY_KINDS, sizeof(arena.Region), sizeof(arena.Entry), sizeof(arena.Gauge),
    sizeof(arena.Rate), sizeof(arena.Requests), sizeof(arena.Named), sizeof(hdr.Hdr),
    sizeof(trend.Trend)))
PASS_ON_S = 1.0              # for one address of several
TIMEOUT_NS = 60 * 10**9      # k6's, of a whole request
CONNECT_TIMEOUT_NS = 30 * 10**9


set_up_hpack()


cdef uint64_t thread_cpu_ns():
    cdef timespec now
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return <uint64_t>now.tv_sec * NS_PER_S + <uint64_t>now.tv_nsec


cdef void set_timer(int timer, uint64_t at_ns, uint64_t every_ns):
    cdef itimerspec when
    when.it_value.tv_sec = <long>(at_ns // NS_PER_S)
    when.it_value.tv_nsec = <long>(at_ns % NS_PER_S)
    when.it_interval.tv_sec = <long>(every_ns // NS_PER_S)
    when.it_interval.tv_nsec = <long>(every_ns % NS_PER_S)
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL)


cdef uint64_t drain_timer(int timer):
    """How often the timer went off since it was asked last."""
    cdef uint64_t times = 0
    if read(timer, &times, sizeof(times)) != sizeof(times):
        return 0
    return times


include "_cells.pxi"
include "_arena.pxi"
include "_clockwork.pxi"
include "_answer.pxi"
include "_response.pxi"
include "_operation.pxi"
include "_origin.pxi"
include "_deadlines.pxi"
include "_ready.pxi"
include "_pool.pxi"
include "_lingering.pxi"
include "_multiplexer.pxi"
include "_connection.pxi"
include "_intake.pxi"
include "_exchange.pxi"
include "_stream.pxi"
include "_frames.pxi"
include "_arrival.pxi"
include "_websocket.pxi"
