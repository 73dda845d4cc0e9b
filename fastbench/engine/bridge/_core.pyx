"""The bridge between Python and the engine: thin classes over its structs, no logic."""

import errno
import socket

from libc.math cimport INFINITY
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport calloc, free, malloc

cimport fastbench.engine.addresses as addresses
cimport fastbench.engine.block as block
cimport fastbench.engine.codec as codec
cimport fastbench.engine.conn as conn
cimport fastbench.engine.exchange as exchange
cimport fastbench.engine.hdr as hdr
cimport fastbench.engine.http as http
cimport fastbench.engine.kernel as kernel
cimport fastbench.engine.loop as loop
cimport fastbench.engine.pace as pace
cimport fastbench.engine.response as response
cimport fastbench.engine.rules as rules
cimport fastbench.engine.tls as tls
from fastbench.engine.worker cimport Conn, Request, Template, Worker

# In the order of the enums in block.pxd and response.pxd.
ERROR_KINDS = ("dns", "connect_refused", "connect_timeout", "connect", "tls", "timeout", "reset",
               "truncated", "protocol", "too_large", "unsolicited", "expectation", "cancelled")
ERROR_PHASES = ("resolve", "connect", "tls", "send", "head", "body", "idle")
PROTOCOL_RULES = ("", "status line", "HTTP version", "status code", "bare CR", "control byte",
                  "field name", "folded framing field", "Content-Length", "chunk size",
                  "chunk end", "interim answers", "unasked 101", "several Locations", "cut off",
                  "head size",
                  "chunk extension size")
HISTOGRAMS = ("service", "failed", "connect", "first_byte", "response", "lag", "operation")
WORKER_STATES = ("starting", "connecting", "ready", "running", "ended")
TLS_VERSIONS = {0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
HISTOGRAM_COUNTERS = hdr.COUNTERS
MAX_HEAD_BYTES = response.MAX_HEAD_BYTES
MAX_ADDRESSES = block.MAX_ADDRESSES
UNLIMITED = 2**63
# getaddrinfo(3): the codes are negative, rows of errors hold them without the sign.
EAI_NAMES = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}


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
    if kind == block.DNS:
        return EAI_NAMES.get(-code, errno.errorcode.get(code, "EAI_FAIL"))
    if kind == block.EXPECTATION:
        return str(code) if code else ""
    if kind == block.TIMEOUT:
        return "behind a timeout" if code == exchange.BEHIND_TIMEOUT else ""
    return errno.errorcode.get(code, str(code)) if code else ""


include "_block.pxi"


cdef void *allocate(size_t count, size_t n_bytes) except NULL:
    cdef void *memory = calloc(count, n_bytes)
    if memory == NULL:
        raise MemoryError
    return memory


cdef int look_for(codec.Needle *needle, bytes text) except -1:
    """Make `needle` find `text`, which must outlive it."""
    if not text:
        return 0
    needle.fallback = <uint32_t *>allocate(len(text), sizeof(uint32_t))
    needle.n_bytes = <uint32_t>len(text)
    needle.text = text
    codec.prepare(needle)
    return 0


cdef class Parser:
    """Reads one answer at a time, by the codec of HTTP/1.1; no I/O."""

    cdef codec.Codec protocol
    cdef response.Http state
    cdef codec.Memo memo
    cdef codec.Needle needle
    cdef bytes text

    def __cinit__(self, *, bint head=False, bytes expect_body=b""):
        http.use_http(&self.protocol)
        self.text = expect_body
        look_for(&self.needle, self.text)
        self.reset(head=head)

    def __dealloc__(self):
        free(self.needle.fallback)

    def reset(self, *, bint head=False):
        """Begin the next response; `head`: it answers a HEAD request."""
        self.protocol.expect(&self.state, <response.Asked>head)

    def feed(self, const uint8_t[::1] data not None):
        """Take bytes up to the end of the message; returns how many were taken."""
        if data.shape[0] == 0:
            return 0
        return codec.feed(&self.protocol, &self.state, &data[0], data.shape[0], &self.needle,
                          &self.memo)

    def eof(self):
        """The peer closed: ends a body without a length, else cuts the message off."""
        if not self.protocol.close(&self.state) and not response.ended(&self.state):
            response.fail(&self.state, response.CUT_OFF)

    @property
    def outcome(self):
        """"" while reading, then "ok", "protocol", "truncated" or "too_large"."""
        if not response.ended(&self.state):
            return ""
        if self.state.state == response.DONE:
            return "ok"
        if self.state.rule == response.CUT_OFF:
            return "truncated"
        return ERROR_KINDS[rules.kind_of_broken(&self.state)]

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

    cdef Worker worker
    cdef Request *requests
    cdef Block block
    cdef object keep            # what the structs point into

    def __cinit__(self, Block shared not None, uint32_t slot, *, list targets not None,
                  uint32_t connections, uint64_t budget, tuple requests not None,
                  list pattern not None, list urls=None, uint32_t pipeline, bint keepalive,
                  bint retry,
                  uint64_t timeout_ns, uint64_t connect_timeout_ns, bytes ok_status not None,
                  bint status_expected, bytes expect_body not None, list sources not None,
                  uint32_t first, tuple tls_options, tuple plan=None, bint drain=False):
        cdef Worker *w = &self.worker
        self.block = shared
        self.keep = [requests, ok_status, expect_body]
        http.use_http(&w.codec)
        w.epoll = -1
        w.index = slot
        w.slot = shared.slot(slot)
        w.counts = w.slot
        if shared.slots > shared.workers:
            w.warm = shared.slot(shared.workers + slot)
        w.drain = drain
        w.control = shared.control()
        w.pipeline = pipeline
        w.keepalive = keepalive
        w.retry_allowed = retry
        w.timeout_ns = timeout_ns
        w.connect_timeout_ns = connect_timeout_ns
        w.budget = <uint64_t>UNLIMITED if w.warm != NULL else budget
        w.measured_budget = budget
        w.read_bytes = exchange.READ_BYTES
        w.rng = kernel.now_ns() * 2 + 1 + slot
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
        self.set_addresses(targets, sources)
        self.set_requests(requests, pattern)
        self.set_urls(urls)
        self.set_transport(tls_options)
        w.discard = tls_options is None and not expect_body \
            and w.targets[0].where.where.ss_family != kernel.AF_UNIX
        w.n_active = connections
        self.set_plan(plan)
        self.set_connections(connections, first)

    def __dealloc__(self):
        if self.worker.epoll >= 0:
            kernel.close(self.worker.epoll)
        free(self.worker.needle.fallback)
        free(self.worker.buffer)
        free(self.worker.scratch)
        free(self.worker.sources)
        free(self.worker.targets)
        free(self.worker.templates)
        free(self.worker.pattern)
        free(self.worker.stages)
        free(self.worker.conns)
        free(self.requests)
        tls.tear_down(&self.worker.tls)

    cdef set_addresses(self, list targets, list sources):
        """Each target and source: (family, IP address or path, port, IPv6 scope)."""
        cdef Worker *w = &self.worker
        if not 1 <= len(targets) <= block.MAX_ADDRESSES:
            raise ValueError(f"a server has 1 to {block.MAX_ADDRESSES} addresses")
        w.n_targets = <uint32_t>len(targets)
        w.targets = <addresses.Target *>allocate(len(targets), sizeof(addresses.Target))
        w.n_sources = <uint32_t>len(sources)
        w.sources = <kernel.Address *>allocate(len(sources) + 1, sizeof(kernel.Address))
        for i, target in enumerate(targets):
            set_address(&w.targets[i].where, target)
        for i, source in enumerate(sources):
            set_address(&w.sources[i], source)

    cdef set_requests(self, tuple requests, list pattern):
        """`requests`: of plan.Request; `pattern`: their indexes in the order they are sent."""
        cdef Worker *w = &self.worker
        cdef bytes data, method
        w.n_templates = <uint32_t>len(requests)
        w.templates = <Template *>allocate(w.n_templates, sizeof(Template))
        for i, request in enumerate(requests):
            data, method = request.payload, request.method.encode()
            w.templates[i].data = data
            w.templates[i].n_bytes = <uint32_t>len(data)
            w.templates[i].head_only = rules.answers_without_body(method)
            w.templates[i].idempotent = rules.idempotent(method)
        w.n_pattern = <uint32_t>len(pattern)
        w.pattern = <uint32_t *>allocate(w.n_pattern, sizeof(uint32_t))
        for i, index in enumerate(pattern):
            if not 0 <= index < w.n_templates:
                raise ValueError("the pattern names a request that is not there")
            w.pattern[i] = index

    cdef set_urls(self, list rows):
        """`rows`: for each request the URL of the block that it counts for; None: one URL."""
        cdef Worker *w = &self.worker
        if not rows:
            return
        for i, row in enumerate(rows):
            self.block.url(w.index, row)
            w.templates[i].url = row
        w.urls = self.block.url(w.index, 0)

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
        code = tls.set_up(secure, self.worker.codec.name, cafile, certfile, keyfile)
        if code < 0:
            raise ValueError(code_name(block.TLS, -code))

    cdef set_plan(self, tuple options):
        """None: a closed loop; else (rates: bool, stages, warm-up level, poisson, drop).

        Each stage is (length_s, first, last): requests per second when `rates`, else connections,
        over all workers.
        """
        cdef Worker *w = &self.worker
        if options is None:
            return
        w.planned, levels, warm, w.pace.poisson, w.pace.drop = options
        w.pace.step = self.block.workers
        w.n_stages = <uint32_t>len(levels)
        w.stages = stages_of(levels)
        w.warm_stage.length_s = INFINITY
        w.warm_stage.first = w.warm_stage.last = warm
        pace.lay_out(&w.warm_stage, 1)
        if not w.planned:
            w.n_active = <uint32_t>(warm + 0.5) // w.pace.step
            w.n_active += w.index < <uint32_t>(warm + 0.5) % w.pace.step

    cdef set_connections(self, uint32_t count, uint32_t first):
        cdef Worker *w = &self.worker
        w.n_conns = count
        w.conns = <Conn *>allocate(count, sizeof(Conn))
        self.requests = <Request *>allocate(<size_t>count * w.pipeline, sizeof(Request))
        conn.set_up(w, self.requests, first)

    def run(self):
        """Load the server until the block says stop or the budget is spent. Blocks; no GIL."""
        with nogil:
            loop.run(&self.worker)


cdef pace.Stage *stages_of(list levels) except NULL:
    """`levels`: (length_s, first, last) of each stage; to be freed."""
    cdef pace.Stage *stages = <pace.Stage *>allocate(len(levels), sizeof(pace.Stage))
    for i, (length_s, first, last) in enumerate(levels):
        stages[i].length_s = length_s
        stages[i].first = first
        stages[i].last = last
    pace.lay_out(stages, <uint32_t>len(levels))
    return stages


def instants(list levels not None, uint32_t count, *, uint32_t worker=0, uint32_t workers=1,
             uint64_t seed=0):
    """The first `count` planned instants of a worker, ns after the plan's zero; for tests.

    `levels` as in Engine; a `seed` makes it a Poisson plan.
    """
    cdef pace.Pace plan
    plan.stages = stages_of(levels)
    plan.n_stages = <uint32_t>len(levels)
    plan.step = workers
    plan.poisson = seed != 0
    pace.begin_plan(&plan, 0, 0, count, worker, seed)
    found = []
    while plan.next.due_ns != <uint64_t>-1:
        found.append(plan.next.due_ns)
        pace.advance(&plan, &plan.next)
    free(plan.stages)
    return found


cdef set_address(kernel.Address *address, tuple parts):
    family, host, port, scope = parts
    if kernel.fill_address(address, family, host, port, scope) < 0:
        raise ValueError(f"{host!r} is no address of family {family}")
