"""The loop of one worker: wait, serve what is ready, expire what is late, connect what is free.

1. Edge-triggered epoll: each connection is registered once, so no system call but recv and send
   is spent on a request.
2. Every wait has an end: the stop, the oldest request's timeout, the oldest connect's, the next
   retry, or 50 ms, at which the parent's word is looked at.
"""

from libc.errno cimport ETIMEDOUT
from libc.stdint cimport uint32_t, uint64_t

from fastbench.engine.block cimport CONNECTING, ENDED, IN_CONNECT, IN_TLS, READY, RUNNING
from fastbench.engine.conn cimport (
    CONNECTING_TCP, CONNECTING_TLS, OPEN, Conn, Request, Worker, connect_failed,
    connect_some, connected, fresh_may_connect, handshake, next_retry_ns,
)
from fastbench.engine.exchange cimport receive, send_more, time_out
from fastbench.engine.fifo cimport Node
from fastbench.engine.kernel cimport (
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP, PR_SET_TIMERSLACK, epoll_event, now_ns, prctl, wait,
)

cdef enum:
    EVENTS = 256
    LONGEST_WAIT_NS = 50000000
    START_POLL_NS = 500000
    PATIENCE_NS = 50000000


cdef inline uint64_t earlier(uint64_t a, uint64_t b) noexcept nogil:
    return a if a < b else b


cdef inline uint64_t next_ns(const Worker *w) noexcept nogil:
    """When the loop must look up again, if no event comes before."""
    cdef uint64_t when = w.now_ns + LONGEST_WAIT_NS
    if fresh_may_connect(w):
        return 0
    if not w.running:
        when = w.now_ns + START_POLL_NS
        if w.control.start_ns:
            when = earlier(when, w.control.start_ns)
    elif w.control.stop_ns:
        when = earlier(when, w.control.stop_ns)
    if w.flying.first != NULL:
        when = earlier(when, (<Request *>w.flying.first).sent_ns + w.timeout_ns)
    if w.connecting.first != NULL:
        when = earlier(when, (<Conn *>w.connecting.first).begun_ns + w.connect_timeout_ns)
    return earlier(when, next_retry_ns(w))


cdef inline void expire(Worker *w) noexcept nogil:
    """Requests and connects past their time. Both lists are oldest first."""
    cdef Request *r = <Request *>w.flying.first
    cdef Conn *c = <Conn *>w.connecting.first
    while r != NULL and r.sent_ns + w.timeout_ns <= w.now_ns:
        time_out(w, r)
        r = <Request *>w.flying.first
    while c != NULL and c.begun_ns + w.connect_timeout_ns <= w.now_ns:
        connect_failed(w, c, ETIMEDOUT, IN_TLS if c.state == CONNECTING_TLS else IN_CONNECT)
        c = <Conn *>w.connecting.first


cdef inline void on_event(Worker *w, Conn *c, uint32_t events) noexcept nogil:
    if c.state != OPEN:
        if not (connected(w, c) if c.state == CONNECTING_TCP else handshake(w, c)):
            return
        w.now_ns = now_ns()
    if events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) and not receive(w, c, events):
        return
    send_more(w, c)


cdef inline void start_when_told(Worker *w) noexcept nogil:
    """Cross the start line: every connection that is open sends its first request.

    Ready is a worker whose connections all connected or failed once. Where nothing connects for a
    whole timeout, waiting for each batch of 128 to time out would tell nothing new.
    """
    cdef uint32_t i
    if w.slot.settled < w.n_conns and w.now_ns < w.opened_ns + w.connect_timeout_ns + PATIENCE_NS:
        return
    w.slot.state = READY
    if w.control.start_ns == 0 or w.now_ns < w.control.start_ns:
        return
    w.running = True
    w.slot.state = RUNNING
    for i in range(w.n_conns):
        if w.conns[i].state == OPEN:
            w.now_ns = now_ns()
            send_more(w, &w.conns[i])


cdef inline bint finished(const Worker *w) noexcept nogil:
    if w.control.stop or (w.control.stop_ns and w.now_ns >= w.control.stop_ns):
        return True
    return w.running and w.budget == 0 and w.flying.first == NULL


cdef inline void take_stock(Worker *w) noexcept nogil:
    """What is still in flight when the worker stops, counted one by one."""
    cdef Node *node = w.flying.first
    w.slot.end_ns = w.now_ns
    if node != NULL:
        w.slot.oldest_sent_ns = (<Request *>node).sent_ns
    while node != NULL:
        w.slot.in_flight += 1
        node = node.after
    w.slot.state = ENDED


cdef inline void run(Worker *w) noexcept nogil:
    """Connect, wait for the start line, load the server until told or done."""
    cdef epoll_event events[EVENTS]
    cdef uint64_t before
    cdef uint64_t until
    cdef int n, i
    prctl(PR_SET_TIMERSLACK, 1)
    w.slot.state = CONNECTING
    w.now_ns = now_ns()
    w.opened_ns = w.now_ns
    connect_some(w)
    while not finished(w):
        before = now_ns()
        until = next_ns(w)
        n = wait(w.epoll, events, EVENTS, until - before if until > before else 0)
        w.now_ns = now_ns()
        if w.running:
            w.slot.idle_ns += w.now_ns - before
            if finished(w):
                break
        for i in range(n):
            on_event(w, <Conn *>events[i].data.ptr, events[i].events)
        if not w.running:
            start_when_told(w)
        expire(w)
        connect_some(w)
    take_stock(w)
