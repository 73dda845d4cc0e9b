"""The blocks of requests, rendered once: with literals, and with indexes into the server's table.

1. All insertions into the table of a connection happen in the first block on it, whichever request
   that is; so the indexes never change, and later blocks are constant, too.
2. Therefore only what all requests share is inserted: the fields that stand in each of them, in the
   same order. Of a single request that is all of it, its path included.
3. Secrets are neither inserted nor indexed (RFC 7541 section 7.1.3).
4. A field whose value varies is a literal in each form: its block is cut there, and the value is
   put between the parts when the request is sent.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memmove

from fastbench.engine.http2.hpack cimport (
    FIELD_BYTES, FIRST_DYNAMIC, INSERT, NEVER, PLAIN, TABLE_BYTES, TABLE_FIELDS, put_field,
    put_integer, put_name, same_text, static_index,
)
from fastbench.engine.varied.pieces cimport Draw, Pieces, put_pieces

cdef enum:
    SHORT_COOKIE_BYTES = 20         # what is shorter may be guessed from lengths
    PUT_BYTES = 33                  # that a field takes at most beside its name and value
    UPDATE_BYTES = 6                # at most, of an update of the table's size
    LENGTH_BYTES = 11               # at most, of an integer

cdef enum RequestForm:
    LITERAL_BLOCK, FIRST_BLOCK, LATER_BLOCK

cdef struct RequestField:
    const uint8_t *name             # in lower case
    size_t name_bytes
    const uint8_t *value
    size_t value_bytes
    uint8_t how                     # PLAIN, INSERT: may be in a table, NEVER
    bint varies                     # its value is not known yet

cdef struct BlockPart:              # of a request that varies
    const uint8_t *text
    uint32_t n_bytes
    Pieces value                    # that follows; of the last part there is none

cdef struct VariedBlock:
    const BlockPart *parts
    uint32_t count

cdef struct SharedFields:           # of all requests of a run, in the order of their insertion
    uint32_t count
    RequestField fields[TABLE_FIELDS]


cdef inline uint8_t how_to_put(const uint8_t *name, size_t name_bytes,
                               size_t value_bytes) noexcept nogil:
    """NEVER for what may be a secret, else INSERT."""
    if name_bytes == 13 and memcmp(name, "authorization", 13) == 0:
        return NEVER
    if name_bytes == 19 and memcmp(name, "proxy-authorization", 19) == 0:
        return NEVER
    if name_bytes == 6 and memcmp(name, "cookie", 6) == 0 and value_bytes < SHORT_COOKIE_BYTES:
        return NEVER
    return INSERT


cdef inline bint same_field(const RequestField *a, const RequestField *b) noexcept nogil:
    return a.how == b.how and not (a.varies or b.varies) \
        and same_text(a.name, a.name_bytes, b.name, b.name_bytes) \
        and same_text(a.value, a.value_bytes, b.value, b.value_bytes)


cdef inline bint worth_inserting(const RequestField *field) noexcept nogil:
    """May it be in a table, and is it not in the static one as a whole?"""
    cdef bint whole = False
    if field.varies or field.how != INSERT:
        return False
    if field.name_bytes + field.value_bytes + FIELD_BYTES > TABLE_BYTES:
        return False
    static_index(field.name, field.name_bytes, field.value, field.value_bytes, &whole)
    return not whole


cdef inline void share(SharedFields *self, const RequestField *fields, size_t count) noexcept nogil:
    """Begin with what the first of the requests could insert."""
    cdef size_t i
    self.count = 0
    for i in range(count):
        if self.count < TABLE_FIELDS and worth_inserting(&fields[i]):
            self.fields[self.count] = fields[i]
            self.count += 1


cdef inline void share_with(SharedFields *self, const RequestField *fields,
                            size_t count) noexcept nogil:
    """Keep what another request has, too, in the same order."""
    cdef size_t at = 0, place
    cdef uint32_t i, kept = 0
    for i in range(self.count):
        place = at
        while place < count and not same_field(&fields[place], &self.fields[i]):
            place += 1
        if place < count:
            self.fields[kept] = self.fields[i]
            kept += 1
            at = place + 1
    self.count = kept


cdef inline void fit_table(SharedFields *self) noexcept nogil:
    """Keep what fits into a table together, the first ones first."""
    cdef size_t size, room = TABLE_BYTES
    cdef uint32_t i, kept = 0
    for i in range(self.count):
        size = self.fields[i].name_bytes + self.fields[i].value_bytes + FIELD_BYTES
        if size <= room:
            room -= size
            self.fields[kept] = self.fields[i]
            kept += 1
    self.count = kept


cdef inline size_t request_bytes(const RequestField *fields, size_t count) noexcept nogil:
    """How long a block of these fields is at most."""
    cdef size_t i, n = 0
    for i in range(count):
        n += PUT_BYTES + fields[i].name_bytes + fields[i].value_bytes
    return n


cdef inline size_t put_request(uint8_t *out, const RequestField *fields, size_t count,
                               const SharedFields *shared, RequestForm form,
                               size_t *cuts) noexcept nogil:
    """Write the block of a request; returns its length.

    FIRST_BLOCK inserts what is shared, LATER_BLOCK refers to it; LITERAL_BLOCK needs no table.
    `cuts`: where the values belong that are not known yet; NULL when there are none.
    """
    cdef size_t i, n = 0
    cdef uint32_t met = 0           # of the shared fields
    cdef uint8_t how
    for i in range(count):
        how = PLAIN if fields[i].how == INSERT else fields[i].how
        if fields[i].varies:
            n += put_name(out + n, fields[i].name, fields[i].name_bytes, how)
            cuts[0] = n
            cuts += 1
            continue
        if form != LITERAL_BLOCK and met < shared.count \
                and same_field(&fields[i], &shared.fields[met]):
            met += 1
            if form == LATER_BLOCK:
                n += put_integer(out + n, 128, 7, FIRST_DYNAMIC + shared.count - met)
                continue
            how = INSERT
        n += put_field(out + n, fields[i].name, fields[i].name_bytes, fields[i].value,
                       fields[i].value_bytes, how)
    return n


cdef inline size_t put_update(uint8_t *out, uint32_t table_bytes) noexcept nogil:
    """Write that the table has this size from here on; it stands before the first field.

    A server whose table is smaller than 4,096 bytes must be told so in the first block that
    follows its SETTINGS, even if nothing is ever inserted (RFC 9113 section 4.3.1).
    """
    return put_integer(out, 32, 5, table_bytes)


cdef inline bint is_blank(uint8_t c) noexcept nogil:
    return c == 32 or c == 9


cdef inline uint8_t *put_varied_value(uint8_t *out, const Pieces *value,
                                      const Draw *of) noexcept nogil:
    """Write a string: its length is known when it is there, and mostly takes one byte.

    Blanks around it are left out: they mean nothing in HTTP/1.1, and with them a request of HTTP/2
    is malformed (RFC 9113 section 8.2.1).
    """
    cdef uint8_t length[LENGTH_BYTES]
    cdef uint8_t *begin = out + 1
    cdef uint8_t *end = put_pieces(begin, value, of)
    cdef size_t n_bytes, more
    while end != begin and is_blank((end - 1)[0]):
        end -= 1
    while end != begin and is_blank(begin[0]):
        begin += 1
    n_bytes = <size_t>(end - begin)
    more = put_integer(length, 0, 7, n_bytes) - 1
    if more or begin != out + 1:
        memmove(out + 1 + more, begin, n_bytes)
    memcpy(out, length, 1 + more)
    return out + 1 + more + n_bytes


cdef inline size_t put_varied(uint8_t *out, const VariedBlock *block,
                              const Draw *of) noexcept nogil:
    """Write the block of a request that varies; returns its length."""
    cdef uint8_t *at = out
    cdef const BlockPart *part = block.parts
    cdef const BlockPart *end = part + block.count
    while part != end:
        memcpy(at, part.text, part.n_bytes)
        at += part.n_bytes
        if part.value.count:
            at = put_varied_value(at, &part.value, of)
        part += 1
    return <size_t>(at - out)
