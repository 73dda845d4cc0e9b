"""An open WebSocket of a run: what it sends, what comes, and how it ends (RFC 6455).

1. ECHO: a message is a request, and the next message its answer; what comes unasked is counted and
   answers nothing. PUSH: each message that comes is a request, its time the gap before it, the
   first one's since the handshake or the start line. Both PUSH and HOLD may send one message, once.
2. Control frames go out between data frames. Of several pings the last is answered (section 5.5.3).
3. Payloads are dropped as they come. No key is kept: see `frames`.
"""

from libc.errno cimport EAGAIN
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastbench.engine.block cimport (
    CLOSED, EXPECTATION, FAILED_ANSWERS, IN_BODY, IN_IDLE, PROTOCOL, RESPONSE, SERVICE,
    TOO_LARGE, Kind, Phase, Slot, count_close, count_error,
)
from fastbench.engine.codec cimport search
from fastbench.engine.conn cimport release
from fastbench.engine.http1.exchange cimport SCRATCH_BYTES, forget_oldest, lost, nth, phase, sending
from fastbench.engine.websocket.frames cimport (
    BROKEN, CLOSE, CONTROL_PART, DATA_PART, FRAME_SIZE, MAX_HEADER_BYTES, NO_CLOSE, PING, PONG,
    SHUT, code_for, header_bytes, key_of, opcode_of, put_close, put_control, put_part, take,
)
from fastbench.engine.hdr cimport record
from fastbench.engine.kernel cimport now_ns
from fastbench.engine.http1.response cimport FOUND
from fastbench.engine.worker cimport ECHO, OPEN, PUSH, Conn, Request, Socket, Template, Worker

cdef enum:
    FRAME_RULE = 100                # error code of PROTOCOL and TOO_LARGE: this + FrameRule
    NORMAL = 1000
    GOING_AWAY = 1001


cdef inline Socket *socket_of(Worker *w, const Conn *c) noexcept nogil:
    return &w.talk.sockets[c - w.conns]


cdef inline void forget_early(Socket *s) noexcept nogil:
    """Nothing is kept any more: no head of an answer, no ping."""
    free(s.early)
    s.early = NULL
    s.early_bytes = 0
    s.answers = 0


# Writing

cdef inline uint32_t next_control_key(Socket *s) noexcept nogil:
    s.n_controls += 1
    return key_of(~s.seed, s.n_controls)


cdef inline void say_close(Socket *s, uint16_t code) noexcept nogil:
    """Let a close frame be the next control frame; one that is half written goes first."""
    if s.control_sent == 0:
        s.n_control = <uint8_t>put_close(s.control, code, next_control_key(s))
        s.saying = CLOSE


cdef inline void say_pong(Socket *s, const uint8_t *payload, uint8_t n_bytes) noexcept nogil:
    """Let a pong be the next control frame."""
    s.n_control = <uint8_t>put_control(s.control, PONG, payload, n_bytes, next_control_key(s))
    s.saying = PONG


cdef inline bint has_control(Socket *s) noexcept nogil:
    """Is there a control frame to write? A ping is answered when the frame before it is out."""
    if s.saying == 0 and s.answers:
        say_pong(s, s.early, s.answers - 1)
        forget_early(s)
    return s.saying != 0


cdef inline int flush_control(Worker *w, Conn *c, Socket *s) noexcept nogil:
    """Write the control frame; 0 when it is out, else a negative code."""
    cdef ssize_t n = w.transport.send(&c.link, s.control + s.control_sent,
                                      s.n_control - s.control_sent)
    if n < 0:
        return <int>n
    w.counts.bytes_out += n
    s.control_sent += <uint8_t>n
    if s.control_sent < s.n_control:
        return -EAGAIN
    if s.saying == PONG:
        w.counts.dialogues.pings += 1
    s.saying = 0
    s.control_sent = 0
    return 0


cdef inline size_t gather_frames(Worker *w, Conn *c, Socket *s, bint only_begun) noexcept nogil:
    """Render what is to be written next into `scratch`: `only_begun` is the rest of one frame."""
    cdef uint32_t i = c.in_flight - c.unsent
    cdef uint64_t number = s.numbered
    cdef uint64_t skip = c.sent_bytes
    cdef size_t n_bytes = 0
    cdef Template *t
    while i < c.in_flight and n_bytes + MAX_HEADER_BYTES < SCRATCH_BYTES:
        t = &w.templates[nth(w, c, i).template]
        n_bytes += put_part(w.scratch + n_bytes, SCRATCH_BYTES - n_bytes, w.talk.first, t.data,
                            t.n_bytes, key_of(s.seed, number), skip)
        if only_begun:
            break
        skip = 0
        number += 1
        i += 1
    return n_bytes


cdef inline void count_written(Worker *w, Conn *c, Socket *s, size_t n_bytes) noexcept nogil:
    """So many bytes of frames are out."""
    cdef Template *t
    cdef Slot *slot
    cdef size_t left
    while n_bytes:
        t = &w.templates[nth(w, c, c.in_flight - c.unsent).template]
        left = header_bytes(t.n_bytes) + t.n_bytes - c.sent_bytes
        if n_bytes < left:
            c.sent_bytes += <uint32_t>n_bytes
            return
        slot = nth(w, c, c.in_flight - c.unsent).slot
        slot.dialogues.messages_out += 1
        slot.dialogues.payload_out += t.n_bytes
        n_bytes -= left
        c.sent_bytes = 0
        c.unsent -= 1
        s.numbered += 1


cdef inline int flush_greeting(Worker *w, Conn *c, Socket *s) noexcept nogil:
    """Write what is said once; 0 when it is out, else a negative code."""
    cdef Template *t = &w.templates[0]
    cdef uint64_t size = header_bytes(t.n_bytes) + t.n_bytes
    cdef size_t n_bytes
    cdef ssize_t n
    while s.greeting_sent < size:
        n_bytes = put_part(w.scratch, SCRATCH_BYTES, w.talk.first, t.data, t.n_bytes,
                           key_of(s.seed, 0), s.greeting_sent)
        n = w.transport.send(&c.link, w.scratch, n_bytes)
        if n < 0:
            return <int>n
        w.counts.bytes_out += n
        s.greeting_sent += <uint32_t>n
    s.greets = False
    w.counts.dialogues.messages_out += 1
    w.counts.dialogues.payload_out += t.n_bytes
    return 0


cdef inline int flush_frames(Worker *w, Conn *c) noexcept nogil:
    """Write what is unsent; 0 when all is written or the socket is full, else a negative code."""
    cdef Socket *s = socket_of(w, c)
    cdef size_t n_bytes
    cdef ssize_t n
    cdef int code
    if c.state != OPEN:
        return 0
    if s.greets and w.running:
        code = flush_greeting(w, c, s)
        if code < 0:
            return 0 if code == -EAGAIN else code
    while True:
        if c.sent_bytes == 0 and not s.data_first and has_control(s):
            code = flush_control(w, c, s)
            if code < 0:
                return 0 if code == -EAGAIN else code
            continue
        if c.unsent == 0:
            return 0
        n_bytes = gather_frames(w, c, s, c.sent_bytes and not s.data_first and has_control(s))
        n = w.transport.send(&c.link, w.scratch, n_bytes)
        if n < 0:
            s.data_first = n == -EAGAIN
            return 0 if n == -EAGAIN else <int>n
        s.data_first = False
        w.counts.bytes_out += n
        count_written(w, c, s, n)


# The end

cdef inline void end_socket(Worker *w, Conn *c, Kind kind, Phase at, int32_t code,
                            uint16_t close_code) noexcept nogil:
    """The WebSocket is no more; `close_code` is what the server said, or NO_CLOSE."""
    count_close(w.counts, close_code)
    if c.in_flight == 0 and kind == CLOSED and (code == NORMAL or code == GOING_AWAY):
        w.counts.closed_idle += 1
        release(w, c, True)
    else:
        lost(w, c, kind, at, code)


cdef inline Phase socket_phase(const Conn *c) noexcept nogil:
    return phase(c) if c.in_flight else IN_IDLE


cdef inline void answer_close(Worker *w, Conn *c, Socket *s, uint16_t code) noexcept nogil:
    """Write a close frame if that may be, which is between frames."""
    if c.sent_bytes == 0 and not (s.data_first or s.greeting_sent and s.greets):
        s.greets = False
        say_close(s, code)
        c.unsent = 0
        flush_frames(w, c)


cdef inline bint closed_by_server(Worker *w, Conn *c, Socket *s) noexcept nogil:
    """Its close frame came: answer it (section 5.5.1), and end."""
    cdef uint16_t code = s.frames.close_code
    cdef Phase at = socket_phase(c)
    answer_close(w, c, s, code)
    end_socket(w, c, CLOSED, at, code, code)
    return False


cdef inline bint broken(Worker *w, Conn *c, Socket *s) noexcept nogil:
    """The server broke a rule: say which, and end."""
    cdef uint8_t rule = s.frames.rule
    answer_close(w, c, s, code_for(rule))
    end_socket(w, c, TOO_LARGE if rule >= FRAME_SIZE else PROTOCOL, IN_BODY, FRAME_RULE + rule,
               NO_CLOSE)
    return False


# Messages

cdef inline void count_gap(Worker *w, Socket *s, uint64_t now) noexcept nogil:
    """PUSH: a message is complete."""
    w.counts.started += 1
    w.counts.ok += 1
    record(&w.counts.latency[SERVICE], now - s.heard_ns)
    s.heard_ns = now
    w.failing = False
    if w.budget:
        w.budget -= 1


cdef inline void judge_message(Worker *w, Conn *c, uint64_t now) noexcept nogil:
    """ECHO: a message is complete, and answers the oldest one in flight."""
    cdef Request *r = nth(w, c, 0)
    cdef Slot *slot = r.slot
    cdef bint ok = w.needle.n_bytes == 0 or c.http.flags & FOUND
    if ok:
        slot.ok += 1
        record(&slot.latency[SERVICE], now - r.sent_ns)
        if w.planned:
            record(&slot.latency[RESPONSE], now - r.due_ns)
    else:
        slot.failed += 1
        record(&slot.latency[FAILED_ANSWERS], now - r.sent_ns)
        count_error(slot, EXPECTATION, IN_BODY, 0, 1, now)
    w.failing = False
    forget_oldest(w, c)


cdef inline void take_message(Worker *w, Conn *c, Socket *s) noexcept nogil:
    """A message is complete."""
    cdef uint64_t now = now_ns()
    if not w.running:
        s.heard_ns = now
        return
    w.now_ns = now
    w.counts.dialogues.messages_in += 1
    w.counts.dialogues.payload_in += s.frames.message_bytes
    if c.served < <uint32_t>-1:
        c.served += 1
    if w.talk.mode == PUSH:
        if w.budget:
            count_gap(w, s, now)
    elif c.in_flight and not sending(c):
        judge_message(w, c, now)
    c.http.flags = 0
    c.http.matched = 0


cdef inline void note_ping(Socket *s) noexcept nogil:
    """Answer this ping next; one that comes while a control frame is half written is kept.

    After our close frame nothing is said (section 5.5.1).
    """
    cdef uint8_t n_bytes = s.frames.n_control
    if s.saying == CLOSE:
        return
    if s.control_sent == 0:
        say_pong(s, s.frames.control, n_bytes)
        return
    forget_early(s)
    s.early = <uint8_t *>malloc(n_bytes + 1)
    if s.early != NULL:
        memcpy(s.early, s.frames.control, n_bytes)
        s.answers = n_bytes + 1


cdef inline bint take_frames(Worker *w, Conn *c, Socket *s, const uint8_t *at,
                             const uint8_t *end) noexcept nogil:
    """Read frames; false when the connection is gone."""
    while at != end:
        at = take(&s.frames, at, end)
        if s.frames.state == BROKEN:
            return broken(w, c, s)
        if s.frames.part == DATA_PART:
            if w.needle.n_bytes:
                search(&c.http, s.frames.piece, s.frames.piece + s.frames.piece_bytes, &w.needle)
            if s.frames.complete:
                take_message(w, c, s)
        elif s.frames.part == CONTROL_PART:
            if s.frames.state == SHUT:
                return closed_by_server(w, c, s)
            if opcode_of(&s.frames) == PING:
                note_ping(s)
    return True
