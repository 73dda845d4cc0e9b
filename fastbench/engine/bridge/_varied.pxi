# Part of _core.pyx: requests that vary, from plan.Piece, plan.Varied and plan.Feed to structs.

PIECE_KINDS = ("text", "seq", "uuid", "int", "zipf", "hex", "pick", "now", "now_ms", "column",
               "base64", "length", "digest", "nonce_count", "response")
ESCAPES = ("", "url", "form", "json")
ROW_ORDERS = ("in-order", "random", "once", "per-connection")
MAX_VARIED_BYTES = 1 << 24
DIGEST_BYTES = {"digest": digest.MAX_DIGEST_BYTES, "nonce_count": digest.COUNT_DIGITS,
                "response": digest.HASH_DIGITS}
cdef uint64_t ALL_BITS = <uint64_t>-1


cdef class Feed:
    """The rows of a plan.Feed, where they are in memory; without one there are none."""

    cdef pieces.Rows rows
    cdef Py_buffer data
    cdef Py_buffer cells
    cdef readonly tuple longest

    def __cinit__(self, feed=None):
        self.longest = ()
        if feed is None:
            return
        PyObject_GetBuffer(feed.data, &self.data, PyBUF_SIMPLE)
        PyObject_GetBuffer(feed.cells, &self.cells, PyBUF_SIMPLE)
        self.longest = tuple(feed.longest)
        self.rows.data = <const uint8_t *>self.data.buf
        self.rows.cells = <const uint64_t *>self.cells.buf
        self.rows.columns = <uint32_t>len(feed.columns)
        self.rows.order = <pieces.RowOrder><int>ROW_ORDERS.index(feed.order)
        if feed.n_rows < 1 or self.cells.len < 8 * feed.n_rows * len(feed.columns):
            raise ValueError("a feed has a row, and a cell for each column of each row")
        self.rows.count = feed.n_rows

    def __dealloc__(self):
        PyBuffer_Release(&self.data)
        PyBuffer_Release(&self.cells)


cdef uint64_t most_bytes(object piece, tuple longest) except? 0:
    """How long the text of a value is at most."""
    if isinstance(piece, list):
        return values.base64_bytes(sum([len(each) if isinstance(each, bytes)
                                        else most_bytes(each, longest) for each in piece]))
    if isinstance(piece, tuple):
        return max(digest.HASH_DIGITS, sum([len(each) if isinstance(each, bytes)
                                            else most_bytes(each, longest) for each in piece[1]]))
    if piece == "length":
        return values.MAX_DIGITS
    if piece.kind in DIGEST_BYTES:
        return DIGEST_BYTES[piece.kind]
    if piece.kind == "seq":
        return 1 + max(values.MAX_DIGITS, piece.width)
    if piece.kind == "hex":
        return piece.width
    if piece.kind == "pick":
        return max(map(len, piece.choices))
    if piece.kind == "column":
        return longest[piece.column] * {"": 1, "url": 3, "form": 3, "json": 6}[piece.escape]
    return values.UUID_BYTES if piece.kind == "uuid" else 1 + values.MAX_DIGITS


cdef object fixed_bytes(list found):
    """The length of what `joined` gives, None when it varies."""
    total = 0
    for each in found:
        if isinstance(each, bytes):
            total += len(each)
        elif isinstance(each, list):
            inner = fixed_bytes(each)
            if inner is None:
                return None
            total += values.base64_bytes(inner)
        elif each.kind == "uuid":
            total += values.UUID_BYTES
        elif each.kind == "hex":
            total += each.width
        elif each.kind == "pick" and len({len(choice) for choice in each.choices}) == 1:
            total += len(each.choices[0])
        else:
            return None
    return total


cdef list joined(object found):
    """Bytes, plan.Pieces and "length", with what is constant joined to bytes.

    What is sent in base64 is a list of its own; a response with what is hashed for it, a tuple.
    """
    cdef list out = []
    cdef Py_ssize_t at = 0
    cdef list every = list(found)
    while at < len(every):
        each = every[at]
        at += 1
        text = each if isinstance(each, bytes) else None
        if not isinstance(each, (bytes, str, list)):
            if each.kind == "text":
                text = each.text
            elif each.kind == "base64":
                each = joined(every[at:at + each.width])
                at += every[at - 1].width
            elif each.kind == "response" and each.high:
                at += each.high
                each = each, joined(every[at - each.high:at])
        if text is None:
            out.append(each)
            continue
        if text and out and isinstance(out[len(out) - 1], bytes):
            text = out.pop() + text
        if text:
            out.append(text)
    return out


cdef object constant_or_pieces(object found):
    """The bytes that these pieces always are, or the pieces."""
    cdef list out = joined(found)
    if not out:
        return b""
    return out[0] if len(out) == 1 and isinstance(out[0], bytes) else list(found)


cdef class PieceStore:
    """Makes structs of pieces, and keeps what they point to."""

    cdef list keep
    cdef tuple longest              # value of each column of the feed

    def __cinit__(self, tuple longest not None):
        self.keep = []
        self.longest = longest

    cdef pieces.Pieces lay_out(self, object found) except *:
        """The structs of bytes, plan.Pieces and "length"; they live as long as the store."""
        cdef pieces.Pieces out
        cdef pieces.Piece one
        cdef bytes text
        memset(&out, 0, sizeof(out))
        rows = bytearray()
        for each in joined(found):
            memset(&one, 0, sizeof(one))
            if isinstance(each, bytes):
                text = each
                self.keep.append(text)
                one.kind, one.text, one.n_bytes = pieces.TEXT, text, <uint32_t>len(text)
                out.most_bytes += len(text)
            else:
                self.fill(&one, each)
                out.most_bytes += most_bytes(each, self.longest)
            rows += (<const char *>&one)[:sizeof(one)]
            out.count += 1
        text = bytes(rows)
        self.keep.append(text)
        out.first = <pieces.Piece *><const char *>text
        return out

    cdef int fill(self, pieces.Piece *out, object piece) except -1:
        cdef bytes text
        if isinstance(piece, list):
            out.kind = pieces.BASE64
            return self.fill_inner(out, piece)
        if isinstance(piece, tuple):
            self.fill_inner(out, piece[1])
            piece = piece[0]
        if piece == "length":
            out.kind = pieces.LENGTH
            return 0
        out.kind = <uint8_t>PIECE_KINDS.index(piece.kind)
        out.escape = <uint8_t>ESCAPES.index(piece.escape)
        out.place = piece.place
        out.width = piece.width
        out.low = piece.low
        if piece.kind == "seq":
            out.count = <uint64_t><int64_t>piece.high
        elif piece.kind in ("int", "zipf"):
            self.fill_range(out, piece)
        elif piece.kind == "pick":
            self.fill_choices(out, piece)
        elif piece.kind == "response":
            out.counts = piece.width != 0
            text = piece.text
            self.keep.append(text)
            out.text, out.n_bytes = text, <uint32_t>len(text)
        elif piece.kind == "column":
            if not 0 <= piece.column < len(self.longest):
                raise ValueError(f"the feed has no column {piece.column}")
            out.width = piece.column
        return 0

    cdef int fill_inner(self, pieces.Piece *out, list found) except -1:
        cdef pieces.Pieces inner = self.lay_out(found)
        cdef bytes text = (<const char *>&inner)[:sizeof(inner)]
        self.keep.append(text)
        out.inner = <const pieces.Pieces *><const char *>text
        return 0

    cdef int fill_range(self, pieces.Piece *out, object piece) except -1:
        count = piece.high - piece.low + 1
        most = UNLIMITED if piece.kind == "zipf" else 2 * UNLIMITED
        if not 0 < count <= most or piece.high >= UNLIMITED:
            raise ValueError(f"there is no number from {piece.low} to {piece.high}")
        out.count = count & ALL_BITS
        out.top = log(count + 0.5)
        return 0

    cdef int fill_choices(self, pieces.Piece *out, object piece) except -1:
        cdef pieces.Choice choice
        cdef bytes text
        rows = bytearray()
        if not piece.choices:
            raise ValueError("there is nothing to pick from")
        for text in piece.choices:
            self.keep.append(text)
            choice.text, choice.n_bytes = text, <uint32_t>len(text)
            rows += (<const char *>&choice)[:sizeof(choice)]
        text = bytes(rows)
        self.keep.append(text)
        out.choices = <const pieces.Choice *><const char *>text
        out.count = len(piece.choices)
        return 0


cdef object varied_of(object request):
    """Its plan.Varied, None for a constant one."""
    return getattr(request, "varied", None)


cdef tuple parts_of(object request):
    """Path and fields for HTTP/2; what varies is a list of its pieces."""
    varied = varied_of(request)
    if varied is None:
        return request.target, request.fields
    fields = [(name, constant_or_pieces(value)) for name, value in varied.fields]
    if varied.body is not None:
        length = fixed_bytes(joined(varied.body))
        fields.append((b"content-length", ["length"] if length is None else b"%d" % length))
    return constant_or_pieces(varied.target), fields


cdef class VariedRequests:
    """Those of a run's requests that vary, as structs that the templates point to."""

    cdef Feed feed
    cdef PieceStore store
    cdef pieces.Varied *rows                # by request; where one is constant: zeros
    cdef request_block.VariedBlock *blocks  # three of each
    cdef list methods                       # None where one is constant
    cdef uint64_t most_bytes                # of HTTP/1.1
    cdef uint64_t most_body
    cdef uint64_t most_expected
    cdef bint expects
    cdef uint8_t *body
    cdef uint8_t *block
    cdef uint8_t *text
    cdef uint32_t *fallback

    def __cinit__(self, tuple requests not None, Feed feed not None):
        self.feed = feed
        self.store = PieceStore(feed.longest)
        self.methods = []
        self.rows = <pieces.Varied *>allocate(len(requests) + 1, sizeof(pieces.Varied))
        for i, request in enumerate(requests):
            varied = varied_of(request)
            self.methods.append(None if varied is None else request.method.encode())
            if varied is not None:
                self.lay_out(&self.rows[i], self.methods[i], varied)
        if self.most_bytes > MAX_VARIED_BYTES:
            raise ValueError(f"a request that varies has at most {MAX_VARIED_BYTES} bytes")
        self.text = <uint8_t *>allocate(self.most_expected + 1, 1)
        self.fallback = <uint32_t *>allocate(self.most_expected + 1, sizeof(uint32_t))

    def __dealloc__(self):
        free(self.rows)
        free(self.blocks)
        free(self.body)
        free(self.block)
        free(self.text)
        free(self.fallback)

    cdef int lay_out(self, pieces.Varied *out, bytes method, object varied) except -1:
        head = [method + b" ", *varied.target, b" HTTP/1.1\r\n"]
        for name, value in varied.fields:
            head += [name + b": ", *value, b"\r\n"]
        if varied.body is not None:
            length = fixed_bytes(joined(varied.body))
            head.append(b"Content-Length: " + (b"" if length is None else b"%d\r\n" % length))
            out.digits = 0 if length is not None else values.MAX_DIGITS
        if out.digits == 0:
            head.append(b"\r\n")
        out.head = self.store.lay_out(head)
        out.body = self.store.lay_out(varied.body or ())
        out.expect = self.store.lay_out(varied.expect)
        self.expects = self.expects or out.expect.count != 0
        self.most_bytes = max(self.most_bytes, varied_bytes(out))
        self.most_body = max(self.most_body, out.body.most_bytes)
        self.most_expected = max(self.most_expected, out.expect.most_bytes)
        return 0

    cdef int attach(self, Worker *w) except -1:
        """Let the worker's templates point here."""
        cdef Py_ssize_t i
        for i in range(len(self.methods)):
            if self.methods[i] is not None:
                w.templates[i].varied = &self.rows[i]
                w.templates[i].n_bytes = <uint32_t>varied_bytes(&self.rows[i])
        w.varying.rows = self.feed.rows
        w.varying.expects = self.expects
        w.varying.needle_number = w.varying.number = request_text.NO_NUMBER
        w.varying.text = self.text
        w.varying.needle.text = self.text
        w.varying.needle.fallback = self.fallback
        return 0

    cdef int attach_blocks(self, Worker *w, RequestBlocks found) except -1:
        """The same for HTTP/2."""
        cdef Py_ssize_t i
        cdef uint64_t most = 0
        cdef int form
        self.blocks = <request_block.VariedBlock *>allocate(
            3 * len(self.methods) + 1, sizeof(request_block.VariedBlock))
        for i in range(len(self.methods)):
            if self.methods[i] is not None:
                w.templates[i].varied_blocks = &self.blocks[3 * i]
                for form in range(3):
                    most = max(most, self.lay_out_block(&self.blocks[3 * i + form],
                                                        found.parts(i, form)))
        self.body = <uint8_t *>allocate(self.most_body + 1, 1)
        self.block = <uint8_t *>allocate(most + 1, 1)
        w.varying.body = self.body
        w.varying.block = self.block
        w.varying.rendered.body = self.body
        for form in range(3):
            w.varying.rendered.block[form] = self.block
        return 0

    cdef uint64_t lay_out_block(self, request_block.VariedBlock *out, list parts) except? 0:
        """Returns how long the block is at most."""
        cdef request_block.BlockPart part
        cdef bytes text
        cdef uint64_t most = 0
        rows = bytearray()
        for text, value in parts:
            self.store.keep.append(text)
            part.text, part.n_bytes = text, <uint32_t>len(text)
            part.value = self.store.lay_out(value)
            most += len(text) + request_block.LENGTH_BYTES + part.value.most_bytes
            rows += (<const char *>&part)[:sizeof(part)]
        text = bytes(rows)
        self.store.keep.append(text)
        out.parts = <const request_block.BlockPart *><const char *>text
        out.count = <uint32_t>len(parts)
        return most


cdef uint64_t varied_bytes(const pieces.Varied *request):
    """How long it is at most in HTTP/1.1."""
    return request.head.most_bytes + request.body.most_bytes + values.MAX_DIGITS + 4


cdef class Renderer:
    """Pieces as the engine sends them; for tests, and for who shows requests before a run."""

    cdef Feed feed
    cdef uint64_t seed

    def __cinit__(self, feed=None, *, uint64_t seed=0):
        self.feed = Feed(feed)
        self.seed = seed

    def render(self, found not None, uint64_t number, *, int64_t unix_ns=0, uint64_t connection=0,
               uint64_t body_bytes=0, Nonces nonces=None, uint64_t next_number=0):
        """The text of plan.Pieces in request `number`, first sent at `unix_ns`.

        `next_number` is that of the request which begins next; see engine.varied.digest.
        """
        cdef PieceStore store = PieceStore(self.feed.longest)
        cdef pieces.Pieces laid = store.lay_out(found)
        cdef pieces.Draw draw
        cdef bytearray out = bytearray(laid.most_bytes + 1)
        cdef uint8_t *begin = out
        pieces.draw(&draw, &self.feed.rows, self.seed, number, unix_ns, connection)
        draw.body_bytes = body_bytes
        if nonces is not None:
            draw.nonces = &nonces.nonces
            draw.nonce = digest.nonce_of(draw.nonces, number, next_number)
        return bytes(out[:pieces.put_pieces(begin, &laid, &draw) - begin])
