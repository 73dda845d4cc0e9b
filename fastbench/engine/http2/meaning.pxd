"""What the fields of an answer mean, and what makes it malformed (RFC 9113 sections 8.1 to 8.3).

1. A field is judged once, for itself: `FieldMeaning` is what a table of fields keeps of it. What
   depends on its place in the block is judged when it is added to a `Meaning`.
2. Names are tokens in lower case, values have no control bytes but the tab: what RFC 9113 section
   8.2.1 says a receiver should check, and the parser of HTTP/1.1 does check.
3. An answer that is malformed is an error of its stream, not of the connection; the first rule
   that was broken is kept by name.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp

from fastbench.engine.http1.head cimport is_token, text
from fastbench.engine.http2.hpack cimport (
    FIELD_BYTES, HPACK_STATIC_FIELDS, HpackField, hpack_static,
)
from fastbench.engine.http2.huffman cimport set_up_huffman

cdef extern from "hpack_tables.h" nogil:
    ctypedef struct FieldMeaning:
        int64_t number
        uint16_t size
        uint16_t name_bytes
        uint8_t kind
        uint8_t name_rule
        uint8_t rule
        uint8_t unused

    uint8_t hpack_is_set_up[]
    uint8_t hpack_name_rules[]
    FieldMeaning hpack_static_meanings[]

cdef enum FieldKind:
    OTHER_FIELD, STATUS_FIELD, LENGTH_FIELD, CONNECTION_FIELD, PSEUDO_FIELD

cdef enum Malformed:
    WELL_FORMED, PSEUDO_IN_TRAILER, PSEUDO_LATE, PSEUDO_UNKNOWN, PSEUDO_REPEATED, STATUS_MISSING,
    STATUS_VALUE, NAME_EMPTY, NAME_UPPER_CASE, NAME_BYTE, VALUE_BYTE, VALUE_BLANK,
    CONNECTION_SPECIFIC, LENGTH_VALUE, LENGTHS_DIFFER, MALFORMED_RULES

cdef enum:
    MAX_LENGTH_DIGITS = 18          # of a content-length

cdef struct Meaning:                # what a block of fields says of an answer
    int64_t length                  # content-length, -1: none
    uint16_t status                 # 0: no :status
    uint8_t malformed               # one of Malformed
    uint8_t regular                 # a field that is no pseudo-field was there
    uint32_t list_bytes             # of all fields, by RFC 9113 section 6.5.2


# One field

cdef inline FieldKind kind_of(const uint8_t *name, size_t n_bytes) noexcept nogil:
    """What a name stands for; `te` is connection-specific in an answer (section 8.2.2)."""
    if n_bytes == 0:
        return OTHER_FIELD
    if name[0] == 58:
        return STATUS_FIELD if n_bytes == 7 and memcmp(name, ":status", 7) == 0 else PSEUDO_FIELD
    if n_bytes == 14:
        return LENGTH_FIELD if memcmp(name, "content-length", 14) == 0 else OTHER_FIELD
    if n_bytes == 2 and memcmp(name, "te", 2) == 0:
        return CONNECTION_FIELD
    if n_bytes == 7 and memcmp(name, "upgrade", 7) == 0:
        return CONNECTION_FIELD
    if n_bytes == 10 and (memcmp(name, "connection", 10) == 0
                          or memcmp(name, "keep-alive", 10) == 0):
        return CONNECTION_FIELD
    if n_bytes == 16 and memcmp(name, "proxy-connection", 16) == 0:
        return CONNECTION_FIELD
    if n_bytes == 17 and memcmp(name, "transfer-encoding", 17) == 0:
        return CONNECTION_FIELD
    return OTHER_FIELD


cdef inline void judge_name(FieldMeaning *self, const uint8_t *name,
                            size_t n_bytes) noexcept nogil:
    cdef uint8_t rule = WELL_FORMED if n_bytes else NAME_EMPTY
    cdef size_t i = 1 if n_bytes and name[0] == 58 else 0       # the colon of a pseudo-field
    while i < n_bytes and rule == WELL_FORMED:
        rule = hpack_name_rules[name[i]]
        i += 1
    self.kind = kind_of(name, n_bytes)
    self.name_rule = rule
    self.name_bytes = <uint16_t>n_bytes if n_bytes < 0xFFFF else 0xFFFF


cdef inline void judge_length(FieldMeaning *self, const uint8_t *value,
                              size_t n_bytes) noexcept nogil:
    cdef int64_t number = 0
    cdef size_t i
    if n_bytes == 0 or n_bytes > MAX_LENGTH_DIGITS:
        self.rule = LENGTH_VALUE
        return
    for i in range(n_bytes):
        if <uint8_t>(value[i] - 48) > 9:
            self.rule = LENGTH_VALUE
            return
        number = number * 10 + (value[i] - 48)
    self.number = number


cdef inline void judge_value(FieldMeaning *self, const uint8_t *value,
                             size_t n_bytes) noexcept nogil:
    """Complete a field whose name was judged."""
    cdef size_t size = FIELD_BYTES + self.name_bytes + n_bytes
    self.size = <uint16_t>size if size < 0xFFFF else 0xFFFF
    self.number = -1
    self.rule = self.name_rule
    if self.rule != WELL_FORMED:
        return
    if self.kind == STATUS_FIELD:
        if n_bytes != 3 or <uint8_t>(value[0] - 49) > 8 or <uint8_t>(value[1] - 48) > 9 \
                or <uint8_t>(value[2] - 48) > 9:
            self.rule = STATUS_VALUE
        else:
            self.number = (value[0] - 48) * 100 + (value[1] - 48) * 10 + (value[2] - 48)
    elif self.kind == LENGTH_FIELD:
        judge_length(self, value, n_bytes)
    elif self.kind == CONNECTION_FIELD:
        self.rule = CONNECTION_SPECIFIC
    elif n_bytes and (value[0] == 32 or value[0] == 9 or value[n_bytes - 1] == 32
                      or value[n_bytes - 1] == 9):
        self.rule = VALUE_BLANK
    elif text(value, value + n_bytes) != value + n_bytes:
        self.rule = VALUE_BYTE


# All fields of a block

cdef inline void begin_meaning(Meaning *self) noexcept nogil:
    self.length = -1
    self.status = 0
    self.malformed = WELL_FORMED
    self.regular = False
    self.list_bytes = 0


cdef inline void break_rule(Meaning *self, uint8_t rule) noexcept nogil:
    if self.malformed == WELL_FORMED:
        self.malformed = rule


cdef inline void add_pseudo(Meaning *self, const FieldMeaning *field, bint trailer) noexcept nogil:
    if trailer:
        break_rule(self, PSEUDO_IN_TRAILER)
    elif self.regular:
        break_rule(self, PSEUDO_LATE)
    elif field.kind == PSEUDO_FIELD:
        break_rule(self, PSEUDO_UNKNOWN)
    elif self.status:
        break_rule(self, PSEUDO_REPEATED)
    elif field.rule != WELL_FORMED:
        break_rule(self, field.rule)
    else:
        self.status = <uint16_t>field.number


cdef inline void add_field(Meaning *self, const FieldMeaning *field, uint32_t size,
                           bint trailer) noexcept nogil:
    """Add a field to what was there; `size` is its own, which may be above what `field` holds."""
    self.list_bytes += size
    if field.kind == STATUS_FIELD or field.kind == PSEUDO_FIELD:
        add_pseudo(self, field, trailer)
        return
    self.regular = True
    if field.rule != WELL_FORMED:
        break_rule(self, field.rule)
    elif field.kind == LENGTH_FIELD:
        if self.length >= 0 and self.length != field.number:
            break_rule(self, LENGTHS_DIFFER)
        self.length = field.number


cdef inline void end_meaning(Meaning *self, bint trailer) noexcept nogil:
    if not trailer and not self.status:
        break_rule(self, STATUS_MISSING)


cdef inline void set_up_hpack() noexcept nogil:
    """Fill in what follows from the appendices of RFC 7541, once per process."""
    cdef const HpackField *field
    cdef FieldMeaning *meaning
    cdef int i
    if hpack_is_set_up[0]:
        return
    set_up_huffman()
    for i in range(256):
        hpack_name_rules[i] = WELL_FORMED if is_token(<uint8_t>i) else NAME_BYTE
    for i in range(65, 91):
        hpack_name_rules[i] = NAME_UPPER_CASE
    for i in range(1, HPACK_STATIC_FIELDS + 1):
        field = &hpack_static[i]
        meaning = &hpack_static_meanings[i]
        judge_name(meaning, <const uint8_t *>field.name, field.name_bytes)
        judge_value(meaning, <const uint8_t *>field.value, field.value_bytes)
    hpack_is_set_up[0] = True
