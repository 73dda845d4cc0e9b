"""The fields of a block with their bytes, for scripts: every one is handed on.

1. The table is that of `head_block`, with the bytes beside it: they stand in the order they were
   inserted, and are moved to the front when their room is used up.
2. A field that was read points into the block, the table or scratch memory: it is valid until the
   next one is read.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memmove

from fastbench.engine.http2.head_block cimport HeadTable, begin_table, field_at, insert, resize
from fastbench.engine.http2.hpack cimport (
    BLOCK_INDEX, BLOCK_OK, BLOCK_SIZE, FIELD_BYTES, FIRST_DYNAMIC, INDEXED, INSERT,
    MAX_BLOCK_BYTES, RESIZE, TABLE_BYTES, TABLE_FIELDS, BlockError, Cursor, RawField, begin_block,
    hpack_name, hpack_static, next_field,
)
from fastbench.engine.http2.meaning cimport (
    FieldMeaning, Meaning, add_field, begin_meaning, end_meaning, judge_name, judge_value,
)

cdef struct FieldTable:             # of a connection
    HeadTable *heads                # what they mean: of the session, or the caller's
    uint16_t used                   # of `text`
    uint16_t at[TABLE_FIELDS]       # where the bytes of each of its fields begin
    uint8_t text[TABLE_BYTES]

cdef struct Field:
    uint8_t form
    uint32_t name_bytes
    uint32_t value_bytes
    const uint8_t *name             # NULL: the block ended
    const uint8_t *value

cdef struct FieldBlock:             # that is read
    FieldTable *table
    Cursor cursor
    Meaning meaning                 # of the fields so far; complete when the block ended
    bint trailer


cdef inline void begin_field_table(FieldTable *self, HeadTable *heads) noexcept nogil:
    begin_table(heads)
    self.heads = heads
    self.used = 0


cdef inline void make_room(FieldTable *self, uint32_t n_bytes) noexcept nogil:
    """Move the bytes of all fields but the newest to the front, if so many more have no room."""
    cdef uint32_t count = self.heads.count - 1
    cdef uint32_t oldest = (self.heads.newest - count) & (TABLE_FIELDS - 1)
    cdef uint32_t i
    cdef uint16_t first
    if count == 0:
        self.used = 0
        return
    if self.used + n_bytes <= TABLE_BYTES:
        return
    first = self.at[oldest]
    self.used -= first
    memmove(self.text, self.text + first, self.used)
    for i in range(count):
        self.at[(oldest + i) & (TABLE_FIELDS - 1)] -= first


cdef inline void insert_field(FieldTable *self, const FieldMeaning *meaning,
                              const Field *field) noexcept nogil:
    """Insert a field whose bytes are not in the table."""
    insert(self.heads, meaning)
    if self.heads.count == 0:       # it is larger than the table
        self.used = 0
        return
    make_room(self, field.name_bytes + field.value_bytes)
    self.at[self.heads.newest] = self.used
    memcpy(self.text + self.used, field.name, field.name_bytes)
    self.used += <uint16_t>field.name_bytes
    memcpy(self.text + self.used, field.value, field.value_bytes)
    self.used += <uint16_t>field.value_bytes


cdef inline const FieldMeaning *get_field(FieldTable *self, uint32_t index,
                                          Field *out) noexcept nogil:
    """The field of an index, its bytes in `out`; NULL: there is none."""
    cdef const FieldMeaning *found = field_at(self.heads, index)
    if found == NULL:
        return NULL
    if index < FIRST_DYNAMIC:
        out.name = <const uint8_t *>hpack_static[index].name
        out.value = <const uint8_t *>hpack_static[index].value
    else:
        index = (self.heads.newest - (index - FIRST_DYNAMIC)) & (TABLE_FIELDS - 1)
        out.name = self.text + self.at[index]
        out.value = out.name + found.name_bytes
    out.name_bytes = found.name_bytes
    out.value_bytes = found.size - FIELD_BYTES - found.name_bytes
    return found


cdef inline BlockError begin_fields(FieldBlock *self, FieldTable *table, const uint8_t *block,
                                    size_t n_bytes, bint trailer) noexcept nogil:
    """Begin to read a whole block, of a head or of trailers."""
    self.table = table
    self.trailer = trailer
    begin_meaning(&self.meaning)
    begin_block(&self.cursor, block, n_bytes)
    return BLOCK_SIZE if n_bytes > MAX_BLOCK_BYTES else BLOCK_OK


cdef inline BlockError take_literal(FieldBlock *self, const RawField *raw,
                                    Field *out) noexcept nogil:
    """A field that is no index, and its insertion if it is to be."""
    cdef FieldMeaning meaning
    cdef const FieldMeaning *named
    if raw.index:
        named = get_field(self.table, raw.index, out)
        if named == NULL:
            return BLOCK_INDEX
        meaning = named[0]
        if raw.index >= FIRST_DYNAMIC:      # its field may be evicted by this one (section 4.4)
            memcpy(hpack_name, out.name, out.name_bytes)
            out.name = hpack_name
    else:
        out.name = raw.name
        out.name_bytes = raw.name_bytes
        meaning.unused = 0
        judge_name(&meaning, raw.name, raw.name_bytes)
    out.value = raw.value
    out.value_bytes = raw.value_bytes
    judge_value(&meaning, raw.value, raw.value_bytes)
    add_field(&self.meaning, &meaning, FIELD_BYTES + out.name_bytes + out.value_bytes,
              self.trailer)
    if raw.form == INSERT:
        insert_field(self.table, &meaning, out)
    return BLOCK_OK


cdef inline BlockError read_field(FieldBlock *self, Field *out) noexcept nogil:
    """The next field; at the end of the block its name is NULL, and the meaning is complete."""
    cdef RawField raw
    cdef const FieldMeaning *meaning
    cdef BlockError error
    raw.name = NULL
    raw.name_bytes = 0
    while self.cursor.at != self.cursor.end:
        error = next_field(&self.cursor, &raw)
        if error != BLOCK_OK:
            return error
        out.form = raw.form
        if raw.form == RESIZE:
            resize(self.table.heads, raw.index)
            continue
        if raw.form == INDEXED:
            meaning = get_field(self.table, raw.index, out)
            if meaning == NULL:
                return BLOCK_INDEX
            add_field(&self.meaning, meaning, meaning.size, self.trailer)
        else:
            error = take_literal(self, &raw, out)
            if error != BLOCK_OK:
                return error
        return BLOCK_SIZE if self.meaning.list_bytes > MAX_BLOCK_BYTES else BLOCK_OK
    end_meaning(&self.meaning, self.trailer)
    out.name = NULL
    return BLOCK_OK
