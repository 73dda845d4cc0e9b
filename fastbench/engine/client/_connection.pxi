# Part of _client.pyx: one connection of a session; the rules stand in _pool.pxi.

cdef class Connection:
    """One connection of a session, from its name lookup to its end."""

    cdef Pool pool
    cdef OriginPool lane
    cdef tls.Link link
    cdef tls.Passage passage    # through a proxy, while `link` points to it
    cdef response.Http message
    cdef Step step
    cdef Exchange exchange
    cdef bint reading           # the loop tells when the socket is readable,
    cdef bint writing           # or writable
    cdef uint32_t served
    cdef uint32_t target        # index of its address
    cdef uint32_t tried         # addresses that failed
    cdef bint trial             # its address had failed before
    cdef uint64_t begun_ns      # this step
    cdef object timer
    cdef object on_ready
    cdef WebSocket socket       # once HTTP has ended on it
    cdef Multiplexer multiplexer    # while it speaks HTTP/2

    # Opening

    cdef open(self, Exchange one):
        self.exchange = one
        one.link = self
        self.begun_ns = kernel.now_ns()
        self.on_ready = self._ready
        if self.lane.origin.rows is None:
            self.step = LOOKING_UP
            self.lane.origin.look_up(self)
        else:
            self.connect()

    cdef looked_up(self, failure):
        cdef uint64_t now = kernel.now_ns()
        self.exchange.times.blocked += now - self.begun_ns
        if failure is not None:
            self.lost(block.DNS, block.IN_RESOLVE, getattr(failure, "number", 0))
        else:
            self.connect()

    cdef connect(self):
        """Begin to connect to its address, or to the next one that may answer."""
        cdef Origin origin = self.lane.origin
        cdef kernel.Address *to = origin.choose(self)
        cdef kernel.Address source
        cdef bint bound
        cdef int code
        cdef int family = to.where.ss_family
        mine = self.pool.source(family, self.exchange.session)
        bound = mine is not None and kernel.fill_address(
            &source, family, mine[1].encode(), mine[2], mine[3]) == 0
        self.step = CONNECTING
        self.begun_ns = kernel.now_ns()
        code = kernel.open_stream(family, &source if bound else NULL, True)
        if code >= 0:
            self.link.fd = code
            code = kernel.connect(self.link.fd, to)
        if code < 0 and code != -EINPROGRESS:
            self.pool.loop.call_soon(self._refused, -code)
            return
        self.writing = True
        self.pool.loop.add_writer(self.link.fd, self.on_ready)
        self.limit(PASS_ON_S if self.tried + 1 < origin.n_targets else INFINITY)

    cdef limit(self, double most_s):
        """Give this step the connect timeout, or less."""
        if self.timer is not None:
            self.timer.cancel()
        limit_s = min(most_s, self.pool.connect_timeout_s)
        self.timer = self.pool.loop.call_later(limit_s, self._too_late)

    def _refused(self, int code):
        if self.step == CONNECTING:
            self.refused(code)

    def _too_late(self):
        self.timer = None
        if self.step == CONNECTING:
            self.refused(ETIMEDOUT)
        elif self.step == HANDSHAKING:
            self.lost(block.CONNECT_TIMEOUT, self.phase(), ETIMEDOUT)

    cdef refused(self, int code):
        """This address does not answer: on to the next, if there is one."""
        cdef Origin origin = self.lane.origin
        addresses.missed(origin.targets, origin.n_targets, self.target,
                         &origin.reached[self.target], code, kernel.now_ns(), self.trial)
        self.exchange.times.connecting += kernel.now_ns() - self.begun_ns
        self.tried += 1
        self.forget()
        if self.tried < origin.n_targets:
            self.connect()
        else:
            self.lost(rules.kind_of_connect(code, block.IN_CONNECT), block.IN_CONNECT, code)

    cdef connected(self):
        cdef Origin origin = self.lane.origin
        cdef int code = kernel.socket_error(self.link.fd)
        cdef uint64_t now
        if code != 0:
            self.refused(code)
            return
        now = kernel.now_ns()
        self.exchange.times.connecting += now - self.begun_ns
        self.begun_ns = now
        origin.answered(self)
        self.limit(INFINITY)
        code = origin.begin(self)
        if code < 0:
            self.lost(block.TLS, block.IN_TLS, -code)
            return
        if self.exchange.upgrade:
            tls.offer_http1(&self.link)
        self.step = HANDSHAKING
        self.want(True, False)
        self.shake_hands()

    cdef shake_hands(self):
        cdef int code = self.lane.origin.shake_hands(self)
        cdef block.Phase phase = self.phase()
        if code == -EAGAIN:
            return
        if code == 0 and not self.agreed():
            code = -rules.NO_HTTP2
        if code < 0:
            self.lost(rules.kind_of_connect(-code, phase), phase, -code)
            return
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        count_opening(self)
        self.ready()

    cdef bint speaks_http2(self):
        """Was HTTP/2 chosen? Without TLS it is spoken where nothing else is wanted."""
        return tls.http2_chosen(&self.link) if self.link.ssl != NULL \
            else self.pool.protocols == "h2" and not self.exchange.upgrade

    cdef bint agreed(self):
        return self.pool.protocols != "h2" or self.exchange.upgrade or self.speaks_http2()

    cdef ready(self):
        """It is open: send the request, in the protocol that was agreed on."""
        cdef OriginPool lane = self.lane
        cdef Exchange one = self.exchange
        cdef bint opened = lane.opening is self
        lane.opening = None if opened else lane.opening
        if self.speaks_http2():
            self.multiplexer = Multiplexer.__new__(Multiplexer)
            self.multiplexer.begin(self)
            self.exchange = None
            self.step = SHARED
            lane.origin.speaks = HTTP2
            lane.shared.append(self)
            self.multiplexer.start(one)
        else:
            self.step = READY
            if not one.upgrade:
                lane.origin.speaks = HTTP1
            self.start(one)
        if opened:
            lane.fill()

    # At work

    cdef start(self, Exchange one):
        """Send the request; the connection is open and has nothing else to do."""
        self.exchange = one
        one.link = one.via = self
        one.head_block = None
        one.reused = self.served != 0
        self.lane.origin.protocol.expect(
            &self.message, response.UPGRADE if one.upgrade else <response.Asked>one.head)
        one.times.sent = kernel.now_ns()
        one.times.blocked = one.times.sent - one.times.begun \
            - one.times.connecting - one.times.handshaking
        self.write()

    cdef write(self):
        cdef Exchange one = self.exchange
        cdef const uint8_t *data = one.payload
        cdef size_t total = len(one.payload)
        cdef ssize_t n
        while one.sent < total:
            n = self.lane.origin.transport.send(&self.link, data + one.sent, total - one.sent)
            if n == -EAGAIN:
                self.want(True, True)
                return
            if n < 0:                   # an answer may be there all the same: reading will tell
                one.send_code = <int>-n
                self.want(True, False)
                return
            one.sent += <size_t>n
            self.pool.slot.bytes_out += <uint64_t>n
        one.times.written = kernel.now_ns()
        if self.writing:
            self.want(True, False)

    cdef want(self, bint read, bint write):
        """Tell the loop what to watch the socket for."""
        loop = self.pool.loop
        if read and not self.reading:
            loop.add_reader(self.link.fd, self.on_ready)
        elif self.reading and not read:
            loop.remove_reader(self.link.fd)
        if write and not self.writing:
            loop.add_writer(self.link.fd, self._writable)
        elif self.writing and not write:
            loop.remove_writer(self.link.fd)
        self.reading = read
        self.writing = write

    def _writable(self):
        if self.step == READY and self.exchange is not None:
            self.write()
        elif self.step == SHARED:
            self.multiplexer.flush()
            self.multiplexer.leave_if_done()
        elif self.step == SWITCHED:
            self.socket.flush()

    def _ready(self):
        """The socket has something to say."""
        if self.step == READY:
            if self.exchange is None:
                self.idle_event()
            else:
                self.read()
        elif self.step == SHARED:
            self.multiplexer.read()
        elif self.step == SWITCHED:
            self.socket.read()
        elif self.step == HANDSHAKING:
            self.shake_hands()
        elif self.step == CONNECTING:
            self.connected()

    cdef idle_event(self):
        """The server closes an idle connection, or speaks unasked."""
        cdef bint drained = True
        cdef ssize_t n = self.lane.origin.transport.recv(
            &self.link, self.pool.buffer, READ_BYTES, &drained)
        if n == -EAGAIN:
            return
        if n > 0:
            self.unsolicited()
        else:
            self.pool.slot.closed_idle += 1
        self.lane.idle.remove(self)
        self.close(False)

    cdef read(self):
        """Read until the message has ended or the socket is empty.

        A short read is no proof of the latter: libuv stops watching a socket whose reset came with
        its last data, after one call.
        """
        cdef Exchange one = self.exchange
        cdef bint drained
        cdef ssize_t n
        cdef size_t taken
        while True:
            n = self.lane.origin.transport.recv(
                &self.link, self.pool.buffer, READ_BYTES, &drained)
            if n == -EAGAIN:
                return
            if n <= 0:
                self.ended(<int>-n)
                return
            self.pool.slot.bytes_in += <uint64_t>n
            one.received += <uint64_t>n
            if one.times.first == 0:
                one.times.first = kernel.now_ns()
            taken = take_in(self, one, <size_t>n)
            if response.ended(&self.message):
                if self.message.status == 101 and self.message.state == response.DONE:
                    switch_to_websocket(self, one, self.pool.buffer + taken, <size_t>n - taken)
                    self._ready()   # to the end of what came, as here
                else:
                    self.complete(one, taken == <size_t>n)
                return
            if one.stream is not None and one.stream.full():
                one.stream.paused = True
                self.want(False, self.writing)
                return

    cdef complete(self, Exchange one, bint all_taken):
        """The message has ended, well or not."""
        cdef bint keep = rules.stays_open(&self.message, self.pool.keepalive, one.sending())
        if self.message.state != response.DONE:
            self.lost(rules.kind_of_broken(&self.message), self.phase(), self.message.rule)
            return
        one.times.done = kernel.now_ns()
        one.status = self.message.status
        if one.redirects > 0 and several_locations(one.status, one.raw_head):
            self.lost(block.PROTOCOL, block.IN_HEAD, response.LOCATIONS)
            return
        self.served += 1
        self.exchange = None
        one.link = None
        if keep and not all_taken:
            self.unsolicited()
        if keep and all_taken:
            self.next_or_idle()
        else:
            self.close(True)
        one.settle(-1, 0)

    cdef next_or_idle(self):
        if self.lane.waiting:
            self.start(self.lane.waiting.pop(0))
        else:
            self.lane.idle.append(self)

    # Ending

    cdef unsolicited(self):
        """Count bytes that no request asked for."""
        block.count_error(self.pool.slot, block.UNSOLICITED, block.IN_IDLE, 0, 1, kernel.now_ns())

    cdef ended(self, int code):
        """The peer closed (code 0), reset the connection, or broke TLS."""
        cdef Exchange one = self.exchange
        if code == 0 and self.lane.origin.protocol.close(&self.message):
            self.complete(one, False)
        else:
            code = rules.cause(code, one.send_code)
            self.lost(rules.kind_of_loss(code), self.phase(), code)

    cdef block.Phase phase(self):
        if self.step <= CONNECTING:
            return block.IN_CONNECT if self.step == CONNECTING else block.IN_RESOLVE
        if self.step == HANDSHAKING:
            return passage.phase_of_handshake(&self.link)
        return rules.phase_of(&self.message, self.exchange.sending())

    cdef lost(self, block.Kind kind, block.Phase phase, int code):
        """The connection is no more: its request is sent again on another, or has failed."""
        cdef Exchange one = self.exchange
        cdef Exchange each
        cdef list others = self.lane.left_behind(self)
        self.exchange = None
        one.link = None
        self.close(False)
        if rules.untouched(&self.message) \
                and rules.may_send_again(kind, one.reused, one.idempotent, one.retried):
            one.retried = True
            one.sent = 0
            one.send_code = 0
            one.times.written = 0
            self.pool.slot.retried += 1
            one.session.place(one, False)
            return
        one.times.done = kernel.now_ns()
        if not one.upgrade:
            block.count_error(self.pool.slot, kind, phase, code, 1, one.times.done)
        one.settle(kind, code)
        for each in others:
            each.left_behind(kind, phase, code)

    cdef forget(self):
        """Close the socket, whatever state it is in."""
        if self.link.fd >= 0:
            self.want(False, False)
            self.lane.origin.transport.close(&self.link, False)

    cdef close(self, bint orderly):
        """Give the connection up, and let who waits for its place have a new one."""
        cdef OriginPool lane = self.lane
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.link.fd >= 0:
            self.want(False, False)
            lane.origin.transport.close(&self.link, orderly and READY <= self.step <= SWITCHED)
        if READY <= self.step <= SWITCHED:
            self.pool.slot.connected -= 1
        if self.step == SHARED:
            lane.shared.remove(self)
            self.pool.loop.call_soon(self.multiplexer.leave)    # now it may be at work
        if lane.opening is self:
            lane.opening = None
        switched = self.step == SWITCHED
        if self.step < SHARED:      # else exchanges or sockets have given their places back
            lane.open -= 1
        self.step = CLOSED
        self.on_ready = self.socket = None
        if not switched:
            lane.fill()
