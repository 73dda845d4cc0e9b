"""When a connection of HTTP/2 is open, how it ends, and what becomes of its requests then.

1. It is open once the server's SETTINGS came and allow a stream: until then connecting lasts. One
   on which no stream is allowed any more, when the last one has ended, is STALLED: it connects
   again, as it were, and has the connect timeout for it.
2. What we end in order ends with GOAWAY, so that the server knows that all was wanted.
3. What was lost with the connection goes once more by the rules of HTTP/1.1
   (`rules.may_send_again`).
"""

from libc.stdint cimport int32_t, uint32_t

from fastbench.engine.block cimport (
    CONNECT_TIMEOUT, IN_HEAD, IN_SETTINGS, PROTOCOL, Kind, count_error,
)
from fastbench.engine.byurl cimport count_failed
from fastbench.engine.conn cimport fail_kept, not_idle, opened, release, settle
from fastbench.engine.fifo cimport push, remove
from fastbench.engine.http2.frame cimport NO_ERROR, put_goaway, unwritten
from fastbench.engine.http2.lingering cimport linger
from fastbench.engine.http2.message cimport NO_STREAMS
from fastbench.engine.http2.stream cimport (
    BEGUN, FREE, QUEUED, Session, Stream, forget, queue_again,
)
from fastbench.engine.kernel cimport now_ns
from fastbench.engine.rules cimport SESSION_RULE, may_send_again, phase_of_stream
from fastbench.engine.worker cimport OPEN, SETTLING, STALLED, Conn, Request, Worker


# The ends of requests

cdef inline void end_stream(Worker *w, Conn *c, uint32_t slot) noexcept nogil:
    remove(&w.flying, &c.ring[slot].node)
    c.in_flight -= 1
    forget(c.session, slot)


cdef inline void fail_stream(Worker *w, Conn *c, uint32_t slot, Kind kind,
                             int32_t code) noexcept nogil:
    cdef Request *r = &c.ring[slot]
    count_error(r.slot, kind, phase_of_stream(&c.session.streams[slot]), code, 1, now_ns())
    count_failed(w, r)
    end_stream(w, c, slot)


cdef inline void send_again(Worker *w, Conn *c, uint32_t slot) noexcept nogil:
    c.ring[slot].retried += 1
    c.ring[slot].first_ns = 0
    c.ring[slot].slot.retried += 1
    queue_again(c.session, slot)


cdef inline void lost_session(Worker *w, Conn *c, Kind kind, int32_t code) noexcept nogil:
    """The connection is no more: each request in flight is kept to be sent again, or has failed."""
    cdef Session *s = c.session
    cdef uint32_t failed = 0
    cdef uint32_t slot
    cdef Stream *st
    cdef Request *r
    for slot in range(s.n_streams):
        st = &s.streams[slot]
        r = &c.ring[slot]
        if st.state == FREE or st.state == QUEUED:
            continue
        if w.retry_allowed and not st.flags & BEGUN and may_send_again(
                kind, c.served != 0, w.templates[r.template].idempotent, r.retried != 0):
            send_again(w, c, slot)
        else:
            fail_stream(w, c, slot, kind, code)
            failed += 1
    if failed == 0 and (c.in_flight == 0 or kind == PROTOCOL):
        count_error(w.counts, kind, IN_HEAD, code, 1, now_ns())
    release(w, c, False)


# The ends of connections

cdef inline void send_rest(Worker *w, Conn *c) noexcept nogil:
    """Write what is in the outbox once, before the connection is closed."""
    cdef Session *s = c.session
    cdef ssize_t n = 0
    if unwritten(&s.out):
        n = w.transport.send(&c.link, s.out.bytes + s.out.begin, unwritten(&s.out))
    if n > 0:
        w.counts.bytes_out += n


cdef inline void say_goodbye(Worker *w, Conn *c) noexcept nogil:
    """Say that we end it, as far as the socket takes that."""
    put_goaway(&c.session.out, NO_ERROR)
    send_rest(w, c)


cdef inline void leave(Worker *w, Conn *c) noexcept nogil:
    """No more requests are wanted on this connection: say so, and close it."""
    say_goodbye(w, c)
    release(w, c, True)


cdef inline void take_leave(Worker *w) noexcept nogil:
    """The run is over, and its connections end with the process."""
    cdef uint32_t i
    for i in range(w.n_conns):
        if w.conns[i].state >= SETTLING and w.conns[i].speaks_http2:
            say_goodbye(w, &w.conns[i])


cdef inline bint session_failed(Worker *w, Conn *c, Kind kind, int32_t code) noexcept nogil:
    """The server never said its SETTINGS, or something else."""
    count_error(w.counts, kind, IN_SETTINGS, code, c.in_flight if c.in_flight else 1, now_ns())
    fail_kept(w, c)
    settle(w, c)
    release(w, c, False)
    return False


cdef inline void stall(Worker *w, Conn *c) noexcept nogil:
    """The server allows no stream any more, and none is open."""
    w.slot.connected -= 1
    c.state = STALLED
    c.begun_ns = now_ns()
    w.n_connecting += 1
    push(&w.connecting, &c.node)


cdef inline void resume(Worker *w, Conn *c) noexcept nogil:
    """It is open again."""
    w.n_connecting -= 1
    remove(&w.connecting, &c.node)
    c.state = OPEN
    w.slot.connected += 1


cdef inline void heed_settings(Worker *w, Conn *c) noexcept nogil:
    """SETTINGS came: maybe the first ones, maybe with another limit of streams."""
    if c.in_flight >= c.session.limit:
        not_idle(w, c)
    if c.session.limit == 0:
        return
    if c.state == SETTLING:
        opened(w, c)
        w.slot.sessions += 1
    elif c.state == STALLED:
        resume(w, c)
    w.slot.stream_limit = c.session.limit


cdef inline void time_out_session(Worker *w, Conn *c) noexcept nogil:
    """Connecting took too long, or ended before a stream was allowed.

    Requests that wait for a stream go to the next connection, where this one was open before.
    """
    if c.state == STALLED:
        count_error(w.counts, PROTOCOL, IN_SETTINGS, SESSION_RULE + NO_STREAMS, 1, now_ns())
        resume(w, c)
        c.served = 0                # do not come back at once
        leave(w, c)
    elif c.session.settled:
        say_goodbye(w, c)
        session_failed(w, c, PROTOCOL, SESSION_RULE + NO_STREAMS)
    else:
        session_failed(w, c, CONNECT_TIMEOUT, 0)


cdef inline void break_session(Worker *w, Conn *c, uint32_t rule) noexcept nogil:
    """The server broke a rule of the connection: tell it why, if it still reads."""
    send_rest(w, c)
    linger(w, c)
    c.served = 0                    # do not come back at once
    if c.state == SETTLING:
        session_failed(w, c, PROTOCOL, SESSION_RULE + <int32_t>rule)
    else:
        lost_session(w, c, PROTOCOL, SESSION_RULE + <int32_t>rule)
