"""Values as text: random ones, numbers in digits, and the escapes of the places they stand in.

1. Pure: each value is a function of a 64-bit word, and the words of a request are one of its number
   and the seed (SplitMix64: Steele, Lea and Flood, 2014). So nothing is kept of a request to make
   it again, and no two workers need to agree on anything.
2. `put_…` writes and returns where the text ends; the caller has seen to the room.
"""

from libc.math cimport exp, log
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from * nogil:
    """
    static inline uint64_t fastbench_product(uint64_t a, uint64_t b, uint64_t *low) {
        unsigned __int128 product = (unsigned __int128)a * b;
        *low = (uint64_t)product;
        return (uint64_t)(product >> 64);
    }
    static const char fastbench_pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    """
    uint64_t high_product "fastbench_product" (uint64_t a, uint64_t b, uint64_t *low)
    const char *pairs "fastbench_pairs"
    uint64_t swap_bytes "__builtin_bswap64" (uint64_t word)

cdef enum:
    UUID_BYTES = 36
    MAX_DIGITS = 20                 # of 64 bits
    WORD_DIGITS = 16                # of them in hexadecimal

cdef enum Escape:
    AS_IT_IS, FOR_URL, FOR_FORM, FOR_JSON


# Words

cdef inline uint64_t mix(uint64_t word) noexcept nogil:
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u
    word = (word ^ word >> 27) * 0x94d049bb133111ebu
    return word ^ word >> 31


cdef inline uint64_t next_word(uint64_t word) noexcept nogil:
    return mix(word + 0x9e3779b97f4a7c15u)


cdef inline uint64_t key_of(uint64_t seed, uint64_t number) noexcept nogil:
    """What the random values of a request are made from."""
    return mix(seed + 0x9e3779b97f4a7c15u * (number + 1))


cdef inline uint64_t word_of(uint64_t key, uint32_t place) noexcept nogil:
    """The word of one of a request's values."""
    return mix(key + 0x9e3779b97f4a7c15u * (<uint64_t>place + 1))


cdef inline uint64_t below(uint64_t limit, uint64_t word) noexcept nogil:
    """A number below `limit`, each as likely; 0 is 2^64 (Lemire, 2019)."""
    cdef uint64_t low, least
    cdef uint64_t value
    if limit == 0:
        return word
    value = high_product(word, limit, &low)
    if low < limit:
        least = (0 - limit) % limit
        while low < least:
            word = next_word(word)
            value = high_product(word, limit, &low)
    return value


cdef inline uint64_t zipf(uint64_t count, double top, uint64_t word) noexcept nogil:
    """A rank of 1 to `count`, rank k with a probability in proportion to 1/k.

    Rejection-inversion (Hörmann and Derflinger, 1996): some 1.1 turns whatever the count. `top` is
    log(count + 1/2); log(3/2) - 1 is the lower end, and what lies within 2 - 5/2 e^(-1/2) below its
    rank is accepted at once.
    """
    cdef double u, x, rank
    while True:
        u = top + <double>(word >> 11) / 9007199254740992.0 * (-0.5945348918918356 - top)
        x = exp(u)
        rank = <double><uint64_t>(x + 0.5)
        if rank < 1:
            rank = 1
        elif rank > <double>count:
            rank = <double>count
        if rank - x <= 0.48367335071841644 or u >= log(rank + 0.5) - 1 / rank:
            return count if rank >= <double>count else <uint64_t>rank
        word = next_word(word)


# Text

cdef inline uint32_t digits_of(uint64_t number) noexcept nogil:
    cdef uint32_t n = 1
    while number >= 10000:
        number //= 10000
        n += 4
    return n + (number >= 10) + (number >= 100) + (number >= 1000)


cdef inline uint8_t *put_digits(uint8_t *out, uint64_t number, uint32_t count) noexcept nogil:
    """A number in so many digits, at least as many as it has."""
    cdef uint8_t *at = out + count
    while at - out >= 2:
        at -= 2
        memcpy(at, pairs + 2 * (number % 100), 2)
        number //= 100
    if at != out:
        out[0] = <uint8_t>(48 + number % 10)
    return out + count


cdef inline uint8_t *put_number(uint8_t *out, int64_t number, uint32_t width) noexcept nogil:
    """A number with zeros before it, up to `width` digits; a sign is none of them."""
    cdef uint64_t size = <uint64_t>number
    cdef uint32_t count
    if number < 0:
        out[0] = 45
        out += 1
        size = 0 - size
    count = digits_of(size)
    return put_digits(out, size, count if count > width else width)


cdef inline void put_eight(uint8_t *out, uint32_t half) noexcept nogil:
    """Eight digits in hexadecimal: each of four bits to a byte, all at once."""
    cdef uint64_t each = half
    cdef uint64_t letters
    each = (each << 16 | each) & 0x0000ffff0000ffffu
    each = (each << 8 | each) & 0x00ff00ff00ff00ffu
    each = (each << 4 | each) & 0x0f0f0f0f0f0f0f0fu
    letters = (each + 0x0606060606060606u) >> 4 & 0x0101010101010101u
    each = swap_bytes(each + 0x3030303030303030u + letters * 39)
    memcpy(out, &each, 8)


cdef inline void put_word(uint8_t *out, uint64_t word) noexcept nogil:
    put_eight(out, <uint32_t>(word >> 32))
    put_eight(out + 8, <uint32_t>word)


cdef inline uint8_t *put_hex(uint8_t *out, uint64_t word, uint32_t count) noexcept nogil:
    """The first `count` digits of a word and those that follow it."""
    cdef uint8_t last[WORD_DIGITS]
    while count >= WORD_DIGITS:
        put_word(out, word)
        out += WORD_DIGITS
        count -= WORD_DIGITS
        word = next_word(word)
    if count:
        put_word(last, word)
        memcpy(out, last, count)
    return out + count


cdef inline uint8_t *put_uuid(uint8_t *out, uint64_t word) noexcept nogil:
    """Version 4 (RFC 9562 section 5.4)."""
    cdef uint8_t digits[2 * WORD_DIGITS]
    put_word(digits, word & ~<uint64_t>0xf000 | 0x4000)
    put_word(digits + 16, next_word(word) & ~(<uint64_t>3 << 62) | <uint64_t>1 << 63)
    memcpy(out, digits, 8)
    memcpy(out + 9, digits + 8, 4)
    memcpy(out + 14, digits + 12, 4)
    memcpy(out + 19, digits + 16, 4)
    memcpy(out + 24, digits + 20, 12)
    out[8] = out[13] = out[18] = out[23] = 45
    return out + UUID_BYTES


# Escapes

cdef inline bint unreserved(uint8_t c) noexcept nogil:
    """A letter, a digit, or one of - . _ ~ (RFC 3986 section 2.3)."""
    cdef uint64_t which = 0x03ff600000000000u if c < 64 else 0x47fffffe87fffffeu
    return c < 128 and which >> (c & 63) & 1


cdef inline uint8_t digit(uint8_t half, uint8_t letter) noexcept nogil:
    """One of four bits; `letter` is that of ten."""
    return 48 + half if half < 10 else letter + half - 10


cdef inline uint8_t *put_percent(uint8_t *out, const uint8_t *text, size_t n_bytes,
                                 bint form) noexcept nogil:
    """Percent-encoded; in a form a space is a plus."""
    cdef uint8_t c
    cdef size_t i
    for i in range(n_bytes):
        c = text[i]
        if unreserved(c):
            out[0] = c
            out += 1
        elif form and c == 32:
            out[0] = 43
            out += 1
        else:
            out[0] = 37
            out[1] = digit(c >> 4, 65)
            out[2] = digit(c & 15, 65)
            out += 3
    return out


cdef inline uint8_t short_escape(uint8_t c) noexcept nogil:
    """The letter behind a backslash, 0: there is none (RFC 8259 section 7)."""
    cdef const char *letters = "btn\0fr"
    if c == 34 or c == 92:
        return c
    return letters[c - 8] if 8 <= c <= 13 else 0


cdef inline uint8_t *put_json(uint8_t *out, const uint8_t *text, size_t n_bytes) noexcept nogil:
    """As it stands within a string of JSON."""
    cdef uint8_t c
    cdef size_t i
    for i in range(n_bytes):
        c = text[i]
        if c >= 32 and c != 34 and c != 92:
            out[0] = c
            out += 1
            continue
        out[0] = 92
        out[1] = short_escape(c)
        if out[1]:
            out += 2
            continue
        memcpy(out + 1, "u00", 3)
        out[4] = digit(c >> 4, 97)
        out[5] = digit(c & 15, 97)
        out += 6
    return out


cdef inline uint8_t *put_escaped(uint8_t *out, const uint8_t *text, size_t n_bytes,
                                 Escape escape) noexcept nogil:
    if escape == FOR_JSON:
        return put_json(out, text, n_bytes)
    if escape != AS_IT_IS:
        return put_percent(out, text, n_bytes, escape == FOR_FORM)
    memcpy(out, text, n_bytes)
    return out + n_bytes


cdef inline uint8_t *put_base64(uint8_t *out, const uint8_t *text, size_t n_bytes) noexcept nogil:
    """With padding (RFC 4648 section 4). `text` may be the last of the bytes that are written."""
    cdef const char *letters = \
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    cdef uint32_t three
    cdef size_t i = 0
    while i < n_bytes:
        three = <uint32_t>text[i] << 16
        three |= <uint32_t>text[i + 1] << 8 if i + 1 < n_bytes else 0
        three |= text[i + 2] if i + 2 < n_bytes else 0
        out[0] = letters[three >> 18]
        out[1] = letters[three >> 12 & 63]
        out[2] = letters[three >> 6 & 63] if i + 1 < n_bytes else 61
        out[3] = letters[three & 63] if i + 2 < n_bytes else 61
        out += 4
        i += 3
    return out


cdef inline size_t base64_bytes(size_t n_bytes) noexcept nogil:
    return (n_bytes + 2) // 3 * 4
