"""HPACK (RFC 7541): integers, strings, and the cursor over the fields of a block.

1. Pure, and the same for every table: `next_field` says how a field is written and what bytes it
   brings; what its indexes refer to is the affair of the table (`head_block`, `field_block`).
2. An error of a block ends the connection (RFC 9113 section 4.3): the tables of both sides would
   no longer be the same.
3. A string that was Huffman-coded stands in scratch memory until the next field is read.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastbench.engine.http2.huffman cimport (
    NO_ROOM, decode_huffman, huffman_bytes, put_huffman,
)

cdef extern from "hpack_tables.h" nogil:
    enum:
        HPACK_STATIC_FIELDS
        HPACK_SCRATCH_BYTES

    ctypedef struct HpackField:
        const char *name
        const char *value
        uint8_t name_bytes
        uint8_t value_bytes

    const HpackField hpack_static[]
    uint8_t hpack_name[]
    uint8_t hpack_value[]

cdef enum:
    TABLE_BYTES = 4096              # SETTINGS_HEADER_TABLE_SIZE: its default, never changed
    MAX_BLOCK_BYTES = 65536         # of a block, and of its list (RFC 9113 section 6.5.2)
    FIELD_BYTES = 32                # that a field counts beside its name and value (section 4.1)
    TABLE_FIELDS = 128              # so many fields fit into a table
    FIRST_DYNAMIC = 62
    MAX_UPDATES = 2                 # of the table's size, before the first field (section 4.2)

cdef enum BlockError:
    BLOCK_OK, BLOCK_CUT, BLOCK_INTEGER, BLOCK_INDEX, BLOCK_HUFFMAN, BLOCK_TABLE_SIZE,
    BLOCK_LATE_UPDATE, BLOCK_SIZE, BLOCK_ERRORS

cdef enum Form:                     # how a field is written (section 6)
    PLAIN, INSERT, NEVER, INDEXED, RESIZE

cdef struct Cursor:
    const uint8_t *at
    const uint8_t *end
    uint8_t updates
    uint8_t begun                   # a field was there: no update may follow

cdef struct RawField:
    uint8_t form
    uint32_t index                  # of the field or its name, 0: the name is here; RESIZE: bytes
    uint32_t name_bytes
    uint32_t value_bytes
    const uint8_t *name
    const uint8_t *value


# Reading

cdef inline void begin_block(Cursor *self, const uint8_t *block, size_t n_bytes) noexcept nogil:
    self.at = block
    self.end = block + n_bytes
    self.updates = 0
    self.begun = False


cdef inline BlockError read_integer(Cursor *self, uint8_t mask, uint32_t *value) noexcept nogil:
    """An integer in the low bits of a byte and in those behind it (section 5.1), below 2^31.

    The cursor stands on its first byte. Six bytes at most, also where the last ones say nothing.
    """
    cdef const uint8_t *at = self.at
    cdef uint64_t number = at[0] & mask
    cdef uint32_t shift = 0
    at += 1
    if number == mask:
        while True:
            if at == self.end:
                return BLOCK_CUT
            if shift == 35:
                return BLOCK_INTEGER
            number += <uint64_t>(at[0] & 127) << shift
            shift += 7
            at += 1
            if not (at - 1)[0] & 128:
                break
        if number >> 31:
            return BLOCK_INTEGER
    value[0] = <uint32_t>number
    self.at = at
    return BLOCK_OK


cdef inline BlockError read_string(Cursor *self, uint8_t *scratch, const uint8_t **text,
                                   uint32_t *n_bytes) noexcept nogil:
    """A string where it lies, or what it was decoded to in `scratch` (section 5.2)."""
    cdef const uint8_t *at
    cdef uint32_t length = 0
    cdef bint coded
    cdef int64_t decoded
    cdef BlockError error
    if self.at == self.end:
        return BLOCK_CUT
    coded = self.at[0] & 128
    error = read_integer(self, 127, &length)
    if error != BLOCK_OK:
        return error
    at = self.at
    if length > <size_t>(self.end - at):
        return BLOCK_CUT
    self.at = at + length
    text[0] = at
    n_bytes[0] = length
    if coded:
        decoded = decode_huffman(at, self.at, scratch, HPACK_SCRATCH_BYTES)
        if decoded < 0:
            return BLOCK_SIZE if decoded == NO_ROOM else BLOCK_HUFFMAN
        text[0] = scratch
        n_bytes[0] = <uint32_t>decoded
    return BLOCK_OK


cdef inline BlockError read_update(Cursor *self, RawField *out) noexcept nogil:
    """A new size of the table: at the beginning of a block, and twice at most (section 4.2)."""
    cdef BlockError error
    if self.begun or self.updates == MAX_UPDATES:
        return BLOCK_LATE_UPDATE
    self.updates += 1
    out.form = RESIZE
    error = read_integer(self, 31, &out.index)
    if error == BLOCK_OK and out.index > TABLE_BYTES:
        return BLOCK_TABLE_SIZE
    return error


cdef inline BlockError next_field(Cursor *self, RawField *out) noexcept nogil:
    """The next field, or update of the table; the cursor is not at the end."""
    cdef uint8_t first = self.at[0]
    cdef BlockError error
    if first & 128:
        self.begun = True
        out.form = INDEXED
        return read_integer(self, 127, &out.index)
    if first & 64:
        out.form = INSERT
        error = read_integer(self, 63, &out.index)
    elif first & 32:
        return read_update(self, out)
    else:
        out.form = NEVER if first & 16 else PLAIN
        error = read_integer(self, 15, &out.index)
    self.begun = True
    if error == BLOCK_OK and out.index == 0:
        error = read_string(self, hpack_name, &out.name, &out.name_bytes)
    if error != BLOCK_OK:
        return error
    return read_string(self, hpack_value, &out.value, &out.value_bytes)


# Writing

cdef inline size_t put_integer(uint8_t *out, uint8_t top, int prefix_bits,
                               uint64_t value) noexcept nogil:
    """Write an integer under the bits `top` of its first byte; returns its length, at most 11."""
    cdef uint8_t mask = <uint8_t>((1 << prefix_bits) - 1)
    cdef size_t n = 1
    if value < mask:
        out[0] = top | <uint8_t>value
        return 1
    out[0] = top | mask
    value -= mask
    while value >= 128:
        out[n] = 128 | <uint8_t>(value & 127)
        value >>= 7
        n += 1
    out[n] = <uint8_t>value
    return n + 1


cdef inline size_t put_string(uint8_t *out, const uint8_t *text, size_t n_bytes) noexcept nogil:
    """Write the shorter of both forms; returns its length, at most 11 more than `n_bytes`."""
    cdef size_t coded = huffman_bytes(text, n_bytes)
    cdef size_t n
    if coded < n_bytes:
        n = put_integer(out, 128, 7, coded)
        put_huffman(out + n, text, n_bytes)
        return n + coded
    n = put_integer(out, 0, 7, n_bytes)
    memcpy(out + n, text, n_bytes)
    return n + n_bytes


cdef inline bint same_text(const uint8_t *a, size_t a_bytes, const uint8_t *b,
                           size_t b_bytes) noexcept nogil:
    return a_bytes == b_bytes and memcmp(a, b, a_bytes) == 0


cdef inline uint32_t static_index(const uint8_t *name, size_t name_bytes, const uint8_t *value,
                                  size_t value_bytes, bint *whole) noexcept nogil:
    """Where the static table has this field, or else its name; 0: neither."""
    cdef const HpackField *each
    cdef uint32_t named = 0
    cdef uint32_t i
    for i in range(1, HPACK_STATIC_FIELDS + 1):
        each = &hpack_static[i]
        if not same_text(<const uint8_t *>each.name, each.name_bytes, name, name_bytes):
            continue
        if same_text(<const uint8_t *>each.value, each.value_bytes, value, value_bytes):
            whole[0] = True
            return i
        if not named:
            named = i
    whole[0] = False
    return named


cdef inline size_t put_field(uint8_t *out, const uint8_t *name, size_t name_bytes,
                             const uint8_t *value, size_t value_bytes, uint8_t how) noexcept nogil:
    """Write a field: PLAIN, INSERT (into the peer's table) or NEVER (to be put into any table).

    What the static table has whole is its index, but under NEVER. Returns the length, at most 33
    more than name and value have.
    """
    cdef bint whole = False
    cdef uint32_t index = static_index(name, name_bytes, value, value_bytes, &whole)
    cdef size_t n
    if whole and how != NEVER:
        return put_integer(out, 128, 7, index)
    if how == INSERT:
        n = put_integer(out, 64, 6, index)
    else:
        n = put_integer(out, 16 if how == NEVER else 0, 4, index)
    if not index:
        n += put_string(out + n, name, name_bytes)
    return n + put_string(out + n, value, value_bytes)


cdef inline size_t put_name(uint8_t *out, const uint8_t *name, size_t name_bytes,
                            uint8_t how) noexcept nogil:
    """Write a field, PLAIN or NEVER, to where its value begins; returns the length."""
    cdef bint whole = False
    cdef uint32_t index = static_index(name, name_bytes, name, 0, &whole)
    cdef size_t n = put_integer(out, 16 if how == NEVER else 0, 4, index)
    return n if index else n + put_string(out + n, name, name_bytes)
