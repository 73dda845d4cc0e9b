# Part of _client.pyx: where the numbers of answers are recorded, and how checks count.

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
