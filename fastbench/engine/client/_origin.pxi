# Part of _client.pyx: servers, their addresses, and which of these connections go to.

cdef enum Spoken:               # what a server speaks
    UNASKED, HTTP1, HTTP2


cdef class Origin:
    """A server: where its names lead, the transport to it, and the codec of its answers."""

    cdef readonly str scheme
    cdef readonly str host
    cdef readonly int port
    cdef readonly str authority
    cdef Pool pool
    cdef tls.Tls context
    cdef tls.Transport transport
    cdef readonly object via    # the proxy before it, see Pool; None: it is connected to directly
    cdef readonly bytes prefix  # what stands before targets where that is to answer itself, or b""
    cdef bytes login            # and a line of the head that it wants
    cdef tunnel.Tunnel through
    cdef codec.Codec protocol
    cdef Spoken speaks          # as the newest connection says
    cdef tuple keep
    cdef list rows              # of it or its proxy: (family, IP or path, port, scope); or None
    cdef list waiting           # connections that wait for that
    cdef addresses.Target *targets  # the same addresses, and which of them answer
    cdef block.Reached *reached
    cdef uint32_t n_targets
    cdef uint32_t next          # whose turn it is

    def __dealloc__(self):
        tls.tear_down(&self.context)
        free(self.targets)
        free(self.reached)

    cdef secure(self, tuple options):
        """Make the TLS context, of what Pool is given as `tls` and maybe as `tls_more`."""
        cdef int code
        servername, self.context.verify, cafile, certfile, keyfile, *more = options
        name = self.host.partition("%")[0].removesuffix(".")
        self.keep = (servername or name.encode(), cafile, certfile, keyfile, *more)
        if more:
            self.context.oldest, self.context.newest, ciphers, password = more
            self.context.ciphers = <const char *><bytes>ciphers if ciphers else NULL
            self.context.password = <const char *><bytes>password if password else NULL
        self.context.servername = self.keep[0]
        self.context.name_is_address = is_address(self.keep[0])
        tls.use_tls(&self.transport)
        code = tls.set_up(&self.context, self.pool.protocols.encode(), cafile, certfile, keyfile)
        if code < 0:
            raise ValueError(code_name(block.TLS, -code))

    cdef look_up(self, Connection asked_by):
        """Have the connection told when the addresses are known."""
        if self.waiting is not None:
            self.waiting.append(asked_by)
            return
        self.waiting = [asked_by]
        if self.via is None:
            task = asyncio.ensure_future(self.pool.resolve(self.host, self.port, self.pool.family))
        else:
            task = asyncio.ensure_future(self.via.find(self.pool.family))
        task.add_done_callback(self._looked_up)

    def _looked_up(self, task):
        cdef Connection each
        failure = task.exception()
        if failure is None and self.via is None:
            self.found(task.result())
        elif failure is None:
            rows, texts = task.result()
            fill_tunnel(&self.through, texts)
            self.keep = (*(self.keep or ()), texts)
            self.found(rows)
        waiting, self.waiting = self.waiting, None
        for each in waiting:
            if each.step == LOOKING_UP:
                each.looked_up(failure)

    cdef found(self, list rows):
        """Take the addresses; connections go to each in turn."""
        cdef uint32_t count = <uint32_t>min(len(rows), block.MAX_ADDRESSES)
        if self.pool.one_address:
            count = 1
        self.targets = <addresses.Target *>calloc(count, sizeof(addresses.Target))
        self.reached = <block.Reached *>calloc(count, sizeof(block.Reached))
        if self.targets == NULL or self.reached == NULL:
            raise MemoryError
        self.rows = rows[:count]
        for i, (family, host, port, scope) in enumerate(self.rows):
            kernel.fill_address(&self.targets[i].where, family, host.encode(
                "utf-8", "surrogateescape"), port, scope)
        self.n_targets = count
        self.next = self.pool.index % count

    cdef kernel.Address *choose(self, Connection one):
        """The next address for a connection: that whose turn it is, or the next that may answer."""
        cdef uint32_t at = (one.target + 1) % self.n_targets
        if one.tried == 0:
            at = self.next
            self.next = (at + 1) % self.n_targets
        one.target = addresses.choose(
            self.targets, self.n_targets, at, kernel.now_ns(),
            <uint64_t>(self.pool.connect_timeout_s * 1e9), &one.trial)
        return &self.targets[one.target].where

    cdef answered(self, Connection one):
        addresses.answered(&self.targets[one.target])
        self.reached[one.target].connects += 1

    cdef int begin(self, Connection one) except? -1:
        """TCP is connected: open the transport, or first the way through the proxy."""
        if self.via is None or (self.prefix and not one.exchange.upgrade):
            return self.transport.open(&self.context, &one.link)
        one.passage.tunnel = &self.through
        one.link.passage = &one.passage
        return passage.passage_open(&self.context, &one.link)

    cdef int shake_hands(self, Connection one) except? -1:
        """Take the handshake further, as the transport does."""
        if one.link.passage == NULL:
            return self.transport.handshake(&one.link, self.pool.slot)
        if self.scheme == "https":
            return passage.secure_passage(&one.link, self.pool.slot)
        return passage.plain_passage(&one.link, self.pool.slot)

    def connections(self):
        """Rows of addresses, each with what Block.addresses says of one."""
        cdef block.Reached *one
        rows = []
        for i in range(self.n_targets):
            one = &self.reached[i]
            last = ("", "", "")
            if one.failures:
                last = (ERROR_KINDS[one.kind], ERROR_PHASES[one.phase],
                        code_name(one.kind, one.code))
            rows.append((self.rows[i], (one.connects, one.failures, *last)))
        return rows


cdef count_opening(Connection one):
    """Count a connection that is open now, and how long that took: to a proxy, and from there."""
    cdef Times *times = &one.exchange.times
    cdef block.Slot *slot = one.pool.slot
    cdef uint64_t took_ns = kernel.now_ns() - one.begun_ns
    if one.link.passage != NULL or one.lane.origin.scheme == "https":
        times.handshaking += took_ns
    slot.connects += 1
    slot.connected += 1
    hdr.record(&slot.latency[block.CONNECT_TIME], times.connecting + times.handshaking)
    if one.link.passage != NULL:
        hdr.record(&slot.latency[block.TO_PROXY], times.connecting)
        hdr.record(&slot.latency[block.THROUGH_PROXY], took_ns)


cdef bint is_address(bytes text):
    cdef kernel.Address probe
    return kernel.fill_address(&probe, kernel.AF_INET, text, 0, 0) == 0 \
        or kernel.fill_address(&probe, kernel.AF_INET6, text, 0, 0) == 0
