"""One connection's life: wait, connect, (TLS) handshake, ready, lost, wait again.

1. A connection is in one place at a time: `fresh` (may connect now), `retry` (failed, waits),
   `connecting`, `idle` (open, waits for a planned request), or in no list: open and at work, or
   parked because the plan asks for fewer. At most 128 connect at once.
2. A connection that ended without one complete answer has failed: it waits 50 to 100 ms, and while
   nothing succeeds anywhere, attempts are at least 10 to 15 ms apart. So a dead server costs at
   most 100 attempts per second, and load resumes at once when the first one succeeds.
3. Of several addresses (`addresses.pxd`) one that does not answer costs nothing: its connections go
   to the next one, at once and with the requests they hold. Only when none answers, one has failed.
4. What becomes of requests in flight is decided in `http1.exchange` and `http2.multiplex`, before
   `release` is called.
"""

from libc.errno cimport EAGAIN, EINPROGRESS, ETIMEDOUT
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from fastbench.engine.addresses cimport answered, choose, missed
from fastbench.engine.block cimport (
    CONNECT_TIME, IN_CONNECT, IN_TLS, PROTOCOL, THROUGH_PROXY, TO_PROXY, Phase, count_error,
)
from fastbench.engine.byurl cimport count_failed
from fastbench.engine.fifo cimport pop, push, push_first, remove
from fastbench.engine.hdr cimport record
from fastbench.engine.http2.stream cimport FREE, forget
from fastbench.engine.kernel cimport (
    Address, connect, now_ns, open_stream, socket_error, watch,
)
from fastbench.engine.proxy.passage cimport phase_of_handshake
from fastbench.engine.rules cimport CHANGED_PROTOCOL, NO_HTTP2, kind_of_connect
from fastbench.engine.texts.text_ring cimport give_back
from fastbench.engine.tls cimport http2_chosen
from fastbench.engine.worker cimport (
    CONNECTING_TCP, CONNECTING_TLS, ONLY_HTTP1, ONLY_HTTP2, OPEN, SETTLING, UPGRADING, WAITING,
    Conn, Request, Worker,
)

cdef enum:
    MAX_CONNECTING = 128
    RETRY_NS = 50000000
    GATE_NS = 10000000
    POSTPONE_NS = 1000000


cdef inline void set_up(Worker *w, Request *requests, uint32_t first) noexcept nogil:
    """Give each connection its ring of `requests` and its addresses; all may connect.

    `first` is the number of the first one, counted over all workers.
    """
    cdef uint32_t i, j
    cdef Conn *c
    for i in range(w.n_conns):
        c = &w.conns[i]
        c.link.fd = -1
        c.ring = &requests[<size_t>i * w.ring_size]
        for j in range(w.ring_size):
            c.ring[j].conn = c
        if w.n_sources:
            c.source = <uint16_t>((first + i) % w.n_sources)
        c.home = c.target = (first + i) % w.n_targets
        if i < w.n_active:
            push(&w.fresh, &c.node)
        else:
            c.parked = 1


cdef inline uint64_t roll(Worker *w, uint64_t below) noexcept nogil:
    """A pseudo-random number (xorshift64, Marsaglia 2003): only to spread retries."""
    w.rng ^= w.rng << 13
    w.rng ^= w.rng >> 7
    w.rng ^= w.rng << 17
    return w.rng % below


cdef inline void settle(Worker *w, Conn *c) noexcept nogil:
    if not c.settled:
        c.settled = 1
        w.slot.settled += 1


cdef inline bint surplus(const Worker *w, const Conn *c) noexcept nogil:
    """Does the plan ask for fewer connections than would include this one?"""
    return c - w.conns >= w.n_active


cdef inline void queue_up(Worker *w, Conn *c) noexcept nogil:
    """Let it connect next: first of all if it holds requests, since those that hold none may not
    connect any more, when no request is left for them (`fresh_may_connect`)."""
    if c.in_flight:
        push_first(&w.fresh, &c.node)
    else:
        push(&w.fresh, &c.node)


cdef inline void not_idle(Worker *w, Conn *c) noexcept nogil:
    """It has no room for a planned request any more."""
    if c.idle:
        c.idle = 0
        remove(&w.idle, &c.node)


cdef inline void release(Worker *w, Conn *c, bint orderly) noexcept nogil:
    """Close the socket and queue the connection to connect again, later if it was of no use; one
    that the plan does not ask for any more is parked instead."""
    not_idle(w, c)
    if c.state == OPEN:
        w.slot.connected -= 1
    if WAITING < c.state < OPEN:
        w.n_connecting -= 1
        remove(&w.connecting, &c.node)
    if c.link.fd >= 0:
        w.transport.close(&c.link, orderly and c.state == OPEN)
    c.state = WAITING
    if surplus(w, c) and c.in_flight == 0:
        c.parked = 1
    elif c.served:
        queue_up(w, c)
    else:
        w.failing = True
        c.due_ns = now_ns() + RETRY_NS + roll(w, RETRY_NS)
        push(&w.retry, &c.node)
    c.served = 0
    c.sent_bytes = 0
    c.begun_ns = 0


cdef inline void turn(Worker *w, Conn *c) noexcept nogil:
    """Connect to another address at once."""
    w.n_connecting -= 1
    remove(&w.connecting, &c.node)
    if c.link.fd >= 0:
        w.transport.close(&c.link, False)
    c.state = WAITING
    c.begun_ns = 0
    queue_up(w, c)


cdef inline void fail_kept(Worker *w, Conn *c) noexcept nogil:
    """Requests that were kept to be sent again end with the connection that was to carry them."""
    cdef uint32_t slot
    if c.speaks_http2 and c.session != NULL:
        for slot in range(w.streams):
            if c.session.streams[slot].state != FREE:
                remove(&w.flying, &c.ring[slot].node)
                count_failed(w, &c.ring[slot])
                forget(c.session, slot)
        c.in_flight = 0
    while c.in_flight:
        if w.texts != NULL:
            give_back(w.texts, c.ring[c.first].number)
        remove(&w.flying, &c.ring[c.first].node)
        count_failed(w, &c.ring[c.first])
        c.first = c.first + 1 if c.first + 1 < w.pipeline else 0
        c.in_flight -= 1
    c.unsent = 0


cdef inline void connect_failed(Worker *w, Conn *c, int code, Phase phase) noexcept nogil:
    """`code` is an errno or a TLS code, both positive. Requests kept for a retry die with it."""
    cdef uint64_t count = c.in_flight if c.in_flight else 1
    if phase == IN_CONNECT and missed(w.targets, w.n_targets, c.target,
                                      &w.slot.addresses[c.target], code, now_ns(), c.trial):
        turn(w, c)
        return
    count_error(w.counts, kind_of_connect(code, phase), phase, code, count, now_ns())
    fail_kept(w, c)
    settle(w, c)
    release(w, c, False)


cdef inline bint opened(Worker *w, Conn *c) noexcept nogil:
    """The transport is ready."""
    w.n_connecting -= 1
    remove(&w.connecting, &c.node)
    c.state = OPEN
    w.slot.connected += 1
    w.counts.connects += 1
    w.slot.addresses[c.target].connects += 1
    answered(&w.targets[c.target])
    w.opened_ns = now_ns()
    record(&w.counts.latency[CONNECT_TIME], w.opened_ns - c.begun_ns)
    if c.link.passage != NULL:
        record(&w.counts.latency[TO_PROXY], c.link.passage.begun_ns - c.begun_ns)
        record(&w.counts.latency[THROUGH_PROXY], w.opened_ns - c.link.passage.begun_ns)
    settle(w, c)
    return True


cdef inline bint agree(Worker *w, Conn *c) noexcept nogil:
    """The transport is ready: does HTTP/2 follow, by the server's choice or by ours?

    Without TLS it is spoken at once (prior knowledge, RFC 9113 section 3.3).
    """
    cdef bint http2 = http2_chosen(&c.link) if c.link.ssl != NULL else w.protocols == ONLY_HTTP2
    if w.protocols == ONLY_HTTP2 and not http2:
        connect_failed(w, c, NO_HTTP2, IN_TLS)
        return False
    if c.in_flight and http2 != c.speaks_http2:     # kept for a server that chose the other one
        count_error(w.counts, PROTOCOL, IN_TLS, CHANGED_PROTOCOL, c.in_flight, now_ns())
        fail_kept(w, c)
    c.speaks_http2 = http2
    if not http2:
        return opened(w, c)
    c.state = SETTLING
    return False


cdef inline bint handshake(Worker *w, Conn *c) noexcept nogil:
    """Take the handshake further, with a proxy, in TLS, or both; true when the connection is open.

    One that is to become a WebSocket is UPGRADING now (see `websocket`), one of HTTP/2 SETTLING.
    """
    cdef int code = w.transport.handshake(&c.link, w.slot)
    if code == 0:
        if w.talk.flush != NULL:
            c.state = UPGRADING
        elif w.protocols == ONLY_HTTP1:
            return opened(w, c)
        else:
            return agree(w, c)
    elif code != -EAGAIN:
        connect_failed(w, c, -code, phase_of_handshake(&c.link))
    return False


cdef inline bint connected(Worker *w, Conn *c) noexcept nogil:
    """TCP reports the outcome of a connect; true when the connection is open."""
    cdef int code = socket_error(c.link.fd)
    if code == 0:
        code = -w.transport.open(&w.tls, &c.link)
    if code != 0:
        connect_failed(w, c, code, IN_CONNECT)
        return False
    c.state = CONNECTING_TLS
    return handshake(w, c)


cdef inline int attempt(Worker *w, Conn *c) noexcept nogil:
    """Open a socket and connect it: 0 connected, -EINPROGRESS under way, else -errno."""
    cdef Address *source = NULL
    cdef Address *to
    cdef int outcome
    cdef int code
    if w.n_targets > 1:
        c.target = choose(w.targets, w.n_targets, c.home, now_ns(), w.connect_timeout_ns, &c.trial)
    to = &w.targets[c.target].where
    if w.n_sources:
        source = &w.sources[c.source]
    code = open_stream(to.where.ss_family, source, w.no_delay)
    if code < 0:
        return code
    c.link.fd = code
    outcome = connect(c.link.fd, to)
    if outcome == 0 or outcome == -EINPROGRESS:
        code = watch(w.epoll, c.link.fd, c)
        if code < 0:
            return code
    return outcome


cdef inline void postpone(Worker *w, Conn *c) noexcept nogil:
    """A Unix socket's queue is full (connect(2), EAGAIN): not a failure yet, try again soon."""
    w.n_connecting -= 1
    remove(&w.connecting, &c.node)
    w.transport.close(&c.link, False)
    c.state = WAITING
    c.due_ns = now_ns() + POSTPONE_NS
    push(&w.retry, &c.node)


cdef inline void begin_connect(Worker *w, Conn *c) noexcept nogil:
    """Start connecting. Even one that succeeds at once is opened by its first event."""
    cdef int code
    if c.begun_ns == 0:
        c.begun_ns = now_ns()
    c.state = CONNECTING_TCP
    w.n_connecting += 1
    push(&w.connecting, &c.node)
    code = attempt(w, c)
    if code == -EAGAIN:
        if now_ns() - c.begun_ns < w.connect_timeout_ns:
            postpone(w, c)
        else:
            connect_failed(w, c, ETIMEDOUT, IN_CONNECT)
    elif code != 0 and code != -EINPROGRESS:
        connect_failed(w, c, -code, IN_CONNECT)


cdef inline uint64_t next_retry_ns(const Worker *w) noexcept nogil:
    """When the oldest of `retry` may connect; never before the start line if it failed already."""
    cdef const Conn *c = <const Conn *>w.retry.first
    if c == NULL or w.n_connecting >= MAX_CONNECTING or not (w.running or c.begun_ns):
        return <uint64_t>-1
    return w.gate_ns if w.failing and w.gate_ns > c.due_ns else c.due_ns


cdef inline bint fresh_may_connect(const Worker *w) noexcept nogil:
    """Is there a fresh connection, and a request left that those under way will not take?"""
    cdef const Conn *c = <const Conn *>w.fresh.first
    if c == NULL or w.n_connecting >= MAX_CONNECTING:
        return False
    return not w.running or c.in_flight or w.n_connecting < w.budget


cdef inline void connect_or_park(Worker *w, Conn *c) noexcept nogil:
    if surplus(w, c) and c.in_flight == 0:
        c.parked = 1
    else:
        begin_connect(w, c)


cdef inline void connect_some(Worker *w) noexcept nogil:
    """Begin what may begin now: fresh ones at once, failed ones when their wait is over."""
    while fresh_may_connect(w):
        connect_or_park(w, <Conn *>pop(&w.fresh))
    while next_retry_ns(w) <= w.now_ns:
        w.gate_ns = w.now_ns + GATE_NS + roll(w, GATE_NS // 2)
        connect_or_park(w, <Conn *>pop(&w.retry))


cdef inline void ask_for(Worker *w, uint32_t count) noexcept nogil:
    """The plan asks for the first `count` connections; the others end when their answers came."""
    cdef uint32_t i
    cdef uint32_t before = w.n_active
    w.n_active = count
    w.slot.active = count
    for i in range(before, count):
        if w.conns[i].parked:
            w.conns[i].parked = 0
            push(&w.fresh, &w.conns[i].node)
