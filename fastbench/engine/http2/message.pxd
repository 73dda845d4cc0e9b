"""Answers on the streams of a connection: heads, bodies, and what breaks one (RFC 9113 section 8).

1. Something of an answer is an `Event`, said one at a time: `session` reads the frames.
2. A broken rule of a stream ends that stream, one of the connection all of them; both are known by
   name (`SessionRule`). `out` then has the frame that tells the peer why.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastbench.engine.http2.frame cimport (
    CANCEL, COMPRESSION_ERROR, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR, INTERNAL_ERROR, MAX_WINDOW, PADDED, PROTOCOL_ERROR, RST_STREAM, WINDOW_UPDATE,
    WITH_PRIORITY, ErrorCode, put_goaway, put_word,
)
from fastbench.engine.http2.head_block cimport BlockMemo, read_block
from fastbench.engine.http2.head_text cimport read_head_text
from fastbench.engine.http2.hpack cimport BLOCK_OK, BLOCK_SIZE, MAX_BLOCK_BYTES, BlockError
from fastbench.engine.http2.meaning cimport Meaning
from fastbench.engine.http2.stream cimport (
    BEGUN, HEADED, HELD, NO_SLOT, SENT, WITHOUT_BODY, Session, Stream, never_opened, slot_of,
)

cdef enum:
    MAX_INTERIMS = 32
    MAX_BLOCK_PARTS = 64
    MAX_QUIET_FRAMES = 10000

cdef enum Event:
    NOTHING,                        # more bytes are needed
    SETTLED,                        # the peer's SETTINGS came: requests may go
    SETTINGS_CHANGED,               # others came later
    HEAD,                           # a final head
    BODY,                           # bytes of a body, or its end
    TRAILERS,
    STREAM_BROKEN,                  # it broke a rule
    STREAM_RESET,                   # the peer gave the stream up
    REFUSED,                        # the same, and has not looked at the request
    WENT_AWAY,                      # it answers no stream above `last_id`
    BROKEN                          # the connection broke a rule

cdef enum SessionRule:
    FINE,
    NOT_HTTP2, SETTINGS_LATE, FRAME_TOO_LARGE, WRONG_LENGTH, WRONG_STREAM, STREAM_NEVER_OPENED,
    BLOCK_INTERRUPTED, STRAY_CONTINUATION, WRONG_PADDING, PUSHED, SETTING_VALUE, WINDOW_OVERFLOW,
    WINDOW_NOT_OPENED, COMPRESSION, BLOCK_TOO_LARGE, FLOOD, REPLIES_UNREAD, NOT_ACKNOWLEDGED,
    NO_STREAMS, OUT_OF_MEMORY,
    DATA_BEFORE_HEAD, TRAILERS_NOT_LAST, LENGTH_DIFFERS, TOO_MANY_INTERIMS, INTERIM_ENDS,
    MALFORMED                       # and beyond: + Malformed of `meaning`

cdef struct News:                   # what belongs to an event
    uint32_t slot
    uint32_t code                   # SessionRule, or ErrorCode of the peer
    bint ends                       # the answer is complete
    uint32_t n_bytes
    const uint8_t *data


cdef inline Event break_off(Session *s, News *news, ErrorCode code,
                            SessionRule rule) noexcept nogil:
    """The connection broke a rule."""
    put_goaway(&s.out, code)
    s.draining = True
    news.code = rule
    return BROKEN


cdef inline Event break_stream(Session *s, News *news, uint32_t slot, uint32_t rule) noexcept nogil:
    cdef ErrorCode code = PROTOCOL_ERROR
    if rule == WINDOW_OVERFLOW:
        code = FLOW_CONTROL_ERROR
    elif rule == WRONG_LENGTH:
        code = FRAME_SIZE_ERROR
    put_word(&s.out, RST_STREAM, s.streams[slot].id, code)
    news.slot = slot
    news.code = rule
    return STREAM_BROKEN


cdef inline Event quiet(Session *s, News *news) noexcept nogil:
    """A frame came that brought nothing of an answer: too many are an attack."""
    s.quiet_frames += 1
    if s.quiet_frames > MAX_QUIET_FRAMES:
        return break_off(s, news, ENHANCE_YOUR_CALM, FLOOD)
    return NOTHING


cdef inline Event finish(Session *s, News *news, uint32_t slot, Event event) noexcept nogil:
    """The answer is complete, if it is as long as it said (section 8.1.1)."""
    cdef Stream *st = &s.streams[slot]
    if st.flags & WITHOUT_BODY or st.status == 204 or st.status == 304:
        if st.body_bytes:
            return break_stream(s, news, slot, LENGTH_DIFFERS)
    elif st.length >= 0 and <uint64_t>st.length != st.body_bytes:
        return break_stream(s, news, slot, LENGTH_DIFFERS)
    if st.state != SENT:            # the rest of the request is not wanted
        put_word(&s.out, RST_STREAM, st.id, CANCEL)
    s.quiet_frames = 0
    news.ends = True
    return event


# Heads

cdef inline Event on_block(Session *s, BlockMemo *memo, News *news, uint32_t id,
                           const uint8_t *block, size_t n_bytes, bint ends) noexcept nogil:
    """A whole block of fields. One of a stream that has ended is read for the table's sake."""
    cdef uint32_t slot = slot_of(s, id)
    cdef Stream *st = &s.streams[slot] if slot != NO_SLOT else NULL
    cdef bint trailer = st != NULL and st.flags & HEADED
    cdef Meaning meaning
    cdef BlockError error
    if s.kept != NULL:
        error = read_head_text(s.kept, block, n_bytes, trailer, &meaning)
    else:
        error = read_block(&s.table, memo, block, n_bytes, trailer, &meaning)
    if error != BLOCK_OK:
        if error == BLOCK_SIZE:
            return break_off(s, news, ENHANCE_YOUR_CALM, BLOCK_TOO_LARGE)
        return break_off(s, news, COMPRESSION_ERROR, COMPRESSION)
    if st == NULL:
        return quiet(s, news)
    st.flags |= BEGUN
    news.slot = slot
    news.n_bytes = <uint32_t>n_bytes
    if meaning.malformed:
        return break_stream(s, news, slot, MALFORMED + meaning.malformed)
    if trailer:
        if not ends:
            return break_stream(s, news, slot, TRAILERS_NOT_LAST)
        return finish(s, news, slot, TRAILERS)
    if meaning.status < 200:
        if ends or meaning.status == 101:
            return break_stream(s, news, slot, INTERIM_ENDS)
        st.interims += 1
        if st.interims > MAX_INTERIMS:
            return break_stream(s, news, slot, TOO_MANY_INTERIMS)
        return NOTHING
    st.flags |= HEADED
    st.status = meaning.status
    st.length = meaning.length
    s.quiet_frames = 0
    return finish(s, news, slot, HEAD) if ends else HEAD


cdef inline bint strip(const uint8_t **at, uint32_t *n_bytes, uint8_t flags) noexcept nogil:
    """Leave padding and priority out; false when they do not fit in."""
    cdef uint32_t padding = 0
    if flags & PADDED:
        if n_bytes[0] == 0:
            return False
        padding = at[0][0]
        at[0] += 1
        n_bytes[0] -= 1
    if flags & WITH_PRIORITY:
        if n_bytes[0] < 5:
            return False
        at[0] += 5
        n_bytes[0] -= 5
    if padding > n_bytes[0]:
        return False
    n_bytes[0] -= padding
    return True


cdef inline Event on_headers(Session *s, BlockMemo *memo, News *news, uint32_t id,
                             const uint8_t *at, uint32_t n_bytes, uint8_t flags) noexcept nogil:
    if id == 0:
        return break_off(s, news, PROTOCOL_ERROR, WRONG_STREAM)
    if never_opened(s, id):
        return break_off(s, news, PROTOCOL_ERROR, STREAM_NEVER_OPENED)
    if flags & (PADDED | WITH_PRIORITY) and not strip(&at, &n_bytes, flags):
        return break_off(s, news, PROTOCOL_ERROR, WRONG_PADDING)
    if flags & END_HEADERS:
        return on_block(s, memo, news, id, at, n_bytes, flags & END_STREAM)
    s.block = <uint8_t *>malloc(MAX_BLOCK_BYTES)
    if s.block == NULL:
        return break_off(s, news, INTERNAL_ERROR, OUT_OF_MEMORY)
    memcpy(s.block, at, n_bytes)
    s.block_bytes = n_bytes
    s.block_id = id
    s.block_parts = 1
    s.block_ends = flags & END_STREAM
    return NOTHING


cdef inline Event on_continuation(Session *s, BlockMemo *memo, News *news, uint32_t id,
                                  const uint8_t *at, uint32_t n_bytes,
                                  uint8_t flags) noexcept nogil:
    cdef Event event
    if s.block_id == 0:
        return break_off(s, news, PROTOCOL_ERROR, STRAY_CONTINUATION)
    s.block_parts += 1
    if s.block_parts > MAX_BLOCK_PARTS or s.block_bytes + n_bytes > MAX_BLOCK_BYTES:
        return break_off(s, news, ENHANCE_YOUR_CALM, BLOCK_TOO_LARGE)
    memcpy(s.block + s.block_bytes, at, n_bytes)
    s.block_bytes += n_bytes
    if not flags & END_HEADERS:
        return NOTHING
    s.block_id = 0
    event = on_block(s, memo, news, id, s.block, s.block_bytes, s.block_ends)
    free(s.block)
    s.block = NULL
    return event


# Bodies

cdef inline Event data_over(Session *s, News *news) noexcept nogil:
    """A DATA frame was wholly read."""
    news.slot = s.data_slot
    if s.data_slot == NO_SLOT:
        return NOTHING
    s.data_slot = NO_SLOT
    return finish(s, news, news.slot, BODY) if s.data_ends else BODY


cdef inline Event took(Session *s, News *news, uint32_t n_bytes) noexcept nogil:
    """So many bytes of a body went by."""
    s.data_left -= n_bytes
    if s.data_slot != NO_SLOT:
        s.streams[s.data_slot].body_bytes += n_bytes
    news.slot = s.data_slot
    if s.data_left == 0 and s.pad_left == 0:
        return data_over(s, news)
    return BODY if s.data_slot != NO_SLOT else NOTHING


cdef inline bint in_data(const Session *s) noexcept nogil:
    return s.data_left != 0 or s.pad_left != 0


cdef inline uint32_t skippable(const Session *s) noexcept nogil:
    """How many of the coming bytes are body for sure; `took` tells that they went by unseen."""
    return 0 if s.pad_due else s.data_left


cdef inline void give_back(Session *s, uint32_t *taken_bytes, uint32_t stream,
                           uint32_t window) noexcept nogil:
    """Open a window again before it closes: bytes of it were used, padding among them."""
    if taken_bytes[0] > window // 2:
        put_word(&s.out, WINDOW_UPDATE, stream, taken_bytes[0])
        taken_bytes[0] = 0


cdef inline Event weigh(Session *s, News *news) noexcept nogil:
    """A DATA frame begins: does it bring something of an answer, or padding at the most?"""
    if s.data_slot == NO_SLOT or (s.data_left == 0 and not s.data_ends):
        return quiet(s, news)
    s.quiet_frames = 0
    return NOTHING


cdef inline Event on_data(Session *s, News *news, uint32_t id, uint32_t n_bytes,
                          uint8_t flags) noexcept nogil:
    """The header of a DATA frame was read."""
    cdef Stream *st
    if id == 0:
        return break_off(s, news, PROTOCOL_ERROR, WRONG_STREAM)
    if never_opened(s, id):
        return break_off(s, news, PROTOCOL_ERROR, STREAM_NEVER_OPENED)
    if flags & PADDED and n_bytes == 0:
        return break_off(s, news, FRAME_SIZE_ERROR, WRONG_PADDING)
    s.data_slot = slot_of(s, id)
    s.data_ends = flags & END_STREAM
    s.data_left = n_bytes
    s.pad_due = (flags & PADDED) != 0
    s.taken_bytes += n_bytes
    give_back(s, &s.taken_bytes, 0, MAX_WINDOW)
    if s.data_slot != NO_SLOT:
        st = &s.streams[s.data_slot]
        if not st.flags & HEADED:
            news.slot = s.data_slot
            s.data_slot = NO_SLOT
            return break_stream(s, news, news.slot, DATA_BEFORE_HEAD)
        st.taken_bytes += n_bytes
        if not st.flags & HELD:
            give_back(s, &st.taken_bytes, st.id, s.own_window)
    if not s.pad_due and weigh(s, news) == BROKEN:
        return BROKEN
    return NOTHING if n_bytes else data_over(s, news)


cdef inline Event read_data(Session *s, News *news, const uint8_t **at,
                            const uint8_t *end) noexcept nogil:
    """Padding length, data, padding, as they come."""
    cdef uint32_t n_bytes
    if s.pad_due:
        s.pad_due = False
        s.pad_left = at[0][0]
        at[0] += 1
        if s.pad_left >= s.data_left:
            return break_off(s, news, PROTOCOL_ERROR, WRONG_PADDING)
        s.data_left -= 1 + s.pad_left
        if weigh(s, news) == BROKEN:
            return BROKEN
        if s.data_left == 0 and s.pad_left == 0:
            return data_over(s, news)
        return NOTHING
    if s.data_left:
        n_bytes = s.data_left
        if n_bytes > <size_t>(end - at[0]):
            n_bytes = <uint32_t>(end - at[0])
        news.data = at[0]
        news.n_bytes = n_bytes
        at[0] += n_bytes
        return took(s, news, n_bytes)
    n_bytes = s.pad_left
    if n_bytes > <size_t>(end - at[0]):
        n_bytes = <uint32_t>(end - at[0])
    at[0] += n_bytes
    s.pad_left -= n_bytes
    return NOTHING if s.pad_left else data_over(s, news)
