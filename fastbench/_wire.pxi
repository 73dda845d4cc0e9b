# Part of _client.pyx: connections, and requests on them.
#
# 1. A session is one VU's: its connections by origin, at most `limit_per_host` to each.
# 2. An exchange is one request and, with redirects, those that follow from it. It goes: begun, (waits
#    for a connection, looks the name up, connects, shakes hands,) sent, first byte, done.
# 3. A coroutine is resumed from a callback of the loop only, never while another one runs: what ends
#    inside `send` is told on the next turn.
# 4. Every end goes through `settle`: counters of the slot, the route's sinks, the hooks, the waiter.

cdef enum Step:
    UNOPENED, LOOKING_UP, CONNECTING, HANDSHAKING, READY, CLOSED

REDIRECTS = frozenset((301, 302, 303, 307, 308))


cdef class Origin:
    """A server: where its names lead, and the transport to it."""

    cdef readonly str scheme
    cdef readonly str host
    cdef readonly int port
    cdef readonly str authority
    cdef Pool pool
    cdef tls.Tls context
    cdef tls.Transport transport
    cdef tuple keep
    cdef list addresses         # (family, IP or path, port, scope); None until looked up
    cdef list waiting           # connections that wait for that
    cdef size_t good            # the address that answered last

    def __dealloc__(self):
        tls.tear_down(&self.context)

    cdef secure(self, tuple options):
        """Make the TLS context: (servername, verify, cafile, certfile, keyfile)."""
        cdef int code
        servername, self.context.verify, cafile, certfile, keyfile = options
        self.keep = (servername or self.host.encode("idna"), cafile, certfile, keyfile)
        self.context.servername = self.keep[0]
        self.context.name_is_address = address_of(self.host, 0) is not None
        tls.use_tls(&self.transport)
        code = tls.set_up(&self.context, cafile, certfile, keyfile)
        if code < 0:
            raise ValueError(code_name(block.TLS, -code))

    cdef look_up(self, Connection asked_by):
        """Have the connection told when the addresses are known."""
        if self.waiting is not None:
            self.waiting.append(asked_by)
            return
        self.waiting = [asked_by]
        task = asyncio.ensure_future(
            self.pool.loop.getaddrinfo(self.host, self.port, type=1, family=self.pool.family))
        task.add_done_callback(self._looked_up)

    def _looked_up(self, task):
        cdef Connection each
        failure = task.exception()
        if failure is None:
            self.addresses = [(family, where[0], where[1], where[3] if len(where) > 3 else 0)
                              for family, _, _, _, where in task.result()]
        waiting, self.waiting = self.waiting, None
        for each in waiting:
            if each.step == LOOKING_UP:
                each.looked_up(failure)


cdef tuple address_of(str host, int port):
    """The host as an address, None when it is a name."""
    cdef kernel.Address probe
    text = host.encode("ascii", "replace")
    for family in (kernel.AF_INET, kernel.AF_INET6):
        if kernel.fill_address(&probe, family, text, 0, 0) == 0:
            return family, host, port, 0
    return None


cdef class Deadlines:
    """Exchanges with one timeout, oldest first: so only the first one needs a timer."""

    cdef Pool pool
    cdef uint64_t timeout_ns
    cdef Exchange first
    cdef Exchange last
    cdef object timer

    cdef push(self, Exchange one):
        one.deadlines = self
        one.before = self.last
        if self.last is None:
            self.first = one
        else:
            self.last.behind = one
        self.last = one
        if self.timer is None:
            self.timer = self.pool.loop.call_later(self.timeout_ns / 1e9, self._look)

    cdef remove(self, Exchange one):
        if one.before is None:
            self.first = one.behind
        else:
            one.before.behind = one.behind
        if one.behind is None:
            self.last = one.before
        else:
            one.behind.before = one.before
        one.before = one.behind = one.deadlines = None

    def _look(self):
        cdef uint64_t now = kernel.now_ns()
        cdef Exchange oldest            # held: it leaves the list while it runs
        self.timer = None
        while self.first is not None:
            oldest = self.first
            if oldest.times.begun + self.timeout_ns > now:
                left_s = (oldest.times.begun + self.timeout_ns - now) / 1e9
                if self.timer is None:      # one that was resumed may have set it
                    self.timer = self.pool.loop.call_later(left_s + 0.001, self._look)
                return
            oldest.time_out()


cdef class Pool:
    """What all sessions of one worker share; counts into the worker's slot of the block.

    `tls`: (servername or b"", verify, cafile, certfile, keyfile). `trace(exchange, response)`, when
    set, is called for every answer.
    """

    cdef Block shared
    cdef block.Slot *slot
    cdef object loop
    cdef dict origins
    cdef dict deadlines
    cdef tuple tls_options
    cdef list sources
    cdef size_t next_source
    cdef int family
    cdef bint keepalive
    cdef str unix_path
    cdef double connect_timeout_s
    cdef uint8_t *buffer
    cdef http.Memo memo
    cdef bytes last_head        # what the memo remembers, as an object
    cdef bint last_has_cookies
    cdef public object trace

    def __cinit__(self, Block shared not None, uint32_t index, loop, *,
                  tuple tls=(b"", True, b"", b"", b""),
                  uint64_t connect_timeout_ns=CONNECT_TIMEOUT_NS, list sources=[],
                  int family=0, bint keepalive=True, str unix_path=""):
        self.shared = shared
        self.slot = shared.slot(index)
        self.loop = loop
        self.origins = {}
        self.deadlines = {}
        self.tls_options = tls
        self.sources = sources
        self.family = family
        self.keepalive = keepalive
        self.unix_path = unix_path
        self.connect_timeout_s = connect_timeout_ns / 1e9
        self.last_head = b""
        self.buffer = <uint8_t *>calloc(READ_BYTES, 1)
        if self.buffer == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.buffer)

    def origin(self, str scheme not None, str host not None, int port):
        """The server of these, the same one each time. Raises ValueError for unusable TLS files."""
        cdef Origin found = self.origins.get((scheme, host, port))
        if found is not None:
            return found
        found = Origin.__new__(Origin)
        found.pool = self
        found.scheme, found.host, found.port = scheme, host, port
        shown = f"[{host}]" if ":" in host else host
        default = 443 if scheme == "https" else 80
        found.authority = shown if port == default else f"{shown}:{port}"
        if scheme == "https":
            found.secure(self.tls_options)
        else:
            tls.use_plain(&found.transport)
        known = (kernel.AF_UNIX, self.unix_path, 0, 0) if self.unix_path \
            else address_of(host, port)
        if known is not None:
            found.addresses = [known]
        self.origins[(scheme, host, port)] = found
        return found

    cdef watch(self, Exchange one, uint64_t timeout_ns):
        cdef Deadlines same = self.deadlines.get(timeout_ns)
        if same is None:
            same = Deadlines.__new__(Deadlines)
            same.pool = self
            same.timeout_ns = timeout_ns
            self.deadlines[timeout_ns] = same
        same.push(one)

    cdef tuple source(self, int family):
        """The next source address of this family, in turn; None when none was asked for."""
        mine = [each for each in self.sources if each[0] == family]
        if not mine:
            return None
        self.next_source += 1
        return mine[self.next_source % len(mine)]

    def close(self):
        """Forget the timers."""
        cdef Deadlines each
        for each in self.deadlines.values():
            if each.timer is not None:
                each.timer.cancel()
                each.timer = None


cdef class Lane:
    """The connections of one session to one origin."""

    cdef Origin origin
    cdef list idle
    cdef list waiting           # exchanges, in order
    cdef uint32_t open


cdef class Session:
    """The connections of one VU.

    Hooks: `cookies(response)` is called for answers that set some, `redirect(exchange, response)` for
    those that lead elsewhere; it gives (origin, payload, is HEAD, method, url, route) or None.
    `planned_ns` is when the next request was due, with `paced` every later one is due when asked
    for: their response time is recorded. `discard`: bodies are dropped.
    """

    cdef Pool pool
    cdef dict lanes
    cdef Lane last
    cdef uint32_t limit
    cdef public object cookies
    cdef public object redirect
    cdef public uint64_t planned_ns
    cdef public bint paced
    cdef public bint discard

    def __cinit__(self, Pool pool not None, *, uint32_t limit_per_host=6):
        self.pool = pool
        self.limit = limit_per_host
        self.lanes = {}

    cdef Lane lane(self, Origin origin):
        if self.last is not None and self.last.origin is origin:
            return self.last
        cdef Lane found = self.lanes.get(origin)
        if found is None:
            found = Lane.__new__(Lane)
            found.origin = origin
            found.idle = []
            found.waiting = []
            self.lanes[origin] = found
        self.last = found
        return found

    def send(self, Origin origin not None, bytes payload not None, str url, Route route not None, *,
             bint head=False, bint idempotent=True, uint64_t timeout_ns=TIMEOUT_NS,
             int redirects=0, str method="GET", keep=None):
        """Begin a request; await the exchange for its Response. What the network does never raises.

        `payload` is the whole request, rendered; `keep` is kept as exchange.keep, for the hooks.
        """
        cdef Exchange one = Exchange.__new__(Exchange)
        one.session = self
        one.keep = keep
        one.redirects = redirects
        one.idempotent = idempotent
        one.timeout_ns = timeout_ns
        one.ask(origin, payload, head, method, url, route)
        if self.planned_ns:
            one.times.due = self.planned_ns
            self.planned_ns = 0
        elif self.paced:
            one.times.due = one.times.begun
        self.place(one, True)
        return one

    cdef place(self, Exchange one, bint may_reuse):
        """Give the exchange a connection: an idle one, a new one, or the next that gets free."""
        cdef Lane lane = self.lane(one.origin)
        cdef Connection link
        if may_reuse and lane.idle:
            link = lane.idle.pop()
            link.start(one)
        elif lane.open < self.limit or not may_reuse:
            link = Connection.__new__(Connection)
            link.pool = self.pool
            link.lane = lane
            link.link.fd = -1
            lane.open += 1
            link.open(one)
        else:
            lane.waiting.append(one)

    def reset(self):
        """Close all idle connections."""
        cdef Lane lane
        for lane in self.lanes.values():
            while lane.idle:
                (<Connection>lane.idle.pop()).close(True)


cdef class Connection:
    """One connection of a session, from its name lookup to its end."""

    cdef Pool pool
    cdef Lane lane
    cdef tls.Link link
    cdef response.Http message
    cdef Step step
    cdef Exchange exchange
    cdef bint reading           # the loop tells when the socket is readable,
    cdef bint writing           # or writable
    cdef uint32_t served
    cdef size_t tried           # addresses that failed
    cdef uint64_t begun_ns      # this step
    cdef object timer
    cdef object on_ready

    # Opening

    cdef open(self, Exchange one):
        self.exchange = one
        one.link = self
        self.begun_ns = kernel.now_ns()
        self.on_ready = self._ready
        if self.lane.origin.addresses is None:
            self.step = LOOKING_UP
            self.lane.origin.look_up(self)
        else:
            self.connect()

    cdef looked_up(self, failure):
        cdef uint64_t now = kernel.now_ns()
        self.exchange.times.blocked += now - self.begun_ns
        if failure is not None:
            code = abs(getattr(failure, "errno", 0) or 0)
            self.lost(block.DNS, block.IN_RESOLVE, code)
        else:
            self.connect()

    cdef connect(self):
        """Begin to connect to the next address."""
        cdef Origin origin = self.lane.origin
        cdef kernel.Address to
        cdef kernel.Address source
        cdef bint bound
        cdef int code
        place = (origin.good + self.tried) % len(origin.addresses)
        family, host, port, scope = origin.addresses[place]
        mine = self.pool.source(family)
        bound = mine is not None and kernel.fill_address(
            &source, family, mine[1].encode(), mine[2], mine[3]) == 0
        self.step = CONNECTING
        self.begun_ns = kernel.now_ns()
        code = -EPIPE
        if kernel.fill_address(&to, family, host.encode(), port, scope) == 0:
            code = kernel.open_stream(family, &source if bound else NULL)
        if code >= 0:
            self.link.fd = code
            code = kernel.connect(self.link.fd, &to)
        if code < 0 and code != -EINPROGRESS:
            self.pool.loop.call_soon(self._refused, -code)
            return
        self.writing = True
        self.pool.loop.add_writer(self.link.fd, self.on_ready)
        if self.timer is None:
            self.timer = self.pool.loop.call_later(self.pool.connect_timeout_s, self._too_late)

    def _refused(self, int code):
        if self.step == CONNECTING:
            self.refused(code)

    def _too_late(self):
        self.timer = None
        if self.step == CONNECTING or self.step == HANDSHAKING:
            self.lost(block.CONNECT_TIMEOUT, self.phase(), ETIMEDOUT)

    cdef refused(self, int code):
        """This address does not answer: on to the next, if there is one."""
        cdef size_t n_addresses = len(self.lane.origin.addresses)
        self.exchange.times.connecting += kernel.now_ns() - self.begun_ns
        self.tried += 1
        self.forget()
        if self.tried < n_addresses:
            self.connect()
        elif code == ECONNREFUSED:
            self.lost(block.CONNECT_REFUSED, block.IN_CONNECT, code)
        elif code == ETIMEDOUT:
            self.lost(block.CONNECT_TIMEOUT, block.IN_CONNECT, code)
        else:
            self.lost(block.CONNECT, block.IN_CONNECT, code)

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
        origin.good = (origin.good + self.tried) % <size_t>len(origin.addresses)
        code = origin.transport.open(&origin.context, &self.link)
        if code < 0:
            self.lost(block.TLS, block.IN_TLS, -code)
            return
        self.step = HANDSHAKING
        self.want(True, False)
        self.shake_hands()

    cdef shake_hands(self):
        cdef int code = self.lane.origin.transport.handshake(&self.link, self.pool.slot)
        cdef uint64_t now
        if code == -EAGAIN:
            return
        if code < 0:
            reset = -code == ECONNRESET or -code == EPIPE
            self.lost(block.RESET if reset else block.TLS, block.IN_TLS, -code)
            return
        now = kernel.now_ns()
        if self.lane.origin.scheme == "https":
            self.exchange.times.handshaking += now - self.begun_ns
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.step = READY
        self.pool.slot.connects += 1
        self.pool.slot.connected += 1
        hdr.record(&self.pool.slot.latency[block.CONNECT_TIME],
                   self.exchange.times.connecting + self.exchange.times.handshaking)
        self.start(self.exchange)

    # At work

    cdef start(self, Exchange one):
        """Send the request; the connection is open and has nothing else to do."""
        self.exchange = one
        one.link = self
        one.reused = self.served != 0
        response.begin(&self.message, one.head)
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

    def _ready(self):
        """The socket has something to say."""
        if self.step == READY:
            if self.exchange is None:
                self.idle_event()
            else:
                self.read()
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
            block.count_error(self.pool.slot, block.UNSOLICITED, block.IN_IDLE, 0, 1,
                              kernel.now_ns())
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
            taken = self.take_in(one, <size_t>n)
            if response.ended(&self.message):
                self.complete(one, taken == <size_t>n)
                return

    cdef size_t take_in(self, Exchange one, size_t n_bytes):
        """Feed the parser, and keep head and body; returns how many bytes were of this message."""
        cdef response.Http *message = &self.message
        cdef const uint8_t *start = self.pool.buffer
        cdef const uint8_t *at = start
        cdef const uint8_t *end = start + n_bytes
        cdef const uint8_t *before
        cdef uint64_t length
        while at != end and message.state < response.DONE:
            before = at
            if message.state < response.HEAD_DONE:
                at = self.take_head(one, at, end)
            elif message.state < response.CHUNK_DATA:
                http.chunk_byte(message, at[0])
                at += 1
            else:
                length = <uint64_t>(end - at)
                if length > http.skippable(message):
                    length = http.skippable(message)
                if not one.session.discard:
                    one.keep_body(before, length)
                http.skip(message, length)
                at += length
        return <size_t>(at - start)

    cdef const uint8_t *take_head(self, Exchange one, const uint8_t *at, const uint8_t *end):
        """Read some of a head, and keep it; of interim answers (1xx) nothing is kept."""
        cdef response.Http *message = &self.message
        cdef Pool pool = self.pool
        cdef const uint8_t *start = at
        cdef bint trailer = message.flags & response.IN_TRAILER != 0
        cdef bint whole = message.state == response.START and message.head_bytes == 0
        if whole and message.interims == 0:
            at = http.recall(message, &pool.memo, at, <size_t>(end - at))
        else:
            at = read_head(message, at, end)
        if trailer:
            return at
        if message.state == response.START and message.head_bytes == 0:
            one.raw_head = b""
        elif whole and at - start == len(pool.last_head) \
                and memcmp(start, <const uint8_t *>pool.last_head, <size_t>(at - start)) == 0:
            one.raw_head = pool.last_head
        else:
            one.raw_head += PyBytes_FromStringAndSize(<const char *>start, at - start)
            if message.state > response.HEAD_DONE:
                pool.last_head = one.raw_head
                pool.last_has_cookies = has_field(one.raw_head, "set-cookie:", 11)
        return at

    cdef complete(self, Exchange one, bint all_taken):
        """The message has ended, well or not."""
        cdef block.Phase phase
        if self.message.state != response.DONE:
            phase = block.IN_BODY if self.message.broke_in_body else block.IN_HEAD
            self.lost(block.TOO_LARGE if self.message.rule >= response.HEAD_SIZE else block.PROTOCOL,
                      phase, self.message.rule)
            return
        one.times.done = kernel.now_ns()
        one.status = self.message.status
        self.served += 1
        self.exchange = None
        one.link = None
        if all_taken and one.sent == <size_t>len(one.payload) and self.pool.keepalive \
                and response.reusable(&self.message):
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

    cdef ended(self, int code):
        """The peer closed (code 0), reset the connection, or broke TLS."""
        cdef Exchange one = self.exchange
        cdef block.Phase phase = self.phase()       # before the parser gives the message up
        if code == 0 and self.message.state != response.START:
            http.eof(&self.message)
            if self.message.state == response.DONE:
                self.complete(one, False)
                return
        if code == 0:
            self.lost(block.TRUNCATED, phase, 0)
        elif code >= tls.TLS_REASON:
            cut_off = code == tls.TLS_REASON + tls.SSL_R_UNEXPECTED_EOF_WHILE_READING
            self.lost(block.TRUNCATED if cut_off else block.TLS, phase, code)
        else:
            self.lost(block.RESET, phase, code)

    cdef block.Phase phase(self):
        if self.step < CONNECTING:
            return block.IN_RESOLVE
        if self.step == CONNECTING:
            return block.IN_CONNECT
        if self.step == HANDSHAKING:
            return block.IN_TLS
        if self.exchange is not None and self.exchange.sent < <size_t>len(self.exchange.payload):
            return block.IN_SEND
        return block.IN_HEAD if self.message.state < response.HEAD_DONE else block.IN_BODY

    cdef lost(self, block.Kind kind, block.Phase phase, int code):
        """The connection is no more: its request is sent again on another, or has failed."""
        cdef Exchange one = self.exchange
        cdef bint broken = kind == block.RESET or kind == block.TRUNCATED
        self.exchange = None
        one.link = None
        self.close(False)
        if broken and one.reused and one.idempotent and not one.retried and one.received == 0:
            one.retried = True
            one.sent = 0
            one.send_code = 0
            one.times.written = 0
            self.pool.slot.retried += 1
            one.session.place(one, False)
            return
        block.count_error(self.pool.slot, kind, phase, code, 1, kernel.now_ns())
        one.times.done = kernel.now_ns()
        one.settle(kind, code)

    cdef forget(self):
        """Close the socket, whatever state it is in."""
        cdef int fd = self.link.fd
        if fd < 0:
            return
        self.want(False, False)
        self.lane.origin.transport.close(&self.link, False)

    cdef close(self, bint orderly):
        """Give the connection up, and let who waits for its place have a new one."""
        cdef Lane lane = self.lane
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.link.fd >= 0:
            self.want(False, False)
            lane.origin.transport.close(&self.link, orderly and self.step == READY)
        if self.step == READY:
            self.pool.slot.connected -= 1
        if self.step != CLOSED:
            lane.open -= 1
        self.step = CLOSED
        self.on_ready = None
        if lane.waiting:
            one = <Exchange>lane.waiting.pop(0)
            one.session.place(one, True)


cdef class Exchange:
    """A request under way; awaiting it gives its Response. It is a future to asyncio.

    The task that waits is resumed from inside the read that completed the answer.
    """

    cdef public object _asyncio_future_blocking
    cdef public object keep
    cdef readonly str url
    cdef readonly str method
    cdef readonly bytes payload
    cdef readonly int redirects
    cdef readonly Origin origin
    cdef Session session
    cdef Route route
    cdef Connection link
    cdef Times times
    cdef bint head
    cdef bint idempotent
    cdef bint reused            # on a connection that had served before
    cdef bint retried
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
    cdef object callback
    cdef object context
    cdef list callbacks         # of further waiters
    cdef Deadlines deadlines
    cdef Exchange before
    cdef Exchange behind

    cdef ask(self, Origin origin, bytes payload, bint head, str method, str url, Route route):
        """Begin a request, the first one or one that a redirect asked for."""
        self.origin = origin
        self.payload = payload
        self.head = head
        self.method = method
        self.url = url
        self.route = route
        self.raw_head = self.body = b""
        self.parts = None
        self.sent = self.received = 0
        self.send_code = self.status = 0
        self.retried = False
        memset(&self.times, 0, sizeof(Times))
        self.times.begun = kernel.now_ns()
        self.session.pool.slot.started += 1
        self.session.pool.watch(self, self.timeout_ns)

    cdef keep_body(self, const uint8_t *data, uint64_t n_bytes):
        part = PyBytes_FromStringAndSize(<const char *>data, <Py_ssize_t>n_bytes)
        if self.parts is not None:
            self.parts.append(part)
        elif self.body:
            self.parts = [self.body, part]
        else:
            self.body = part

    cdef time_out(self):
        """Its time is over, wherever it stands."""
        cdef Connection link = self.link
        cdef block.Phase phase = block.IN_CONNECT
        self.times.done = kernel.now_ns()
        if link is not None:
            phase = link.phase()
            link.exchange = None
            self.link = None
            link.close(False)
        else:
            (<list>self.session.lane(self.origin).waiting).remove(self)
        block.count_error(self.session.pool.slot, block.TIMEOUT, phase, 0, 1, self.times.done)
        self.settle(block.TIMEOUT, 0)

    cdef settle(self, int kind, int code):
        """It has ended: `kind` is an error's, or -1 with a complete answer. Count, and tell."""
        cdef Pool pool = self.session.pool
        cdef block.Slot *slot = pool.slot
        cdef Response answer = Response.__new__(Response)
        cdef Sinks sinks = self.route.sinks(self.status, kind)
        cdef uint64_t service = span(self.times.sent, self.times.done)
        self.deadlines.remove(self)
        answer.status = self.status
        answer.url, answer.method, answer.keep = self.url, self.method, self.keep
        answer.raw_head = self.raw_head
        answer.raw_body = self.body if self.parts is None else b"".join(self.parts)
        answer.times = self.times
        answer.expected = not sinks.failed
        answer.error = answer.error_kind = answer.error_code = ""
        if kind >= 0:
            answer.status = 0
            answer.error_kind = ERROR_KINDS[kind]
            answer.error_code = code_name(kind, code)
            answer.error = answer.error_kind.replace("_", " ") \
                + (f": {answer.error_code}" if answer.error_code else "")
        else:
            slot.status[self.status] += 1
            hdr.record(&slot.latency[block.FIRST_BYTE], span(self.times.sent, self.times.first))
        if kind == block.TIMEOUT:
            slot.timeouts += 1
            service = self.times.done - (self.times.sent or self.times.begun)
            hdr.record(&slot.latency[block.SERVICE], service)
        elif sinks.failed or kind >= 0:
            slot.failed += 1
            if kind < 0:
                hdr.record(&slot.latency[block.FAILED_ANSWERS], service)
        else:
            slot.ok += 1
            hdr.record(&slot.latency[block.SERVICE], service)
        if self.times.due and (kind == block.TIMEOUT or not sinks.failed):
            hdr.record(&slot.latency[block.RESPONSE], span(self.times.due, self.times.done))
        record(sinks, &self.times, self.sent, self.received)
        if pool.trace is not None:
            pool.trace(self, answer)
        if not self.goes_on(answer):
            self.answer = answer
            self.finish()

    cdef bint goes_on(self, Response answer) except -1:
        """Keep the cookies, and follow a redirect."""
        cdef Session session = self.session
        cdef uint64_t due = 0
        if answer.status == 0:
            return False
        if session.cookies is not None and (
                session.pool.last_has_cookies if answer.raw_head is session.pool.last_head
                else has_field(answer.raw_head, "set-cookie:", 11)):
            session.cookies(answer)
        if answer.status // 100 != 3 or self.redirects <= 0 or session.redirect is None \
                or answer.status not in REDIRECTS:
            return False
        following = session.redirect(self, answer)
        if following is None:
            return False
        self.redirects -= 1
        origin, payload, head, method, url, route = following
        self.ask(origin, payload, head, method, url, route)
        self.times.due = self.times.begun if session.paced else due
        session.place(self, True)
        return True

    cdef finish(self):
        """Resume who waits."""
        callback, self.callback = self.callback, None
        self.finished = True
        if callback is None:
            return
        context, self.context = self.context, None
        if context is None:
            callback(self)
        else:
            PyContext_Enter(context)
            try:
                callback(self)
            finally:
                PyContext_Exit(context)
        if self.callbacks is not None:
            callbacks, self.callbacks = self.callbacks, None
            for callback, context in callbacks:
                self.session.pool.loop.call_soon(callback, self, context=context)

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
        return self.__next__()

    def throw(self, kind, value=None, trace=None):
        raise kind if value is None else value

    def get_loop(self):
        return self.session.pool.loop

    def add_done_callback(self, callback, *, context=None):
        """Call back with this exchange when it is done."""
        if self.finished:
            self.session.pool.loop.call_soon(callback, self, context=context)
        elif self.callback is None:
            self.callback = callback
            self.context = context
        else:
            if self.callbacks is None:
                self.callbacks = []
            self.callbacks.append((callback, context))

    def remove_done_callback(self, callback):
        """Forget a callback; returns how often it was there."""
        cdef int found = 0
        if self.callback == callback:
            self.callback = self.context = None
            found = 1
        if self.callbacks is not None:
            kept = [each for each in self.callbacks if each[0] != callback]
            found += len(self.callbacks) - len(kept)
            self.callbacks = kept
        return found

    def done(self):
        return self.finished

    def cancelled(self):
        return self.given_up

    def exception(self):
        if self.given_up:
            raise asyncio.CancelledError
        return None

    def result(self):
        """The Response; raises CancelledError when it was given up."""
        if self.given_up:
            raise asyncio.CancelledError
        if not self.finished:
            raise asyncio.InvalidStateError("the answer is not there yet")
        return self.answer

    def cancel(self, msg=None):
        """Give the request up: it stays in flight for ever, and its connection is closed."""
        cdef block.Slot *slot = self.session.pool.slot
        cdef Connection link = self.link
        if self.finished or self.given_up:
            return False
        self.given_up = True
        slot.in_flight += 1
        if slot.oldest_sent_ns == 0 or self.times.begun < slot.oldest_sent_ns:
            slot.oldest_sent_ns = self.times.begun
        self.deadlines.remove(self)
        if link is not None:
            link.exchange = None
            self.link = None
            link.close(False)
        else:
            (<list>self.session.lane(self.origin).waiting).remove(self)
        self.session.pool.loop.call_soon(self._finish_later)
        return True
