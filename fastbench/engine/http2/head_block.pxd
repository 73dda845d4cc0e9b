"""The heads and trailers of answers under load: what they mean, without their bytes.

1. A table keeps of a field its size, the kind of its name and what it means; so it is as long, and
   has the same indexes, as one that keeps the bytes, in 2 KiB a connection.
2. A block that was read before is known again by its bytes. One that refers to no table is a pure
   function: it means and inserts the same on every connection of a worker (`BlockMemo`). One that
   refers to the table and leaves it alone means the same until the table changes (`KnownBlock`).
3. After a BlockError the table is of no use any more.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from fastbench.engine.http2.hpack cimport (
    BLOCK_INDEX, BLOCK_OK, BLOCK_SIZE, FIELD_BYTES, FIRST_DYNAMIC, INDEXED, INSERT,
    MAX_BLOCK_BYTES, RESIZE, TABLE_BYTES, TABLE_FIELDS, BlockError, Cursor, RawField, begin_block,
    next_field,
)
from fastbench.engine.http2.meaning cimport (
    FieldMeaning, Meaning, add_field, begin_meaning, end_meaning, hpack_static_meanings, judge_name,
    judge_value,
)

cdef enum:
    KNOWN_BYTES = 63                # of a block that refers to the table: an index or two a field
    MEMO_BYTES = 1024               # of a block that does not
    MEMO_INSERTED = 24
    MEMO_PLACES = 4                 # for heads, and as many for trailers

cdef struct KnownBlock:
    Meaning meaning
    uint8_t n_bytes                 # 0: none
    uint8_t block[KNOWN_BYTES]

cdef struct HeadTable:              # of a connection
    uint16_t max_bytes
    uint16_t n_bytes
    uint8_t count
    uint8_t newest
    KnownBlock known[2]             # the last head, the last trailer
    FieldMeaning fields[TABLE_FIELDS]

cdef struct Insertions:             # of one block
    bint bound                      # it refers to the table, or changes its size
    uint32_t count                  # more than MEMO_INSERTED: not all are kept
    FieldMeaning fields[MEMO_INSERTED]

cdef struct PureBlock:
    Meaning meaning
    uint32_t n_bytes                # 0: none
    uint32_t n_inserted
    FieldMeaning inserted[MEMO_INSERTED]
    uint8_t block[MEMO_BYTES]

cdef struct BlockMemo:              # of a worker; all zeros: empty
    PureBlock blocks[2][MEMO_PLACES]


# The table

cdef inline void begin_table(HeadTable *table) noexcept nogil:
    memset(table, 0, sizeof(HeadTable) - sizeof(table.fields))
    table.max_bytes = TABLE_BYTES


cdef inline void forget_known(HeadTable *table) noexcept nogil:
    table.known[0].n_bytes = 0
    table.known[1].n_bytes = 0


cdef inline void shrink(HeadTable *table, uint32_t n_bytes) noexcept nogil:
    """Evict the oldest fields until the table has at most so many bytes (section 4.3)."""
    while table.n_bytes > n_bytes:
        table.count -= 1
        table.n_bytes -= table.fields[(table.newest - table.count) & (TABLE_FIELDS - 1)].size


cdef inline void resize(HeadTable *table, uint32_t max_bytes) noexcept nogil:
    forget_known(table)
    table.max_bytes = <uint16_t>max_bytes
    shrink(table, max_bytes)


cdef inline void insert(HeadTable *table, const FieldMeaning *field) noexcept nogil:
    """Insert a field; one that is larger than the table empties it (section 4.4)."""
    forget_known(table)
    if field.size > table.max_bytes:
        table.n_bytes = 0
        table.count = 0
        return
    shrink(table, table.max_bytes - field.size)
    table.newest = (table.newest + 1) & (TABLE_FIELDS - 1)
    table.fields[table.newest] = field[0]
    table.n_bytes += field.size
    table.count += 1


cdef inline const FieldMeaning *field_at(const HeadTable *table, uint32_t index) noexcept nogil:
    """The field of an index of either table (section 2.3.3); NULL: there is none."""
    if index < FIRST_DYNAMIC:
        return &hpack_static_meanings[index] if index else NULL
    index -= FIRST_DYNAMIC
    if index >= table.count:
        return NULL
    return &table.fields[(table.newest - index) & (TABLE_FIELDS - 1)]


# A block

cdef inline BlockError add_literal(HeadTable *table, const RawField *raw, bint trailer,
                                   Meaning *out, Insertions *inserted) noexcept nogil:
    """Judge a field that is no index, and insert it if it is to be."""
    cdef FieldMeaning field
    cdef const FieldMeaning *named
    cdef uint32_t name_bytes = raw.name_bytes
    if raw.index:
        named = field_at(table, raw.index)
        if named == NULL:
            return BLOCK_INDEX
        field = named[0]
        name_bytes = field.name_bytes       # of a field in a table: below its size
    else:
        field.unused = 0
        judge_name(&field, raw.name, raw.name_bytes)
    judge_value(&field, raw.value, raw.value_bytes)
    add_field(out, &field, FIELD_BYTES + name_bytes + raw.value_bytes, trailer)
    if raw.form == INSERT:
        insert(table, &field)
        if inserted.count < MEMO_INSERTED:
            inserted.fields[inserted.count] = field
        inserted.count += 1
    return BLOCK_OK


cdef inline BlockError decode_block(HeadTable *table, const uint8_t *block, size_t n_bytes,
                                    bint trailer, Meaning *out,
                                    Insertions *inserted) noexcept nogil:
    """Read a block field by field; `inserted` tells what may be remembered of it."""
    cdef Cursor cursor
    cdef RawField raw
    cdef const FieldMeaning *field
    cdef BlockError error
    begin_meaning(out)
    inserted.bound = False
    inserted.count = 0
    if n_bytes > MAX_BLOCK_BYTES:
        return BLOCK_SIZE
    raw.name = NULL
    raw.name_bytes = 0
    begin_block(&cursor, block, n_bytes)
    while cursor.at != cursor.end:
        error = next_field(&cursor, &raw)
        if error != BLOCK_OK:
            return error
        if raw.form == RESIZE:
            inserted.bound = True
            resize(table, raw.index)
            continue
        inserted.bound |= raw.index >= FIRST_DYNAMIC
        if raw.form == INDEXED:
            field = field_at(table, raw.index)
            if field == NULL:
                return BLOCK_INDEX
            add_field(out, field, field.size, trailer)
        else:
            error = add_literal(table, &raw, trailer, out, inserted)
            if error != BLOCK_OK:
                return error
        if out.list_bytes > MAX_BLOCK_BYTES:
            return BLOCK_SIZE
    end_meaning(out, trailer)
    return BLOCK_OK


cdef inline void remember(HeadTable *table, PureBlock *place, const uint8_t *block, size_t n_bytes,
                          bint trailer, const Meaning *meaning,
                          const Insertions *inserted) noexcept nogil:
    """Keep what a block means, if the same bytes will mean it again."""
    if not inserted.bound and n_bytes <= MEMO_BYTES and inserted.count <= MEMO_INSERTED:
        place.meaning = meaning[0]
        place.n_bytes = <uint32_t>n_bytes
        place.n_inserted = inserted.count
        memcpy(place.inserted, inserted.fields, inserted.count * sizeof(FieldMeaning))
        memcpy(place.block, block, n_bytes)
    elif inserted.bound and inserted.count == 0 and n_bytes <= KNOWN_BYTES \
            and block[0] & 0xE0 != 0x20:                # no update, which stands at the beginning
        table.known[trailer].meaning = meaning[0]
        table.known[trailer].n_bytes = <uint8_t>n_bytes
        memcpy(table.known[trailer].block, block, n_bytes)


cdef inline BlockError read_block(HeadTable *table, BlockMemo *memo, const uint8_t *block,
                                  size_t n_bytes, bint trailer, Meaning *out) noexcept nogil:
    """What a whole block means; the table is afterwards as the peer has it."""
    cdef Insertions inserted
    cdef PureBlock *pure
    cdef const KnownBlock *known
    cdef BlockError error
    cdef uint32_t i
    trailer = trailer != 0
    if n_bytes == 0:
        return decode_block(table, block, 0, trailer, out, &inserted)
    pure = &memo.blocks[trailer][(n_bytes ^ block[n_bytes - 1]) & (MEMO_PLACES - 1)]
    if pure.n_bytes == n_bytes and memcmp(pure.block, block, n_bytes) == 0:
        out[0] = pure.meaning
        for i in range(pure.n_inserted):
            insert(table, &pure.inserted[i])
        return BLOCK_OK
    known = &table.known[trailer]
    if known.n_bytes == n_bytes and memcmp(known.block, block, n_bytes) == 0:
        out[0] = known.meaning
        return BLOCK_OK
    error = decode_block(table, block, n_bytes, trailer, out, &inserted)
    if error == BLOCK_OK:
        remember(table, pure, block, n_bytes, trailer, out, &inserted)
    return error
