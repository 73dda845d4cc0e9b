# Part of _client.pyx: requests made ready once, to be sent any number of times.

@cython.final
cdef class Heading:
    """What requests to one server have in common: all but target, body and the cookies of a jar.

    `fields`: (name, value) in the order sent; `lines`: the same, rendered for HTTP/1.1; `empty`:
    what ends the head of a request without a body. `upgrade`: of a WebSocket. `cookie`: the
    request's own cookies, as text whose Latin-1 bytes are sent.
    """

    cdef readonly Origin origin
    cdef readonly str method
    cdef readonly tuple fields
    cdef readonly bytes lines
    cdef readonly bytes empty
    cdef readonly str cookie
    cdef bint head
    cdef bint idempotent
    cdef bint upgrade

    def __cinit__(self, Origin origin not None, str method not None, *, tuple fields=(),
                  bytes lines=b"", bytes empty=b"\r\n", str cookie="", bint upgrade=False):
        cdef bytes name = method.encode()
        self.origin = origin
        self.method = method
        self.fields = fields
        self.lines = lines
        self.empty = empty
        self.cookie = cookie
        self.upgrade = upgrade
        self.head = rules.answers_without_body(name)
        self.idempotent = rules.idempotent(name)

    cdef list http2_fields(self):
        """Pseudo-fields but the path, and fields, as HTTP/2 has them."""
        fields = [(name.lower(), value.strip(b" \t")) for name, value in self.fields]
        hosts = [value for name, value in fields if name == b"host"]
        said = [(b":method", self.method.encode()), (b":scheme", self.origin.scheme.encode()),
                (b":authority", hosts[0] if hosts else self.origin.authority.encode())]
        return said + [(name, value) for name, value in fields if not stays_out(name, value)]

    cdef bytes fields_block(self):
        """They as a block; what of the fields has no place there is told."""
        cdef Pool pool = self.origin.pool
        left = [name for name, value in self.fields if name.lower() != b"host" and (
            pool.keepalive or name.lower() != b"connection") and stays_out(
                name.lower(), value.strip(b" \t"))]
        if left and pool.left_out is not None:
            pool.left_out(left)
        return b"".join([one_field(name, value) for name, value in self.http2_fields()])


@cython.final
cdef class Ready:
    """A request made ready once, to be sent any number of times; `start` is its first line.

    `payload` is all of it, without a body and without cookies of a jar; `keep` is kept as
    exchange.keep, for the hooks.
    """

    cdef readonly Heading heading
    cdef readonly bytes target
    cdef readonly bytes payload
    cdef readonly str url
    cdef readonly object keep
    cdef bytes sized            # up to the length of a body
    cdef bytes head             # up to the cookies
    cdef bytes block            # HTTP/2: all but cookies and length of a body; None until needed
    cdef Route route
    cdef uint64_t timeout_ns
    cdef int redirects

    def __cinit__(self, Heading heading not None, bytes target not None, bytes start not None,
                  str url, Route route not None, *, uint64_t timeout_ns=TIMEOUT_NS,
                  int redirects=0, keep=None):
        self.heading = heading
        self.target = target
        self.url = url
        self.route = route
        self.timeout_ns = timeout_ns
        self.redirects = redirects
        self.keep = keep
        if heading.origin.prefix and not heading.upgrade:
            start = in_absolute_form(heading.origin, start)
        self.head = start + heading.lines
        head = self.head + cookie_line(heading.cookie)
        self.payload = head + heading.empty
        self.sized = head + b"Content-Length: "

    cdef bytes rendered(self, bytes body, str jar):
        """Every byte to send, in HTTP/1.1."""
        if not jar:
            return self.payload if body is None else b"%b%d\r\n\r\n%b" % (
                self.sized, len(body), body)
        cookie = cookie_line(f"{self.heading.cookie}; {jar}" if self.heading.cookie else jar)
        if body is None:
            return self.head + cookie + self.heading.empty
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (self.head, cookie, len(body), body)

    cdef bytes head_block(self, bytes body, str jar):
        """The head in HTTP/2: a block of fields that refers to no table (RFC 9113 section 8.3)."""
        if self.block is None:
            self.block = one_field(b":path", self.target) + self.heading.fields_block()
        block = self.block
        for name, value in self.last_fields(body, jar):
            block += one_field(name, value)
        return block

    cdef list last_fields(self, bytes body, str jar):
        """What differs from one sending to the next."""
        cdef Heading heading = self.heading
        cookie = heading.cookie
        found = []
        if jar:
            cookie = f"{cookie}; {jar}" if cookie else jar
        if cookie:
            found.append((b"cookie", cookie.encode("latin-1")))
        if body is not None or len(heading.empty) > 2:
            found.append((b"content-length", b"%d" % (len(body) if body is not None else 0)))
        return found

    cdef bytes http2_lines(self, bytes body, str jar):
        """The head in HTTP/2 as text: a line for each field, in the order sent."""
        fields = [(b":path", self.target), *self.heading.http2_fields(),
                  *self.last_fields(body, jar)]
        return b"\r\n".join([b"%b: %b" % field for field in fields])


# What belongs to a connection of HTTP/1.1 (RFC 9113 section 8.2.2), or is said otherwise.
cdef frozenset OWN_TO_HTTP1 = frozenset((
    b"connection", b"host", b"http2-settings", b"keep-alive", b"proxy-connection",
    b"transfer-encoding", b"upgrade"))


cdef bint stays_out(bytes name, bytes value):
    """Has this field no place in HTTP/2? Its name is in lower case."""
    return name in OWN_TO_HTTP1 or (name == b"te" and value.lower() != b"trailers")


cdef bytes one_field(bytes name, bytes value):
    """A field of a block, in a table neither here nor there; of secrets no proxy's either."""
    cdef bytes out = PyBytes_FromStringAndSize(
        NULL, request_block.PUT_BYTES + len(name) + len(value))
    cdef uint8_t how = request_block.how_to_put(name, len(name), len(value))
    cdef size_t n_bytes = hpack.put_field(
        <uint8_t *>PyBytes_AS_STRING(out), name, len(name), value, len(value),
        how if how == hpack.NEVER else hpack.PLAIN)
    return out[:n_bytes]


cdef bytes in_absolute_form(Origin origin, bytes start):
    """The first line as a proxy wants it that is to answer itself (RFC 9112 section 3.2.2)."""
    method, blank, rest = start.partition(b" ")
    return method + blank + origin.prefix + rest + origin.login


cdef bytes cookie_line(str cookie):
    return f"Cookie: {cookie}\r\n".encode("latin-1") if cookie else b""
