"""The head of an HTTP/1.x response, byte by byte (RFC 9112 sections 2 to 6 and 9).

1. Only three fields matter (`Field`); the values of all others are checked for control bytes and
   passed over.
2. Framing is decided once, at the blank line, in the order of RFC 9112 section 6.3.
3. What is here in one piece is read in one step (`at_once`); the byte functions are the rule, and
   take over wherever the input was split.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastbench.engine.http1.response cimport (
    AFTER_STATUS, BARE_CR, BODY_CLOSE, BODY_LENGTH, CHUNKED, CHUNK_SIZE, CLOSE, CONNECTION,
    CONTENT_LENGTH, CONTROL_BYTE, CR, DONE, END_LF, FAILED, FIELD_NAME, FOLDED_FRAMING,
    HAS_CODING, HAS_LENGTH, HEAD_DONE, HEAD_ONLY, HEAD_SIZE, HTTP_VERSION, INTERIMS, IN_TRAILER,
    KEEP_ALIVE, LENGTH_VALUE, LF, LINE, MANY_CODINGS, MAX_HEAD_BYTES, MAX_INTERIMS, NAME,
    NO_FIELD, OTHER_FIELD, REASON, START, STATUS, STATUS_CODE, STATUS_LF, STATUS_LINE, SWITCHING,
    TRANSFER_ENCODING, UPGRADE, VALUE, VALUE_LF, VERSION, Http, fail,
)

cdef inline bint is_token(uint8_t c) noexcept nogil:
    """tchar of RFC 9110 section 5.6.2, as two 64-bit sets."""
    if <uint8_t>((c | 32) - 97) < 26:
        return True
    if c < 64:
        return (<uint64_t>0x03ff6cfa00000000u >> c) & 1
    return c < 128 and (<uint64_t>0x50000001c0000000u >> (c - 64)) & 1


cdef inline bint is_text(uint8_t c) noexcept nogil:
    return c >= 32 and c != 127 or c == 9


# Field values that matter

cdef inline bint token_is(const Http *self, const char *word, uint8_t n_bytes) noexcept nogil:
    return self.token_bytes == n_bytes and memcmp(self.token, word, n_bytes) == 0


cdef inline void token_byte(Http *self, uint8_t c) noexcept nogil:
    """Collect a word in lower case; `index` notes a blank after it, which only its end may follow.

    Setting bit 5 lowers letters and keeps `-` and digits, which is all that the words we know have.
    """
    if c > 32 and self.index == 0 and self.token_bytes < sizeof(self.token):
        self.token[self.token_bytes] = c | 32
        self.token_bytes += 1
    elif c == 32 or c == 9:
        self.index = self.token_bytes != 0
    else:
        self.token_bytes = sizeof(self.token) + 1


cdef inline void end_token(Http *self) noexcept nogil:
    """One element of Connection or Transfer-Encoding is complete."""
    if self.token_bytes != 0:       # empty list elements count for nothing (RFC 9110 5.6.1.2)
        if self.field == TRANSFER_ENCODING:
            self.flags &= <uint8_t>~CHUNKED
            if token_is(self, "chunked", 7):
                self.flags |= CHUNKED
        elif token_is(self, "close", 5):
            self.flags |= CLOSE
        elif token_is(self, "keep-alive", 10):
            self.flags |= KEEP_ALIVE
    self.token_bytes = 0
    self.index = 0


cdef inline void end_length(Http *self) noexcept nogil:
    """A Content-Length element is complete; a second one must repeat the first (section 6.3)."""
    if self.index == 0 or (self.flags & HAS_LENGTH and self.number != self.remaining):
        fail(self, LENGTH_VALUE)
        return
    self.flags |= HAS_LENGTH
    self.remaining = self.number
    self.number = 0
    self.index = 0


cdef inline void length_byte(Http *self, uint8_t c) noexcept nogil:
    """`index`: 0 before the digits, 1 in them, 2 after them."""
    cdef uint8_t digit = c - 48
    if digit < 10 and self.index < 2:
        if self.number > (<uint64_t>-1 - digit) // 10:
            fail(self, LENGTH_VALUE)
        self.number = self.number * 10 + digit
        self.index = 1
    elif c == 32 or c == 9:
        self.index = 2 if self.index else 0
    elif c == 44:
        end_length(self)
    else:
        fail(self, LENGTH_VALUE)


cdef inline void value_byte(Http *self, uint8_t c) noexcept nogil:
    if not is_text(c):
        fail(self, CONTROL_BYTE)
    elif self.field == CONTENT_LENGTH:
        length_byte(self, c)
    elif c == 44:
        end_token(self)
    else:
        token_byte(self, c)


cdef inline void end_field(Http *self) noexcept nogil:
    if self.field == CONTENT_LENGTH:
        end_length(self)
    elif self.field != OTHER_FIELD:
        end_token(self)


cdef inline bint same_name(const uint8_t *text, const char *name, size_t n_bytes) noexcept nogil:
    """Field names know no case (RFC 9110 section 5.1)."""
    cdef size_t i
    for i in range(n_bytes):
        if text[i] | 32 != <uint8_t>name[i]:
            return False
    return True


cdef inline void begin_value(Http *self, const uint8_t *text, size_t n_bytes) noexcept nogil:
    """The name is complete. In a trailer no field may change the framing (section 7.1.2)."""
    self.field = OTHER_FIELD
    if not self.flags & IN_TRAILER:
        if n_bytes == 14 and same_name(text, "content-length", 14):
            self.field = CONTENT_LENGTH
        elif n_bytes == 10 and same_name(text, "connection", 10):
            self.field = CONNECTION
        elif n_bytes == 17 and same_name(text, "transfer-encoding", 17):
            self.field = TRANSFER_ENCODING
            self.flags |= MANY_CODINGS if self.flags & HAS_CODING else HAS_CODING
    self.token_bytes = 0
    self.index = 0
    self.state = VALUE


# The head

cdef inline void status_byte(Http *self, uint8_t c) noexcept nogil:
    """Status line up to the reason phrase: HTTP-version SP 3DIGIT [SP reason] (section 4)."""
    cdef const char *prefix = "HTTP/1."
    if self.state == START:
        if self.index or c == CR or c == LF:        # an empty line before it is ignored (2.2)
            if self.index and c != LF:
                fail(self, BARE_CR)
            self.index = c == CR
            return
        self.state = VERSION
    if self.state == VERSION:
        if self.index < 7:
            if c != <uint8_t>prefix[self.index]:
                fail(self, HTTP_VERSION if self.index > 4 else STATUS_LINE)
        elif self.index == 7:
            self.minor = c - 48
            if self.minor > 9:
                fail(self, HTTP_VERSION)
        elif c == 32:
            self.state = STATUS
            self.index = 0
            return
        else:
            fail(self, HTTP_VERSION)
        self.index += 1
    elif self.state == STATUS:
        if <uint8_t>(c - 48) > 9 or (self.index == 0 and c == 48):
            fail(self, STATUS_CODE)
            return
        self.status = self.status * 10 + (c - 48)
        self.index += 1
        if self.index == 3:
            self.state = AFTER_STATUS
    elif c == 32:
        self.state = REASON
    elif c == CR or c == LF:
        self.state = STATUS_LF if c == CR else LINE
    else:
        fail(self, STATUS_CODE)


cdef inline void line_byte(Http *self, uint8_t c) noexcept nogil:
    """First byte of a line after the status line, and the LF that must follow a CR."""
    if self.state != LINE:
        if c != LF:
            fail(self, BARE_CR)
            return
        if self.state == VALUE_LF:
            self.state = LINE
            end_field(self)
        else:
            self.state = HEAD_DONE if self.state == END_LF else LINE
    elif c == CR or c == LF:
        self.state = END_LF if c == CR else HEAD_DONE
    elif c == 32 or c == 9:                         # obs-fold (section 5.2)
        if self.field == CONTENT_LENGTH or self.field == TRANSFER_ENCODING:
            fail(self, FOLDED_FRAMING)
        elif self.field == NO_FIELD:
            fail(self, FIELD_NAME)
        else:
            self.state = VALUE
    elif is_token(c):
        self.state = NAME
        self.token_bytes = 0
        self.index = 0
        token_byte(self, c)
    else:
        fail(self, FIELD_NAME)


cdef inline const uint8_t *name(Http *self, const uint8_t *at, const uint8_t *end) noexcept nogil:
    while at != end:
        if is_token(at[0]):
            token_byte(self, at[0])
        elif at[0] == 58:
            begin_value(self, self.token, self.token_bytes)
            return at + 1
        else:                       # a blank before the colon included (section 5.1)
            fail(self, FIELD_NAME)
            return at + 1
        at += 1
    return at


cdef inline const uint8_t *whole_name(Http *self, const uint8_t *at,
                                      const uint8_t *end) noexcept nogil:
    """A name that is here up to its colon, the common case: read at once. NULL: byte by byte.

    This and `whole_status` took a 127-byte answer from 2,300 to 600 instructions (callgrind).
    """
    cdef const uint8_t *start = at
    while at != end and is_token(at[0]):
        at += 1
    if at == start or at == end or at[0] != 58:
        return NULL
    begin_value(self, start, <size_t>(at - start))
    return at + 1


cdef inline const uint8_t *whole_status(Http *self, const uint8_t *at,
                                        const uint8_t *end) noexcept nogil:
    """`HTTP/1.1 200 ` in one piece; NULL: byte by byte."""
    if end - at < 13 or self.index or memcmp(at, "HTTP/1.1 ", 9) != 0 or at[12] != 32:
        return NULL
    if <uint8_t>(at[9] - 49) > 8 or <uint8_t>(at[10] - 48) > 9 or <uint8_t>(at[11] - 48) > 9:
        return NULL
    self.minor = 1
    self.status = (at[9] - 48) * 100 + (at[10] - 48) * 10 + (at[11] - 48)
    self.state = REASON
    return at + 13


cdef inline const uint8_t *text(const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Skip bytes that may stand in a value, eight at a time while none is below 32 or is 127."""
    cdef uint64_t eight
    while end - at >= 8:
        memcpy(&eight, at, 8)
        if ((eight - 0x2020202020202020u) | ((eight ^ 0x7f7f7f7f7f7f7f7fu)
                                             - 0x0101010101010101u)) \
                & ~eight & 0x8080808080808080u:
            break
        at += 8
    while at != end and is_text(at[0]):
        at += 1
    return at


cdef inline const uint8_t *value(Http *self, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """A field value or the reason phrase, up to its line end."""
    if self.state == REASON or self.field == OTHER_FIELD:
        at = text(at, end)
    else:
        while at != end and at[0] != CR and at[0] != LF and self.state == VALUE:
            value_byte(self, at[0])
            at += 1
    if at == end or self.state == FAILED:
        return at
    if at[0] == CR:
        self.state = STATUS_LF if self.state == REASON else VALUE_LF
    elif at[0] == LF:
        if self.state == VALUE:
            self.state = LINE
            end_field(self)
        else:
            self.state = LINE
    else:
        fail(self, CONTROL_BYTE)
    return at + 1


cdef inline void decide_framing(Http *self) noexcept nogil:
    """The blank line was read: what follows it (section 6.3, in its order)?"""
    if self.flags & IN_TRAILER:
        self.state = DONE
    elif self.status < 200:
        self.interims += 1
        if self.status == 101 and self.asked == UPGRADE:
            self.state = DONE
        elif self.status == 101:
            fail(self, SWITCHING)
        elif self.interims > MAX_INTERIMS:
            fail(self, INTERIMS)
        else:
            self.state = START
            self.flags = 0
            self.field = NO_FIELD
            self.status = 0
            self.index = 0
            self.head_bytes = 0
    elif self.asked == HEAD_ONLY or self.status == 204 or self.status == 304:
        self.state = DONE
    elif self.flags & HAS_CODING:
        if self.flags & HAS_LENGTH:
            self.flags |= CLOSE
        self.remaining = 0
        self.index = 0
        if self.flags & CHUNKED and not self.flags & MANY_CODINGS:
            self.state = CHUNK_SIZE
        else:
            self.state = BODY_CLOSE
            self.flags |= CLOSE
    elif self.flags & HAS_LENGTH:
        self.state = BODY_LENGTH if self.remaining else DONE
    else:
        self.state = BODY_CLOSE
        self.flags |= CLOSE


cdef inline const uint8_t *at_once(Http *self, const uint8_t *at,
                                   const uint8_t *end) noexcept nogil:
    """The longest step that the state allows; NULL when it takes single bytes."""
    if self.state == VALUE or self.state == REASON:
        return value(self, at, end)
    if self.state == NAME:
        return name(self, at, end)
    if self.state == LINE:
        return whole_name(self, at, end)
    return whole_status(self, at, end) if self.state == START else NULL


cdef inline const uint8_t *head(Http *self, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Read head bytes, at most as many as a head may have."""
    cdef const uint8_t *start = at
    cdef const uint8_t *after
    if end - at > <ssize_t>(MAX_HEAD_BYTES - self.head_bytes):
        end = at + (MAX_HEAD_BYTES - self.head_bytes)
    while at != end and self.state < HEAD_DONE:
        after = at_once(self, at, end)
        if after == NULL:
            if self.state < REASON:
                status_byte(self, at[0])
            else:
                line_byte(self, at[0])
            after = at + 1
        at = after
    self.head_bytes += <uint32_t>(at - start)
    if self.state == HEAD_DONE:
        decide_framing(self)
    elif self.state < HEAD_DONE and self.head_bytes >= MAX_HEAD_BYTES:
        fail(self, HEAD_SIZE)
    return at
