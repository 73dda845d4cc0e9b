# Part of _core.pyx: requests that a script makes, and the answers it is told.

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int count, int flags)
    int EFD_CLOEXEC, EFD_NONBLOCK

cdef extern from "<poll.h>" nogil:
    cdef struct pollfd:
        int fd
        short events
    short POLLIN
    int poll(pollfd *fds, unsigned long count, int timeout_ms)

cdef extern from "<unistd.h>" nogil:
    ssize_t read_bytes "read"(int fd, void *data, size_t n_bytes)

cdef enum:
    STREAM_BYTES = 1 << 20          # of answers that the script has not taken in yet
    FEWEST_AHEAD = 64
    MOST_AHEAD = 4096
    AHEAD_BYTES = 1 << 23
    KEPT_TEXT_BYTES = 1 << 16       # of a slot that was larger once

FLAWS = {
    request_end.NO_REQUEST: "there is none",
    request_end.NO_LINE: "its first line is not of the form METHOD TARGET HTTP/1.1",
    request_end.NO_END: "its head does not end in an empty line",
    request_end.BAD_LENGTH: "its Content-Length is no number",
    request_end.SHORT_BODY: "its body is shorter than its Content-Length",
    request_end.BAD_CHUNK: "the chunks of its body do not add up",
}


def request_ends(bytes text not None):
    """Where each request in a text begins and ends; raises ValueError with what is wrong."""
    cdef request_end.RequestText found
    ends = []
    found.end = 0
    while found.end < <size_t>len(text) or not ends:
        request_end.read_request(&found, text, found.end, len(text))
        if found.flaw == request_end.NO_REQUEST and ends:
            break                   # empty lines at the end
        if found.flaw != request_end.WHOLE:
            raise ValueError(FLAWS[found.flaw])
        ends.append((found.begin, found.end))
    return ends


cdef struct Buffer:
    uint8_t *data
    size_t n_bytes
    size_t room


cdef int reserve(Buffer *self, size_t n_bytes) except -1:
    """Make room for so many bytes more."""
    cdef void *larger
    if self.n_bytes + n_bytes <= self.room:
        return 0
    larger = realloc(self.data, 2 * (self.n_bytes + n_bytes) + 256)
    if larger == NULL:
        raise MemoryError
    self.data = <uint8_t *>larger
    self.room = 2 * (self.n_bytes + n_bytes) + 256
    return 0


cdef int append(Buffer *self, const void *data, size_t n_bytes) except -1:
    reserve(self, n_bytes)
    memcpy(self.data + self.n_bytes, data, n_bytes)
    self.n_bytes += n_bytes
    return 0


cdef int append_number(Buffer *self, uint64_t number) except -1:
    """Append a line of decimal digits."""
    cdef char digits[24]
    cdef int at = 23
    digits[at] = 10
    while True:
        at -= 1
        digits[at] = <char>(48 + number % 10)
        number //= 10
        if number == 0:
            break
    return append(self, &digits[at], 24 - at)


cdef int append_fields(Buffer *out, const uint8_t *head, size_t n_bytes, uint64_t *count) except -1:
    """Append name and value of each field of a head, a line each; of several heads the last."""
    cdef const uint8_t *at = head
    cdef const uint8_t *end = head + n_bytes
    cdef const uint8_t *next
    cdef const uint8_t *colon
    cdef const uint8_t *last
    cdef size_t begun = out.n_bytes
    cdef bint start = True
    count[0] = 0
    while at != end:
        next = request_end.line_end(at, end)
        next = end if next == NULL else next
        if start:                   # the status line
            out.n_bytes = begun
            count[0] = 0
        elif not request_end.is_blank(at, next):
            colon = <const uint8_t *>memchr(at, 58, <size_t>(next - at))
            if colon != NULL:
                append(out, at, <size_t>(colon - at))
                append(out, b"\n", 1)
                colon += 1
                last = next
                while last > colon and (last - 1)[0] <= 32:
                    last -= 1
                while colon < last and colon[0] <= 32:
                    colon += 1
                append(out, colon, <size_t>(last - colon))
                append(out, b"\n", 1)
                count[0] += 1
        start = request_end.is_blank(at, next)
        at = next
    return 0


cdef class TextRing:
    """Requests from the thread that makes them to the engine, and answers back to it.

    One thread calls all of this but `run` of the engine, which holds no GIL.
    """

    cdef text_ring.TextRing ring
    cdef uint32_t connections
    cdef uint32_t chained       # requests in one text
    cdef uint32_t ahead         # texts that are made before anybody waits for one
    cdef uint64_t budget        # texts that may still be made
    cdef uint64_t made
    cdef uint64_t made_bytes
    cdef Buffer *heads          # of answers under way, by connection
    cdef Buffer *bodies
    cdef Buffer fields
    cdef Buffer told

    def __cinit__(self, uint32_t connections, *, uint32_t in_flight, uint32_t chained=1,
                  bint on_demand=False, bint answers=False, uint64_t budget=UNLIMITED):
        """`in_flight`: requests on a connection; `budget`: how many will be sent at most."""
        cdef text_ring.TextRing *ring = &self.ring
        cdef uint64_t room = 1
        cdef uint64_t n_texts = <uint64_t>connections * (max(in_flight, chained) + chained) \
            + (MOST_AHEAD + 1) * chained
        while room < n_texts:
            room *= 2
        if n_texts >= text_ring.NO_TEXT:
            raise MemoryError(f"{n_texts} requests of a script")
        ring.engine_fd = ring.producer_fd = -1
        self.connections, self.chained, self.budget = connections, chained, budget
        self.ahead = max(FEWEST_AHEAD, min(connections, MOST_AHEAD))
        ring.low = self.ahead // 2
        ring.on_demand = on_demand
        ring.n_texts = <uint32_t>n_texts
        ring.texts = <text_ring.Text *>allocate(n_texts, sizeof(text_ring.Text))
        for queue in range(2):
            self.set_queue(&ring.free if queue else &ring.ready, room)
        for number in range(n_texts):
            text_ring.put(&ring.free, <uint32_t>number)
        ring.held = <uint32_t *>allocate(connections, sizeof(uint32_t))
        memset(ring.held, 0xff, connections * sizeof(uint32_t))     # NO_TEXT
        ring.timers.until_ns = <uint64_t *>allocate(connections, sizeof(uint64_t))
        ring.timers.heap = <uint32_t *>allocate(connections, sizeof(uint32_t))
        if answers:
            ring.answers.bytes = <uint8_t *>allocate(STREAM_BYTES, 1)
            ring.answers.mask = STREAM_BYTES - 1
            self.heads = <Buffer *>allocate(connections, sizeof(Buffer))
            self.bodies = <Buffer *>allocate(connections, sizeof(Buffer))
        ring.engine_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        ring.producer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if ring.engine_fd < 0 or ring.producer_fd < 0:
            raise OSError(kernel.errno, "eventfd")

    def __dealloc__(self):
        cdef text_ring.TextRing *ring = &self.ring
        for fd in (ring.engine_fd, ring.producer_fd):
            if fd >= 0:
                kernel.close(fd)
        if ring.texts != NULL:
            for number in range(ring.n_texts):
                free(ring.texts[number].data)
        for i in range(self.connections):
            if self.bodies != NULL:
                free(self.heads[i].data)
                free(self.bodies[i].data)
        free(self.heads)
        free(self.bodies)
        free(self.fields.data)
        free(self.told.data)
        free(ring.texts)
        free(ring.ready.numbers)
        free(ring.free.numbers)
        free(ring.held)
        free(ring.timers.until_ns)
        free(ring.timers.heap)
        free(ring.answers.bytes)

    cdef int set_queue(self, text_ring.Queue *queue, uint64_t room) except -1:
        queue.numbers = <uint32_t *>allocate(room, sizeof(uint32_t))
        queue.mask = room - 1
        return 0

    def due(self, uint32_t most):
        """How many texts to make now, `most` at most."""
        cdef text_ring.TextRing *ring = &self.ring
        cdef uint64_t ready = text_ring.length(&ring.ready)
        cdef uint64_t count, average = self.made_bytes // self.made if self.made else 0
        if ring.on_demand:
            count = atomics.load_word(&ring.wanted, atomics.ACQUIRE)
            count = count - self.made if count > self.made else 0
        else:
            if atomics.load_word(&ring.engine_waits, atomics.RELAXED):
                self.ahead = min(2 * self.ahead, MOST_AHEAD)
            if average * self.ahead > AHEAD_BYTES:
                self.ahead = <uint32_t>max(FEWEST_AHEAD // 8, AHEAD_BYTES // average)
            ring.low = self.ahead // 2
            count = self.ahead - ready if self.ahead > ready else 0
        count = min(count, text_ring.length(&ring.free) // self.chained, most)
        return min(count, (self.budget + self.chained - 1) // self.chained)

    def make_no_more(self):
        """Let `due` say 0 from now on, once what is being made was put."""
        self.budget = 0

    @property
    def unanswered(self):
        """How many requests that were put have not ended."""
        return self.ring.n_texts - text_ring.length(&self.ring.free)

    def put(self, bytes batch not None):
        """Take texts that `texts` in prelude.lua returned; raises ValueError with what is wrong."""
        cdef const uint8_t *at = batch
        cdef const uint8_t *end = at + len(batch)
        cdef uint64_t n_bytes, delay_ns
        while at != end:
            at = read_number(at, &n_bytes)
            at = read_number(at, &delay_ns)
            self.put_text(at, n_bytes, delay_ns)
            at += n_bytes
        text_ring.wake(self.ring.engine_fd, &self.ring.engine_waits)

    cdef int put_text(self, const uint8_t *data, size_t n_bytes, uint64_t delay_ns) except -1:
        cdef text_ring.TextRing *ring = &self.ring
        cdef request_end.RequestText found
        cdef text_ring.Text *text = NULL
        cdef uint32_t first = text_ring.NO_TEXT, number, count = 0
        found.end = 0
        while found.end < n_bytes or count == 0:
            request_end.read_request(&found, data, found.end, n_bytes)
            if found.flaw == request_end.NO_REQUEST and count:
                break
            if found.flaw != request_end.WHOLE:
                raise ValueError(FLAWS[found.flaw])
            if count == self.chained:
                raise ValueError(f"it holds more than {count}, as many as the first one did")
            number = text_ring.take(&ring.free)
            if number == text_ring.NO_TEXT:
                raise MemoryError("no slot for a text")
            if text == NULL:
                first = number
            else:
                text.next = number
            text = &ring.texts[number]
            fill(text, data + found.begin, <uint32_t>(found.end - found.begin))
            text.head_only = rules.answers_without_body(found.method)
            text.idempotent = rules.idempotent(found.method)
            text.next = text_ring.NO_TEXT
            count += 1
        ring.texts[first].chained = count
        ring.texts[first].delay_ns = delay_ns
        self.made += 1
        self.made_bytes += n_bytes
        self.budget -= min(count, self.budget)
        text_ring.put(&ring.ready, first)
        return 0

    def answers(self):
        """Complete answers that came, as `answers` in prelude.lua takes them; b"" without any."""
        cdef answer_stream.Record record
        self.told.n_bytes = 0
        if self.heads == NULL:
            return b""
        while self.told.n_bytes < STREAM_BYTES \
                and answer_stream.next_record(&self.ring.answers, &record):
            self.take_record(&record)
            answer_stream.done_with(&self.ring.answers, &record)
        return PyBytes_FromStringAndSize(<char *>self.told.data, <Py_ssize_t>self.told.n_bytes)

    cdef int take_record(self, const answer_stream.Record *record) except -1:
        cdef Buffer *head = &self.heads[record.connection]
        cdef Buffer *body = &self.bodies[record.connection]
        cdef Buffer *part = body if record.kind == answer_stream.ANSWER_BODY else head
        cdef Buffer *fields = &self.fields
        cdef uint64_t count
        if record.kind == answer_stream.ANSWER_BEGIN:
            head.n_bytes = body.n_bytes = 0
        if record.kind != answer_stream.ANSWER_END:
            reserve(part, record.n_bytes)
            answer_stream.copy_out(&self.ring.answers, self.ring.answers.read
                                   + sizeof(answer_stream.Record),
                                   part.data + part.n_bytes, record.n_bytes)
            part.n_bytes += record.n_bytes
            return 0
        fields.n_bytes = 0
        append_fields(fields, head.data, head.n_bytes, &count)
        append_number(&self.told, record.status)
        append_number(&self.told, count)
        append_number(&self.told, body.n_bytes)
        append(&self.told, fields.data, fields.n_bytes)
        append(&self.told, body.data, body.n_bytes)
        head.n_bytes = body.n_bytes = 0
        return 0

    def wait(self, int limit_ms):
        """Sleep until there is something to do, at most so long. No GIL meanwhile."""
        cdef text_ring.TextRing *ring = &self.ring
        cdef answer_stream.Record record
        cdef pollfd one
        cdef uint64_t count
        text_ring.say_waiting(&ring.producer_waits)
        if self.due(1) or (self.heads != NULL
                           and answer_stream.next_record(&ring.answers, &record)):
            return
        one.fd = ring.producer_fd
        one.events = POLLIN
        with nogil:
            if poll(&one, 1, limit_ms) > 0:
                read_bytes(one.fd, &count, sizeof(count))

    def wake(self):
        """Let `wait` return, from any thread."""
        cdef uint64_t one = 1
        text_ring.write_bytes(self.ring.producer_fd, &one, sizeof(one))

    def stop(self):
        """Let the engine stop now."""
        atomics.store_word(&self.ring.stop, 1, atomics.RELEASE)
        text_ring.say_waiting(&self.ring.engine_waits)
        text_ring.wake(self.ring.engine_fd, &self.ring.engine_waits)


cdef const uint8_t *read_number(const uint8_t *at, uint64_t *out) noexcept:
    """Read digits and the sign behind them."""
    out[0] = 0
    while 48 <= at[0] <= 57:
        out[0] = out[0] * 10 + at[0] - 48
        at += 1
    return at + 1


cdef int fill(text_ring.Text *text, const uint8_t *data, uint32_t n_bytes) except -1:
    """Copy a request into its slot, which nobody else has now."""
    cdef void *memory
    if n_bytes > text.room_bytes or (text.room_bytes > KEPT_TEXT_BYTES
                                     and n_bytes < KEPT_TEXT_BYTES):
        memory = realloc(text.data, n_bytes + n_bytes // 4)
        if memory == NULL:
            raise MemoryError
        text.data = <uint8_t *>memory
        text.room_bytes = n_bytes + n_bytes // 4
    memcpy(text.data, data, n_bytes)
    text.n_bytes = n_bytes
    return 0
