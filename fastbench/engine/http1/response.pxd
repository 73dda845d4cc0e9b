"""What is known of one HTTP/1.x response so far: the struct that `head` and `http` fill.

1. Pure: bytes go in, state comes out; no socket, no clock, no memory but the struct. So any split
   of the input gives the same answer, and an input seen before may be answered from memory.
2. A broken rule ends the message and is kept by name in `rule`.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

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

cdef enum Part:                     # what the bytes taken last were
    NO_PART, HEAD_PART, FRAMING_PART, BODY_PART

cdef enum Rule:
    NO_RULE, STATUS_LINE, HTTP_VERSION, STATUS_CODE, BARE_CR, CONTROL_BYTE, FIELD_NAME,
    FOLDED_FRAMING, LENGTH_VALUE, CHUNK_SIZE_RULE, CHUNK_END_RULE, INTERIMS, SWITCHING,
    LOCATIONS, CUT_OFF,                 # LOCATIONS: two that differ, in a redirect to be followed
    UNUSABLE_LOCATION,                  # where no request can be sent to
    HEAD_SIZE, EXTENSION_SIZE

cdef enum Asked:                     # what the request makes of the answer
    WITH_BODY, HEAD_ONLY, UPGRADE       # UPGRADE: 101 ends the answer, and HTTP

cdef struct Http:
    uint8_t state
    uint8_t rule
    uint8_t flags
    uint8_t asked                   # one of Asked
    uint8_t minor
    uint8_t interims
    uint8_t field
    uint8_t index                   # place inside a literal, a number, a value
    uint8_t broke_in_body           # FAILED: after the head was complete
    uint8_t part
    uint8_t token_bytes             # > sizeof(token): too long to be a word we know
    uint16_t status
    uint32_t head_bytes
    uint32_t extension_bytes
    uint32_t matched                # of the needle
    uint64_t remaining              # of the body or the chunk; before that, Content-Length
    uint64_t body_bytes
    uint64_t number                 # the Content-Length element being read
    uint8_t token[18]


cdef inline void begin(Http *self, Asked asked) noexcept nogil:
    memset(self, 0, sizeof(Http))
    self.asked = asked


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
