"""A request that varies: pieces of text and values, and the rows that some of them come from.

Pure: what is rendered depends on the request's number, the instant it was first sent, its
connection and the seed. So a request that is sent again, or was written in part, is rendered
again, and nothing of it is kept.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from fastbench.engine.varied.digest cimport (
    COUNT_DIGITS, HASH_DIGITS, Nonce, Nonces, put_count, put_hash_of, put_head, put_response,
)
from fastbench.engine.varied.values cimport (
    Escape, base64_bytes, below, digits_of, key_of, mix, put_base64, put_digits, put_escaped,
    put_hex, put_number, put_uuid, word_of, zipf,
)

cdef enum:
    NS_PER_MS = 1000000
    NS_PER_S = 1000000000
    LENGTH_BITS = 24                # of a cell: the lower ones
    MAX_CELL_BYTES = 16777215

cdef enum PieceKind:
    TEXT, SEQUENCE, UUID, INTEGER, ZIPF, HEX, PICK, NOW, NOW_MS, COLUMN, BASE64,
    LENGTH,                         # of the body, in digits
    DIGEST, NONCE_COUNT, RESPONSE   # of a field of digest authentication, see `digest`

cdef enum RowOrder:
    IN_ORDER, AT_RANDOM, ONCE, PER_CONNECTION

cdef struct Choice:
    const uint8_t *text
    uint32_t n_bytes

cdef struct Pieces

cdef struct Piece:
    uint8_t kind
    uint8_t escape
    bint counts                     # RESPONSE: the count of the nonce is hashed
    uint32_t place                  # of the request's random values
    uint32_t n_bytes                # of `text`, which TEXT and RESPONSE have
    uint32_t width                  # HEX: digits; SEQUENCE: least digits; COLUMN: its number
    const uint8_t *text
    const Choice *choices
    int64_t low                     # SEQUENCE: start
    uint64_t count                  # of values or choices, 0: 2^64; SEQUENCE: step
    double top                      # ZIPF: see `values.zipf`
    const Pieces *inner             # of BASE64; of RESPONSE: what its text ends with, hashed

cdef struct Pieces:
    Piece *first
    uint32_t count
    uint64_t most_bytes             # of their text

cdef struct Varied:                 # a request in pieces
    Pieces head                     # HTTP/1.1: to its end, or to where Content-Length has digits
    Pieces body
    Pieces expect                   # what its answer must contain
    uint32_t digits                 # of Content-Length, last time; 0: it never varies
    bint expects

cdef struct Rows:                   # of a feed; `count` is 0 without one
    const uint8_t *data
    const uint64_t *cells           # of each row, by column: begin << LENGTH_BITS | length
    uint64_t count
    uint32_t columns
    RowOrder order

cdef struct Draw:                   # what the values of one request depend on
    uint64_t number
    uint64_t key
    uint64_t row
    uint64_t body_bytes
    int64_t sent_ns                 # by the wall clock
    const Rows *rows
    Nonces *nonces                  # NULL without digest authentication
    const Nonce *nonce


cdef inline void draw(Draw *self, const Rows *rows, uint64_t seed, uint64_t number,
                      int64_t sent_ns, uint64_t connection) noexcept nogil:
    """`connection`: its number over all workers."""
    self.number = number
    self.key = key_of(seed, number)
    self.sent_ns = sent_ns
    self.rows = rows
    self.nonces = NULL
    self.row = self.body_bytes = 0
    if rows.count == 0:
        return
    if rows.order == AT_RANDOM:
        self.row = below(rows.count, mix(self.key))
    elif rows.order == PER_CONNECTION:
        self.row = connection % rows.count
    else:
        self.row = number if number < rows.count else number % rows.count


cdef inline uint8_t *put_cell(uint8_t *out, const Piece *piece, const Draw *of) noexcept nogil:
    cdef uint64_t cell = of.rows.cells[of.row * of.rows.columns + piece.width]
    return put_escaped(out, of.rows.data + (cell >> LENGTH_BITS), cell & MAX_CELL_BYTES,
                       <Escape>piece.escape)


cdef inline uint8_t *put_inner(uint8_t *out, const Pieces *inner, const Draw *of) noexcept nogil:
    """In base64: first as they are, at the end of their room, so that nothing is overwritten."""
    cdef uint8_t *text = out + base64_bytes(inner.most_bytes) - inner.most_bytes
    return put_base64(out, text, <size_t>(put_pieces(text, inner, of) - text))


cdef inline uint8_t *put_proof(uint8_t *out, const Piece *piece, const Draw *of) noexcept nogil:
    """A response of digest authentication; what is asked for is rendered into its room first."""
    cdef uint8_t count[COUNT_DIGITS]
    cdef uint8_t asked[HASH_DIGITS]
    cdef size_t asked_bytes = 0
    if piece.inner != NULL:
        asked_bytes = <size_t>(put_hash_of(
            asked, of.nonces, out, <size_t>(put_pieces(out, piece.inner, of) - out)) - asked)
    put_count(count, of.nonces, of.nonce, of.number)
    return put_response(out, of.nonces, of.nonce, count if piece.counts else NULL, piece.text,
                        piece.n_bytes, asked, asked_bytes)


cdef inline uint8_t *put_value(uint8_t *out, const Piece *piece, const Draw *of) noexcept nogil:
    cdef uint64_t word
    cdef const Choice *choice
    if piece.kind == COLUMN:
        return put_cell(out, piece, of)
    if piece.kind == SEQUENCE:
        return put_number(out, <int64_t>(<uint64_t>piece.low + piece.count * of.number),
                          piece.width)
    if piece.kind == NOW:
        return put_number(out, of.sent_ns // NS_PER_S, 1)
    if piece.kind == NOW_MS:
        return put_number(out, of.sent_ns // NS_PER_MS, 1)
    if piece.kind == BASE64:
        return put_inner(out, piece.inner, of)
    if piece.kind == LENGTH:
        return put_number(out, <int64_t>of.body_bytes, 1)
    if piece.kind == DIGEST:
        return put_head(out, of.nonce)
    if piece.kind == NONCE_COUNT:
        return put_count(out, of.nonces, of.nonce, of.number)
    if piece.kind == RESPONSE:
        return put_proof(out, piece, of)
    word = word_of(of.key, piece.place)
    if piece.kind == UUID:
        return put_uuid(out, word)
    if piece.kind == HEX:
        return put_hex(out, word, piece.width)
    if piece.kind == PICK:
        choice = &piece.choices[below(piece.count, word)]
        memcpy(out, choice.text, choice.n_bytes)
        return out + choice.n_bytes
    if piece.kind == ZIPF:
        word = zipf(piece.count, piece.top, word) - 1
    else:
        word = below(piece.count, word)
    return put_number(out, <int64_t>(<uint64_t>piece.low + word), 1)


cdef inline uint8_t *put_pieces(uint8_t *out, const Pieces *pieces, const Draw *of) noexcept nogil:
    cdef const Piece *piece = pieces.first
    cdef const Piece *end = piece + pieces.count
    while piece != end:
        if piece.kind == TEXT:
            memcpy(out, piece.text, piece.n_bytes)
            out += piece.n_bytes
        else:
            out = put_value(out, piece, of)
        piece += 1
    return out


cdef inline size_t put_request(uint8_t *out, Varied *request, const Draw *of) noexcept nogil:
    """The bytes of HTTP/1.1; returns how many.

    The body comes first into its place, behind as many digits of Content-Length as it needed last
    time, and is moved when they are more or fewer.
    """
    cdef uint8_t *at = put_pieces(out, &request.head, of)
    cdef uint8_t *body
    cdef size_t n_bytes
    cdef uint32_t digits = request.digits
    if digits == 0:
        return <size_t>(put_pieces(at, &request.body, of) - out)
    body = at + digits + 4
    n_bytes = <size_t>(put_pieces(body, &request.body, of) - body)
    request.digits = digits_of(n_bytes)
    if request.digits != digits:
        memmove(at + request.digits + 4, body, n_bytes)
    at = put_digits(at, n_bytes, request.digits)
    memcpy(at, "\r\n\r\n", 4)
    return <size_t>(at + 4 + n_bytes - out)
