"""The head of an HTTP/1.x response, byte by byte (RFC 9112 sections 2 to 6 and 9).

1. Pure: bytes go in, state comes out; no socket, no clock, no memory but the struct `Http`. So
   any split of the input gives the same answer.
2. Only three fields matter (`Field`); the values of all others are checked for control bytes and
   passed over.
3. Framing is decided once, at the blank line, in the order of RFC 9112 section 6.3.
4. A broken rule ends the message and is kept by name in `rule`.

`http.pxd` reads the body and joins both.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

cdef enum:
    MAX_HEAD_BYTES = 65536          # of one head, status line to blank line; of all trailers too
    MAX_INTERIMS = 32
    LF = 10
    CR = 13

cdef enum State:
    START, VERSION, STATUS, AFTER_STATUS, REASON, STATUS_LF, LINE, NAME, VALUE, VALUE_LF, END_LF,
    HEAD_DONE,
    CHUNK_SIZE, CHUNK_BLANK, CHUNK_EXTENSION, CHUNK_LF, CHUNK_CR, CHUNK_END,
    CHUNK_DATA, BODY_LENGTH, BODY_CLOSE,
    DONE, FAILED

cdef enum Field:
    NO_FIELD, OTHER_FIELD, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION

cdef enum Flag:
    HAS_LENGTH = 1, HAS_CODING = 2, MANY_CODINGS = 4, CHUNKED = 8, CLOSE = 16, KEEP_ALIVE = 32,
    IN_TRAILER = 64, FOUND = 128

cdef enum Rule:
    NO_RULE, STATUS_LINE, HTTP_VERSION, STATUS_CODE, BARE_CR, CONTROL_BYTE, FIELD_NAME,
    FOLDED_FRAMING, LENGTH_VALUE, CHUNK_SIZE_RULE, CHUNK_END_RULE, INTERIMS, SWITCHING, CUT_OFF,
    HEAD_SIZE, EXTENSION_SIZE

cdef struct Http:
    uint8_t state
    uint8_t rule
    uint8_t flags
    uint8_t head_only               # the request was HEAD
    uint8_t minor
    uint8_t interims
    uint8_t field
    uint8_t index                   # place inside a literal, a number, a value
    uint8_t broke_in_body           # FAILED: after the head was complete
    uint8_t token_bytes             # > sizeof(token): too long to be a word we know
    uint16_t status
    uint32_t head_bytes
    uint32_t extension_bytes
    uint32_t matched                # of the needle
    uint64_t remaining              # of the body or the chunk; before that, Content-Length
    uint64_t body_bytes
    uint64_t number                 # the Content-Length element being read
    uint8_t token[18]


cdef inline void begin(Http *self, bint head_only) noexcept nogil:
    memset(self, 0, sizeof(Http))
    self.head_only = head_only


cdef inline void fail(Http *self, Rule rule) noexcept nogil:
    self.broke_in_body = self.state > HEAD_DONE or self.flags & IN_TRAILER != 0
    self.state = FAILED
    self.rule = rule


cdef inline bint ended(const Http *self) noexcept nogil:
    return self.state >= DONE


cdef inline bint reusable(const Http *self) noexcept nogil:
    """May the connection carry another request (RFC 9112 section 9.3)?"""
    if self.state != DONE or self.flags & CLOSE:
        return False
    if self.minor == 0:             # chunked from an HTTP/1.0 server is suspect (section 6.1)
        return self.flags & KEEP_ALIVE and not self.flags & HAS_CODING
    return True


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
    """Collect a word in lower case; `index` notes a blank after it, which only its end may follow."""
    if c == 32 or c == 9:
        self.index = self.token_bytes != 0
    elif self.index or self.token_bytes >= sizeof(self.token):
        self.token_bytes = sizeof(self.token) + 1
    else:
        self.token[self.token_bytes] = c | 32 if <uint8_t>(c - 65) < 26 else c
        self.token_bytes += 1


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


cdef inline void begin_value(Http *self) noexcept nogil:
    """The name is complete. In a trailer no field may change the framing (section 7.1.2)."""
    self.field = OTHER_FIELD
    if not self.flags & IN_TRAILER:
        if token_is(self, "content-length", 14):
            self.field = CONTENT_LENGTH
        elif token_is(self, "connection", 10):
            self.field = CONNECTION
        elif token_is(self, "transfer-encoding", 17):
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
            begin_value(self)
            return at + 1
        else:                       # a blank before the colon included (section 5.1)
            fail(self, FIELD_NAME)
            return at + 1
        at += 1
    return at


cdef inline const uint8_t *value(Http *self, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """A field value or the reason phrase, up to its line end."""
    if self.state == REASON or self.field == OTHER_FIELD:
        while at != end and is_text(at[0]):
            at += 1
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
        if self.status == 101:
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
    elif self.head_only or self.status == 204 or self.status == 304:
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


cdef inline const uint8_t *head(Http *self, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Read head bytes, at most as many as a head may have."""
    cdef const uint8_t *start = at
    if end - at > <ssize_t>(MAX_HEAD_BYTES - self.head_bytes):
        end = at + (MAX_HEAD_BYTES - self.head_bytes)
    while at != end and self.state < HEAD_DONE:
        if self.state == VALUE or self.state == REASON:
            at = value(self, at, end)
        elif self.state == NAME:
            at = name(self, at, end)
        else:
            if self.state < REASON:
                status_byte(self, at[0])
            else:
                line_byte(self, at[0])
            at += 1
    self.head_bytes += <uint32_t>(at - start)
    if self.state == HEAD_DONE:
        decide_framing(self)
    elif self.state < HEAD_DONE and self.head_bytes >= MAX_HEAD_BYTES:
        fail(self, HEAD_SIZE)
    return at
