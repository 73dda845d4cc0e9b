"""Requests and their answers on a connection of HTTP/2, as `http1.exchange` has them for HTTP/1.1.

1. When a connection is open, and how it ends, stands in `session_life`.
2. A request that takes too long is given up alone (RST_STREAM); if nothing at all was heard since
   it was sent, its connection is.
3. What the server has not looked at goes once more, whatever its method (RFC 9113 section 8.7): the
   streams above the last one that GOAWAY names, and those refused; three times at most.
4. After GOAWAY no stream is opened; the others come to their end, then the connection is made anew.
"""

from libc.errno cimport EAGAIN
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from fastbench.engine.block cimport (
    GOAWAY, IN_HEAD, IN_SEND, PROTOCOL, RESET, STREAM_RESET, TIMEOUT, UrlCounts, count_error,
)
from fastbench.engine.byurl cimport url_counts
from fastbench.engine.codec cimport Needle, find
from fastbench.engine.conn cimport not_idle, release
from fastbench.engine.http1.exchange cimport READ_BYTES
from fastbench.engine.http2.frame cimport SETTINGS_TIMEOUT, put_goaway, unwritten
from fastbench.engine.http2.message cimport (
    BODY, BROKEN, HEAD, NOTHING, NOT_ACKNOWLEDGED, OUT_OF_MEMORY, REFUSED, SETTINGS_CHANGED,
    SETTLED, STREAM_BROKEN, WENT_AWAY, Event, News,
)
from fastbench.engine.http2.message cimport STREAM_RESET as RESET_BY_PEER
from fastbench.engine.http2.session cimport read_event
from fastbench.engine.http2.session_life cimport (
    break_session, end_stream, fail_stream, heed_settings, leave, lost_session, send_again,
    session_failed, stall, time_out_session,
)
from fastbench.engine.http2.stream cimport (
    CONTENT_FOUND, NO_SLOT, WITHOUT_BODY, Session, Stream, begin_session, cancel, may_open,
    new_session, open_next, send_part, something_to_write, take_slot,
)
from fastbench.engine.kernel cimport EPOLLERR, EPOLLHUP, EPOLLRDHUP, now_ns
from fastbench.engine.rules cimport (
    MAX_RESENDINGS, SESSION_RULE, cause, kind_of_loss, phase_of_stream,
)
from fastbench.engine.tally cimport BEHIND_TIMEOUT, begin_request, count_timeout, judge
from fastbench.engine.varied.request_text cimport (
    body_of, frames_of, needle_of, nothing_expected, varies,
)
from fastbench.engine.worker cimport OPEN, SETTLING, Conn, Request, Worker

cdef enum:
    FLUSH_BYTES = 65536             # of requests gathered for one send
    REPLIES_BYTES = 32768           # of replies, before all that is ready was read
    MAX_GREEDY_READS = 64           # of one connection, while others wait


cdef inline bint streams_left(const Conn *c) noexcept nogil:
    """May the connection carry one request more?"""
    return c.in_flight < c.session.limit and not c.session.draining


cdef inline bint time_out_stream(Worker *w, Request *r) noexcept nogil:
    """`r` took too long; false when its connection is gone with it."""
    cdef Conn *c = r.conn
    cdef Session *s = c.session
    cdef uint32_t slot = <uint32_t>(r - c.ring)
    cdef uint64_t now = now_ns()
    cdef bint unheard = c.heard_ns < r.sent_ns
    count_timeout(w, r, phase_of_stream(&s.streams[slot]), now)
    if c.state == OPEN:
        cancel(s, slot)
    end_stream(w, c, slot)
    if c.state != OPEN:
        return False
    if not unheard or s.draining and s.open == 0:
        return True
    for slot in range(s.n_streams):
        if s.streams[slot].id:
            fail_stream(w, c, slot, TIMEOUT, BEHIND_TIMEOUT)
    release(w, c, False)
    return False


# Answers

cdef inline void answered_stream(Worker *w, Conn *c, uint32_t slot) noexcept nogil:
    cdef Stream *st = &c.session.streams[slot]
    cdef uint64_t now = now_ns()
    judge(w, &c.ring[slot], st.status, st.flags & (CONTENT_FOUND | WITHOUT_BODY) != 0
          or w.varying.expects and nothing_expected(w, &c.ring[slot]), now)
    w.now_ns = now
    w.failing = False
    if c.served < <uint32_t>-1:
        c.served += 1
    if not w.keepalive:
        c.session.draining = True
    end_stream(w, c, slot)


cdef inline void look_into(Worker *w, const Request *r, Stream *st,
                           const News *news) noexcept nogil:
    """Look for the expected text in a part of a body."""
    cdef const Needle *needle = needle_of(w, r)
    if needle.n_bytes and find(&st.matched, news.data, news.data + news.n_bytes, needle):
        st.flags |= CONTENT_FOUND


cdef inline void on_answer(Worker *w, Conn *c, Event event, const News *news) noexcept nogil:
    """A part of an answer came, maybe the last one."""
    cdef Stream *st = &c.session.streams[news.slot]
    cdef Request *r = &c.ring[news.slot]
    cdef UrlCounts *url
    if event == HEAD:
        r.first_ns = c.heard_ns
    if w.urls != NULL:
        url = url_counts(w, r)
        if url != NULL:
            url.bytes_in += news.n_bytes
    if event == BODY and w.searches and not st.flags & CONTENT_FOUND:
        look_into(w, r, st, news)
    if news.ends:
        answered_stream(w, c, news.slot)


cdef inline void went_away(Worker *w, Conn *c, const News *news) noexcept nogil:
    """GOAWAY: what the server will not look at goes again, on a new connection."""
    cdef Session *s = c.session
    cdef uint32_t slot
    w.counts.goaways += 1
    if news.code:
        count_error(w.counts, GOAWAY, IN_HEAD, <int32_t>news.code, 1, now_ns())
    not_idle(w, c)
    for slot in range(s.n_streams):
        if s.streams[slot].id <= s.last_id:
            continue
        if w.retry_allowed and c.ring[slot].retried < MAX_RESENDINGS:
            send_again(w, c, slot)
        else:
            fail_stream(w, c, slot, GOAWAY, <int32_t>news.code)


cdef inline bint on_event_of_session(Worker *w, Conn *c, Event event,
                                     const News *news) noexcept nogil:
    """False when the connection is gone."""
    if event == STREAM_BROKEN:
        fail_stream(w, c, news.slot, PROTOCOL, SESSION_RULE + <int32_t>news.code)
        return True
    w.counts.refused += event == REFUSED
    if event == REFUSED and w.retry_allowed and c.ring[news.slot].retried < MAX_RESENDINGS:
        send_again(w, c, news.slot)
    elif event == REFUSED or event == RESET_BY_PEER:
        fail_stream(w, c, news.slot, STREAM_RESET, <int32_t>news.code)
    elif event == SETTLED or event == SETTINGS_CHANGED:
        heed_settings(w, c)
    elif event == WENT_AWAY:
        went_away(w, c, news)
    elif event == BROKEN:
        break_session(w, c, news.code)
        return False
    else:
        on_answer(w, c, event, news)
    return True


cdef inline bint take_frames(Worker *w, Conn *c, size_t n_bytes) noexcept nogil:
    """Read what was received; false when the connection is gone."""
    cdef const uint8_t *at = w.buffer
    cdef const uint8_t *end = at + n_bytes
    cdef News news
    cdef Event event
    while True:
        event = read_event(c.session, &w.blocks, &news, &at, end)
        if event == NOTHING:
            return True
        if not on_event_of_session(w, c, event, &news):
            return False


cdef inline bint never_used(const Worker *w, const Conn *c) noexcept nogil:
    """Did the server close it right after its SETTINGS? Else it would have requests by now."""
    return (w.running and w.budget and not w.planned and c.served == 0 and c.session.limit
            and not c.session.draining and c.in_flight == 0)


cdef inline void hung_up_session(Worker *w, Conn *c, ssize_t outcome) noexcept nogil:
    """The read gave end of file (0) or an error (negative code)."""
    cdef int code = cause(<int>-outcome, -w.send_error)
    if c.state == SETTLING and c.session.settled:
        time_out_session(w, c)
    elif c.state == SETTLING:
        session_failed(w, c, kind_of_loss(code), code)
    elif c.session.open == 0:
        if never_used(w, c):
            count_error(w.counts, kind_of_loss(code), IN_SEND, code, 1, now_ns())
        else:
            w.counts.closed_idle += not c.session.draining
        release(w, c, outcome == 0)
    else:
        lost_session(w, c, kind_of_loss(code), code)


cdef inline bint receive_frames(Worker *w, Conn *c, uint32_t events) noexcept nogil:
    """Read until the socket is empty; false when the connection is gone.

    With several streams a short read is no reason to stop: what came meanwhile makes the next send
    carry more requests.
    """
    cdef bint ending = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0
    cdef uint32_t n_greedy = MAX_GREEDY_READS if w.streams > 1 else 0
    cdef bint drained = False
    cdef ssize_t n
    while True:
        n = w.transport.recv(&c.link, w.buffer, READ_BYTES, &drained)
        if n == -EAGAIN:
            break
        if n <= 0:
            hung_up_session(w, c, n)
            return False
        w.counts.bytes_in += n
        c.heard_ns = now_ns()
        w.now_ns = c.heard_ns
        if not take_frames(w, c, n):
            return False
        if unwritten(&c.session.out) > REPLIES_BYTES and not write_session(w, c):
            return False
        if drained and not ending and n_greedy == 0:
            break
        n_greedy -= n_greedy != 0
    if c.session.draining and c.session.open == 0:
        leave(w, c)
        return False
    if not c.session.acknowledged and c.session.settled \
            and c.heard_ns > c.asked_ns + w.connect_timeout_ns:
        put_goaway(&c.session.out, SETTINGS_TIMEOUT)
        break_session(w, c, NOT_ACKNOWLEDGED)
        return False
    return True


# Requests

cdef inline void start_stream(Worker *w, Conn *c, uint64_t due_ns) noexcept nogil:
    begin_request(w, c, &c.ring[take_slot(c.session)], due_ns)


cdef inline bint render(Worker *w, Conn *c) noexcept nogil:
    """Put what may go into `out`: heads, then bodies; false when there is no memory.

    The body of a request that varies follows its head, if no other one waits: it is there already.
    """
    cdef Session *s = c.session
    cdef Request *r
    while may_open(s) and unwritten(&s.out) < FLUSH_BYTES:
        r = &c.ring[s.heads.first]
        if not open_next(s, frames_of(w, r, s.indexing)):
            return False
        if varies(w, r) and s.bodies.first == s.bodies.last != NO_SLOT and s.window > 0 \
                and not send_part(s, body_of(w, &c.ring[s.bodies.first])):
            return False
    while s.bodies.first != NO_SLOT and s.window > 0 and unwritten(&s.out) < FLUSH_BYTES:
        if not send_part(s, body_of(w, &c.ring[s.bodies.first])):
            return False
    return True


cdef inline bint write_session(Worker *w, Conn *c) noexcept nogil:
    """Write what may go, until the socket is full; false when the connection is gone."""
    cdef Session *s = c.session
    cdef ssize_t n
    while something_to_write(s):
        if not render(w, c):
            break_session(w, c, OUT_OF_MEMORY)
            return False
        if unwritten(&s.out) == 0:  # the window of a stream has closed
            continue
        n = w.transport.send(&c.link, s.out.bytes + s.out.begin, unwritten(&s.out))
        if n == -EAGAIN:
            return True
        if n < 0:
            # The server may have said why before it closed: read that first.
            w.send_error = <int>n
            s.out.begin = s.out.end
            if not receive_frames(w, c, EPOLLHUP):
                pass
            elif c.state == SETTLING:
                session_failed(w, c, RESET, <int32_t>-n)
            else:
                lost_session(w, c, RESET, <int32_t>-n)
            w.send_error = 0
            return False
        w.counts.bytes_out += n
        s.out.begin += <uint32_t>n
    return True


cdef inline bint flush_session(Worker *w, Conn *c) noexcept nogil:
    """Write what may go; false when the connection is gone, also for all being said on it."""
    if not write_session(w, c):
        return False
    if c.session.draining and c.session.open == 0:
        leave(w, c)
        return False
    if c.session.limit == 0 and c.session.open == 0 and c.state == OPEN:
        stall(w, c)
    return True


cdef inline bint begin_http2(Worker *w, Conn *c) noexcept nogil:
    """The transport is ready: say what a client says first; false when the connection is gone."""
    if c.session == NULL:
        c.session = new_session(w.streams)
    if c.session == NULL or not begin_session(c.session):
        return session_failed(w, c, PROTOCOL, SESSION_RULE + OUT_OF_MEMORY)
    c.asked_ns = c.heard_ns = now_ns()
    return write_session(w, c)
