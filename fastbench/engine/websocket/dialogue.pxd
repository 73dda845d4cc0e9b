"""WebSockets of a run: the handshake, the events of a connection, the end of the run (RFC 6455).

1. A handshake is a part of connecting: `connect` runs until the 101 was judged. Its own time, from
   the request written to that, stands in a histogram of its own. HOLD: each one is a request.
2. At the end of the run every WebSocket says that it goes, and waits for half a second at most.
"""

from libc.errno cimport EAGAIN
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from fastbench.engine.block cimport (
    CLOSED, IN_SEND, IN_UPGRADE, RESET, SERVICE, UPGRADE, UPGRADE_TIME, Kind, count_error,
)
from fastbench.engine.conn cimport connected, handshake, opened, release, settle, surplus
from fastbench.engine.http1.exchange cimport READ_BYTES
from fastbench.engine.websocket.frames cimport DATA_PART, NO_CLOSE, SHUT, begin, key_of, take
from fastbench.engine.hdr cimport record
from fastbench.engine.kernel cimport (
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP, epoll_event, now_ns, wait,
)
from fastbench.engine.http1.response cimport WITH_BODY
from fastbench.engine.rules cimport cause, kind_of_loss
from fastbench.engine.websocket.talk cimport (
    NORMAL, end_socket, flush_frames, forget_early, say_close, socket_of, socket_phase,
    take_frames,
)
from fastbench.engine.traffic cimport send_more
from fastbench.engine.websocket.upgrade cimport (
    ACCEPT_BYTES, ANSWER_SIZE, KEY_BYTES, MAX_ANSWER_BYTES, NONCE_BYTES, UPGRADE_FINE,
    accept_text, answer_bytes, judge_answer, key_text,
)
from fastbench.engine.worker cimport (
    CONNECTING_TCP, ECHO, HOLD, OPEN, UPGRADING, WAITING, Conn, Socket, Worker,
)

cdef enum:
    GOODBYE_NS = 500000000          # for close frames of the server at the end of the run


# The handshake

cdef inline void begin_upgrade(Worker *w, Conn *c, Socket *s) noexcept nogil:
    """The transport is ready for the handshake's request."""
    forget_early(s)
    w.rng ^= w.rng << 13
    w.rng ^= w.rng >> 7
    w.rng ^= w.rng << 17
    s.seed = w.rng * <uint64_t>0x2545F4914F6CDD1Du
    s.numbered = s.n_controls = 0
    s.head_sent = s.greeting_sent = 0
    s.greets = w.talk.greets
    s.data_first = s.left = False
    s.saying = s.control_sent = 0
    begin(&s.frames, w.talk.max_message_bytes, w.talk.max_message_bytes, False, True)
    w.codec.expect(&c.http, WITH_BODY)
    s.asked_ns = now_ns()


cdef inline void put_key(Socket *s, uint8_t *out) noexcept nogil:
    """This connection's Sec-WebSocket-Key: a function of its seed, like the keys of its frames."""
    cdef uint8_t nonce[NONCE_BYTES]
    cdef uint32_t word
    cdef uint32_t i
    for i in range(NONCE_BYTES // 4):
        word = key_of(s.seed + 0x51ED270B, i)
        memcpy(nonce + 4 * i, &word, 4)
    key_text(nonce, out)


cdef inline void count_held(Worker *w, Socket *s) noexcept nogil:
    """HOLD: this handshake is one more request that went well."""
    w.counts.started += 1
    w.counts.ok += 1
    record(&w.counts.latency[SERVICE], s.opening_ns)


cdef inline void count_refused(Worker *w, uint64_t count) noexcept nogil:
    """HOLD: so many handshakes are requests that failed."""
    w.counts.started += count
    w.counts.failed += count


cdef inline bint upgrade_failed(Worker *w, Conn *c, Kind kind, int32_t code) noexcept nogil:
    if w.talk.mode == HOLD:
        if w.running:
            count_refused(w, 1)
        else:
            w.talk.refused += 1
    count_error(w.counts, kind, IN_UPGRADE, code, 1, now_ns())
    settle(w, c)
    release(w, c, False)
    return False


cdef inline bint ask(Worker *w, Conn *c, Socket *s) noexcept nogil:
    """Write the handshake's request; false when the connection is gone."""
    cdef ssize_t n
    if s.head_sent == w.talk.head_bytes:
        return True
    put_key(s, w.talk.head + w.talk.key_at)
    while s.head_sent < w.talk.head_bytes:
        n = w.transport.send(&c.link, w.talk.head + s.head_sent, w.talk.head_bytes - s.head_sent)
        if n == -EAGAIN:
            return True
        if n < 0:
            return upgrade_failed(w, c, kind_of_loss(<int>-n), <int32_t>-n)
        w.counts.bytes_out += n
        s.head_sent += <uint32_t>n
    return True


cdef inline bint upgraded(Worker *w, Conn *c, Socket *s) noexcept nogil:
    """The 101 was right: the WebSocket is open."""
    cdef uint64_t now = now_ns()
    cdef uint64_t begun_ns = c.begun_ns
    opened(w, c)
    record(&w.counts.latency[UPGRADE_TIME], now - s.asked_ns)
    w.counts.dialogues.opened += 1
    if w.counts.dialogues.begun_ns == 0:
        w.counts.dialogues.begun_ns = begun_ns
    if not w.running:
        w.counts.dialogues.opened_ns = now
    s.heard_ns = now
    s.opening_ns = now - begun_ns
    if w.talk.mode == HOLD and w.running:
        count_held(w, s)
    return True


cdef inline bint keep_early(Socket *s, const uint8_t *data, size_t n_bytes) noexcept nogil:
    """Keep a part of an answer until the rest is there; false when it is too long."""
    cdef uint8_t *room
    if s.early_bytes + n_bytes > MAX_ANSWER_BYTES:
        return False
    room = <uint8_t *>realloc(s.early, s.early_bytes + n_bytes)
    if room == NULL:
        return False
    memcpy(room + s.early_bytes, data, n_bytes)
    s.early = room
    s.early_bytes += <uint32_t>n_bytes
    return True


cdef inline bint take_answer(Worker *w, Conn *c, Socket *s, const uint8_t *data,
                             size_t n_bytes) noexcept nogil:
    """Bytes of the handshake's answer, frames may follow; false when the connection is gone."""
    cdef bint kept = s.early != NULL
    cdef uint8_t *kept_head
    cdef size_t size
    cdef bint alive
    cdef int code = 0
    cdef uint8_t key[KEY_BYTES]
    cdef uint8_t accept[ACCEPT_BYTES]
    if kept:
        if not keep_early(s, data, n_bytes):
            return upgrade_failed(w, c, UPGRADE, ANSWER_SIZE)
        data = s.early
        n_bytes = s.early_bytes
    put_key(s, key)
    accept_text(key, accept)
    while True:
        size = answer_bytes(data, n_bytes)
        if size == 0:
            if kept or n_bytes == 0 or keep_early(s, data, n_bytes):
                return True
            return upgrade_failed(w, c, UPGRADE, ANSWER_SIZE)
        code = judge_answer(data, size, accept, w.talk.protocols)
        if not 100 <= code < 200:
            break
        data += size                # an interim answer: the real one follows
        n_bytes -= size
    if code != UPGRADE_FINE:
        return upgrade_failed(w, c, UPGRADE, code)
    upgraded(w, c, s)
    kept_head = s.early
    s.early = NULL
    s.early_bytes = 0
    alive = take_frames(w, c, s, data + size, data + n_bytes)
    free(kept_head)
    return alive


# Events

cdef inline void hung_up(Worker *w, Conn *c, ssize_t outcome) noexcept nogil:
    """The read gave end of file (0) or an error (negative code)."""
    cdef int code = cause(<int>-outcome, -w.send_error)
    if c.state == UPGRADING:
        upgrade_failed(w, c, kind_of_loss(code), code)
    elif code == 0:
        end_socket(w, c, CLOSED, socket_phase(c), NO_CLOSE, NO_CLOSE)
    else:
        end_socket(w, c, kind_of_loss(code), socket_phase(c), code, NO_CLOSE)


cdef inline bint receive(Worker *w, Conn *c, uint32_t events) noexcept nogil:
    """Read until the socket is empty; false when the connection is gone."""
    cdef Socket *s = socket_of(w, c)
    cdef bint ending = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0
    cdef bint drained = False
    cdef bint alive
    cdef ssize_t n
    while True:
        n = w.transport.recv(&c.link, w.buffer, READ_BYTES, &drained)
        if n <= 0:
            if n == -EAGAIN:
                return True
            hung_up(w, c, n)
            return False
        w.counts.bytes_in += n
        if c.state == UPGRADING:
            alive = take_answer(w, c, s, w.buffer, n)
        else:
            alive = take_frames(w, c, s, w.buffer, w.buffer + n)
        if not alive:
            return False
        if drained and not ending:
            return True


cdef inline int speak(Worker *w, Conn *c) noexcept nogil:
    """Write what is unsent, and find out why that cannot be; the connection may be gone then."""
    w.send_error = flush_frames(w, c)
    if w.send_error < 0:
        # The server may have said why it closed.
        if receive(w, c, EPOLLHUP):
            end_socket(w, c, RESET, IN_SEND, -w.send_error, NO_CLOSE)
        w.send_error = 0
    return 0


cdef inline void go_on(Worker *w, Conn *c) noexcept nogil:
    """Give an open WebSocket work, and write what it has to say; `w.now_ns` must be fresh."""
    cdef Socket *s = socket_of(w, c)
    if surplus(w, c) and c.in_flight == 0:
        say_close(s, NORMAL)
        flush_frames(w, c)
        release(w, c, True)
        return
    if w.talk.mode == ECHO:
        send_more(w, c)
    if c.state == OPEN and (s.answers or s.saying or c.unsent or (s.greets and w.running)):
        speak(w, c)


cdef inline void begin_run(Worker *w, Conn *c) noexcept nogil:
    """The start line was crossed: what is counted is counted from here."""
    cdef Socket *s = socket_of(w, c)
    s.heard_ns = w.now_ns
    if w.talk.mode == HOLD:
        count_held(w, s)
    go_on(w, c)


cdef inline void on_socket(Worker *w, Conn *c, uint32_t events) noexcept nogil:
    cdef Socket *s = socket_of(w, c)
    if WAITING < c.state < UPGRADING:
        if c.state == CONNECTING_TCP:
            connected(w, c)
        else:
            handshake(w, c)
        if c.state == UPGRADING:
            begin_upgrade(w, c, s)
    if c.state < UPGRADING or (c.state == UPGRADING and not ask(w, c, s)):
        return
    if events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) and not receive(w, c, events):
        return
    if c.state == OPEN:
        go_on(w, c)


# The end of the run

cdef inline bint take_leave(Worker *w, Conn *c) noexcept nogil:
    """Say goodbye once nothing is under way; false when nothing more can be said or heard."""
    cdef Socket *s = socket_of(w, c)
    if s.left or c.in_flight or c.sent_bytes or s.greeting_sent and s.greets:
        return True
    s.greets = False
    s.left = True
    say_close(s, NORMAL)
    return flush_frames(w, c) == 0


cdef inline bint stays(Worker *w, Conn *c) noexcept nogil:
    """Read what still comes: answers, then the close frame; false when no more will."""
    cdef Socket *s = socket_of(w, c)
    cdef const uint8_t *at
    cdef bint drained = False
    cdef ssize_t n
    if flush_frames(w, c) < 0:
        return False
    while not drained:
        n = w.transport.recv(&c.link, w.buffer, READ_BYTES, &drained)
        if n <= 0:
            return n == -EAGAIN and take_leave(w, c)
        at = w.buffer
        while at != w.buffer + n:
            at = take(&s.frames, at, w.buffer + n)
            if s.frames.part == DATA_PART and s.frames.complete and c.in_flight:
                c.in_flight -= 1
        if s.frames.state >= SHUT:
            return False
    return take_leave(w, c)


cdef inline void say_goodbye(Worker *w) noexcept nogil:
    """Close in order what is open, once its answers are there (section 7.1.1); not for long."""
    cdef epoll_event events[64]
    cdef Conn *c
    cdef uint32_t left = 0
    cdef uint64_t now = now_ns()
    cdef uint64_t until = now + GOODBYE_NS
    cdef uint32_t i
    cdef int n, j
    for i in range(w.n_conns):
        c = &w.conns[i]
        if c.state == OPEN and not stays(w, c):     # events that were not looked at are lost
            w.transport.close(&c.link, True)
            c.state = WAITING
        left += c.state == OPEN
    while left and now < until:
        n = wait(w.epoll, events, 64, until - now)
        for j in range(n if n > 0 else 0):
            c = <Conn *>events[j].data.ptr
            if c.state == OPEN and not stays(w, c):
                w.transport.close(&c.link, True)
                c.state = WAITING
                left -= 1
        now = now_ns()


cdef inline void use_websocket(Worker *w) noexcept nogil:
    w.talk.flush = speak


cdef inline void forget_sockets(Worker *w) noexcept nogil:
    cdef uint32_t i
    for i in range(w.n_conns):
        forget_early(&w.talk.sockets[i])
