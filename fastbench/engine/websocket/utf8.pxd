"""UTF-8 that arrives in pieces (RFC 3629 section 4): pure; ASCII goes eight bytes at a time."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef struct Utf8:
    uint8_t missing                 # bytes that the character begun still lacks
    uint8_t least                   # what the next one of them may be
    uint8_t greatest


cdef inline bint begin_character(Utf8 *self, uint8_t c) noexcept nogil:
    """Take a first byte that is not ASCII. The second one excludes what would be too long, a
    surrogate, or beyond U+10FFFF."""
    if c < 0xC2 or c > 0xF4:
        return False
    self.missing = 1 if c < 0xE0 else 2 if c < 0xF0 else 3
    self.least = 0xA0 if c == 0xE0 else 0x90 if c == 0xF0 else 0x80
    self.greatest = 0x9F if c == 0xED else 0x8F if c == 0xF4 else 0xBF
    return True


cdef inline bint is_utf8(Utf8 *self, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Take bytes; false as soon as they cannot be UTF-8. A text ends well if nothing is missing."""
    cdef uint64_t word
    while at != end:
        if self.missing:
            if at[0] < self.least or at[0] > self.greatest:
                return False
            self.missing -= 1
            self.least = 0x80
            self.greatest = 0xBF
        elif end - at >= 8:
            memcpy(&word, at, 8)
            if word & <uint64_t>0x8080808080808080u == 0:
                at += 8
                continue
            if at[0] >= 0x80 and not begin_character(self, at[0]):
                return False
        elif at[0] >= 0x80 and not begin_character(self, at[0]):
            return False
        at += 1
    return True
