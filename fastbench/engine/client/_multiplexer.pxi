# Part of _client.pyx: a connection that speaks HTTP/2, and the exchanges on it.
#
# 1. A session has one to an origin, which carries its exchanges side by side, as many as the
#    session may have under way and the server allows. The next one is opened when it takes no more.
# 2. All that was read is taken in before anybody is told: who waited may begin requests, cancel
#    others, or close the connection.
# 3. A request that is given up takes its stream with it, not the connection; but one that heard
#    nothing for a second since the request was sent gets no more of them.
# 4. What the server has not looked at (GOAWAY, REFUSED_STREAM) is sent again whatever its method,
#    three times at most (RFC 9113 section 8.7); what was lost, by the rules of HTTP/1.1.
# 5. The window of a stream that is handed out as it arrives is not opened again while more than
#    STREAM_BYTES of it wait to be read.

cdef enum:
    MAX_STREAMS = 256
    STREAM_WINDOW_BYTES = 1 << 22
    GATHERED_BYTES = 1 << 16        # for one send
    DOUBT_NS = NS_PER_S


cdef class Multiplexer:
    """The streams of a connection, and what is read and written on it."""

    cdef Connection link
    cdef Pool pool
    cdef h2stream.Session *session
    cdef list exchanges             # by the slot of their stream
    cdef list ended                 # (exchange, kind of its error or -1, code), not told yet
    cdef list again                 # exchanges for another connection
    cdef list unwritten             # exchanges that are not yet wholly sent
    cdef uint32_t carried
    cdef uint64_t started
    cdef uint64_t begun_ns
    cdef uint64_t heard_ns
    cdef int send_code              # why nothing can be written any more

    def __dealloc__(self):
        h2stream.free_session(self.session)

    cdef begin(self, Connection link):
        cdef h2stream.Session *s
        cdef uint32_t n_streams = min(link.lane.limit, <uint32_t>MAX_STREAMS)
        self.link = link
        self.pool = link.pool
        self.exchanges = [None] * n_streams
        self.ended = []
        self.again = []
        self.unwritten = []
        self.begun_ns = self.heard_ns = kernel.now_ns()
        s = self.session = h2stream.new_session(n_streams)
        if s == NULL or not h2stream.keep_heads(s):
            raise MemoryError
        s.own_window = STREAM_WINDOW_BYTES
        if not h2stream.begin_session(s):
            raise MemoryError
        s.limit = n_streams             # until the server's SETTINGS come

    cdef bint room(self):
        """May it carry one more?"""
        return self.carried < self.session.limit and not self.session.draining

    # Writing

    cdef start(self, Exchange one):
        """Send a request; there is room for it."""
        cdef h2stream.Session *s = self.session
        cdef uint32_t slot = h2stream.take_slot(s)
        one.link = one.via = self.link
        one.stream_slot = slot
        one.reused = self.started != 0
        one.head_block = one.ready.head_block(one.body_sent, one.jar)
        self.started += 1
        self.carried += 1
        self.exchanges[slot] = one
        self.flush()

    cdef bint render(self):
        """Put what may go into `out`: heads, then bodies; false when there is no memory."""
        cdef h2stream.Session *s = self.session
        cdef h2stream.Rendered request
        cdef Exchange one
        cdef uint32_t before
        while h2frame.unwritten(&s.out) < GATHERED_BYTES:
            before = h2frame.unwritten(&s.out)
            if h2stream.may_open(s):
                one = self.exchanges[s.heads.first]
                rendered(one, &request)
                if not h2stream.open_next(s, &request):
                    return False
                if one.stream is not None:
                    s.streams[one.stream_slot].flags |= h2stream.HELD
                one.times.sent = kernel.now_ns()
                one.times.blocked = one.times.sent - one.times.begun \
                    - one.times.connecting - one.times.handshaking
                self.unwritten.append(one)
            elif s.bodies.first != h2stream.NO_SLOT and s.window > 0:
                one = self.exchanges[s.bodies.first]
                rendered(one, &request)
                if not h2stream.send_part(s, &request):
                    return False
            else:
                break
            one.sent += h2frame.unwritten(&s.out) - before
        return True

    cdef flush(self):
        """Write what may go, until the socket is full."""
        cdef h2stream.Session *s = self.session
        cdef ssize_t n
        if self.link.step != SHARED or self.send_code:
            return
        while h2stream.something_to_write(s):
            if not self.render():
                raise MemoryError
            if h2frame.unwritten(&s.out) == 0:      # windows are closed: there was nothing to write
                continue
            n = self.link.lane.origin.transport.send(
                &self.link.link, s.out.bytes + s.out.begin, h2frame.unwritten(&s.out))
            if n == -EAGAIN:
                self.link.want(True, True)
                return
            if n < 0:                   # the server may have said why before it closed
                self.send_code = <int>-n
                s.draining = True
                s.out.begin = s.out.end
                self.pool.loop.call_soon(self._read_on)
                return
            s.out.begin += <uint32_t>n
            self.pool.slot.bytes_out += <uint64_t>n
        if self.unwritten:
            self.note_written()
        if self.link.writing:
            self.link.want(True, False)

    cdef note_written(self):
        """All that could be sent is sent: note it of those that have nothing left."""
        cdef uint64_t now = kernel.now_ns()
        cdef Exchange one
        left = []
        for one in self.unwritten:
            if one.link is not self.link or one.stream_slot == h2stream.NO_SLOT:
                continue
            if self.session.streams[one.stream_slot].state == h2stream.SENT:
                one.times.written = now
            else:
                left.append(one)
        self.unwritten = left

    cdef give_back(self, Exchange one):
        """Let the server send more of an answer that is handed out, unless enough waits."""
        cdef h2stream.Session *s = self.session
        cdef h2stream.Stream *st = &s.streams[one.stream_slot]
        if not one.stream.paused:
            h2message.give_back(s, &st.taken_bytes, st.id, s.own_window)

    # Reading

    cdef read(self):
        """Read until the socket is empty, or nothing more is awaited; see Connection.read."""
        cdef h2stream.Session *s = self.session
        cdef bint drained = False
        cdef bint done = False
        cdef ssize_t n
        while self.link.step == SHARED and not done:
            n = self.link.lane.origin.transport.recv(
                &self.link.link, self.pool.buffer, READ_BYTES, &drained)
            if n == -EAGAIN:
                break
            if n <= 0:
                self.lost(<int>-n)
                return
            self.pool.slot.bytes_in += <uint64_t>n
            self.heard_ns = kernel.now_ns()
            self.take_in(<size_t>n)
            done = drained and self.carried == 0
            self.deliver()
        if s.settled and not s.acknowledged and self.link.step == SHARED \
                and self.heard_ns - self.begun_ns > <uint64_t>(self.pool.connect_timeout_s * 1e9):
            h2frame.put_goaway(&s.out, h2frame.SETTINGS_TIMEOUT)
            self.broke(h2message.NOT_ACKNOWLEDGED)
            self.deliver()
        self.link.lane.fill()
        self.flush()
        self.leave_if_done()

    def leave(self):
        """Its connection is closed: nothing of it is wanted any more."""
        self.link.multiplexer = None

    def _read_on(self):
        if self.link.step == SHARED:
            self.read()

    cdef take_in(self, size_t n_bytes):
        cdef const uint8_t *at = self.pool.buffer
        cdef const uint8_t *end = at + n_bytes
        cdef h2message.News news
        cdef h2message.Event event
        while True:
            event = h2session.read_event(self.session, NULL, &news, &at, end)
            if event == h2message.NOTHING:
                return
            if event == h2message.SETTLED or event == h2message.SETTINGS_CHANGED:
                self.pool.slot.sessions += event == h2message.SETTLED
                self.pool.slot.stream_limit = self.session.limit
            elif event == h2message.WENT_AWAY:
                self.went_away(news.code)
            elif event == h2message.BROKEN:
                self.broke(news.code)
                return
            elif event == h2message.STREAM_BROKEN:
                self.fail(news.slot, block.PROTOCOL, rules.SESSION_RULE + <int>news.code)
            elif event == h2message.REFUSED:
                self.pool.slot.refused += 1
                self.refused(news.slot, block.STREAM_RESET, news.code)
            elif event == h2message.STREAM_RESET:
                self.fail(news.slot, block.STREAM_RESET, <int>news.code)
            else:
                self.on_answer(event, &news)

    cdef on_answer(self, h2message.Event event, const h2message.News *news):
        """A part of an answer came, maybe the last one."""
        cdef Exchange one = self.exchanges[news.slot]
        cdef bint held = one.stream is not None
        one.received += news.n_bytes
        if event == h2message.HEAD:
            one.times.first = self.heard_ns
            one.raw_head = head_text(self.pool, &self.session.kept.text)
            one.status = self.session.streams[news.slot].status
            if held and not one.leads_on(one.status):
                one.stream.begin()
        elif event == h2message.BODY and news.n_bytes:
            if one.told():
                one.stream.push(news.data, news.n_bytes)
                one.stream.paused = one.stream.paused or one.stream.full()
            elif not one.session.discard:
                one.keep_body(news.data, news.n_bytes)
            if held and not news.ends:
                self.give_back(one)
        if news.ends:
            self.answered(one)

    # The ends of exchanges

    cdef take_off(self, Exchange one):
        """Its stream is no more."""
        h2stream.forget(self.session, one.stream_slot)
        self.exchanges[one.stream_slot] = None
        self.carried -= 1
        self.link.lane.open -= 1
        one.stream_slot = h2stream.NO_SLOT
        one.link = None

    cdef answered(self, Exchange one):
        one.times.done = kernel.now_ns()
        if not one.times.written:
            one.times.written = one.times.first
        self.link.served += 1
        if not self.pool.keepalive:
            self.session.draining = True
        if one.redirects > 0 and several_locations(one.status, one.raw_head):
            self.fail(one.stream_slot, block.PROTOCOL, response.LOCATIONS)
            return
        self.take_off(one)
        self.ended.append((one, -1, 0))

    cdef fail(self, uint32_t slot, block.Kind kind, int code):
        cdef Exchange one = self.exchanges[slot]
        one.times.done = kernel.now_ns()
        block.count_error(self.pool.slot, kind, self.phase(one), code, 1, one.times.done)
        self.take_off(one)
        self.ended.append((one, <int>kind, code))

    cdef send_again(self, Exchange one):
        self.take_off(one)
        one.sent = one.received = 0
        one.times.written = 0
        self.again.append(one)

    cdef refused(self, uint32_t slot, block.Kind kind, uint32_t code):
        """The server has not looked at it: it goes to another connection."""
        cdef Exchange one = self.exchanges[slot]
        if one.resent == rules.MAX_RESENDINGS:
            self.fail(slot, kind, <int>code)
            return
        self.session.draining = True
        one.resent += 1
        self.pool.slot.retried += 1
        self.send_again(one)

    cdef went_away(self, uint32_t code):
        """The server ends the connection, and does not look at what is above `last_id`."""
        cdef h2stream.Session *s = self.session
        cdef uint32_t slot
        self.pool.slot.goaways += 1
        if code:
            block.count_error(self.pool.slot, block.GOAWAY, block.IN_HEAD, <int>code, 1,
                              kernel.now_ns())
        for slot in range(s.n_streams):
            if self.exchanges[slot] is None:
                continue
            if s.streams[slot].id == 0:
                self.send_again(self.exchanges[slot])
            elif s.streams[slot].id > s.last_id:
                if s.streams[slot].flags & h2stream.BEGUN:
                    self.fail(slot, block.GOAWAY, <int>code)
                else:
                    self.refused(slot, block.GOAWAY, code)

    cdef end_all(self, block.Kind kind, int code):
        """The connection is no more: its requests go to another one, or have failed."""
        cdef h2stream.Session *s = self.session
        cdef Exchange one
        for one in list(self.exchanges):
            if one is None:
                continue
            if s.streams[one.stream_slot].id == 0:
                self.send_again(one)
            elif not s.streams[one.stream_slot].flags & h2stream.BEGUN and rules.may_send_again(
                    kind, one.reused, one.idempotent, one.retried):
                one.retried = True
                self.pool.slot.retried += 1
                self.send_again(one)
            else:
                self.fail(one.stream_slot, kind, code)
        s.draining = True
        self.link.close(False)

    cdef broke(self, uint32_t rule):
        """The server broke a rule of the connection: tell it why, if it still reads."""
        cdef h2stream.Session *s = self.session
        if not self.carried:
            block.count_error(self.pool.slot, block.PROTOCOL, block.IN_IDLE,
                              rules.SESSION_RULE + <int>rule, 1, kernel.now_ns())
        self.link.lane.origin.transport.send(
            &self.link.link, s.out.bytes + s.out.begin, h2frame.unwritten(&s.out))
        linger(self.pool, self.link.link.fd)
        self.end_all(block.PROTOCOL, rules.SESSION_RULE + <int>rule)

    cdef lost(self, int code):
        """The server closed (code 0), reset the connection, or broke TLS."""
        self.pool.slot.closed_idle += self.carried == 0 and not self.session.draining
        code = rules.cause(code, self.send_code)
        self.end_all(rules.kind_of_loss(code), code)
        self.deliver()

    cdef deliver(self):
        """Tell who waits for what has ended, after those who wait for a place have it."""
        cdef Exchange one
        cdef int kind, code
        if not self.ended and not self.again:
            return
        ended, self.ended = self.ended, []
        again, self.again = self.again, []
        for one in again:
            one.session.place(one, True)
        self.link.lane.fill()
        for one, kind, code in ended:
            if not one.finished and not one.given_up:       # by who was told before
                one.settle(kind, code)

    cdef block.Phase phase(self, Exchange one):
        return rules.phase_of_stream(&self.session.streams[one.stream_slot])

    cdef block.Phase give_up(self, Exchange one):
        """Nobody wants the answer any more: its stream is reset; where it stood."""
        cdef block.Phase phase = self.phase(one)
        cdef uint64_t now = kernel.now_ns()
        h2stream.cancel(self.session, one.stream_slot)
        if one.times.sent > self.heard_ns and now - one.times.sent >= DOUBT_NS:
            self.session.draining = True
        self.take_off(one)
        self.flush()
        self.link.lane.fill()
        self.leave_if_done()
        return phase

    cdef retire(self):
        """Begin nothing more on it."""
        self.session.draining = True
        self.leave_if_done()

    cdef leave_if_done(self):
        """All is answered, and nothing more goes this way: say so, and close it."""
        cdef h2stream.Session *s = self.session
        if self.link.step != SHARED or not s.draining or self.carried:
            return
        if not self.send_code:
            h2frame.put_goaway(&s.out, h2frame.NO_ERROR)
            self.link.lane.origin.transport.send(
                &self.link.link, s.out.bytes + s.out.begin, h2frame.unwritten(&s.out))
        self.link.close(not self.send_code)
