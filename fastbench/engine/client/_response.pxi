# Part of _client.pyx: one answer, as a script has it. Its words stand in _client.pyi, too.

cdef class Timings:
    """How long the parts of a request took, each in ms.

    Attributes:
        blocked: Waiting for a connection.
        connecting: Connecting by TCP; 0 on a connection that was open.
        tls_handshaking: The handshake of TLS.
        sending: Writing the request.
        waiting: From its last byte to the first one of the answer.
        receiving: From the first byte of the answer to its last.
        duration: From the first byte that was sent to the last that came.

    Example::

        response = await vu.get("/api/health")
        check(response.timings, {"quick": lambda t: t.duration < 2000})
    """

    cdef readonly double blocked
    cdef readonly double connecting
    cdef readonly double tls_handshaking
    cdef readonly double sending
    cdef readonly double waiting
    cdef readonly double receiving
    cdef readonly double duration

    def __repr__(self):
        return f"Timings(duration={self.duration:.3f}, waiting={self.waiting:.3f})"


@cython.final
@cython.freelist(256)
cdef class Response:
    """One answer: what `await vu.get(url)` gives.

    What the network does raises nothing: without a complete answer `status` is 0, and `error` says
    why. `headers`, `body`, `text` and `json()` are read when they are asked for.

    Attributes:
        status: The status, 100 to 599; 0 without an answer.
        url: The URL that it came from, after redirects.
        method: The method of the request.
        raw_head: The head as it came, from the status line on.
        raw_body: The body as it came, packed as Content-Encoding says.
        error: Why there is no answer; "" if there is one.
        error_kind: The kind of error, as in reports: "timeout", "connect_refused"; "" without one.
        error_code: What the system or TLS calls it, ECONNREFUSED for example; "" without one.
        expected: True if it counts as a success; see `expected=` of requests.
        keep: Not for scripts.

    Example::

        response = await vu.get("/api/health")
        check(response, {
            "status is 200": lambda r: r.status == 200,
            "healthy": lambda r: r.json("status") == "ok",
        })
    """

    cdef readonly int status
    cdef readonly str url
    cdef readonly str method
    cdef readonly bytes raw_head
    cdef readonly bytes raw_body
    cdef readonly str error
    cdef readonly str error_kind
    cdef readonly str error_code
    cdef readonly bint expected
    cdef readonly object keep
    cdef Times times
    cdef Connection via
    cdef object known_headers
    cdef object known_cookies
    cdef object known_body
    cdef str known_body_error
    cdef object known_json
    cdef bint parsed
    cdef signed char coding     # has it a Content-Encoding? -1: not looked yet

    @property
    def ok(self):
        """Tell whether there is an answer with a status below 400; `expected` may differ."""
        return 0 < self.status < 400

    @property
    def cookies(self):
        """The cookies that this very answer sets, name to value."""
        if self.known_cookies is None:
            self.known_cookies = cookies_of(self)
        return self.known_cookies

    @property
    def headers(self):
        """The headers; their names are found in any case, one that came more often is `a, b`."""
        if self.known_headers is None:
            self.known_headers = headers_of(self.raw_head)
        return self.known_headers

    @property
    def body(self):
        """The body as bytes, unpacked as Content-Encoding says; see `body_error`."""
        if self.known_body is None:
            self.known_body = self.raw_body
            if encoded(self.raw_head) if self.coding < 0 else self.coding:
                self.known_body, self.known_body_error = decoded(self.headers, self.raw_body)
        return self.known_body

    @property
    def body_error(self):
        """Why `body` is not unpacked; "" if it is, or had no need."""
        self.body
        return self.known_body_error or ""

    @property
    def text(self):
        """The body as text, in the charset that its Content-Type names, else in UTF-8."""
        head = self.raw_head.lower()
        if b"charset" in head and b"charset=utf-8" not in head:
            return textual(self.headers, self.body)
        return self.body.decode("utf-8", "replace")

    @cython.annotation_typing(False)
    def json(self, path: "str | None" = None) -> "Any":
        """Read the body as JSON, whole or a part of it.

        Args:
            path: What to select: keys and indexes, as in "user.name" or "items.0.id"; None for all.

        Returns:
            The value; None where the path leads nowhere.

        Raises:
            ValueError: The body is no JSON.

        Example::

            response = await vu.get("/api/health")
            check(response.json("status"), {"healthy": lambda status: status == "ok"})
        """
        if not self.parsed:
            self.known_json = loads(self.body, self.known_body_error or "")
            self.parsed = True
        if path is None:
            return self.known_json
        if type(self.known_json) is dict and path.isidentifier():      # the usual selector: a key
            return self.known_json.get(path)
        return selected(self.known_json, path)

    @property
    def protocol(self):
        """What was spoken: "HTTP/1.1", "HTTP/1.0" or "h2"; "" where no answer came."""
        version = self.raw_head.partition(b" ")[0].decode("latin-1")
        return "h2" if version == "HTTP/2.0" else version

    @property
    def remote(self):
        """IP (or path) and port of the server that answered; ("", 0) where nothing was sent."""
        if self.via is None:
            return "", 0
        return self.via.lane.origin.rows[self.via.target][1:3]

    @property
    def tls_parameters(self):
        """Version (0x0304 is TLS 1.3) and IANA's name of the cipher suite; (0, "") without TLS."""
        if self.via is None or self.via.link.cipher == NULL:
            return 0, ""
        suite = tls.SSL_CIPHER_standard_name(self.via.link.cipher)
        return self.via.link.version, suite.decode("ascii")

    @property
    def timings(self):
        """How long the parts of the request took, ms."""
        cdef Timings out = Timings.__new__(Timings)
        cdef uint64_t spans[arena.TIMINGS]
        measure(spans, &self.times)
        out.blocked = spans[arena.BLOCKED] / 1e6
        out.connecting = spans[arena.CONNECTING] / 1e6
        out.tls_handshaking = spans[arena.HANDSHAKING] / 1e6
        out.sending = spans[arena.SENDING] / 1e6
        out.waiting = spans[arena.WAITING] / 1e6
        out.receiving = spans[arena.RECEIVING] / 1e6
        out.duration = spans[arena.DURATION] / 1e6
        return out

    def __repr__(self):
        return f"<Response {self.status or self.error} {self.method} {self.url}>"


cdef bint has_field(bytes raw_head, const char *name, Py_ssize_t n_bytes):
    """Is there a field of this name (in lower case, with its colon)?"""
    cdef const uint8_t *text = raw_head
    cdef Py_ssize_t i, j
    cdef Py_ssize_t last = len(raw_head) - n_bytes
    for i in range(1, last):
        if text[i - 1] != 10 or text[i] | 32 != <uint8_t>name[0]:
            continue
        for j in range(1, n_bytes):
            if text[i + j] | 32 != <uint8_t>name[j] | 32:
                break
        else:
            return True
    return False


LOCATION = re.compile(rb"^location:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


cdef bint several_locations(int status, bytes raw_head):
    """Is it a redirect with Locations that differ? Nobody knows where that leads."""
    if status // 100 != 3 or status not in REDIRECTS:
        return False
    return len(set(LOCATION.findall(raw_head))) > 1


cdef bint encoded(bytes raw_head):
    return has_field(raw_head, "content-encoding:", 17)
