# Part of _client.pyx: answers, and where their numbers are recorded.

cdef object headers_of = None   # see `use`
cdef object decoded = None
cdef object textual = None
cdef object selected = None
cdef object loads = None
cdef object cookies_of = None

cdef enum:                      # places of the other built-in metrics in Extra.metric, after TIMES
    HTTP_REQS = 100, HTTP_REQ_FAILED, DATA_SENT, DATA_RECEIVED, ANSWERED

cdef dict EXTRAS = {
    "http_reqs": HTTP_REQS, "http_req_failed": HTTP_REQ_FAILED,
    "data_sent": DATA_SENT, "data_received": DATA_RECEIVED, "answered": ANSWERED,
    **{name: place for place, name in enumerate(TIMES)},
}

cdef struct Extra:
    int metric
    void *data


def use(*, headers, decode, select, json, text, cookies=None):
    """Set what Response's lazy properties call: a head's fields, a JSON path.

    `decode(headers, raw)` gives the body and why it stays as it came, `text(headers, body)` reads
    it in its charset, `json(body, why)` as JSON; `cookies(response)` gives the cookies that an
    answer sets.
    """
    global headers_of, decoded, textual, selected, loads, cookies_of
    headers_of, decoded, textual, selected, loads = headers, decode, text, select, json
    cookies_of = cookies


cdef class Sinks:
    """Where one kind of answer on one route is recorded; `failed` is what http_req_failed says."""

    cdef readonly bint failed
    cdef arena.Requests *all
    cdef arena.Named *named
    cdef Extra *extra
    cdef size_t n_extra
    cdef tuple keep

    def __cinit__(self, RequestsSlot scenario not None, NamedSlot named, extra, bint failed):
        cdef MetricSlot cell
        self.keep = (scenario, named, tuple(extra))
        self.failed = failed
        self.all = <arena.Requests *>scenario.data
        if named is not None:
            self.named = <arena.Named *>named.data
        self.extra = <Extra *>calloc(len(extra) + 1, sizeof(Extra))
        if self.extra == NULL:
            raise MemoryError
        for name, cell in extra:
            self.extra[self.n_extra].metric = EXTRAS[name]
            self.extra[self.n_extra].data = cell.data
            self.n_extra += 1

    def __dealloc__(self):
        free(self.extra)


cdef class Route:
    """One request name of one scenario with one set of tags.

    `resolve(status, error_kind, version)` is asked once for each kind of answer; the version of
    HTTP is "HTTP/1.1" or "HTTP/2.0", "" without an answer.
    """

    cdef object resolve
    cdef dict known

    def __cinit__(self, resolve not None):
        self.resolve = resolve
        self.known = {}

    cdef Sinks sinks(self, int status, int kind, bytes raw_head):
        cdef int key = -1 - kind
        cdef Sinks found
        if status:                  # 1,000 more with every newer version
            key = status + 1000 * version_place(raw_head)
        found = self.known.get(key)
        if found is None:
            version = VERSIONS[version_place(raw_head)] if status else ""
            found = self.resolve(status, "" if status else ERROR_KINDS[kind], version)
            self.known[key] = found
        return found


cdef tuple VERSIONS = ("HTTP/1.0", "HTTP/1.1", "HTTP/2.0")


cdef int version_place(bytes raw_head):
    """Where the version that a head begins with stands in VERSIONS."""
    cdef const uint8_t *text = raw_head
    if len(raw_head) < 8:
        return 1
    return 2 if text[5] == 50 else text[7] != 48


cdef struct Times:              # of one exchange, ns of CLOCK_MONOTONIC
    uint64_t due                # its planned instant, 0 without one
    uint64_t begun              # asked for
    uint64_t sent               # before its first byte was written
    uint64_t written            # after its last one
    uint64_t first              # first byte of the answer
    uint64_t done
    uint64_t aged               # from when on its age counts; 0: it has none unless it was sent
    uint64_t blocked            # spans from here on
    uint64_t connecting
    uint64_t handshaking


cdef uint64_t span(uint64_t start, uint64_t end):
    return end - start if start and end > start else 0


cdef void measure(uint64_t *spans, const Times *t):
    """The TIMES of one request. Without an answer, all its time after sending was waiting."""
    spans[arena.DURATION] = span(t.sent if t.sent else t.aged, t.done)
    spans[arena.BLOCKED] = t.blocked
    spans[arena.CONNECTING] = t.connecting
    spans[arena.HANDSHAKING] = t.handshaking
    spans[arena.SENDING] = span(t.sent, t.written)
    spans[arena.WAITING] = span(t.written, t.first if t.first else t.done)
    spans[arena.RECEIVING] = span(t.first, t.done)
    spans[arena.PLANNED] = span(t.due, t.done)


cdef bint timed(int metric, const Times *t):
    """Has the request a value of this one of TIMES? See `record`."""
    if metric == arena.PLANNED:
        return t.due and (t.sent or t.aged)
    if metric == arena.DURATION:
        return t.sent or t.aged
    if metric == arena.SENDING or metric == arena.WAITING or metric == arena.RECEIVING:
        return t.sent
    return True


cdef void record(Sinks self, const Times *t, bint answered, uint64_t bytes_out, uint64_t bytes_in):
    """Record one finished request.

    A request that was never sent has no duration, except at its age, when it timed out or was given
    up: a server that is not there is not a fast one.
    """
    cdef uint64_t spans[arena.TIMINGS]
    cdef Extra *extra
    cdef size_t i
    measure(spans, t)
    self.all.reqs += 1
    self.all.failed += self.failed
    self.all.answered += answered
    self.all.bytes_out += bytes_out
    self.all.bytes_in += bytes_in
    for i in range(arena.TIMINGS):
        if timed(i, t):
            hdr.record(&self.all.times[i], spans[i])
    if self.named != NULL:
        self.named.reqs += 1
        self.named.failed += self.failed
        self.named.answered += answered
        self.named.bytes_out += bytes_out
        self.named.bytes_in += bytes_in
        if timed(arena.DURATION, t):
            hdr.record(&self.named.duration, spans[arena.DURATION])
    for i in range(self.n_extra):
        extra = &self.extra[i]
        if extra.metric == HTTP_REQS:
            (<double *>extra.data)[0] += 1
        elif extra.metric == HTTP_REQ_FAILED:
            (<arena.Rate *>extra.data).total += 1
            (<arena.Rate *>extra.data).passes += self.failed
        elif extra.metric == DATA_SENT:
            (<double *>extra.data)[0] += <double>bytes_out
        elif extra.metric == DATA_RECEIVED:
            (<double *>extra.data)[0] += <double>bytes_in
        elif extra.metric == ANSWERED:
            (<double *>extra.data)[0] += answered
        elif timed(extra.metric, t):
            hdr.record(<hdr.Hdr *>extra.data, spans[extra.metric])


cdef class Timings:
    """How long the parts of a request took, in ms, under k6's names."""

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
    """One answer. Without a complete one, `status` is 0 and `error` says why.

    `headers` know no case; `body` is bytes, unpacked as Content-Encoding says, or as they came and
    then `body_error` says why; `json(path)` selects.
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
        """Is there an answer with a status below 400? Whether it was expected is `expected`."""
        return 0 < self.status < 400

    @property
    def cookies(self):
        """The cookies that this very answer sets, name to value."""
        if self.known_cookies is None:
            self.known_cookies = cookies_of(self)
        return self.known_cookies

    @property
    def headers(self):
        if self.known_headers is None:
            self.known_headers = headers_of(self.raw_head)
        return self.known_headers

    @property
    def body(self):
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
        """The body in the charset that its Content-Type names, else in UTF-8."""
        head = self.raw_head.lower()
        if b"charset" in head and b"charset=utf-8" not in head:
            return textual(self.headers, self.body)
        return self.body.decode("utf-8", "replace")

    def json(self, path=None):
        """The body as JSON, or what `path` selects of it. Raises ValueError when it is no JSON."""
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
        """(IP or path, port) of the server that answered; ("", 0) where nothing was sent."""
        if self.via is None:
            return "", 0
        return self.via.lane.origin.rows[self.via.target][1:3]

    @property
    def tls_parameters(self):
        """(version, as 0x0304, IANA's name of the cipher suite), or (0, "") without TLS."""
        if self.via is None or self.via.link.cipher == NULL:
            return 0, ""
        suite = tls.SSL_CIPHER_standard_name(self.via.link.cipher)
        return self.via.link.version, suite.decode("ascii")

    @property
    def timings(self):
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


def tally(value, sets, dict known not None, place, find, truth):
    """Count the checks of `value`: for each name whether it holds; tell whether all do.

    `known` holds cells by name, `find(place, name)` gives others; `truth(name, result)` reads what
    is no bool.
    """
    cdef bint all_hold = True
    for name, test in sets.items():
        cell = known.get(name)
        if cell is None:
            cell = find(place, name)
        try:
            holds = test(value) if callable(test) else test
            if holds is not True and holds is not False:
                holds = truth(name, holds)
        except BaseException:
            cell.add(False)
            raise
        if type(cell) is RateSlot:
            count_rate(<RateSlot>cell, holds)
        else:
            cell.add(holds)
        if not holds:
            all_hold = False
    return all_hold
