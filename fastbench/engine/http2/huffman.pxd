"""The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B), both ways.

1. The code is canonical, so that all of it follows from the lengths of the codes: `set_up_huffman`
   derives it, once per process.
2. A string ends with less than a byte of ones. More of them, a zero among them, and the symbol for
   the end of a string are errors.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from "<endian.h>" nogil:
    uint64_t be64toh(uint64_t word)

cdef extern from "hpack_tables.h" nogil:
    enum:
        HPACK_SYMBOLS
        HPACK_SHORT_BITS
    const uint8_t hpack_code_bits[]
    uint32_t hpack_codes[]
    uint16_t hpack_short[]
    uint16_t hpack_sorted[]
    uint64_t hpack_after[]
    int32_t hpack_offset[]

cdef enum:
    LONGEST_CODE = 30
    END_OF_STRING = 256
    SYMBOL = 511                    # of what `next_symbol` returns; above it the bits of its code
    LENGTH_SHIFT = 9

cdef enum HuffmanError:
    BAD_CODE = -1, NO_ROOM = -2


cdef inline void set_up_huffman() noexcept nogil:
    """Derive codes and decoding tables from the lengths of the codes."""
    cdef uint32_t code = 0
    cdef int32_t place = 0
    cdef uint32_t first, i
    cdef int length, symbol
    for length in range(1, LONGEST_CODE + 1):
        hpack_offset[length] = place - <int32_t>code
        for symbol in range(HPACK_SYMBOLS):
            if hpack_code_bits[symbol] != length:
                continue
            hpack_codes[symbol] = code
            hpack_sorted[place] = <uint16_t>symbol
            place += 1
            if length <= HPACK_SHORT_BITS:
                first = code << (HPACK_SHORT_BITS - length)
                for i in range(<uint32_t>1 << (HPACK_SHORT_BITS - length)):
                    hpack_short[first + i] = <uint16_t>(symbol | length << LENGTH_SHIFT)
            code += 1
        hpack_after[length] = <uint64_t>code << (32 - length)
        code <<= 1


cdef inline uint32_t next_symbol(uint64_t bits) noexcept nogil:
    """The symbol whose code these bits, from the top, begin with; its length above `SYMBOL`."""
    cdef uint32_t found = hpack_short[bits >> (64 - HPACK_SHORT_BITS)]
    cdef uint32_t top
    cdef int length
    if found:
        return found
    top = <uint32_t>(bits >> 32)
    length = HPACK_SHORT_BITS + 1
    while top >= hpack_after[length]:       # the last one is above every word
        length += 1
    found = hpack_sorted[hpack_offset[length] + <int32_t>(top >> (32 - length))]
    return found | <uint32_t>length << LENGTH_SHIFT


cdef inline int64_t decode_huffman(const uint8_t *at, const uint8_t *end, uint8_t *out,
                                   size_t room) noexcept nogil:
    """Decode a whole string; returns how many bytes it has, or a HuffmanError."""
    cdef uint64_t bits = 0                  # what was read and not decoded, from the top
    cdef uint64_t ones = <uint64_t>-1
    cdef uint32_t n_bits = 0
    cdef size_t n = 0
    cdef uint64_t word
    cdef uint32_t found, length
    while end - at >= 8 and room - n >= 12:     # a word has at most 11 whole codes
        memcpy(&word, at, 8)
        bits |= be64toh(word) >> n_bits
        at += (63 - n_bits) >> 3
        n_bits |= 56
        while n_bits >= LONGEST_CODE:
            found = next_symbol(bits)
            if found & SYMBOL == END_OF_STRING:
                return BAD_CODE
            out[n] = <uint8_t>found
            n += 1
            bits <<= found >> LENGTH_SHIFT
            n_bits -= found >> LENGTH_SHIFT
    while True:
        while n_bits <= 56 and at != end:
            bits |= <uint64_t>at[0] << (56 - n_bits)
            n_bits += 8
            at += 1
        if n_bits == 0:
            return <int64_t>n
        word = bits | (ones >> 1) >> (n_bits - 1)       # behind the last byte follow ones
        found = next_symbol(word)
        length = found >> LENGTH_SHIFT
        if length > n_bits:
            return <int64_t>n if n_bits < 8 and word == ones else <int64_t>BAD_CODE
        if found & SYMBOL == END_OF_STRING:
            return BAD_CODE
        if n == room:
            return NO_ROOM
        out[n] = <uint8_t>found
        n += 1
        bits <<= length
        n_bits -= length


cdef inline size_t huffman_bytes(const uint8_t *text, size_t n_bytes) noexcept nogil:
    """How long the string is once it is encoded."""
    cdef uint64_t n_bits = 7
    cdef size_t i
    for i in range(n_bytes):
        n_bits += hpack_code_bits[text[i]]
    return <size_t>(n_bits >> 3)


cdef inline void put_huffman(uint8_t *out, const uint8_t *text, size_t n_bytes) noexcept nogil:
    """Write the `huffman_bytes` bytes of the encoded string."""
    cdef uint64_t bits = 0
    cdef uint32_t n_bits = 0
    cdef size_t i
    for i in range(n_bytes):
        bits = bits << hpack_code_bits[text[i]] | hpack_codes[text[i]]
        n_bits += hpack_code_bits[text[i]]
        while n_bits >= 8:
            n_bits -= 8
            out[0] = <uint8_t>(bits >> n_bits)
            out += 1
    if n_bits:
        out[0] = <uint8_t>(bits << (8 - n_bits) | <uint64_t>0xFF >> n_bits)
