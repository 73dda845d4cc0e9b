"""Where a request of HTTP/1.1 ends in a text: pure, for texts that a script made.

A text may hold several requests in a row. Each is a request line, lines of fields, an empty line,
and a body of the length that Content-Length says, or in chunks (RFC 9112 sections 2 and 6). Lines
may end in a bare LF, and before a request may be empty ones (section 2.2).
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char *a, const char *b, size_t n_bytes)

cdef enum:
    METHOD_BYTES = 24

cdef enum Flaw:                     # what is wrong with a text
    WHOLE,
    NO_REQUEST,                     # there is none
    NO_LINE,                        # the first line is not METHOD TARGET HTTP/1.x
    NO_END,                         # the head has no empty line at its end
    BAD_LENGTH,                     # Content-Length is no number
    SHORT_BODY,                     # there is less body than Content-Length says
    BAD_CHUNK                       # the chunks do not add up

cdef struct RequestText:
    size_t begin                    # empty lines before it are not sent
    size_t end
    char method[METHOD_BYTES]       # ends in NUL; empty where it is longer
    Flaw flaw


cdef inline const uint8_t *line_end(const uint8_t *at, const uint8_t *end) noexcept nogil:
    """The first byte behind a line, NULL where none ends."""
    cdef const uint8_t *feed = <const uint8_t *>memchr(at, 10, <size_t>(end - at))
    if feed != NULL:
        feed += 1
    return feed


cdef inline bint is_blank(const uint8_t *at, const uint8_t *next) noexcept nogil:
    """Whether a line, end of line and all, is empty."""
    return next - at == 1 or (next - at == 2 and at[0] == 13)


cdef inline bint read_method(const uint8_t *at, const uint8_t *next, char *out) noexcept nogil:
    """Read `METHOD TARGET HTTP/1.x`."""
    cdef const uint8_t *space = <const uint8_t *>memchr(at, 32, <size_t>(next - at))
    cdef const uint8_t *last = next - 1
    if space == NULL or space == at:
        return False
    out[0] = 0
    if space - at < METHOD_BYTES:
        memcpy(out, at, <size_t>(space - at))
        out[space - at] = 0
    if last > at and (last - 1)[0] == 13:
        last -= 1
    return last - space > 10 and memcmp(last - 9, b" HTTP/1.", 8) == 0


cdef inline bint number(const uint8_t *at, const uint8_t *end, uint64_t base,
                        uint64_t *out) noexcept nogil:
    """Read digits up to anything else, at least one and below 2^56."""
    cdef const uint8_t *first = at
    cdef uint64_t digit
    out[0] = 0
    while at != end:
        digit = at[0] - 48
        if digit > 9:
            digit = (at[0] | 32) - 97 + 10
            if digit < 10:
                break
        if digit >= base:
            break
        out[0] = out[0] * base + digit
        if out[0] >> 56:
            return False
        at += 1
    return at != first


cdef inline bint begins(const uint8_t *at, const uint8_t *next, const char *name,
                        size_t n_bytes) noexcept nogil:
    """Whether a line is the field of this name, which ends in a colon."""
    return next - at > <ssize_t>n_bytes and strncasecmp(<const char *>at, name, n_bytes) == 0


cdef inline bint is_chunked(const uint8_t *at, const uint8_t *next) noexcept nogil:
    """Whether the value of Transfer-Encoding ends in chunked."""
    while next > at and (next - 1)[0] <= 32:
        next -= 1
    return next - at >= 7 and strncasecmp(<const char *>next - 7, b"chunked", 7) == 0


cdef inline const uint8_t *chunks_end(const uint8_t *at, const uint8_t *end) noexcept nogil:
    """The end of a body in chunks and of the trailer behind it, NULL without one."""
    cdef const uint8_t *next
    cdef uint64_t n_bytes
    while True:
        next = line_end(at, end)
        if next == NULL or not number(at, next, 16, &n_bytes):
            return NULL
        at = next
        if n_bytes == 0:
            break
        if <uint64_t>(end - at) < n_bytes:
            return NULL
        at += n_bytes
        next = line_end(at, end)
        if next == NULL or not is_blank(at, next):
            return NULL
        at = next
    while True:
        next = line_end(at, end)
        if next == NULL or is_blank(at, next):
            return next
        at = next


cdef inline void read_request(RequestText *out, const uint8_t *data, size_t begin,
                              size_t n_bytes) noexcept nogil:
    """Find the request that begins at `begin`; `out.flaw` says what is wrong."""
    cdef const uint8_t *at = data + begin
    cdef const uint8_t *end = data + n_bytes
    cdef const uint8_t *next
    cdef const uint8_t *value
    cdef uint64_t length = 0
    cdef bint chunked = False
    while at != end and (at[0] == 13 or at[0] == 10):
        at += 1
    out.begin = <size_t>(at - data)
    out.flaw = NO_REQUEST if at == end else NO_LINE
    next = line_end(at, end)
    if next == NULL or not read_method(at, next, out.method):
        return
    while True:
        at = next
        next = line_end(at, end)
        if next == NULL:
            out.flaw = NO_END
            return
        if is_blank(at, next):
            break
        if begins(at, next, b"content-length:", 15):
            value = at + 15
            while value != next and (value[0] == 32 or value[0] == 9):
                value += 1
            if not number(value, next, 10, &length):
                out.flaw = BAD_LENGTH
                return
        elif begins(at, next, b"transfer-encoding:", 18):
            chunked = is_chunked(at + 18, next)
    if chunked:
        next = chunks_end(next, end)
        if next == NULL:
            out.flaw = BAD_CHUNK
            return
    elif <uint64_t>(end - next) < length:
        out.flaw = SHORT_BODY
        return
    else:
        next += length
    out.end = <size_t>(next - data)
    out.flaw = WHOLE
