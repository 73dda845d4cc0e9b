"""Requests and their answers on an open connection of HTTP/1.1.

1. A request is written right after the answer that made room for it was parsed, in the same turn
   of the loop: holding sends back would flatter the latency. When one begins: see `traffic`.
2. An idempotent request that got nothing back on a connection that had served before is sent once
   more on a new one (RFC 9112 section 9.3.1); its service time goes on from the first sending.
"""

from libc.errno cimport EAGAIN
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from fastbench.engine.block cimport (
    IN_HEAD, IN_IDLE, IN_SEND, RESET, TIMEOUT, TRUNCATED, UNSOLICITED, Kind, Phase, Slot,
    UrlCounts, count_error,
)
from fastbench.engine.byurl cimport count_failed, url_counts
from fastbench.engine.codec cimport Needle, feed
from fastbench.engine.conn cimport release
from fastbench.engine.fifo cimport remove
from fastbench.engine.kernel cimport (
    EPOLLERR, EPOLLHUP, EPOLLRDHUP, discard, now_ns,
)
from fastbench.engine.http1.response cimport FAILED, FOUND, HEAD_ONLY, START, Asked, ended
from fastbench.engine.rules cimport (
    cause, kind_of_broken, kind_of_loss, may_send_again, phase_of, stays_open, untouched,
)
from fastbench.engine.texts.telling cimport feed_and_tell, tell_end
from fastbench.engine.texts.text_ring cimport give_back
from fastbench.engine.tally cimport BEHIND_TIMEOUT, begin_request, count_timeout, judge
from fastbench.engine.varied.request_text cimport needle_of, nothing_expected, text_of
from fastbench.engine.worker cimport OPEN, Conn, Request, Worker

cdef enum:
    READ_BYTES = 32768
    GLANCE_BYTES = 4096             # read of a large answer whose body is then discarded
    LARGE_BODY_BYTES = 65536
    SCRATCH_BYTES = 65536


cdef inline Request *nth(Worker *w, Conn *c, uint32_t n) noexcept nogil:
    """The n-th oldest request in flight on `c`."""
    n += c.first
    return &c.ring[n if n < w.pipeline else n - w.pipeline]


cdef inline size_t largest_bytes(const Worker *w, const Request *r) noexcept nogil:
    """How many bytes a request has at most."""
    if w.texts != NULL:
        return w.texts.texts[r.number].n_bytes
    return w.templates[r.template].n_bytes


cdef inline bint is_idempotent(const Worker *w, const Request *r) noexcept nogil:
    if w.texts != NULL:
        return w.texts.texts[r.number].idempotent
    return w.templates[r.template].idempotent


cdef inline void expect_answer(Worker *w, Conn *c) noexcept nogil:
    cdef const Request *r = &c.ring[c.first]
    cdef bint head_only = w.templates[r.template].head_only if w.texts == NULL \
        else w.texts.texts[r.number].head_only
    w.codec.expect(&c.http, <Asked>head_only)


cdef inline void forget_oldest(Worker *w, Conn *c) noexcept nogil:
    """The oldest request has ended; the next answer belongs to the next one."""
    if w.texts != NULL:
        give_back(w.texts, c.ring[c.first].number)
    remove(&w.flying, &c.ring[c.first].node)
    if c.unsent == c.in_flight:
        c.unsent -= 1
        c.sent_bytes = 0
    c.first = c.first + 1 if c.first + 1 < w.pipeline else 0
    c.in_flight -= 1
    if c.in_flight:
        expect_answer(w, c)


cdef inline void fail_oldest(Worker *w, Conn *c) noexcept nogil:
    count_failed(w, nth(w, c, 0))
    forget_oldest(w, c)


cdef inline bint sending(const Conn *c) noexcept nogil:
    """The oldest request in flight is not wholly written."""
    return c.unsent == c.in_flight


cdef inline Phase phase(const Conn *c) noexcept nogil:
    """How far the oldest request in flight has come."""
    return phase_of(&c.http, sending(c))


# Losing a connection

cdef inline bint may_retry(Worker *w, Conn *c, Kind kind) noexcept nogil:
    """All or none of the unanswered requests are sent again, which keeps them in order."""
    cdef Request *r
    cdef uint32_t i
    for i in range(c.in_flight):
        r = nth(w, c, i)
        if not may_send_again(kind, c.served != 0, is_idempotent(w, r), r.retried):
            return False
    return w.retry_allowed


cdef inline void lost(Worker *w, Conn *c, Kind kind, Phase phase, int32_t code) noexcept nogil:
    """The connection is no more: end or keep what was in flight, then close it."""
    cdef uint64_t failed = 0
    cdef Slot *slot = nth(w, c, 0).slot if c.in_flight else w.counts
    cdef uint32_t i
    if c.in_flight and not untouched(&c.http):
        fail_oldest(w, c)
        failed += 1
    if may_retry(w, c, kind):
        for i in range(c.in_flight):
            nth(w, c, i).retried = 1
            nth(w, c, i).first_ns = 0
        slot.retried += c.in_flight
    else:
        while c.in_flight:
            fail_oldest(w, c)
            failed += 1
    if failed or c.in_flight == 0:
        count_error(slot, kind, phase, code, failed if failed else 1, now_ns())
    c.unsent = c.in_flight
    c.sent_bytes = 0
    release(w, c, False)


cdef inline void time_out(Worker *w, Request *r) noexcept nogil:
    """`r`, the oldest of its connection, took too long; those behind it cannot be answered."""
    cdef Conn *c = r.conn
    cdef uint64_t now = now_ns()
    count_timeout(w, r, phase(c), now)
    forget_oldest(w, c)
    if c.in_flight:
        count_error(r.slot, TIMEOUT, IN_HEAD, BEHIND_TIMEOUT, c.in_flight, now)
    while c.in_flight:
        fail_oldest(w, c)
    if c.state == OPEN:             # else it was being sent again, on a connection not there yet
        release(w, c, False)


# Answers

cdef inline void count_url_bytes(Worker *w, Conn *c, uint64_t n_bytes) noexcept nogil:
    """Bytes of the answer that is read now, by its URL."""
    cdef UrlCounts *url = url_counts(w, nth(w, c, 0))
    if url != NULL:
        url.bytes_in += n_bytes


cdef inline bint answered(Worker *w, Conn *c) noexcept nogil:
    """The parser reached an end; false when the connection is gone with it."""
    cdef bint keep = stays_open(&c.http, w.keepalive, sending(c))
    cdef uint64_t now = now_ns()
    if c.http.state == FAILED:
        lost(w, c, kind_of_broken(&c.http), phase(c), c.http.rule)
        return False
    judge(w, nth(w, c, 0), c.http.status,
          c.http.flags & FOUND != 0 or c.http.asked == HEAD_ONLY
          or w.varying.expects and nothing_expected(w, nth(w, c, 0)), now)
    if w.texts != NULL:
        tell_end(w, c)
    w.now_ns = now
    w.failing = False
    w.read_bytes = READ_BYTES
    if w.discard and c.http.body_bytes > LARGE_BODY_BYTES:
        w.read_bytes = GLANCE_BYTES
    if c.served < <uint32_t>-1:
        c.served += 1
    forget_oldest(w, c)
    if keep:
        return True
    if c.in_flight:
        lost(w, c, TRUNCATED, IN_HEAD, 0)
    else:
        release(w, c, True)
    return False


cdef inline bint take(Worker *w, Conn *c, size_t n_bytes) noexcept nogil:
    """Parse what was read; false when the connection is gone."""
    cdef const Needle *needle = &w.needle
    cdef size_t at = 0
    cdef size_t taken
    while at < n_bytes:
        if c.in_flight == c.unsent and c.sent_bytes == 0:
            lost(w, c, UNSOLICITED, IN_IDLE, 0)
            return False
        if w.varying.expects:
            needle = needle_of(w, nth(w, c, 0))
        if w.texts != NULL:
            taken = feed_and_tell(w, c, w.buffer + at, n_bytes - at)
        else:
            taken = feed(&w.codec, &c.http, w.buffer + at, n_bytes - at, needle, &w.memo)
        at += taken
        if w.urls != NULL:
            count_url_bytes(w, c, taken)
        if ended(&c.http) and not answered(w, c):
            return False
    if c.in_flight and c.http.state != START and c.ring[c.first].first_ns == 0:
        c.ring[c.first].first_ns = now_ns()
    return True


cdef inline void hung_up(Worker *w, Conn *c, ssize_t outcome) noexcept nogil:
    """The read gave end of file (0) or an error (negative code)."""
    cdef int code = cause(<int>-outcome, -w.send_error)
    if c.in_flight == 0:
        w.counts.closed_idle += 1
        release(w, c, outcome == 0)
        return
    if outcome == 0 and w.codec.close(&c.http):
        answered(w, c)
    else:
        lost(w, c, kind_of_loss(code), phase(c), code)


cdef inline bint receive(Worker *w, Conn *c, uint32_t events) noexcept nogil:
    """Read until the socket is empty; false when the connection is gone."""
    cdef bint ending = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0
    cdef bint drained = False
    cdef uint64_t body_bytes
    cdef ssize_t n
    while True:
        body_bytes = w.codec.skippable(&c.http) if w.discard and c.in_flight else 0
        if body_bytes:
            if body_bytes > 1 << 30:
                body_bytes = 1 << 30
            n = discard(c.link.fd, body_bytes)
            drained = n < <ssize_t>body_bytes
        else:
            n = w.transport.recv(&c.link, w.buffer, w.read_bytes, &drained)
        if n <= 0:
            if n == -EAGAIN:
                return True
            hung_up(w, c, n)
            return False
        w.counts.bytes_in += n
        if body_bytes:
            if w.urls != NULL:
                count_url_bytes(w, c, n)
            w.codec.skip(&c.http, n)
            if ended(&c.http) and not answered(w, c):
                return False
        elif not take(w, c, n):
            return False
        if drained and not ending:
            return True


# Requests

cdef inline void start_request(Worker *w, Conn *c, uint64_t due_ns) noexcept nogil:
    cdef Request *r = nth(w, c, c.in_flight)
    begin_request(w, c, r, due_ns)
    if w.texts != NULL:
        r.number = w.texts.begun
    c.unsent += 1
    if c.in_flight == 1:
        expect_answer(w, c)


cdef inline size_t gather(Worker *w, Conn *c, const uint8_t **data,
                          uint32_t *count) noexcept nogil:
    """The bytes to write next: of one request where it lies, of several copied together.

    `count`: of so many requests they are the rest.
    """
    cdef uint32_t i = c.in_flight - c.unsent
    cdef Request *r = nth(w, c, i)
    cdef size_t n_bytes = text_of(w, r, w.scratch, data) - c.sent_bytes
    cdef size_t room = w.scratch_bytes
    cdef const uint8_t *text
    cdef size_t more
    data[0] += c.sent_bytes
    count[0] = 1
    if c.unsent == 1 or n_bytes >= room:
        return n_bytes
    memmove(w.scratch, data[0], n_bytes)
    data[0] = w.scratch
    for i in range(i + 1, c.in_flight):
        r = nth(w, c, i)
        if largest_bytes(w, r) > room - n_bytes:
            break
        more = text_of(w, r, w.scratch + n_bytes, &text)
        if text != w.scratch + n_bytes:
            memcpy(w.scratch + n_bytes, text, more)
        n_bytes += more
        count[0] += 1
    return n_bytes


cdef inline void count_written(Worker *w, Conn *c, size_t n_bytes) noexcept nogil:
    """Not all was written that was gathered: find out how far that is."""
    cdef const uint8_t *text
    cdef size_t left
    while n_bytes:
        left = text_of(w, nth(w, c, c.in_flight - c.unsent), w.scratch, &text) - c.sent_bytes
        if n_bytes < left:
            c.sent_bytes += <uint32_t>n_bytes
            return
        n_bytes -= left
        c.sent_bytes = 0
        c.unsent -= 1


cdef inline int flush(Worker *w, Conn *c) noexcept nogil:
    """Write what is unsent; 0 when all is written or the socket is full, else a negative code."""
    cdef const uint8_t *data
    cdef uint32_t count
    cdef size_t left
    cdef ssize_t n
    if w.talk.flush != NULL:
        return w.talk.flush(w, c)
    while c.unsent:
        left = gather(w, c, &data, &count)
        n = w.transport.send(&c.link, data, left)
        if n < 0:
            return 0 if n == -EAGAIN else <int>n
        w.counts.bytes_out += n
        if <size_t>n == left:
            c.unsent -= count
            c.sent_bytes = 0
        else:
            count_written(w, c, n)
    return 0


cdef inline void write_out(Worker *w, Conn *c) noexcept nogil:
    if c.unsent == 0:
        return
    w.send_error = flush(w, c)
    if w.send_error < 0:
        # The server may have answered before it closed (an early 413, say): read that first.
        if receive(w, c, EPOLLHUP):
            lost(w, c, RESET, IN_SEND, -w.send_error)
        w.send_error = 0
