# Part of _client.pyx: an answer whose body is handed out as it arrives; see _pool.pxi for the rest.
#
# 1. The head is told when it is complete, unless it leads elsewhere: then the next answer is meant.
# 2. From then on no timeout of the whole request counts, only the longest silence, if one is set.
# 3. STREAM_BYTES that nobody has taken stop the reading: the kernel's buffers fill, and the server
#    has to wait. A pause of the script is no silence of the server.
#    In HTTP/2 it is the window of the stream that stays closed.
# 4. Who leaves before the end closes the connection, or the stream, and has had a good answer.

cdef enum:
    STREAM_BYTES = 1 << 20


@cython.final
cdef class Stream:
    """One answer under way: its head, then its parts, then the whole Response without a body.

    Take parts with `take` until it gives None; then `answer` says how it ended, or, where that is
    None, `wait` gives a future that is done when there is more. Raises CancelledError there
    when the run has given the request up.
    """

    cdef readonly Exchange exchange
    cdef readonly Response head         # None: it has not come yet
    cdef readonly Response answer       # None: it has not ended yet
    cdef object chunks
    cdef object waiter
    cdef object timer
    cdef uint64_t gap_ns                # the longest silence, 0: any
    cdef uint64_t heard_ns
    cdef uint64_t buffered
    cdef bint paused
    cdef bint doubted

    cdef begin(self):
        """The head is complete."""
        cdef Exchange one = self.exchange
        cdef Response head = Response.__new__(Response)
        head.status = one.status
        head.url, head.method, head.keep = one.url, one.method, one.keep
        head.raw_head, head.raw_body = one.raw_head, b""
        head.coding = -1
        head.times = one.times
        head.expected = not one.route.sinks(one.status, -1, one.raw_head).failed
        head.error = head.error_kind = head.error_code = ""
        if one.session.cookies is not None and has_field(one.raw_head, "set-cookie:", 11):
            one.session.cookies(head)
        one.deadlines.remove(one)
        one.session.pool.watch(one, NEVER_NS)
        self.heard_ns = one.times.first
        self.head = head
        if self.gap_ns:
            self.timer = one.session.pool.loop.call_later(self.gap_ns / 1e9, self._look)
        self.wake()

    cdef push(self, const uint8_t *data, uint64_t n_bytes):
        part = PyBytes_FromStringAndSize(<const char *>data, <Py_ssize_t>n_bytes)
        self.heard_ns = kernel.now_ns()
        self.chunks.append((self.heard_ns, part))
        self.buffered += n_bytes
        self.wake()

    cdef bint full(self):
        return self.buffered >= STREAM_BYTES

    cdef end(self):
        """The exchange has ended, or was given up: then it has no answer."""
        cdef Response answer = self.exchange.answer
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if answer is not None and self.head is None:
            self.head = answer          # what led nowhere came as a whole
            if answer.raw_body:
                self.chunks.append((answer.times.done, answer.raw_body))
        self.answer = answer
        self.wake()

    cdef wake(self):
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _look(self):
        """Has the server been silent for too long? What came meanwhile is read between two looks.
        """
        cdef uint64_t now = kernel.now_ns()
        cdef double left_s = 0.001
        self.timer = None
        if self.exchange.finished or self.exchange.given_up:
            return
        if self.paused:
            self.heard_ns = now
        if now - self.heard_ns < self.gap_ns:
            self.doubted = False
            left_s += (self.heard_ns + self.gap_ns - now) / 1e9
        elif self.doubted:
            self.exchange.grow_old(block.TIMEOUT)
            return
        else:
            self.doubted = True
        self.timer = self.exchange.session.pool.loop.call_later(left_s, self._look)

    @property
    def sent_ns(self):
        """When the first byte of the request was sent, CLOCK_MONOTONIC."""
        return self.exchange.times.sent

    def take(self):
        """The next part and when it arrived, ns of CLOCK_MONOTONIC; None: there is none now."""
        if not self.chunks:
            return None
        found = self.chunks.popleft()
        self.buffered -= min(self.buffered, <uint64_t>len(found[1]))
        if self.paused and self.buffered < STREAM_BYTES // 2:
            self.paused = False
            self.heard_ns = kernel.now_ns()
            self.exchange.session.pool.loop.call_soon(self._resume)
        return found

    def _resume(self):
        cdef Connection link = self.exchange.link
        if link is None or self.paused:
            return
        if link.multiplexer is not None:
            link.multiplexer.give_back(self.exchange)
            link.multiplexer.flush()
        else:
            link.want(True, link.writing)
            link.read()

    def wait(self):
        """A future that is done when there is more: a head, a part, or the end."""
        if self.exchange.given_up:
            raise asyncio.CancelledError
        if self.waiter is None or self.waiter.done():   # who waited was cancelled
            self.waiter = self.exchange.session.pool.loop.create_future()
            if self.chunks or self.exchange.finished:
                self.waiter.set_result(None)
        return self.waiter

    def leave(self):
        """Want no more of it. Before its head came, it is given up as any request."""
        cdef Exchange one = self.exchange
        self.chunks.clear()
        self.buffered = 0
        if one.finished or one.given_up:
            return
        if self.head is None or one.session.halted or one.session.pool.closed:
            one.cancel()
            return
        one.leave()
        one.times.done = kernel.now_ns()
        one.settle(-1, 0)
