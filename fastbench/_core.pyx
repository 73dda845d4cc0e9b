"""The bridge between Python and the engine: thin classes over its structs, no logic."""

import errno

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

cimport fastbench.engine.block as block
cimport fastbench.engine.conn as conn
cimport fastbench.engine.exchange as exchange
cimport fastbench.engine.hdr as hdr
cimport fastbench.engine.http as http
cimport fastbench.engine.kernel as kernel
cimport fastbench.engine.loop as loop
cimport fastbench.engine.response as response
cimport fastbench.engine.tls as tls

# In the order of the enums in block.pxd and response.pxd.
ERROR_KINDS = ("dns", "connect_refused", "connect_timeout", "connect", "tls", "timeout", "reset",
               "truncated", "protocol", "too_large", "unsolicited", "expectation")
ERROR_PHASES = ("resolve", "connect", "tls", "send", "head", "body", "idle")
PROTOCOL_RULES = ("", "status line", "HTTP version", "status code", "bare CR", "control byte",
                  "field name", "folded framing field", "Content-Length", "chunk size",
                  "chunk end", "interim answers", "unasked 101", "cut off", "head size",
                  "chunk extension size")
HISTOGRAMS = ("service", "failed", "connect", "first_byte")
WORKER_STATES = ("starting", "connecting", "ready", "running", "ended")
TLS_VERSIONS = {0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
HISTOGRAM_COUNTERS = hdr.COUNTERS
MAX_HEAD_BYTES = response.MAX_HEAD_BYTES


def die_with_parent():
    """Have the kernel kill this process when the thread that forked it ends (PR_SET_PDEATHSIG)."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, kernel.SIGKILL)


cdef str text_of(const char *text):
    return "" if text == NULL else text.decode("utf-8", "replace")


cdef str code_name(int kind, int code):
    """The code of an error row in words: errno name, parser rule, OpenSSL's reason, or status."""
    if kind == block.PROTOCOL or kind == block.TOO_LARGE:
        return PROTOCOL_RULES[code]
    if code >= tls.TLS_REASON:
        return text_of(tls.reason(code))
    if kind == block.EXPECTATION:
        return str(code) if code else ""
    if kind == block.TIMEOUT:
        return "behind a timeout" if code == exchange.BEHIND_TIMEOUT else ""
    return errno.errorcode.get(code, str(code)) if code else ""


cdef class Histogram:
    """Latencies in nanoseconds, HdrHistogram layout: 33,792 counters, 3 significant digits."""

    cdef hdr.Hdr data

    def __cinit__(self):
        hdr.reset(&self.data)

    def record(self, uint64_t value_ns):
        """Count one value."""
        hdr.record(&self.data, value_ns)

    def add(self, Histogram other not None):
        """Merge `other` into this one."""
        hdr.add(&self.data, &other.data)

    def since(self, Histogram earlier not None):
        """What was recorded after `earlier`, a copy of this histogram made before."""
        cdef Histogram out = Histogram()
        hdr.difference(&out.data, &self.data, &earlier.data)
        return out

    def percentile(self, double percent):
        """Highest equivalent value at `percent` (0 to 100), in ns; 0 when empty."""
        return hdr.percentile(&self.data, percent)

    def counts(self):
        """Counters that are not 0, in ascending order: {counter: count}."""
        cdef uint32_t i
        counts = {}
        for i in range(hdr.COUNTERS):
            if self.data.counts[i]:
                counts[i] = self.data.counts[i]
        return counts

    @property
    def count(self):
        return self.data.count

    @property
    def min_ns(self):
        return self.data.min_ns if self.data.count else 0

    @property
    def max_ns(self):
        return self.data.max_ns

    @property
    def sum_ns(self):
        return self.data.sum_ns


cdef class Block:
    """The shared memory of a run: make it before the fork, see engine/block.pxd."""

    cdef void *memory
    cdef size_t n_bytes
    cdef readonly uint32_t workers

    def __cinit__(self, uint32_t workers):
        cdef uint32_t i, series
        self.workers = workers
        self.n_bytes = block.block_bytes(workers)
        self.memory = kernel.mmap(NULL, self.n_bytes, kernel.PROT_READ | kernel.PROT_WRITE,
                                  kernel.MAP_SHARED | kernel.MAP_ANONYMOUS, -1, 0)
        if self.memory == kernel.MAP_FAILED:
            self.memory = NULL
            raise MemoryError(f"{self.n_bytes} bytes of shared memory could not be mapped")
        if kernel.populate(self.memory, self.n_bytes) < 0:
            raise MemoryError(f"{self.n_bytes} bytes of shared memory could not be filled")
        for i in range(workers):
            for series in range(block.SERIES):
                hdr.reset(&block.slot_at(self.memory, i).latency[series])

    def __dealloc__(self):
        if self.memory != NULL:
            kernel.munmap(self.memory, self.n_bytes)

    cdef block.Control *control(self):
        return <block.Control *>self.memory

    cdef block.Slot *slot(self, uint32_t worker) except NULL:
        if worker >= self.workers:
            raise IndexError(f"the block has {self.workers} slots, not {worker + 1}")
        return block.slot_at(self.memory, worker)

    def open_start_line(self, uint64_t start_ns, uint64_t stop_ns):
        """Let the workers begin and stop at these times of CLOCK_MONOTONIC; stop 0: no limit."""
        self.control().stop_ns = stop_ns
        self.control().start_ns = start_ns

    def stop(self):
        """Tell the workers to stop now."""
        self.control().stop = 1

    def state(self, uint32_t worker):
        """One of WORKER_STATES."""
        return WORKER_STATES[self.slot(worker).state]

    def counters(self, uint32_t worker):
        """The plain counters of a slot by name; requests, bytes, connections, ns."""
        cdef block.Slot *slot = self.slot(worker)
        return {
            "settled": slot.settled, "connected": slot.connected, "connects": slot.connects,
            "closed_idle": slot.closed_idle, "end_ns": slot.end_ns, "idle_ns": slot.idle_ns,
            "started": slot.started, "ok": slot.ok, "failed": slot.failed,
            "timeouts": slot.timeouts, "retried": slot.retried, "in_flight": slot.in_flight,
            "oldest_sent_ns": slot.oldest_sent_ns, "bytes_in": slot.bytes_in,
            "bytes_out": slot.bytes_out, "handshakes": slot.handshakes, "resumed": slot.resumed,
        }

    def tls(self, uint32_t worker):
        """(version, cipher) of the newest handshake, empty when there was none."""
        cdef block.Slot *slot = self.slot(worker)
        return TLS_VERSIONS.get(slot.tls_version, ""), text_of(slot.cipher)

    def status_codes(self, uint32_t worker):
        """Complete answers by status."""
        cdef block.Slot *slot = self.slot(worker)
        return {status: slot.status[status] for status in range(block.MAX_STATUS)
                if slot.status[status]}

    def errors(self, uint32_t worker):
        """Rows (kind, phase, code in words, count, first_ns)."""
        cdef block.Slot *slot = self.slot(worker)
        cdef block.ErrorRow *row
        rows = []
        for i in range(slot.error_rows):
            row = &slot.errors[i]
            rows.append((ERROR_KINDS[row.kind], ERROR_PHASES[row.phase],
                         code_name(row.kind, row.code), row.count, row.first_ns))
        return rows

    def histogram(self, name):
        """The sum over all slots of one of HISTOGRAMS."""
        cdef Histogram out = Histogram()
        cdef int series = HISTOGRAMS.index(name)
        for i in range(self.workers):
            hdr.add(&out.data, &self.slot(i).latency[series])
        return out


cdef void *allocate(size_t count, size_t n_bytes) except NULL:
    cdef void *memory = calloc(count, n_bytes)
    if memory == NULL:
        raise MemoryError
    return memory


cdef int look_for(http.Needle *needle, bytes text) except -1:
    """Make `needle` find `text`, which must outlive it."""
    if not text:
        return 0
    needle.fallback = <uint32_t *>allocate(len(text), sizeof(uint32_t))
    needle.n_bytes = <uint32_t>len(text)
    needle.text = text
    http.prepare(needle)
    return 0


cdef class Parser:
    """Reads one HTTP/1.x response at a time (engine/http.pxd); no I/O."""

    cdef response.Http state
    cdef http.Memo memo
    cdef http.Needle needle
    cdef bytes text

    def __cinit__(self, *, bint head=False, bytes expect_body=b""):
        self.text = expect_body
        look_for(&self.needle, self.text)
        self.reset(head=head)

    def __dealloc__(self):
        free(self.needle.fallback)

    def reset(self, *, bint head=False):
        """Begin the next response; `head`: it answers a HEAD request."""
        response.begin(&self.state, head)

    def feed(self, const uint8_t[::1] data not None):
        """Take bytes up to the end of the message; returns how many were taken."""
        if data.shape[0] == 0:
            return 0
        return http.feed(&self.state, &data[0], data.shape[0], &self.needle, &self.memo)

    def eof(self):
        """The peer closed: ends a body without a length, else cuts the message off."""
        http.eof(&self.state)

    @property
    def outcome(self):
        """"" while reading, then "ok", "protocol", "truncated" or "too_large"."""
        if not response.ended(&self.state):
            return ""
        if self.state.state == response.DONE:
            return "ok"
        if self.state.rule == response.CUT_OFF:
            return "truncated"
        return "too_large" if self.state.rule >= response.HEAD_SIZE else "protocol"

    @property
    def rule(self):
        """The broken rule, one of PROTOCOL_RULES."""
        return PROTOCOL_RULES[self.state.rule]

    @property
    def status(self):
        return self.state.status

    @property
    def minor_version(self):
        return self.state.minor

    @property
    def body_bytes(self):
        return self.state.body_bytes

    @property
    def reusable(self):
        """May the connection carry another request (RFC 9112 section 9.3)?"""
        return response.reusable(&self.state)

    @property
    def body_found(self):
        return self.state.flags & response.FOUND != 0


cdef class Engine:
    """One worker's load on one server; `run` is where the GIL is released."""

    cdef conn.Worker worker
    cdef conn.Request *requests
    cdef Block block
    cdef object keep            # what the structs point into

    def __cinit__(self, Block shared not None, uint32_t slot, *, tuple target not None,
                  uint32_t connections, uint64_t budget, list requests not None,
                  list pattern not None, uint32_t pipeline, bint keepalive, bint retry,
                  uint64_t timeout_ns, uint64_t connect_timeout_ns, bytes ok_status not None,
                  bint status_expected, bytes expect_body not None, list sources not None,
                  uint32_t first_source, tuple tls_options):
        cdef conn.Worker *w = &self.worker
        self.block = shared
        self.keep = [requests, ok_status, expect_body]
        w.epoll = -1
        w.slot = shared.slot(slot)
        w.control = shared.control()
        w.pipeline = pipeline
        w.keepalive = keepalive
        w.retry_allowed = retry
        w.timeout_ns = timeout_ns
        w.connect_timeout_ns = connect_timeout_ns
        w.budget = budget
        w.read_bytes = exchange.READ_BYTES
        w.dice = kernel.now_ns() * 2 + 1 + slot
        if len(ok_status) != block.MAX_STATUS:
            raise ValueError(f"ok_status takes {block.MAX_STATUS} bytes")
        w.ok_status = <uint8_t *><const uint8_t *>ok_status
        w.status_expected = status_expected
        look_for(&w.needle, expect_body)
        w.epoll = kernel.epoll_create1(kernel.EPOLL_CLOEXEC)
        if w.epoll < 0:
            raise OSError(kernel.errno, "epoll_create1")
        w.buffer = <uint8_t *>allocate(exchange.READ_BYTES, 1)
        w.scratch = <uint8_t *>allocate(exchange.SCRATCH_BYTES, 1)
        self.set_addresses(target, sources)
        self.set_requests(requests, pattern)
        self.set_transport(tls_options)
        w.discard = tls_options is None and not expect_body and w.family != kernel.AF_UNIX
        self.set_connections(connections, first_source)

    def __dealloc__(self):
        if self.worker.epoll >= 0:
            kernel.close(self.worker.epoll)
        free(self.worker.needle.fallback)
        free(self.worker.buffer)
        free(self.worker.scratch)
        free(self.worker.sources)
        free(self.worker.templates)
        free(self.worker.pattern)
        free(self.worker.conns)
        free(self.requests)
        tls.tear_down(&self.worker.tls)

    cdef set_addresses(self, tuple target, list sources):
        """`target` and each source: (family, IP address or path, port, IPv6 scope)."""
        cdef conn.Worker *w = &self.worker
        w.family = target[0]
        w.n_sources = <uint32_t>len(sources)
        w.sources = <kernel.Address *>allocate(len(sources) + 1, sizeof(kernel.Address))
        set_address(&w.target, target)
        for i, source in enumerate(sources):
            set_address(&w.sources[i], source)

    cdef set_requests(self, list requests, list pattern):
        """`requests`: (bytes, is HEAD, is idempotent); `pattern`: their indexes in order sent."""
        cdef conn.Worker *w = &self.worker
        w.n_templates = <uint32_t>len(requests)
        w.templates = <conn.Template *>allocate(w.n_templates, sizeof(conn.Template))
        cdef bytes data
        for i, (payload, head_only, idempotent) in enumerate(requests):
            data = payload
            w.templates[i].data = data
            w.templates[i].n_bytes = <uint32_t>len(data)
            w.templates[i].head_only = head_only
            w.templates[i].idempotent = idempotent
        w.n_pattern = <uint32_t>len(pattern)
        w.pattern = <uint32_t *>allocate(w.n_pattern, sizeof(uint32_t))
        for i, index in enumerate(pattern):
            if not 0 <= index < w.n_templates:
                raise ValueError("the pattern names a request that is not there")
            w.pattern[i] = index

    cdef set_transport(self, tuple options):
        """None: plain; else (servername, is an address, verify, cafile, certfile, keyfile)."""
        cdef tls.Tls *secure = &self.worker.tls
        cdef int code
        if options is None:
            tls.use_plain(&self.worker.transport)
            return
        tls.use_tls(&self.worker.transport)
        servername, secure.name_is_address, secure.verify, cafile, certfile, keyfile = options
        self.keep.append(options)
        secure.servername = servername
        code = tls.set_up(secure, cafile, certfile, keyfile)
        if code < 0:
            raise ValueError(code_name(block.TLS, -code))

    cdef set_connections(self, uint32_t count, uint32_t first_source):
        cdef conn.Worker *w = &self.worker
        w.n_conns = count
        w.conns = <conn.Conn *>allocate(count, sizeof(conn.Conn))
        self.requests = <conn.Request *>allocate(<size_t>count * w.pipeline, sizeof(conn.Request))
        conn.set_up(w, self.requests, first_source)

    def run(self):
        """Load the server until the block says stop or the budget is spent. Blocks; no GIL."""
        with nogil:
            loop.run(&self.worker)


cdef set_address(kernel.Address *address, tuple parts):
    family, host, port, scope = parts
    if kernel.fill_address(address, family, host, port, scope) < 0:
        raise ValueError(f"{host!r} is no address of family {family}")
