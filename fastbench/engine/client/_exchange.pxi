# Part of _client.pyx: one request, and what follows from it; the rules stand in _pool.pxi. The task
# that waits is resumed from inside the read that completed the answer.

@cython.final
@cython.freelist(256)
cdef class Exchange:
    """A request under way, as `vu.get(url)` returns it: `await` it for its `Response`.

    It is a future to asyncio: `asyncio.gather` and `asyncio.wait` take it, and so does `vu.batch`.

    Attributes:
        url: Where it is sent.
        method: Its method.

    Example::

        first, second = vu.get("/api/health"), vu.get("/echo")
        check(await first, {"healthy": lambda r: r.ok})
        check(await second, {"echoed": lambda r: r.ok})
    """

    cdef public object _asyncio_future_blocking
    cdef readonly object keep
    cdef readonly str url
    cdef readonly str method
    cdef readonly bytes payload
    cdef readonly bytes body_sent   # None without one
    cdef readonly int redirects
    cdef readonly Origin origin
    cdef readonly WebSocket socket  # that an upgrade has led to
    cdef Session session
    cdef Route route
    cdef Connection link
    cdef Connection via         # on which it was sent, once that is known
    cdef Times times
    cdef Ready ready
    cdef str jar
    cdef bytes head_block       # in HTTP/2
    cdef uint32_t stream_slot   # in HTTP/2; NO_SLOT: it has none
    cdef uint8_t resent         # that often, for the server had not looked at it
    cdef bint head
    cdef readonly bint upgrade  # of a WebSocket: counts among no requests
    cdef bint idempotent
    cdef bint reused            # on a connection that had served before
    cdef bint retried
    cdef bint led               # here by a redirect
    cdef bint finished
    cdef bint given_up
    cdef int status
    cdef int send_code
    cdef uint64_t timeout_ns
    cdef size_t sent
    cdef uint64_t received
    cdef bytes raw_head
    cdef bytes body
    cdef list parts             # of a body that came in several reads
    cdef Response answer
    cdef Stream stream          # None: the answer is handed out as a whole
    cdef object callback
    cdef object context
    cdef list callbacks         # of further waiters
    cdef Deadlines deadlines
    cdef Exchange before
    cdef Exchange behind

    cdef ask(self, Ready ready, bytes body, str jar):
        """Begin a request, the first one or one that a redirect asked for."""
        cdef Heading heading = ready.heading
        self.ready = ready
        self.jar = jar
        self.stream_slot = h2stream.NO_SLOT
        self.resent = 0
        self.origin = heading.origin
        self.method = heading.method
        self.head = heading.head
        self.idempotent = heading.idempotent
        self.payload = self.session.pool.payload(ready, body, jar)
        self.head_block = None
        self.body_sent = body
        self.url = ready.url
        self.route = ready.route
        self.keep = ready.keep
        self.raw_head = self.body = b""
        self.parts = self.via = None
        self.sent = self.received = 0
        self.send_code = self.status = 0
        self.retried = self.reused = False
        memset(&self.times, 0, sizeof(Times))
        self.times.begun = kernel.now_ns()
        self.session.pool.slot.started += not self.upgrade
        self.session.pool.watch(self, self.timeout_ns)

    @property
    def sent_head(self):
        """The head as it was sent last, a line for each field, without their end.

        In HTTP/2 it has no first line but pseudo-fields, such as `:path: /`.

        :meta private:
        """
        if self.head_block is not None:
            return self.ready.http2_lines(self.body_sent, self.jar)
        return self.payload.partition(b"\r\n\r\n")[0]

    cdef bint sending(self):
        return self.sent < <size_t>len(self.payload)

    cdef keep_body(self, const uint8_t *data, uint64_t n_bytes):
        part = PyBytes_FromStringAndSize(<const char *>data, <Py_ssize_t>n_bytes)
        if self.parts is not None:
            self.parts.append(part)
        elif self.body:
            self.parts = [self.body, part]
        else:
            self.body = part

    cdef block.Phase leave(self):
        """Give up the connection, or the place in the queue for one; where it stood."""
        cdef Connection link = self.link
        cdef block.Phase phase = block.IN_CONNECT
        cdef list waiting
        if link is None:
            waiting = self.session.lane(self.origin).waiting
            if self in waiting:     # else its turn to be told how it ended is about to come
                waiting.remove(self)
        elif link.multiplexer is not None:
            phase = link.multiplexer.give_up(self)
        else:
            phase = link.phase()
            link.exchange = None
            self.link = None
            link.close(False)
        return phase

    cdef left_behind(self, block.Kind kind, block.Phase phase, int code):
        """The connection that it waited for failed."""
        if self.finished or self.given_up:
            return
        self.times.done = kernel.now_ns()
        block.count_error(self.session.pool.slot, kind, phase, code, 1, self.times.done)
        self.settle(kind, code)

    cdef grow_old(self, block.Kind kind):
        """It ends without an answer, wherever it stands, and counts at its age."""
        cdef block.Phase phase = self.leave()
        self.times.done = kernel.now_ns()
        self.times.aged = self.times.begun
        if not self.upgrade:
            block.count_error(self.session.pool.slot, kind, phase, 0, 1, self.times.done)
        self.settle(kind, 0)

    cdef settle(self, int kind, int code):
        """It has ended: `kind` is an error's, or -1 with a complete answer. Count, and tell."""
        cdef Pool pool = self.session.pool
        cdef Response answer = Response.__new__(Response)
        self.deadlines.remove(self)
        self.session.answers += kind != block.CANCELLED
        answer.status = self.status
        answer.url, answer.method, answer.keep = self.url, self.method, self.keep
        answer.raw_head = self.raw_head
        answer.coding = pool.last_is_encoded if self.raw_head is pool.last_head else -1
        answer.raw_body = self.body if self.parts is None else b"".join(self.parts)
        answer.times = self.times
        answer.via = self.via
        answer.error = answer.error_kind = answer.error_code = ""
        following = None
        if kind < 0 and not self.upgrade:
            self.learn(answer)
            following, kind, code = self.judged(answer)
        if kind >= 0:
            answer.status = 0
            answer.error_kind = ERROR_KINDS[kind]
            answer.error_code = code_name(kind, code)
            if not answer.error:
                answer.error = answer.error_kind.replace("_", " ") \
                    + (f": {answer.error_code}" if answer.error_code else "")
        if self.upgrade:
            self.upgraded(answer)
            return
        self.count(answer, kind)
        if pool.trace is not None:
            pool.trace(self, answer)
        if following is None:
            self.hand_over(answer)
        else:
            self.follow(following)

    cdef tuple judged(self, Response answer):
        """(what follows from it, or None; the kind of its error, or -1; the code of that)."""
        cdef Session session = self.session
        why = ""
        if self.leads_on(answer.status):
            found = session.redirect(self, answer)
            if not isinstance(found, str):
                if found is not None:
                    return found, -1, 0
            else:
                answer.error = found
                return None, self.broken(block.PROTOCOL, block.IN_HEAD,
                                         response.UNUSABLE_LOCATION), response.UNUSABLE_LOCATION
        if session.decode is not None and self.stream is None and not session.discard \
                and (encoded(answer.raw_head) if answer.coding < 0 else answer.coding):
            answer.known_body, why, of_coding = session.decode(answer)
            answer.known_body_error = why
        if not why:
            return None, -1, 0
        answer.error = why
        return None, self.broken(block.CONTENT_ENCODING if of_coding else block.TRUNCATED,
                                 block.IN_BODY, 0), 0

    cdef block.Kind broken(self, block.Kind kind, block.Phase phase, int code):
        """What came is no use as an answer: one more error."""
        block.count_error(self.session.pool.slot, kind, phase, code, 1, self.times.done)
        return kind

    cdef count(self, Response answer, int kind):
        """Count it in the worker's slot and in the route's sinks."""
        cdef block.Slot *slot = self.session.pool.slot
        cdef Sinks sinks = self.route.sinks(answer.status, kind, answer.raw_head)
        cdef uint64_t service = span(self.times.sent, self.times.done)
        answer.expected = not sinks.failed
        if kind < 0:
            slot.status[self.status] += 1
            hdr.record(&slot.latency[block.FIRST_BYTE], span(self.times.sent, self.times.first))
        if self.times.aged:
            slot.timeouts += kind == block.TIMEOUT
            slot.failed += kind == block.CANCELLED
            slot.cancelled += kind == block.CANCELLED
            service = self.times.done - (self.times.sent or self.times.aged)
            hdr.record(&slot.latency[block.SERVICE], service)
        elif sinks.failed or kind >= 0:
            slot.failed += 1
            if kind < 0:
                hdr.record(&slot.latency[block.FAILED_ANSWERS], service)
        else:
            slot.ok += 1
            hdr.record(&slot.latency[block.SERVICE], service)
        if self.times.due and (self.times.aged or not sinks.failed):
            hdr.record(&slot.latency[block.RESPONSE], span(self.times.due, self.times.done))
        record(sinks, &self.times, kind < 0, self.sent, self.received)

    cdef upgraded(self, Response answer):
        """The handshake of a WebSocket has ended, well or not."""
        cdef Pool pool = self.session.pool
        answer.expected = self.socket is not None
        if answer.status and self.session.cookies is not None \
                and has_field(answer.raw_head, "set-cookie:", 11):
            self.session.cookies(answer)
        if pool.trace is not None:
            pool.trace(self, answer)
        self.hand_over(answer)

    cdef hand_over(self, Response answer):
        self.answer = answer
        if self.given_up:       # who cancels is told on the next turn
            self.session.pool.loop.call_soon(self._finish_later)
        else:
            self.finish()

    cdef bint told(self):
        """Has the script been given the head already?"""
        return self.stream is not None and self.stream.head is not None

    cdef bint leads_on(self, int status):
        """Is it a redirect to be followed?"""
        return status // 100 == 3 and self.session.redirect is not None \
            and (self.redirects > 0 or self.led) and status in REDIRECTS

    cdef learn(self, Response answer):
        """Let the jar have the cookies of an answer."""
        cdef Session session = self.session
        if session.cookies is not None and not self.told() and (
                session.pool.last_has_cookies if answer.raw_head is session.pool.last_head
                else has_field(answer.raw_head, "set-cookie:", 11)):
            session.cookies(answer)

    cdef follow(self, tuple following):
        """Go where a redirect leads."""
        cdef Session session = self.session
        cdef Ready ready
        self.redirects -= 1
        self.led = True
        ready, body, jar = following
        self.ask(ready, body, jar)
        self.times.due = self.times.begun if session.paced else 0
        session.place(self, True)

    cdef finish(self):
        """Resume who waits."""
        self.finished = True
        if self.stream is not None:
            self.stream.end()
        resume(self, self.session.pool.loop)

    def _finish_later(self):
        self.finish()

    # A future to asyncio

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self.finished:
            self._asyncio_future_blocking = False
            raise StopIteration(self.result())
        self._asyncio_future_blocking = True
        return self

    def send(self, value):
        """Go on, as a generator does, for `await`."""
        return self.__next__()

    def throw(self, kind, value=None, trace=None):
        """Raise, as a generator does, for `await`."""
        raise kind if value is None else value

    def get_loop(self):
        """Return the event loop, for asyncio."""
        return self.session.pool.loop

    def add_done_callback(self, callback, *, context=None):
        """Call back with this request when it has ended, for asyncio."""
        add_callback(self, self.session.pool.loop, callback, context)

    def remove_done_callback(self, callback):
        """Forget a callback, for asyncio; return how often it was there."""
        return remove_callback(self, callback)

    def done(self):
        """Tell whether it has ended."""
        return self.finished

    def cancelled(self):
        """Tell whether it was given up."""
        return self.given_up

    def exception(self):
        """Return None, for asyncio: what the network does raises nothing."""
        if self.given_up:
            raise asyncio.CancelledError
        return None

    def result(self):
        """Return the Response; raises CancelledError when it was given up."""
        if self.given_up:
            raise asyncio.CancelledError
        if not self.finished:
            raise asyncio.InvalidStateError("the answer is not there yet")
        return self.answer

    def cancel(self, msg=None):
        """Give the request up: its connection is closed, in HTTP/2 its stream alone.

        Given up by the script it failed, at its age. Halted with its iteration, or at the end of
        the run, it stays in flight.

        Args:
            msg: Not used; asyncio gives it.

        Returns:
            False if it had ended already.

        Example::

            request = vu.get("/delay/200")
            await sleep(0.05)
            check(request.cancel(), {"was under way": lambda was: was})
        """
        if self.finished or self.given_up:
            return False
        if self.session.halted or self.session.pool.closed:
            self.leave_in_flight()
        else:
            self.given_up = True
            self.grow_old(block.CANCELLED)
        return True

    cdef leave_in_flight(self):
        """End without having failed: the run did not wait for the answer."""
        self.leave()
        self.count_in_flight()

    cdef count_in_flight(self):
        cdef Pool pool = self.session.pool
        cdef uint64_t age_ns = kernel.now_ns() - self.times.begun
        self.given_up = True
        if not self.upgrade:
            pool.slot.in_flight += 1
            pool.slot.overdue += block.overdue(pool.slot, age_ns)
            pool.oldest_ns = max(pool.oldest_ns, age_ns)
        self.deadlines.remove(self)
        pool.loop.call_soon(self._finish_later)
