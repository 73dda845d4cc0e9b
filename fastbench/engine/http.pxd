"""A whole HTTP/1.x response: the head, then the body as the head framed it (RFC 9112 6 to 8).

1. `feed` takes the bytes of one message and stops at its end; what it did not take belongs to the
   next one.
2. Body bytes are counted, searched when `--expect-body` asks for it, and never kept.
3. Servers repeat themselves: a head like the last one is not read again (`Memo`). The response is
   a pure function of its bytes, so this changes nothing but the time: some 1,700 instructions
   less for a head of 115 bytes (callgrind).
4. `skippable` says how many coming bytes are body for sure: those may be dropped unseen.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastbench.engine.head cimport head, is_text
from fastbench.engine.response cimport (
    BODY_CLOSE, BODY_LENGTH, CHUNK_BLANK, CHUNK_CR, CHUNK_DATA, CHUNK_END,
    CHUNK_END_RULE, CHUNK_EXTENSION,
    CHUNK_LF, CHUNK_SIZE, CHUNK_SIZE_RULE, CONTROL_BYTE, CR, CUT_OFF, DONE, EXTENSION_SIZE, FOUND,
    HEAD_DONE, IN_TRAILER, LF, LINE, NO_FIELD, START, Http, fail,
)

cdef enum:
    MAX_EXTENSION_BYTES = 16384     # of all chunk extensions of one message
    MEMO_BYTES = 1024

cdef struct Needle:                 # what --expect-body looks for, with its KMP failure table
    const uint8_t *text
    uint32_t n_bytes                # 0: bodies are not searched
    uint32_t *fallback

cdef struct Memo:                   # the last head that came in one piece, and what it meant
    uint32_t n_bytes                # 0: none yet
    Http after
    uint8_t bytes[MEMO_BYTES]


cdef inline void prepare(Needle *needle) noexcept nogil:
    """Fill the failure table: the longest border of each prefix."""
    cdef uint32_t i
    cdef uint32_t border = 0
    needle.fallback[0] = 0
    for i in range(1, needle.n_bytes):
        while border and needle.text[i] != needle.text[border]:
            border = needle.fallback[border - 1]
        if needle.text[i] == needle.text[border]:
            border += 1
        needle.fallback[i] = border


cdef inline void search(Http *self, const uint8_t *at, uint64_t n_bytes,
                        const Needle *needle) noexcept nogil:
    """Look for the needle in body bytes that arrive in pieces (Knuth, Morris, Pratt)."""
    cdef uint64_t i
    for i in range(n_bytes):
        if self.flags & FOUND:
            return
        while self.matched and needle.text[self.matched] != at[i]:
            self.matched = needle.fallback[self.matched - 1]
        if needle.text[self.matched] == at[i]:
            self.matched += 1
        if self.matched == needle.n_bytes:
            self.flags |= FOUND


cdef inline uint64_t skippable(const Http *self) noexcept nogil:
    """How many of the coming bytes are body for sure, so that they need not be seen."""
    if self.state == BODY_LENGTH or self.state == CHUNK_DATA:
        return self.remaining
    return <uint64_t>-1 if self.state == BODY_CLOSE else 0


cdef inline void skip(Http *self, uint64_t n_bytes) noexcept nogil:
    """`n_bytes` of body went by, at most `skippable` of them."""
    self.body_bytes += n_bytes
    if self.state == BODY_CLOSE:
        return
    self.remaining -= n_bytes
    if self.remaining == 0:
        self.state = CHUNK_CR if self.state == CHUNK_DATA else DONE


cdef inline void size_byte(Http *self, uint8_t c) noexcept nogil:
    """chunk-size = 1*HEXDIG (section 7.1), held to less than 2^62."""
    cdef uint8_t digit = c - 48
    if digit > 9:
        digit = (c | 32) - 97 + 10
        if digit < 10 or digit > 15:
            if self.index == 0:
                fail(self, CHUNK_SIZE_RULE)
            elif c == CR:
                self.state = CHUNK_LF
            elif c == 59:
                self.state = CHUNK_EXTENSION
            elif c == 32 or c == 9:
                self.state = CHUNK_BLANK
            else:
                fail(self, CHUNK_SIZE_RULE)
            return
    if self.remaining >> 58:
        fail(self, CHUNK_SIZE_RULE)
    self.remaining = self.remaining << 4 | digit
    self.index = 1


cdef inline void chunk_byte(Http *self, uint8_t c) noexcept nogil:
    """The lines between chunk data; unlike the head, they must end in CRLF."""
    if self.state == CHUNK_SIZE:
        size_byte(self, c)
    elif self.state == CHUNK_BLANK or self.state == CHUNK_EXTENSION:
        self.extension_bytes += 1
        if c == CR:
            self.state = CHUNK_LF
        elif self.extension_bytes > MAX_EXTENSION_BYTES:
            fail(self, EXTENSION_SIZE)
        elif not is_text(c):
            fail(self, CONTROL_BYTE)
        elif self.state == CHUNK_BLANK and c == 59:
            self.state = CHUNK_EXTENSION
        elif self.state == CHUNK_BLANK and c != 32 and c != 9:
            fail(self, CHUNK_SIZE_RULE)
    elif self.state == CHUNK_LF:
        self.index = 0
        if c != LF:
            fail(self, CHUNK_SIZE_RULE)
        elif self.remaining:
            self.state = CHUNK_DATA
        else:
            self.state = LINE
            self.flags |= IN_TRAILER
            self.field = NO_FIELD
            self.head_bytes = 0
    elif self.state == CHUNK_CR:
        self.state = CHUNK_END
        if c != CR:
            fail(self, CHUNK_END_RULE)
    else:
        self.state = CHUNK_SIZE
        if c != LF:
            fail(self, CHUNK_END_RULE)


cdef inline const uint8_t *body(Http *self, const uint8_t *at, const uint8_t *end,
                                const Needle *needle) noexcept nogil:
    cdef uint64_t n_bytes
    if self.state < CHUNK_DATA:
        chunk_byte(self, at[0])
        return at + 1
    n_bytes = <uint64_t>(end - at)
    if n_bytes > skippable(self):
        n_bytes = skippable(self)
    if needle.n_bytes:
        search(self, at, n_bytes, needle)
    skip(self, n_bytes)
    return at + n_bytes


cdef inline const uint8_t *recall(Http *self, Memo *memo, const uint8_t *data,
                                  size_t n_bytes) noexcept nogil:
    """Read a head from its first byte, or know it; returns where it ends."""
    cdef bint head_only = self.head_only
    cdef const uint8_t *at
    if memo.n_bytes and n_bytes >= memo.n_bytes and head_only == memo.after.head_only \
            and memcmp(data, memo.bytes, memo.n_bytes) == 0:
        memcpy(self, &memo.after, sizeof(Http))
        return data + memo.n_bytes
    at = head(self, data, data + n_bytes)
    if self.state > HEAD_DONE and at - data <= MEMO_BYTES:
        memo.n_bytes = <uint32_t>(at - data)
        memcpy(&memo.after, self, sizeof(Http))
        memcpy(memo.bytes, data, memo.n_bytes)
    return at


cdef inline size_t feed(Http *self, const uint8_t *data, size_t n_bytes, const Needle *needle,
                        Memo *memo) noexcept nogil:
    """Take bytes of one message, at most to its end; returns how many were taken."""
    cdef const uint8_t *at = data
    cdef const uint8_t *end = data + n_bytes
    if self.state == START and self.head_bytes == 0 and self.interims == 0 and n_bytes:
        at = recall(self, memo, data, n_bytes)
    while at != end and self.state < DONE:
        if self.state < HEAD_DONE:
            at = head(self, at, end)
        else:
            at = body(self, at, end, needle)
    return <size_t>(at - data)


cdef inline void eof(Http *self) noexcept nogil:
    """The peer closed: the end of a body without a length, else a message cut off (section 8)."""
    if self.state == BODY_CLOSE:
        self.state = DONE
    elif self.state < DONE:
        fail(self, CUT_OFF)
