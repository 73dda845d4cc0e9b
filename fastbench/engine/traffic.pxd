"""When requests begin, and which version of HTTP carries them.

1. In a closed loop a request is written right after the answer that made room for it was parsed, in
   the same turn of the loop: holding sends back would flatter the latency. Connections that carry
   several streams are the exception: all that is ready is read first, then one send carries all the
   requests of a connection, which are stamped right before it.
2. Under a plan a request is written when it is due, on the connection that has been idle longest.
"""

from libc.stdint cimport uint32_t, uint64_t

from fastbench.engine.block cimport LAG
from fastbench.engine.conn cimport release, surplus
from fastbench.engine.http1.exchange cimport receive, start_request, time_out, write_out
from fastbench.engine.fifo cimport pop, push
from fastbench.engine.hdr cimport record
from fastbench.engine.http2.multiplex cimport (
    flush_session, receive_frames, start_stream, streams_left, time_out_stream,
)
from fastbench.engine.http2.session_life cimport leave
from fastbench.engine.kernel cimport now_ns
from fastbench.engine.pace cimport advance
from fastbench.engine.texts.supply cimport (
    count_wait, may_start, start_text, start_texts,
)
from fastbench.engine.texts.text_ring cimport has_text, say_waiting, wake_producer
from fastbench.engine.texts.timers cimport earliest_ns, take_timer
from fastbench.engine.worker cimport OPEN, Conn, Request, Worker


cdef inline bint has_room(const Worker *w, const Conn *c) noexcept nogil:
    """May it carry one request more?"""
    if c.speaks_http2:
        return streams_left(c)
    return c.in_flight < w.pipeline


cdef inline void start(Worker *w, Conn *c, uint64_t due_ns) noexcept nogil:
    if w.texts != NULL:
        start_text(w, c, due_ns)
    elif c.speaks_http2:
        start_stream(w, c, due_ns)
    else:
        start_request(w, c, due_ns)


cdef inline void mark(Worker *w, Conn *c) noexcept nogil:
    """Let it be flushed when all that is ready was read."""
    if c.marked:
        return
    c.marked = True
    c.next_marked = NULL
    if w.first_marked == NULL:
        w.first_marked = c
    else:
        w.last_marked.next_marked = c
    w.last_marked = c


cdef inline void write(Worker *w, Conn *c) noexcept nogil:
    """Write what is unsent, now or when all that is ready was read."""
    if not c.speaks_http2:
        write_out(w, c)
    elif w.streams > 1:
        mark(w, c)
    else:
        flush_session(w, c)


cdef inline void start_all(Worker *w, Conn *c) noexcept nogil:
    if w.texts != NULL:
        start_texts(w, c)
        return
    while w.budget and has_room(w, c):
        start(w, c, 0)


cdef inline void flush_marked(Worker *w) noexcept nogil:
    """Begin the requests for which there is room, and write."""
    cdef Conn *c
    while w.first_marked != NULL:
        c = w.first_marked
        w.first_marked = c.next_marked
        c.marked = False
        if c.state != OPEN:
            continue
        w.now_ns = now_ns()
        if w.running and not w.planned and not surplus(w, c):
            start_all(w, c)
        flush_session(w, c)


cdef inline void take_away(Worker *w, Request *r) noexcept nogil:
    """It took too long."""
    cdef Conn *c = r.conn
    if not c.speaks_http2:
        time_out(w, r)
    elif time_out_stream(w, r):
        w.now_ns = now_ns()
        send_more(w, c)


cdef inline bint take_in(Worker *w, Conn *c, uint32_t events) noexcept nogil:
    """Read until the socket is empty; false when the connection is gone."""
    if c.speaks_http2:
        return receive_frames(w, c, events)
    return receive(w, c, events)


cdef inline void offer(Worker *w, Conn *c) noexcept nogil:
    """An open connection has room for a planned request."""
    if not c.idle and has_room(w, c):
        c.idle = 1
        c.idle_ns = w.now_ns
        push(&w.idle, &c.node)


cdef inline void keep_pace(Worker *w) noexcept nogil:
    """Start what is due, each on the connection that has been idle longest."""
    cdef Conn *c
    cdef uint64_t due_ns
    while w.budget and w.pace.next.due_ns <= w.now_ns and may_start(w):
        due_ns = w.pace.next.due_ns
        advance(&w.pace, &w.pace.next)
        c = <Conn *>pop(&w.idle) if w.texts == NULL or has_text(w.texts) else NULL
        if c == NULL:
            w.counts.dropped += 1
            w.budget -= 1
            continue
        c.idle = 0
        w.now_ns = now_ns()
        record(&w.counts.latency[LAG], w.now_ns - (due_ns if due_ns > c.idle_ns else c.idle_ns))
        start(w, c, due_ns)
        offer(w, c)
        write(w, c)


cdef inline void send_more(Worker *w, Conn *c) noexcept nogil:
    """Give an open connection work and write it; `w.now_ns` must be fresh."""
    if surplus(w, c):
        if c.in_flight == 0:
            if c.speaks_http2:
                leave(w, c)
            else:
                release(w, c, True)
            return
    elif w.running and w.planned:
        offer(w, c)
        write(w, c)                 # what is sent again
        keep_pace(w)
        return
    elif w.running and not (c.speaks_http2 and w.streams > 1):
        start_all(w, c)
    write(w, c)


cdef inline void serve_waiting(Worker *w) noexcept nogil:
    """Texts to the connections that wait for them, the one that waits longest first."""
    cdef Conn *c
    w.texts.serving = True
    while w.budget and w.idle.first != NULL and has_text(w.texts):
        c = <Conn *>pop(&w.idle)
        c.idle = 0
        w.now_ns = now_ns()
        count_wait(w, c, w.now_ns)
        send_more(w, c)
    w.texts.serving = False


cdef inline void serve_texts(Worker *w) noexcept nogil:
    """Once in each turn of the loop, where a script makes the requests."""
    cdef Conn *c
    while w.running and earliest_ns(&w.texts.timers) <= w.now_ns:
        c = &w.conns[take_timer(&w.texts.timers)]
        if c.state == OPEN:
            w.now_ns = now_ns()
            send_more(w, c)
    if w.running and w.planned:
        if w.pace.next.due_ns <= w.now_ns and not has_text(w.texts):
            say_waiting(&w.texts.engine_waits)
        keep_pace(w)
    elif w.running:
        serve_waiting(w)
        if w.idle.first != NULL:
            say_waiting(&w.texts.engine_waits)
            serve_waiting(w)
    wake_producer(w.texts)
