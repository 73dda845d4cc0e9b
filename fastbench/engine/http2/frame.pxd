"""HTTP/2 frames: the nine bytes before each, and those that a client writes (RFC 9113, 4 and 6).

What is to be written gathers in an `Outbox`, so that one send carries many frames.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

cdef enum:
    FRAME_BYTES = 9                 # before the payload
    MAX_PAYLOAD_BYTES = 16384       # of a frame, unless the receiver allows more
    MAX_WINDOW = 0x7fffffff
    FIRST_WINDOW = 65535
    MAX_ID = 0x7fffffff
    PREFACE_BYTES = 24
    OUTBOX_BYTES = 256              # to begin with

cdef enum FrameType:
    DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE,
    CONTINUATION

cdef enum FrameFlag:
    END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, WITH_PRIORITY = 32

cdef enum Setting:                  # section 6.5.2
    HEADER_TABLE_SIZE = 1, ENABLE_PUSH = 2, MAX_CONCURRENT_STREAMS = 3, INITIAL_WINDOW_SIZE = 4,
    MAX_FRAME_SIZE = 5, MAX_HEADER_LIST_SIZE = 6

cdef enum ErrorCode:                # section 7
    NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED,
    FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM,
    INADEQUATE_SECURITY, HTTP_1_1_REQUIRED

cdef struct Outbox:                 # bytes that are not written yet: from `begin` to `end`
    uint8_t *bytes
    uint32_t begin
    uint32_t end
    uint32_t room


cdef inline uint32_t read_u32(const uint8_t *at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline uint32_t read_u24(const uint8_t *at) noexcept nogil:
    return <uint32_t>at[0] << 16 | <uint32_t>at[1] << 8 | at[2]


cdef inline void write_u32(uint8_t *at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 24)
    at[1] = <uint8_t>(value >> 16)
    at[2] = <uint8_t>(value >> 8)
    at[3] = <uint8_t>value


cdef inline uint32_t unwritten(const Outbox *self) noexcept nogil:
    return self.end - self.begin


cdef inline void clear(Outbox *self) noexcept nogil:
    self.begin = self.end = 0


cdef inline void discard_outbox(Outbox *self) noexcept nogil:
    free(self.bytes)
    self.bytes = NULL
    self.begin = self.end = self.room = 0


cdef inline bint grow(Outbox *self, uint32_t n_bytes) noexcept nogil:
    """Make room for `n_bytes` more; false when there is no memory."""
    cdef uint32_t room = self.room if self.room else OUTBOX_BYTES
    cdef uint8_t *bytes
    if self.begin:
        memmove(self.bytes, self.bytes + self.begin, self.end - self.begin)
        self.end -= self.begin
        self.begin = 0
    while room < self.end + n_bytes:
        room *= 2
    if room != self.room:
        bytes = <uint8_t *>realloc(self.bytes, room)
        if bytes == NULL:
            return False
        self.bytes = bytes
        self.room = room
    return True


cdef inline uint8_t *reserve(Outbox *self, uint32_t n_bytes) noexcept nogil:
    """The place of `n_bytes` more, which the caller fills; NULL when there is no memory."""
    cdef uint8_t *at
    if self.begin == self.end:
        self.begin = self.end = 0
    if self.end + n_bytes > self.room and not grow(self, n_bytes):
        return NULL
    at = self.bytes + self.end
    self.end += n_bytes
    return at


cdef inline void put_header(uint8_t *at, uint32_t n_bytes, FrameType kind, uint8_t flags,
                            uint32_t stream) noexcept nogil:
    at[0] = <uint8_t>(n_bytes >> 16)
    at[1] = <uint8_t>(n_bytes >> 8)
    at[2] = <uint8_t>n_bytes
    at[3] = <uint8_t>kind
    at[4] = flags
    write_u32(at + 5, stream)


cdef inline uint8_t *put_frame(Outbox *self, uint32_t n_bytes, FrameType kind, uint8_t flags,
                               uint32_t stream) noexcept nogil:
    """Write a frame's header; returns where its payload goes, NULL when there is no memory."""
    cdef uint8_t *at = reserve(self, FRAME_BYTES + n_bytes)
    if at == NULL:
        return NULL
    put_header(at, n_bytes, kind, flags, stream)
    return at + FRAME_BYTES


cdef inline bint put_word(Outbox *self, FrameType kind, uint32_t stream,
                          uint32_t word) noexcept nogil:
    """RST_STREAM or WINDOW_UPDATE."""
    cdef uint8_t *at = put_frame(self, 4, kind, 0, stream)
    if at == NULL:
        return False
    write_u32(at, word)
    return True


cdef inline bint put_goaway(Outbox *self, ErrorCode code) noexcept nogil:
    """No stream of the server's was ever taken: push is off."""
    cdef uint8_t *at = put_frame(self, 8, GOAWAY, 0, 0)
    if at == NULL:
        return False
    write_u32(at, 0)
    write_u32(at + 4, code)
    return True


cdef inline uint8_t *put_setting(uint8_t *at, Setting name, uint32_t value) noexcept nogil:
    at[0] = 0
    at[1] = <uint8_t>name
    write_u32(at + 2, value)
    return at + 6


cdef inline bint put_preface(Outbox *self, uint32_t stream_window) noexcept nogil:
    """What a client says first (section 3.4): no push, how much a stream may send unread, and that
    all of them together may always send."""
    cdef const char *magic = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    cdef uint8_t *at = reserve(self, PREFACE_BYTES)
    if at == NULL:
        return False
    memcpy(at, magic, PREFACE_BYTES)
    at = put_frame(self, 18, SETTINGS, 0, 0)
    if at == NULL:
        return False
    at = put_setting(at, ENABLE_PUSH, 0)
    at = put_setting(at, INITIAL_WINDOW_SIZE, stream_window)
    put_setting(at, MAX_HEADER_LIST_SIZE, 65536)
    return put_word(self, WINDOW_UPDATE, 0, MAX_WINDOW - FIRST_WINDOW)


cdef inline bint put_block(Outbox *self, uint32_t stream, const uint8_t *block, uint32_t n_bytes,
                           bint table_update, bint ends) noexcept nogil:
    """HEADERS, with CONTINUATION as far as the block needs it.

    `table_update`: the table of the peer's decoder is told to hold nothing (RFC 7541 section 6.3).
    """
    cdef FrameType kind = HEADERS
    cdef uint8_t flags = END_STREAM if ends else 0
    cdef uint32_t part
    cdef uint32_t extra = table_update
    cdef uint8_t *at
    while True:
        part = n_bytes if n_bytes <= MAX_PAYLOAD_BYTES - extra else MAX_PAYLOAD_BYTES - extra
        at = put_frame(self, part + extra, kind,
                       <uint8_t>(flags | (END_HEADERS if part == n_bytes else 0)), stream)
        if at == NULL:
            return False
        if extra:
            at[0] = 0x20
        memcpy(at + extra, block, part)
        block += part
        n_bytes -= part
        if n_bytes == 0:
            return True
        kind = CONTINUATION
        flags = 0
        extra = 0
