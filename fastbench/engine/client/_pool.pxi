# Part of _client.pyx: connections, and requests on them.
#
# 1. A session is one VU's: its connections by origin. At most `limit_per_host` requests to each are
#    under way: on as many connections, or in HTTP/2 on one. Until it is known what a server speaks,
#    and where that is HTTP/2, requests wait for the one connection that is being opened.
# 2. An exchange is one request and, with redirects, those that follow from it. It goes: begun,
#    (waits for a connection, looks the name up, connects, shakes hands,) sent, first byte, done.
# 3. A coroutine is resumed from a callback of the loop only, never while another one runs: what
#    ends inside `send` is told on the next turn.
# 4. Every end goes through `settle`: counters of the slot, the route's sinks, the hooks, the
#    waiter.

cdef enum Step:
    UNOPENED, LOOKING_UP, CONNECTING, HANDSHAKING, READY, SHARED, SWITCHED, CLOSED

REDIRECTS = frozenset((301, 302, 303, 307, 308))


cdef class Pool:
    """What all sessions of one worker share; counts into the worker's slot of the block.

    `protocols`: one of CONNECTION_PROTOCOLS; without TLS it is HTTP/1.1 unless that is h2 alone.
    `tls`: (servername or b"", verify, cafile, certfile, keyfile). `tls_of(host)`, when set, gives
    these, and then the oldest and the newest version, as 0x0303 or 0, ciphers and the password of
    the key. `trace(exchange, response)`, when set, is called for every answer, `left_out(names)`
    for headers with fields that have no place in HTTP/2, and are not sent there. `resolve` looks
    names up; its error has the `number` of an errno or of an EAI_ code, without its sign.
    `way(scheme, host, port)`, when set, gives None, or the way through a proxy: its `prefix` and
    `login` say how it is asked itself, if it is; `await find(family)` gives its addresses, as
    `resolve` does, and what is said for a tunnel.
    """

    cdef Block shared
    cdef block.Slot *slot
    cdef object loop
    cdef dict origins
    cdef dict deadlines
    cdef dict large             # payloads with large bodies
    cdef tuple tls_options
    cdef public object tls_of
    cdef list sources
    cdef size_t next_source
    cdef int family
    cdef uint32_t index         # of this worker
    cdef bint one_address
    cdef object resolve         # (host, port, family) -> rows of addresses, to be awaited
    cdef object way
    cdef bint keepalive
    cdef str protocols
    cdef str unix_path
    cdef double connect_timeout_s
    cdef uint8_t *buffer
    cdef codec.Memo memo
    cdef bytes last_head        # what the memo remembers, as an object
    cdef bint last_has_cookies
    cdef bint last_is_encoded
    cdef public object trace
    cdef public object left_out
    cdef uint64_t oldest_ns     # how old the oldest request was that was halted
    cdef set lingering          # WebSockets that have ended and wait for the server to close,
    cdef set said_why           # and connections of HTTP/2 that broke a rule (Lingering)
    cdef bint closed            # what is cancelled from here on was in flight at the end

    def __cinit__(self, Block shared not None, uint32_t index, loop, *,
                  tuple tls=(b"", True, b"", b"", b""),
                  uint64_t connect_timeout_ns=CONNECT_TIMEOUT_NS, list sources=[],
                  int family=0, bint keepalive=True, str unix_path="", resolve=None,
                  bint one_address=False, str protocols="h2,http/1.1", way=None):
        if protocols not in CONNECTION_PROTOCOLS:
            raise ValueError(f"no protocols of connections: {protocols!r}")
        self.protocols = protocols
        self.shared = shared
        self.slot = shared.slot(index)
        self.index = index
        self.loop = loop
        self.resolve = resolve
        self.way = way
        self.one_address = one_address
        self.origins = {}
        self.deadlines = {}
        self.large = {}
        self.tls_options = tls
        self.sources = sources
        self.family = family
        self.keepalive = keepalive
        self.unix_path = unix_path
        self.connect_timeout_s = connect_timeout_ns / 1e9
        self.last_head = b""
        self.lingering = set()
        self.said_why = set()
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
        http.use_http(&found.protocol)
        found.speaks = self.spoken(scheme)
        found.scheme, found.host, found.port = scheme, host, port
        found.via = None if self.way is None else self.way(scheme, host, port)
        found.prefix = b"" if found.via is None else found.via.prefix
        found.login = b"" if found.via is None else found.via.login
        shown = host.partition("%")[0]      # a zone is this machine's business
        shown = f"[{shown}]" if ":" in shown else shown
        default = 443 if scheme == "https" else 80
        found.authority = shown if port == default else f"{shown}:{port}"
        if scheme == "https":
            found.secure(self.tls_options if self.tls_of is None else self.tls_of(host))
        else:
            tls.use_plain(&found.transport)
        if self.unix_path:
            found.found([(kernel.AF_UNIX, self.unix_path, 0, 0)])
        elif found.via is None and is_address(host.encode()):
            found.found([(kernel.AF_INET6 if ":" in host else kernel.AF_INET, host, port, 0)])
        self.origins[(scheme, host, port)] = found
        return found

    cdef Spoken spoken(self, str scheme):
        """What servers speak, as far as that is known before one is asked."""
        if self.protocols == "h2":
            return HTTP2
        return UNASKED if scheme == "https" and self.protocols != "http/1.1" else HTTP1

    cdef remember(self, bytes raw_head):
        """Keep a head, and what is asked of it again and again."""
        self.last_head = raw_head
        self.last_has_cookies = has_field(raw_head, "set-cookie:", 11)
        self.last_is_encoded = encoded(raw_head)

    cdef watch(self, Exchange one, uint64_t timeout_ns):
        cdef Deadlines same = self.deadlines.get(timeout_ns)
        if same is None:
            same = Deadlines.__new__(Deadlines)
            same.pool = self
            same.timeout_ns = timeout_ns
            self.deadlines[timeout_ns] = same
        same.push(one)

    cdef bytes payload(self, Ready ready, bytes body, str jar):
        """The bytes to send; large ones that repeat are kept, not copied again."""
        if jar or body is None or len(body) < LARGE_BYTES:
            return ready.rendered(body, jar)
        key = (id(ready), id(body))     # what is kept holds both, so their ids are theirs alone
        found = self.large.get(key)
        if found is None:
            if len(self.large) >= MAX_LARGE:
                self.large.clear()
            found = self.large[key] = (ready, body, ready.rendered(body, jar))
        return found[2]

    cdef tuple source(self, int family, Session session):
        """The session's source address of this family, or the next one; None without any."""
        mine = [each for each in self.sources if each[0] == family]
        if not mine:
            return None
        if session.bound_to >= 0:
            return mine[session.bound_to % len(mine)]
        self.next_source += 1
        return mine[self.next_source % len(mine)]

    def servers(self):
        """Every server so far, the first one first."""
        return list(self.origins.values())

    def halt(self):
        """Leave in flight what is still under way: the load has ended, and nobody waits for it."""
        cdef Deadlines same
        cdef Exchange one, behind
        for same in list(self.deadlines.values()):
            one = same.first
            while one is not None:      # first those without a connection, or some would get one
                behind = one.behind
                if one.link is None:
                    one.session.lane(one.origin).waiting = []
                    one.count_in_flight()
                one = behind
        for same in list(self.deadlines.values()):
            while same.first is not None:
                one = same.first
                one.leave_in_flight()
        if self.oldest_ns:
            self.slot.oldest_sent_ns = (self.slot.end_ns or kernel.now_ns()) - self.oldest_ns

    def close(self):
        """Forget the timers, and close what has ended."""
        cdef Deadlines each
        cdef WebSocket ended
        cdef Lingering told
        for ended in list(self.lingering):
            ended.drop()
        for told in list(self.said_why):
            told.drop()
        self.closed = True
        for each in self.deadlines.values():
            if each.timer is not None:
                each.timer.cancel()
                each.timer = None


cdef class OriginPool:
    """The connections of one session to one origin."""

    cdef Origin origin
    cdef list idle
    cdef list shared            # those that speak HTTP/2
    cdef Connection opening     # that the others wait for; None: there is none
    cdef list waiting           # exchanges, in order
    cdef uint32_t open          # connections of HTTP/1.1, and exchanges in HTTP/2
    cdef uint32_t limit

    cdef Connection sharing(self):
        """The connection that carries several exchanges, and may carry more some time."""
        cdef Connection each
        if not self.origin.pool.keepalive:
            return None
        for each in self.shared:
            if not each.multiplexer.session.draining:
                return each
        return None

    cdef bint takes(self):
        """Is there a place for one more?"""
        cdef Connection link
        if self.idle:
            return True
        if self.open >= self.limit or self.opening is not None:
            return False
        link = self.sharing()
        return link is None or link.multiplexer.room()

    cdef fill(self):
        """A place may be free: who waits for one has it."""
        while self.waiting and self.takes():
            one = <Exchange>self.waiting.pop(0)
            one.session.place(one, True)

    cdef list left_behind(self, Connection link):
        """Who would have had a connection by now, had they not waited for this one, which failed.
        """
        cdef list found = []
        if self.opening is link:
            found = self.waiting[:self.limit - 1]
            del self.waiting[:self.limit - 1]
        return found


cdef class Session:
    """The connections of one VU.

    Hooks: `cookies(response)` is called for answers that set some, `redirect(exchange, response)`
    for those that lead elsewhere; it gives the next request, (ready, body, jar), None, or a text:
    why no request can follow, so that this one has failed. `decode(response)`, when set, is called
    for answers with a Content-Encoding; it gives the body, "" or what is wrong with it, and whether
    that is its coding, not its length. `bound_to` is the number of its source address, -1: any.
    `planned_ns` is when the next request was due, with `paced` every later one is due when asked
    for: their response time is recorded. `discard`: bodies are dropped. `halted`: requests that are
    cancelled now are so because the run halted their iteration, not by the script.
    """

    cdef Pool pool
    cdef dict lanes
    cdef OriginPool last
    cdef uint32_t limit
    cdef public object cookies
    cdef public object redirect
    cdef public object decode
    cdef public int bound_to
    cdef public uint64_t planned_ns
    cdef public bint paced
    cdef public bint discard
    cdef public bint halted
    cdef readonly uint64_t answers      # requests that have ended

    def __cinit__(self, Pool pool not None, *, uint32_t limit_per_host=6):
        self.pool = pool
        self.limit = limit_per_host
        self.bound_to = -1
        self.lanes = {}

    cdef OriginPool lane(self, Origin origin):
        if self.last is not None and self.last.origin is origin:
            return self.last
        cdef OriginPool found = self.lanes.get(origin)
        if found is None:
            found = OriginPool.__new__(OriginPool)
            found.origin = origin
            found.idle = []
            found.shared = []
            found.waiting = []
            found.limit = self.limit
            self.lanes[origin] = found
        self.last = found
        return found

    def send(self, Ready ready not None, bytes body=None, str jar=""):
        """Begin a request; await the exchange for its Response. What the network does never raises.

        `jar`: cookies beside those of the request itself, as text whose Latin-1 bytes are sent.
        """
        return self.begun(ready, body, jar, None)

    def stream(self, Ready ready not None, bytes body=None, str jar="", *, uint64_t gap_ns=0):
        """Begin a request whose answer is handed out as it arrives; returns the Stream.

        `gap_ns` is the longest silence after the head, 0: any.
        """
        cdef Stream stream = Stream.__new__(Stream)
        stream.gap_ns = gap_ns
        stream.chunks = deque()
        self.begun(ready, body, jar, stream)
        return stream

    cdef Exchange begun(self, Ready ready, bytes body, str jar, Stream stream):
        cdef Exchange one = Exchange.__new__(Exchange)
        one.session = self
        one.redirects = ready.redirects
        one.timeout_ns = ready.timeout_ns
        one.stream = stream
        if stream is not None:
            stream.exchange = one
        one.ask(ready, body, jar)
        if self.planned_ns:
            one.times.due = self.planned_ns
            self.planned_ns = 0
        elif self.paced:
            one.times.due = one.times.begun
        self.place(one, True)
        return one

    def upgrade(self, Ready ready not None, str key not None, str jar=""):
        """Begin the handshake of a WebSocket, on a connection of its own.

        `key` is its Sec-WebSocket-Key, beside what `ready` says. Await the exchange for its
        Response; with status 101, `exchange.socket` is the WebSocket. It counts among no requests.
        """
        cdef Exchange one = Exchange.__new__(Exchange)
        one.session = self
        one.upgrade = True
        one.timeout_ns = ready.timeout_ns
        one.ask(ready, None, jar)
        one.payload = b"%bSec-WebSocket-Key: %b\r\n\r\n" % (
            one.payload[:len(one.payload) - 2], key.encode())
        self.place(one, False)
        return one

    cdef place(self, Exchange one, bint may_reuse):
        """Give the exchange a connection: an idle one, a new one, or the next that gets free."""
        cdef OriginPool lane = self.lane(one.origin)
        cdef Connection link
        if may_reuse and lane.idle:
            link = lane.idle.pop()
            link.start(one)
            return
        if may_reuse and not lane.takes():
            lane.waiting.append(one)
            return
        lane.open += 1
        link = lane.sharing() if may_reuse else None
        if link is not None:
            link.multiplexer.start(one)
            return
        link = Connection.__new__(Connection)
        link.pool = self.pool
        link.lane = lane
        link.link.fd = -1
        if may_reuse and lane.origin.speaks != HTTP1 and self.pool.keepalive:
            lane.opening = link
        link.open(one)

    def reset(self):
        """Close all idle connections; those that are shared, when nothing is under way on them."""
        cdef OriginPool lane
        cdef Connection each
        for lane in self.lanes.values():
            while lane.idle:
                (<Connection>lane.idle.pop()).close(True)
            for each in list(lane.shared):
                each.multiplexer.retire()
