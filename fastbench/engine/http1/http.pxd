"""A whole HTTP/1.x response: the head, then the body as the head framed it (RFC 9112 6 to 8).

1. The codec (`codec`) of HTTP/1.1: `take` stops at the end of one message; what it did not take
   belongs to the next one.
2. Servers repeat themselves: a head like the last one is not read again (`Memo`). The response is
   a pure function of its bytes, so this changes nothing but the time: some 1,700 instructions
   less for a head of 115 bytes (callgrind).
3. `skippable` says how many coming bytes are body for sure: those may be dropped unseen.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastbench.engine.codec cimport MEMO_BYTES, Codec, Memo
from fastbench.engine.http1.head cimport head, is_text
from fastbench.engine.http1.response cimport (
    BODY_CLOSE, BODY_LENGTH, BODY_PART, CHUNK_BLANK, CHUNK_CR, CHUNK_DATA, CHUNK_END,
    CHUNK_END_RULE, CHUNK_EXTENSION, CHUNK_LF, CHUNK_SIZE, CHUNK_SIZE_RULE, CONTROL_BYTE, CR, DONE,
    EXTENSION_SIZE, FRAMING_PART, HEAD_DONE, HEAD_PART, IN_TRAILER, LF, LINE, NO_FIELD, START,
    Http, begin, fail,
)

cdef enum:
    MAX_EXTENSION_BYTES = 16384     # of all chunk extensions of one message


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


cdef inline const uint8_t *recall(Http *self, Memo *memo, const uint8_t *data,
                                  size_t n_bytes) noexcept nogil:
    """Read a head from its first byte, or know it; returns where it ends."""
    cdef const uint8_t *at
    if memo.n_bytes and n_bytes >= memo.n_bytes and self.asked == memo.after.asked \
            and memcmp(data, memo.bytes, memo.n_bytes) == 0:
        memcpy(self, &memo.after, sizeof(Http))
        return data + memo.n_bytes
    at = head(self, data, data + n_bytes)
    if self.state > HEAD_DONE and at - data <= MEMO_BYTES:
        memo.n_bytes = <uint32_t>(at - data)
        memcpy(&memo.after, self, sizeof(Http))
        memcpy(memo.bytes, data, memo.n_bytes)
    return at


cdef inline const uint8_t *take(Http *self, Memo *memo, const uint8_t *at,
                                const uint8_t *end) noexcept nogil:
    """Take one part of a message: of its head, of what frames its body, or of that."""
    cdef uint64_t n_bytes = <uint64_t>(end - at)
    if self.state < HEAD_DONE:
        self.part = FRAMING_PART if self.flags & IN_TRAILER else HEAD_PART
        if self.state == START and self.head_bytes == 0 and self.interims == 0:
            return recall(self, memo, at, n_bytes)
        return head(self, at, end)
    if self.state < CHUNK_DATA:
        self.part = FRAMING_PART
        while at != end and HEAD_DONE < self.state < CHUNK_DATA:
            chunk_byte(self, at[0])
            at += 1
        return at
    self.part = BODY_PART
    if n_bytes > skippable(self):
        n_bytes = skippable(self)
    skip(self, n_bytes)
    return at + n_bytes


cdef inline bint close(Http *self) noexcept nogil:
    """The peer closed: that is the end of a body without a length (section 8)."""
    if self.state != BODY_CLOSE:
        return False
    self.state = DONE
    return True


cdef inline void use_http(Codec *out) noexcept nogil:
    out.name = "http/1.1"
    out.expect = begin
    out.take = take
    out.skippable = skippable
    out.skip = skip
    out.close = close
