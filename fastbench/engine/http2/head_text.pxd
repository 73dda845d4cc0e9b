"""Heads of answers as text, for scripts, which look at fields: as HTTP/1.1 would have sent them.

The block is read once, for its meaning and its bytes together. A head that is not malformed has
neither line ends nor upper case in its fields, so that the text says what the block says.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from fastbench.engine.http2.field_block cimport (
    Field, FieldBlock, FieldTable, begin_field_table, begin_fields, read_field,
)
from fastbench.engine.http2.frame cimport Outbox, clear, reserve
from fastbench.engine.http2.head_block cimport HeadTable
from fastbench.engine.http2.hpack cimport BLOCK_OK, BLOCK_SIZE, BlockError
from fastbench.engine.http2.meaning cimport Meaning

cdef enum:
    STATUS_LINE_BYTES = 14          # "HTTP/2.0 200", and the end of the line

cdef struct HeadText:               # of a connection
    FieldTable fields
    Outbox text                     # of the last head, its blank line included


cdef inline void begin_head_text(HeadText *self, HeadTable *table) noexcept nogil:
    begin_field_table(&self.fields, table)
    clear(&self.text)


cdef inline bint put_line(Outbox *text, const Field *field) noexcept nogil:
    """Write a field as a line, of pseudo-fields :status alone; false when there is no memory."""
    cdef uint8_t *at
    if field.name_bytes and field.name[0] == 58:
        if field.value_bytes != 3:
            return True
        at = reserve(text, STATUS_LINE_BYTES)
        if at == NULL:
            return False
        memcpy(at, <const char *>"HTTP/2.0 ", 9)
        memcpy(at + 9, field.value, 3)
        memcpy(at + 12, <const char *>"\r\n", 2)
        return True
    at = reserve(text, field.name_bytes + field.value_bytes + 4)
    if at == NULL:
        return False
    memcpy(at, field.name, field.name_bytes)
    at += field.name_bytes
    memcpy(at, <const char *>": ", 2)
    memcpy(at + 2, field.value, field.value_bytes)
    memcpy(at + 2 + field.value_bytes, <const char *>"\r\n", 2)
    return True


cdef inline BlockError read_head_text(HeadText *self, const uint8_t *block, size_t n_bytes,
                                      bint trailer, Meaning *out) noexcept nogil:
    """What a whole block means, and the text of a head; of trailers no text is kept."""
    cdef FieldBlock reader
    cdef Field field
    cdef uint8_t *at
    cdef BlockError error = begin_fields(&reader, &self.fields, block, n_bytes, trailer)
    if not trailer:
        clear(&self.text)
    while error == BLOCK_OK:
        error = read_field(&reader, &field)
        if error != BLOCK_OK:
            return error
        if field.name == NULL:
            break
        if not trailer and not put_line(&self.text, &field):
            return BLOCK_SIZE
    if error != BLOCK_OK:
        return error
    out[0] = reader.meaning
    if not trailer:
        at = reserve(&self.text, 2)
        if at == NULL:
            return BLOCK_SIZE
        memcpy(at, <const char *>"\r\n", 2)
    return BLOCK_OK
