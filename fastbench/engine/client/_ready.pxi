# Part of _client.pyx: requests made ready once, to be sent any number of times.

@cython.final
cdef class Heading:
    """What requests to one server have in common: all but target, body and the cookies of a jar.

    `fields`: (name, value) in the order sent; `lines`: the same, rendered for HTTP/1.1; `empty`:
    what ends the head of a request without a body. `cookie`: the request's own cookies, as text
    whose Latin-1 bytes are sent.
    """

    cdef readonly Origin origin
    cdef readonly str method
    cdef readonly tuple fields
    cdef readonly bytes lines
    cdef readonly bytes empty
    cdef readonly str cookie
    cdef bint head
    cdef bint idempotent

    def __cinit__(self, Origin origin not None, str method not None, *, tuple fields=(),
                  bytes lines=b"", bytes empty=b"\r\n", str cookie=""):
        cdef bytes name = method.encode()
        self.origin = origin
        self.method = method
        self.fields = fields
        self.lines = lines
        self.empty = empty
        self.cookie = cookie
        self.head = rules.answers_without_body(name)
        self.idempotent = rules.idempotent(name)


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


cdef bytes cookie_line(str cookie):
    return f"Cookie: {cookie}\r\n".encode("latin-1") if cookie else b""
