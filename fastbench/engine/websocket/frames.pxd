"""WebSocket frames on the client's side (RFC 6455 section 5): what a server sends, and ours.

1. Pure: bytes go in, state comes out; no socket, no clock, no memory but the struct. So any split
   of the input gives the same messages, and the same broken rule.
2. `take` says in `part` what the bytes were. A payload is handed out where it lies, piece by piece,
   and never copied; a control frame is small and kept whole.
3. A broken rule ends the connection and is kept by name in `rule`. After a close frame nothing
   counts (section 5.5.1).
4. The key of a frame is a function of the connection's seed and the frame's number: what a full
   socket cut off is masked again, and need not be kept.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastbench.engine.websocket.utf8 cimport Utf8, is_utf8

cdef enum Opcode:
    CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10

cdef enum FrameState:
    FIRST, SECOND, LENGTH, PAYLOAD, SHUT, BROKEN

cdef enum FramePart:                # what the bytes taken last were
    NO_PART, DATA_PART, CONTROL_PART

cdef enum FrameRule:
    NO_RULE, RESERVED_BIT, UNKNOWN_OPCODE, MASKED_FRAME, LONG_CONTROL, CUT_CONTROL,
    STRAY_CONTINUATION, MESSAGE_IN_MESSAGE, LONG_LENGTH, LENGTH_BIT, CLOSE_PAYLOAD, CLOSE_CODE,
    CLOSE_REASON, NOT_UTF8, DEFLATED, FRAME_SIZE, MESSAGE_SIZE, FRAME_RULES

cdef enum:
    FIN = 0x80
    RSV1 = 0x40
    MASK = 0x80
    MAX_CONTROL_BYTES = 125
    MAX_HEADER_BYTES = 14           # with the key
    NO_CODE = 1005                  # a close frame without a code (section 7.1.5)
    NO_CLOSE = 1006                 # the connection ended without a close frame

cdef struct Frames:
    uint64_t max_frame_bytes
    uint64_t max_message_bytes
    bint deflate                    # permessage-deflate was agreed on: RSV1 may be set (RFC 7692)
    bint check_text                 # text must be UTF-8
    uint8_t state
    uint8_t rule
    uint8_t part
    uint8_t first                   # first byte of the frame that is read: FIN, RSV, opcode
    uint8_t length_bytes            # that are still to come
    uint8_t opcode                  # of the message that is read: TEXT, BINARY; 0 between messages
    uint8_t message                 # of the piece or the message that DATA_PART is of
    uint8_t compressed              # that message is
    uint8_t complete                # the piece was its last one
    uint8_t n_control
    uint32_t least_bytes            # that this form of a length is for
    Utf8 utf8
    uint64_t remaining              # of the frame's payload
    uint64_t message_bytes          # of the message, without what is to come after this frame
    const uint8_t *piece            # DATA_PART: a part of a payload, where it lies
    uint64_t piece_bytes
    uint16_t close_code             # once the peer's close frame came
    uint8_t control[MAX_CONTROL_BYTES]      # CONTROL_PART: its payload, opcode in `first`


cdef inline void begin(Frames *self, uint64_t max_frame_bytes, uint64_t max_message_bytes,
                       bint deflate, bint check_text) noexcept nogil:
    memset(self, 0, sizeof(Frames))
    self.max_frame_bytes = max_frame_bytes
    self.max_message_bytes = max_message_bytes
    self.deflate = deflate
    self.check_text = check_text


cdef inline uint8_t opcode_of(const Frames *self) noexcept nogil:
    """The opcode of the frame that is read, or of the control frame that just ended."""
    return self.first & 0x0F


cdef inline void fail(Frames *self, FrameRule rule) noexcept nogil:
    self.state = BROKEN
    self.rule = rule
    self.part = NO_PART


cdef inline uint16_t code_for(uint8_t rule) noexcept nogil:
    """The close code that tells the peer which rule it broke (section 7.4.1)."""
    if rule == NOT_UTF8 or rule == CLOSE_REASON or rule == DEFLATED:
        return 1007
    return 1009 if rule >= FRAME_SIZE else 1002


cdef inline bint is_close_code(uint16_t code) noexcept nogil:
    """May stand in a close frame (section 7.4, and IANA's registry of close codes)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


# Reading

cdef inline void first_byte(Frames *self, uint8_t c) noexcept nogil:
    cdef uint8_t opcode = c & 0x0F
    self.first = c
    self.state = SECOND
    if c & 0x70 and not (c & 0x70 == RSV1 and self.deflate and 0 < opcode <= BINARY):
        fail(self, RESERVED_BIT)
    elif opcode > PONG or BINARY < opcode < CLOSE:
        fail(self, UNKNOWN_OPCODE)
    elif opcode >= CLOSE:
        if not c & FIN:
            fail(self, CUT_CONTROL)
    elif opcode == CONTINUATION:
        if not self.opcode:
            fail(self, STRAY_CONTINUATION)
    elif self.opcode:
        fail(self, MESSAGE_IN_MESSAGE)


cdef inline void begin_payload(Frames *self) noexcept nogil:
    """The header is complete."""
    cdef uint8_t opcode = opcode_of(self)
    self.state = PAYLOAD
    if opcode >= CLOSE:
        self.n_control = 0
        return
    if opcode != CONTINUATION:
        self.opcode = opcode
        self.compressed = self.first & RSV1 != 0
        self.message_bytes = 0
        memset(&self.utf8, 0, sizeof(Utf8))
    if self.remaining > self.max_frame_bytes:
        fail(self, FRAME_SIZE)
    elif self.remaining > self.max_message_bytes - self.message_bytes:
        fail(self, MESSAGE_SIZE)
    self.message_bytes += self.remaining


cdef inline void second_byte(Frames *self, uint8_t c) noexcept nogil:
    if c & MASK:
        fail(self, MASKED_FRAME)
    elif opcode_of(self) >= CLOSE and c > MAX_CONTROL_BYTES:
        fail(self, LONG_CONTROL)
    elif c <= 125:
        self.remaining = c
        begin_payload(self)
    else:
        self.remaining = 0
        self.length_bytes = 2 if c == 126 else 8
        self.state = LENGTH
        self.least_bytes = 126 if c == 126 else 0x10000


cdef inline void length_byte(Frames *self, uint8_t c) noexcept nogil:
    """Of a length of 16 or 64 bits, which must be the shortest form (section 5.2)."""
    if self.length_bytes == 8 and c & 0x80:
        fail(self, LENGTH_BIT)
        return
    self.remaining = self.remaining << 8 | c
    self.length_bytes -= 1
    if self.length_bytes:
        return
    if self.remaining < self.least_bytes:
        fail(self, LONG_LENGTH)
    else:
        begin_payload(self)


cdef inline void read_close(Frames *self) noexcept nogil:
    """The peer's close frame is complete: nothing, or a code and a reason (section 5.5.1)."""
    cdef Utf8 reason
    self.state = SHUT
    if self.n_control == 0:
        self.close_code = NO_CODE
        return
    memset(&reason, 0, sizeof(reason))
    self.close_code = <uint16_t>(self.control[0] << 8 | self.control[1])
    if self.n_control == 1:
        self.close_code = 0
        fail(self, CLOSE_PAYLOAD)
    elif not is_close_code(self.close_code):
        fail(self, CLOSE_CODE)
    elif not is_utf8(&reason, self.control + 2, self.control + self.n_control) or reason.missing:
        fail(self, CLOSE_REASON)


cdef inline const uint8_t *take_control(Frames *self, const uint8_t *at,
                                        uint64_t n_bytes) noexcept nogil:
    memcpy(self.control + self.n_control, at, n_bytes)
    self.n_control += <uint8_t>n_bytes
    self.remaining -= n_bytes
    if self.remaining == 0:
        self.state = FIRST
        self.part = CONTROL_PART
        if opcode_of(self) == CLOSE:
            read_close(self)
    return at + n_bytes


cdef inline const uint8_t *take_data(Frames *self, const uint8_t *at,
                                     uint64_t n_bytes) noexcept nogil:
    self.part = DATA_PART
    self.piece = at
    self.piece_bytes = n_bytes
    self.message = self.opcode
    self.remaining -= n_bytes
    self.complete = self.remaining == 0 and self.first & FIN
    if self.check_text and self.opcode == TEXT and not self.compressed:
        if not is_utf8(&self.utf8, at, at + n_bytes) or (self.complete and self.utf8.missing):
            fail(self, NOT_UTF8)
            return at + n_bytes
    if self.remaining == 0:
        self.state = FIRST
        if self.complete:
            self.opcode = 0
    return at + n_bytes


cdef inline const uint8_t *take(Frames *self, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Take bytes up to the end of one part; returns where it ends.

    Without a part all bytes were taken: more is needed, or nothing more counts (`state`).
    """
    cdef uint64_t n_bytes
    self.part = NO_PART
    while at != end and self.state < PAYLOAD:
        if self.state == FIRST:
            first_byte(self, at[0])
        elif self.state == SECOND:
            second_byte(self, at[0])
        else:
            length_byte(self, at[0])
        at += 1
    if self.state > PAYLOAD:
        return end
    n_bytes = <uint64_t>(end - at)
    if self.state < PAYLOAD or (n_bytes == 0 and self.remaining):
        return at
    if n_bytes > self.remaining:
        n_bytes = self.remaining
    if opcode_of(self) >= CLOSE:
        return take_control(self, at, n_bytes)
    return take_data(self, at, n_bytes)


# Writing

cdef inline uint32_t key_of(uint64_t seed, uint64_t number) noexcept nogil:
    """The key of frame `number` of a connection, in the order of the wire (section 5.3).

    Counter-based (SplitMix64; Steele, Lea and Flood, 2014), from a seed that the kernel made.
    """
    cdef uint64_t z = seed + (number + 1) * <uint64_t>0x9E3779B97F4A7C15u
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9u
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EBu
    return <uint32_t>((z ^ (z >> 31)) >> 32)


cdef inline uint8_t header_bytes(uint64_t n_bytes) noexcept nogil:
    """How long the header of a masked frame of so many bytes is."""
    return 6 if n_bytes <= 125 else 8 if n_bytes <= 0xFFFF else MAX_HEADER_BYTES


cdef inline void put_header(uint8_t *out, uint8_t first, uint64_t n_bytes,
                            uint32_t key) noexcept nogil:
    """Write `header_bytes` bytes; `first` is FIN, RSV and opcode."""
    cdef uint8_t size = header_bytes(n_bytes)
    cdef int i
    out[0] = first
    if size == 6:
        out[1] = MASK | <uint8_t>n_bytes
    else:
        out[1] = MASK | (126 if size == 8 else 127)
        for i in range(size - 6):
            out[size - 5 - i] = <uint8_t>(n_bytes >> 8 * i)
    memcpy(out + size - 4, &key, 4)


cdef inline void mask(uint8_t *out, const uint8_t *data, size_t n_bytes, uint32_t key,
                      uint64_t offset) noexcept nogil:
    """Mask the bytes of a payload from `offset` on, eight at a time; `out` may be `data`."""
    cdef uint8_t turned[8]
    cdef uint64_t keys, word
    cdef size_t i = 0
    cdef int j
    for j in range(8):
        turned[j] = (<uint8_t *>&key)[(offset + <unsigned int>j) & 3]
    memcpy(&keys, turned, 8)
    while i + 8 <= n_bytes:
        memcpy(&word, data + i, 8)
        word ^= keys
        memcpy(out + i, &word, 8)
        i += 8
    while i < n_bytes:
        out[i] = data[i] ^ turned[i & 7]
        i += 1


cdef inline size_t put_part(uint8_t *out, size_t room, uint8_t first, const uint8_t *data,
                            uint64_t n_bytes, uint32_t key, uint64_t skip) noexcept nogil:
    """Write what follows the first `skip` bytes of a masked frame, at most `room` bytes of it.

    Returns how many. So a frame of any length goes out through a buffer of any length.
    """
    cdef uint8_t header[MAX_HEADER_BYTES]
    cdef uint8_t size = header_bytes(n_bytes)
    cdef size_t written = 0
    cdef uint64_t left
    if skip < size:
        put_header(header, first, n_bytes, key)
        written = size - skip
        if written > room:
            written = room
        memcpy(out, header + skip, written)
        skip = 0
    else:
        skip -= size
    left = n_bytes - skip
    if left > room - written:
        left = room - written
    mask(out + written, data + skip, left, key, skip)
    return written + left


cdef inline size_t put_control(uint8_t *out, uint8_t opcode, const uint8_t *data, uint8_t n_bytes,
                               uint32_t key) noexcept nogil:
    """Write a whole control frame of at most 125 bytes; returns its length, at most 131."""
    return put_part(out, MAX_HEADER_BYTES + MAX_CONTROL_BYTES, FIN | opcode, data, n_bytes, key, 0)


cdef inline size_t put_close(uint8_t *out, uint16_t code, uint32_t key) noexcept nogil:
    """Write a close frame without a reason; NO_CODE: without a code, too."""
    cdef uint8_t payload[2]
    payload[0] = <uint8_t>(code >> 8)
    payload[1] = <uint8_t>(code & 0xFF)
    return put_control(out, CLOSE, payload, 0 if code == NO_CODE else 2, key)
