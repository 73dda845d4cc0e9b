# Part of _core.pyx: HPACK and the meaning of fields, for tests; the rendering of requests.

BLOCK_ERRORS = ("", "cut off", "integer", "index", "Huffman code", "table size",
                "late table size update", "size")
MALFORMED_RULES = ("", "pseudo-field in trailers", "late pseudo-field", "unknown pseudo-field",
                   "repeated pseudo-field", "no :status", ":status", "empty field name",
                   "upper case in a field name", "byte in a field name",
                   "byte in a field value", "blank at an end of a field value",
                   "connection-specific field", "content-length",
                   "content-lengths that differ")
MAX_BLOCK_BYTES = hpack.MAX_BLOCK_BYTES
cdef set OWN_TO_CONNECTION = {b"connection", b"host", b"http2-settings", b"keep-alive",
                              b"proxy-connection", b"transfer-encoding", b"upgrade"}

meaning.set_up_hpack()


def decode_huffman(const uint8_t[::1] data not None):
    """The string that was Huffman-coded; None: it is not well-formed, or too long."""
    cdef const uint8_t *at = &data[0] if data.shape[0] else NULL
    cdef bytearray out = bytearray(hpack.HPACK_SCRATCH_BYTES)
    cdef int64_t n = huffman.decode_huffman(at, at + data.shape[0], out, len(out))
    return None if n < 0 else bytes(out[:n])


def encode_integer(int top, int prefix_bits, uint64_t value):
    """An integer below the bits `top` of its first byte."""
    cdef uint8_t out[11]
    cdef size_t n = hpack.put_integer(out, <uint8_t>top, prefix_bits, value)
    return <bytes>out[:n]


def encode_update(uint32_t table_bytes):
    """The new size of the peer's table, which stands before the first field of a block."""
    cdef uint8_t out[request_block.UPDATE_BYTES]
    cdef size_t n = request_block.put_update(out, table_bytes)
    return <bytes>out[:n]


def encode_field(bytes name not None, bytes value not None, str how not None):
    """One field; `how`: plain, insert or never."""
    cdef bytearray out = bytearray(len(name) + len(value) + request_block.PUT_BYTES)
    cdef size_t n = hpack.put_field(out, name, len(name), value, len(value),
                                    <uint8_t>("plain", "insert", "never").index(how))
    return bytes(out[:n])


cdef tuple verdict(hpack.BlockError error, const meaning.Meaning *found):
    if error != hpack.BLOCK_OK:
        return BLOCK_ERRORS[error], 0, -1, "", 0
    return "", found.status, found.length, MALFORMED_RULES[found.malformed], found.list_bytes


cdef class BlockMemo:
    """What a worker remembers of blocks that refer to no table."""

    cdef head_block.BlockMemo memo

    def __cinit__(self):
        memset(&self.memo, 0, sizeof(self.memo))


cdef class HeadTable:
    """The table of one connection, without the bytes of its fields."""

    cdef head_block.HeadTable table
    cdef BlockMemo memo

    def __cinit__(self, BlockMemo memo=None):
        """Without a memo, every block is decoded, and none is remembered."""
        head_block.begin_table(&self.table)
        self.memo = memo

    def read(self, const uint8_t[::1] block not None, *, bint trailer=False):
        """(error, status, content-length or -1, broken rule, bytes of the list) of a block."""
        cdef meaning.Meaning found
        cdef head_block.Insertions inserted
        cdef const uint8_t *at = &block[0] if block.shape[0] else NULL
        cdef hpack.BlockError error
        if self.memo is None:
            error = head_block.decode_block(&self.table, at, block.shape[0], trailer, &found,
                                            &inserted)
        else:
            error = head_block.read_block(&self.table, &self.memo.memo, at, block.shape[0],
                                          trailer, &found)
        return verdict(error, &found)

    @property
    def max_bytes(self):
        return self.table.max_bytes

    @property
    def n_bytes(self):
        return self.table.n_bytes

    @property
    def fields(self):
        """(size, bytes of the name, kind, rule, number) of each field, the newest first."""
        cdef const meaning.FieldMeaning *field
        found = []
        for i in range(self.table.count):
            field = head_block.field_at(&self.table, hpack.FIRST_DYNAMIC + i)
            found.append((field.size, field.name_bytes, field.kind, MALFORMED_RULES[field.rule],
                          field.number))
        return found


cdef class FieldTable:
    """The table of one connection, with the bytes of its fields."""

    cdef field_block.FieldTable table
    cdef head_block.HeadTable heads

    def __cinit__(self):
        field_block.begin_field_table(&self.table, &self.heads)

    def read(self, const uint8_t[::1] block not None, *, bint trailer=False):
        """(what HeadTable.read returns, [(name, value, never to be indexed)]) of a block."""
        cdef field_block.FieldBlock reader
        cdef field_block.Field field
        cdef const uint8_t *at = &block[0] if block.shape[0] else NULL
        cdef hpack.BlockError error
        found = []
        memset(&field, 0, sizeof(field))
        error = field_block.begin_fields(&reader, &self.table, at, block.shape[0], trailer)
        while error == hpack.BLOCK_OK:
            error = field_block.read_field(&reader, &field)
            if error == hpack.BLOCK_OK and field.name == NULL:
                return verdict(error, &reader.meaning), found
            found.append((<bytes>field.name[:field.name_bytes],
                          <bytes>field.value[:field.value_bytes], field.form == hpack.NEVER))
        return verdict(error, &reader.meaning), []

    @property
    def fields(self):
        """(name, value) of each field, the newest first."""
        cdef field_block.Field field
        found = []
        memset(&field, 0, sizeof(field))
        for i in range(self.table.heads.count):
            field_block.get_field(&self.table, hpack.FIRST_DYNAMIC + i, &field)
            found.append((<bytes>field.name[:field.name_bytes],
                          <bytes>field.value[:field.value_bytes]))
        return found


cdef list fields_of(tuple request):
    """The fields of a request as HTTP/2 has them (RFC 9113 section 8.3.1).

    A value that varies is a list of its pieces.
    """
    method, scheme, authority, path, fields = request
    regular = [(name.lower(), value.strip(b" \t") if isinstance(value, bytes) else value)
               for name, value in fields]
    host = [value for name, value in regular if name == b"host"]
    pseudo = [(b":method", method), (b":scheme", scheme),
              (b":authority", host[0] if host else authority), (b":path", path)]
    return pseudo + [
        (name, value) for name, value in regular
        if name not in OWN_TO_CONNECTION and (
            name != b"te" or isinstance(value, bytes) and value.lower() == b"trailers")
    ]


cdef class RequestBlocks:
    """The blocks of all requests of a run; what a connection sends first fits all that follow."""

    cdef list lists
    cdef list rows                  # of each request: the RequestFields, as bytes
    cdef request_block.SharedFields shared

    def __cinit__(self, requests):
        """`requests`: (method, scheme, authority, path, fields) of each."""
        cdef const request_block.RequestField *first
        cdef bytes row
        self.lists = [fields_of(each) for each in requests]
        self.rows = [self.row_of(each) for each in self.lists]
        self.shared.count = 0
        for i, row in enumerate(self.rows):
            first = <const request_block.RequestField *><const char *>row
            if i == 0:
                request_block.share(&self.shared, first, len(self.lists[i]))
            else:
                request_block.share_with(&self.shared, first, len(self.lists[i]))
        request_block.fit_table(&self.shared)

    cdef bytes row_of(self, list fields):
        """The structs of these fields, which point into `self.lists`."""
        cdef request_block.RequestField field
        cdef bytes name, value
        found = bytearray()
        for name, text in fields:
            value = text if isinstance(text, bytes) else b""
            field.varies = value is not text
            field.name, field.name_bytes = name, len(name)
            field.value, field.value_bytes = value, len(value)
            field.how = request_block.how_to_put(name, len(name), len(value))
            found += (<const char *>&field)[:sizeof(field)]
        return bytes(found)

    cdef bytes block(self, size_t index, request_block.RequestForm form, list cuts=None):
        """The block of a request; `cuts` gets the places of the values that vary, in order."""
        cdef bytes row = self.rows[index]
        cdef const request_block.RequestField *fields = \
            <const request_block.RequestField *><const char *>row
        cdef size_t count = len(self.lists[index])
        cdef bytearray out = bytearray(request_block.request_bytes(fields, count))
        cdef size_t *places = <size_t *>allocate(count + 1, sizeof(size_t))
        cdef size_t i, found = 0
        cdef size_t n = request_block.put_request(out, fields, count, &self.shared, form, places)
        for i in range(count):
            if cuts is not None and fields[i].varies:
                cuts.append(places[found])
                found += 1
        free(places)
        return bytes(out[:n])

    cdef list parts(self, size_t index, int form):
        """(text, pieces of the value that follows) of a request that varies; the last value: ()."""
        cdef list cuts = []
        text = self.block(index, <request_block.RequestForm>form, cuts)
        values = [value for _, value in self.lists[index] if not isinstance(value, bytes)]
        begins = [0, *cuts]
        ends = [*cuts, len(text)]
        return [(text[begin:end], value)
                for begin, end, value in zip(begins, ends, [*values, ()])]

    def first(self, size_t index):
        """The block of this request where it is the first on a connection."""
        return self.block(index, request_block.FIRST_BLOCK)

    def later(self, size_t index):
        """Its block after a first one, of whichever request."""
        return self.block(index, request_block.LATER_BLOCK)

    def literal(self, size_t index):
        """Its block where the server's table is smaller than 4,096 bytes."""
        return self.block(index, request_block.LITERAL_BLOCK)
