"""What comes on a connection of HTTP/2, frame by frame (RFC 9113 sections 4 to 6).

1. `read_event` takes bytes and says one thing at a time: a head, a part of a body, a stream that
   ended badly, the end of the connection. Replies that the protocol wants gather in `out`.
2. What a hostile peer can make us keep or do is bounded: 64 frames and 64 KiB of a head block,
   10,000 frames without an answer, 256 KiB of replies that it does not read.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport realloc
from libc.string cimport memcmp, memcpy

from fastbench.engine.http2.frame cimport (
    ACK, CONTINUATION, DATA, ENABLE_PUSH, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_BYTES,
    FRAME_SIZE_ERROR, GOAWAY, HEADERS, HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE, INTERNAL_ERROR,
    MAX_CONCURRENT_STREAMS, MAX_FRAME_SIZE, MAX_ID, MAX_PAYLOAD_BYTES, MAX_WINDOW, PING, PRIORITY,
    PROTOCOL_ERROR, PUSH_PROMISE, REFUSED_STREAM, RST_STREAM, SETTINGS, WINDOW_UPDATE, put_frame,
    read_u24, read_u32, unwritten,
)
from fastbench.engine.http2.head_block cimport BlockMemo
from fastbench.engine.http2.message cimport (
    BLOCK_INTERRUPTED, BROKEN, FRAME_TOO_LARGE, NOTHING, NOT_HTTP2,
    OUT_OF_MEMORY, PUSHED, REFUSED, REPLIES_UNREAD, SETTINGS_CHANGED, SETTINGS_LATE, SETTING_VALUE,
    SETTLED, STREAM_NEVER_OPENED, STREAM_RESET, WENT_AWAY, WINDOW_NOT_OPENED, WINDOW_OVERFLOW,
    WRONG_LENGTH, WRONG_STREAM, Event, News, break_off, break_stream, in_data, on_continuation,
    on_data, on_headers, quiet, read_data,
)
from fastbench.engine.http2.stream cimport (
    BEGUN, LITERAL, NO_SLOT, TABLE_KEPT_BYTES, Session, feed_starved, never_opened, slot_of,
)

cdef enum:
    MAX_REPLY_BYTES = 262144
    SMALL_CARRY_BYTES = 64


cdef inline Event set_first_window(Session *s, News *news, uint32_t value) noexcept nogil:
    """The windows of open streams change by the difference (section 6.9.2)."""
    cdef int64_t change = <int64_t>value - s.first_window
    cdef uint32_t i
    if value > MAX_WINDOW:
        return break_off(s, news, FLOW_CONTROL_ERROR, SETTING_VALUE)
    for i in range(s.n_streams):
        if s.streams[i].id == 0:
            continue
        if s.streams[i].window + change > MAX_WINDOW:
            return break_off(s, news, FLOW_CONTROL_ERROR, WINDOW_OVERFLOW)
        s.streams[i].window += <int32_t>change
        feed_starved(s, i)
    s.first_window = value
    return NOTHING


cdef inline Event set_one(Session *s, News *news, uint32_t name, uint32_t value) noexcept nogil:
    if name == INITIAL_WINDOW_SIZE:
        return set_first_window(s, news, value)
    if name == HEADER_TABLE_SIZE:
        if value < TABLE_KEPT_BYTES and s.indexing != LITERAL:
            s.indexing = LITERAL
            s.table_update = True
    elif name == MAX_CONCURRENT_STREAMS:
        s.limit = value if value < s.n_streams else s.n_streams
    elif name == MAX_FRAME_SIZE:
        if not MAX_PAYLOAD_BYTES <= value <= 0xffffff:
            return break_off(s, news, PROTOCOL_ERROR, SETTING_VALUE)
    elif name == ENABLE_PUSH and value:
        return break_off(s, news, PROTOCOL_ERROR, SETTING_VALUE)
    return NOTHING


cdef inline Event on_settings(Session *s, News *news, uint32_t id, const uint8_t *at,
                              uint32_t n_bytes, uint8_t flags) noexcept nogil:
    cdef const uint8_t *end = at + n_bytes
    if id:
        return break_off(s, news, PROTOCOL_ERROR, WRONG_STREAM)
    if n_bytes % 6 or (flags & ACK and n_bytes):
        return break_off(s, news, FRAME_SIZE_ERROR, WRONG_LENGTH)
    if flags & ACK:
        s.acknowledged = True
        return NOTHING
    if not s.settled:
        s.limit = s.n_streams
    s.quiet_frames += n_bytes // 6  # each may be work for every stream
    while at != end:
        if set_one(s, news, <uint32_t>at[0] << 8 | at[1], read_u32(at + 2)) == BROKEN:
            return BROKEN
        at += 6
    put_frame(&s.out, 0, SETTINGS, ACK, 0)
    if s.settled:
        return SETTINGS_CHANGED
    s.settled = True
    return SETTLED


cdef inline Event on_window(Session *s, News *news, uint32_t id, uint32_t n_bytes,
                            const uint8_t *at) noexcept nogil:
    cdef uint32_t more
    cdef uint32_t slot
    if n_bytes != 4:
        return break_off(s, news, FRAME_SIZE_ERROR, WRONG_LENGTH)
    more = read_u32(at) & MAX_WINDOW
    if id == 0:
        s.window += more
        if more == 0:
            return break_off(s, news, PROTOCOL_ERROR, WINDOW_NOT_OPENED)
        if s.window > MAX_WINDOW:
            return break_off(s, news, FLOW_CONTROL_ERROR, WINDOW_OVERFLOW)
        return NOTHING
    if never_opened(s, id):
        return break_off(s, news, PROTOCOL_ERROR, STREAM_NEVER_OPENED)
    slot = slot_of(s, id)
    if slot == NO_SLOT:
        return NOTHING
    if more == 0:
        return break_stream(s, news, slot, WINDOW_NOT_OPENED)
    if <int64_t>s.streams[slot].window + more > MAX_WINDOW:
        return break_stream(s, news, slot, WINDOW_OVERFLOW)
    s.streams[slot].window += <int32_t>more
    feed_starved(s, slot)
    return NOTHING


cdef inline Event on_reset(Session *s, News *news, uint32_t id, uint32_t n_bytes,
                           const uint8_t *at) noexcept nogil:
    if n_bytes != 4:
        return break_off(s, news, FRAME_SIZE_ERROR, WRONG_LENGTH)
    if id == 0:
        return break_off(s, news, PROTOCOL_ERROR, WRONG_STREAM)
    if never_opened(s, id):
        return break_off(s, news, PROTOCOL_ERROR, STREAM_NEVER_OPENED)
    news.slot = slot_of(s, id)
    if news.slot == NO_SLOT:
        return NOTHING
    s.quiet_frames = 0
    news.code = read_u32(at)
    if news.code == REFUSED_STREAM and not s.streams[news.slot].flags & BEGUN:
        return REFUSED
    return STREAM_RESET


cdef inline Event on_ping(Session *s, News *news, uint32_t id, const uint8_t *at, uint32_t n_bytes,
                          uint8_t flags) noexcept nogil:
    cdef uint8_t *reply
    if id:
        return break_off(s, news, PROTOCOL_ERROR, WRONG_STREAM)
    if n_bytes != 8:
        return break_off(s, news, FRAME_SIZE_ERROR, WRONG_LENGTH)
    if flags & ACK:
        return NOTHING
    reply = put_frame(&s.out, 8, PING, ACK, 0)
    if reply != NULL:
        memcpy(reply, at, 8)
    return NOTHING


cdef inline Event on_goaway(Session *s, News *news, uint32_t id, const uint8_t *at,
                            uint32_t n_bytes) noexcept nogil:
    cdef uint32_t last
    if id:
        return break_off(s, news, PROTOCOL_ERROR, WRONG_STREAM)
    if n_bytes < 8:
        return break_off(s, news, FRAME_SIZE_ERROR, WRONG_LENGTH)
    last = read_u32(at) & MAX_ID
    if last < s.last_id:
        s.last_id = last
    s.draining = True
    news.code = read_u32(at + 4)
    if news.code == s.away_code:
        news.code = 0
    else:
        s.away_code = news.code
    return WENT_AWAY


cdef inline Event on_priority(Session *s, News *news, uint32_t id,
                              uint32_t n_bytes) noexcept nogil:
    """It says nothing any more, but its form is still judged (section 6.3)."""
    cdef uint32_t slot = slot_of(s, id)
    if id == 0:
        return break_off(s, news, PROTOCOL_ERROR, WRONG_STREAM)
    return NOTHING if n_bytes == 5 or slot == NO_SLOT else break_stream(s, news, slot,
                                                                        WRONG_LENGTH)


# Frames

cdef inline uint32_t whole_bytes(const uint8_t *frame) noexcept nogil:
    """How much of this frame is looked at in one piece: of DATA the header alone."""
    return FRAME_BYTES if frame[3] == DATA else FRAME_BYTES + read_u24(frame)


cdef inline bint too_large(const uint8_t *frame) noexcept nogil:
    return read_u24(frame) > MAX_PAYLOAD_BYTES


cdef inline bint carry_room(Session *s, uint32_t n_bytes) noexcept nogil:
    """Room to put a frame together that comes in pieces; false when there is no memory."""
    cdef uint32_t room = SMALL_CARRY_BYTES
    cdef uint8_t *carry
    if n_bytes > room:
        room = FRAME_BYTES + MAX_PAYLOAD_BYTES
    if room <= s.carry_room:
        return True
    carry = <uint8_t *>realloc(s.carry, room)
    if carry == NULL:
        return False
    s.carry = carry
    s.carry_room = room
    return True


cdef inline const uint8_t *put_together(Session *s, const uint8_t **at,
                                        const uint8_t *end) noexcept nogil:
    """The next frame when it comes in pieces; NULL: not whole yet, too large, or no memory."""
    cdef uint32_t wanted
    cdef uint32_t n_bytes
    while True:
        wanted = FRAME_BYTES
        if s.carried >= FRAME_BYTES:
            if too_large(s.carry):
                return NULL
            wanted = whole_bytes(s.carry)
            if s.carried == wanted:
                s.carried = 0
                return s.carry
        if at[0] == end or not carry_room(s, wanted):
            return NULL
        n_bytes = wanted - s.carried
        if n_bytes > <size_t>(end - at[0]):
            n_bytes = <uint32_t>(end - at[0])
        memcpy(s.carry + s.carried, at[0], n_bytes)
        s.carried += n_bytes
        at[0] += n_bytes


cdef inline const uint8_t *next_frame(Session *s, const uint8_t **at,
                                      const uint8_t *end) noexcept nogil:
    """The next frame, of DATA its header; NULL: not whole yet, too large, or no memory."""
    cdef const uint8_t *frame = at[0]
    if s.carried == 0 and end - frame >= FRAME_BYTES and not too_large(frame) \
            and <size_t>(end - frame) >= whole_bytes(frame):
        at[0] += whole_bytes(frame)
        return frame
    return put_together(s, at, end)


cdef inline Event on_control(Session *s, News *news, const uint8_t *frame, uint32_t id,
                             uint32_t n_bytes) noexcept nogil:
    """A frame that carries nothing of an answer."""
    cdef const uint8_t *at = frame + FRAME_BYTES
    cdef uint8_t kind = frame[3]
    if quiet(s, news) == BROKEN:
        return BROKEN
    if unwritten(&s.out) > MAX_REPLY_BYTES:
        return break_off(s, news, ENHANCE_YOUR_CALM, REPLIES_UNREAD)
    if kind == SETTINGS:
        return on_settings(s, news, id, at, n_bytes, frame[4])
    if kind == WINDOW_UPDATE:
        return on_window(s, news, id, n_bytes, at)
    if kind == RST_STREAM:
        return on_reset(s, news, id, n_bytes, at)
    if kind == PING:
        return on_ping(s, news, id, at, n_bytes, frame[4])
    if kind == GOAWAY:
        return on_goaway(s, news, id, at, n_bytes)
    if kind == PUSH_PROMISE:
        return break_off(s, news, PROTOCOL_ERROR, PUSHED)
    if kind == PRIORITY:
        return on_priority(s, news, id, n_bytes)
    return NOTHING                  # an unknown kind


cdef inline Event on_frame(Session *s, BlockMemo *memo, News *news,
                           const uint8_t *frame) noexcept nogil:
    cdef uint32_t n_bytes = read_u24(frame)
    cdef uint32_t id = read_u32(frame + 5) & MAX_ID
    cdef uint8_t kind = frame[3]
    if s.block_id and (kind != CONTINUATION or id != s.block_id):
        return break_off(s, news, PROTOCOL_ERROR, BLOCK_INTERRUPTED)
    if not s.settled and (kind != SETTINGS or frame[4] & ACK):
        return break_off(s, news, PROTOCOL_ERROR, SETTINGS_LATE)
    if kind == DATA:
        return on_data(s, news, id, n_bytes, frame[4])
    if kind == HEADERS:
        return on_headers(s, memo, news, id, frame + FRAME_BYTES, n_bytes, frame[4])
    if kind == CONTINUATION:
        return on_continuation(s, memo, news, id, frame + FRAME_BYTES, n_bytes, frame[4])
    return on_control(s, news, frame, id, n_bytes)


cdef inline Event no_frame(Session *s, News *news, const uint8_t *at,
                           const uint8_t *end) noexcept nogil:
    """There is no whole frame: is one to come?"""
    if s.carried >= FRAME_BYTES and too_large(s.carry):
        if not s.settled and memcmp(s.carry, <const char *>"HTTP/", 5) == 0:
            return break_off(s, news, PROTOCOL_ERROR, NOT_HTTP2)
        return break_off(s, news, FRAME_SIZE_ERROR, FRAME_TOO_LARGE)
    return NOTHING if at == end else break_off(s, news, INTERNAL_ERROR, OUT_OF_MEMORY)


cdef inline Event read_event(Session *s, BlockMemo *memo, News *news, const uint8_t **at,
                             const uint8_t *end) noexcept nogil:
    """Read up to the next event, whose particulars are in `news`; NOTHING: all bytes are read."""
    cdef const uint8_t *frame
    cdef Event event
    while at[0] != end:
        news.ends = False
        news.n_bytes = 0
        if in_data(s):
            event = read_data(s, news, at, end)
        else:
            frame = next_frame(s, at, end)
            if frame == NULL:
                return no_frame(s, news, at[0], end)
            event = on_frame(s, memo, news, frame)
        if event != NOTHING:
            return event
    return NOTHING
