"""The bridge between Python and the engine: thin classes over its structs, no logic."""

import errno
import os
import socket as sockets

from libc.math cimport INFINITY, log
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memmove, memset

cimport fastbench.engine.addresses as addresses
cimport fastbench.engine.block as block
cimport fastbench.engine.codec as codec
cimport fastbench.engine.conn as conn
cimport fastbench.engine.http1.exchange as exchange
cimport fastbench.engine.websocket.frames as frames
cimport fastbench.engine.hdr as hdr
cimport fastbench.engine.http1.http as http
cimport fastbench.engine.http2.field_block as field_block
cimport fastbench.engine.http2.frame as frame
cimport fastbench.engine.http2.head_block as head_block
cimport fastbench.engine.http2.hpack as hpack
cimport fastbench.engine.http2.huffman as huffman
cimport fastbench.engine.http2.meaning as meaning
cimport fastbench.engine.http2.message as h2message
cimport fastbench.engine.http2.request_block as request_block
cimport fastbench.engine.http2.session as h2session
cimport fastbench.engine.http2.stream as stream
cimport fastbench.engine.kernel as kernel
cimport fastbench.engine.loop as loop
cimport fastbench.engine.pace as pace
cimport fastbench.engine.proxy.passage as passage
cimport fastbench.engine.proxy.tunnel as tunnel
cimport fastbench.engine.http1.response as response
cimport fastbench.engine.rules as rules
cimport fastbench.engine.slices as slices
cimport fastbench.engine.websocket.talk as talk
cimport fastbench.engine.texts.answer_stream as answer_stream
cimport fastbench.engine.texts.atomics as atomics
cimport fastbench.engine.texts.request_end as request_end
cimport fastbench.engine.texts.text_ring as text_ring
cimport fastbench.engine.tls as tls
cimport fastbench.engine.websocket.upgrade as upgrade
cimport fastbench.engine.websocket.dialogue as dialogue
cimport fastbench.engine.tally as tally
cimport fastbench.engine.varied.digest as digest
cimport fastbench.engine.varied.pieces as pieces
cimport fastbench.engine.varied.request_text as request_text
cimport fastbench.engine.varied.values as values
from fastbench.engine.worker cimport (
    ONLY_HTTP1, Conn, Protocols, Request, Sample, Socket, SocketMode, Template, Worker,
)

include "_names.pxi"

LAYOUT = f"{sizeof(block.Slot)} {sizeof(block.UrlCounts)}"   # two builds that share memory have one
HISTOGRAMS = ("service", "failed", "connect", "first_byte", "response", "lag", "operation",
              "to_proxy", "through_proxy")
SOCKET_MODES = ("echo", "push", "hold")
MAX_MESSAGE_BYTES = 1 << 30
WORKER_STATES = ("starting", "connecting", "ready", "running", "ended")
TLS_VERSIONS = {0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
HISTOGRAM_COUNTERS = hdr.COUNTERS
MAX_HEAD_BYTES = response.MAX_HEAD_BYTES
MAX_ADDRESSES = block.MAX_ADDRESSES
UNLIMITED = 2**63
# getaddrinfo(3): the codes are negative, rows of errors hold them without the sign.
EAI_NAMES = {getattr(sockets, name): name for name in dir(sockets) if name.startswith("EAI_")}


def die_with_parent():
    """Have the kernel kill this process when the thread that forked it ends (PR_SET_PDEATHSIG)."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, kernel.SIGKILL)


include "_block.pxi"
include "_changes.pxi"


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


include "_parser.pxi"
include "_hpack.pxi"
include "_digest.pxi"
include "_varied.pxi"
include "_http2.pxi"
include "_feed.pxi"
include "_texts.pxi"


cdef class Engine:
    """One worker's load on one server; `run` is where the GIL is released."""

    cdef Worker worker
    cdef Request *requests
    cdef Block block
    cdef VariedRequests varied
    cdef Conn awakened          # what the eventfd of a script's texts stands for
    cdef tls.Passage *passages  # one per connection, NULL without a proxy's tunnel
    cdef tunnel.Tunnel through
    cdef object keep            # what the structs point into

    def __cinit__(self, Block shared not None, uint32_t slot, *, list targets not None,
                  uint32_t connections, uint64_t budget, tuple requests not None,
                  list pattern not None, list urls=None, uint32_t pipeline, bint keepalive,
                  bint retry, uint64_t timeout_ns, uint64_t connect_timeout_ns,
                  bytes ok_status not None, bint status_expected, bytes expect_body not None,
                  list sources not None, uint32_t first, tuple tls_options, tuple plan=None,
                  bint drain=False, tuple socket=None, str protocols="http/1.1",
                  uint32_t streams=1, bint no_delay=True, tuple period=None, feed=None,
                  uint64_t seed=0, int64_t wall_offset_ns=0, TextRing texts=None,
                  tuple through=None, Nonces nonces=None):
        """`protocols`: one of CONNECTION_PROTOCOLS; `streams` of a connection of HTTP/2.

        `period`: the requests are those of several periods of time, one after another; when the
        first ends (ns), how long the others are, and how many requests each has. `feed`, `seed`
        and the offset to Unix time are for requests that vary, `nonces` for digest authentication.
        `through`: what is said to a proxy, whose addresses the targets are, see `fill_tunnel`.
        """
        cdef Worker *w = &self.worker
        self.block = shared
        self.keep = [requests, ok_status, expect_body]
        http.use_http(&w.codec)
        w.epoll = -1
        w.index = slot
        w.slot = shared.slot(slot)
        w.counts = w.slot
        if shared.warmup:
            w.warm = shared.slot(shared.total + slot)
        w.drain = drain
        w.no_delay = no_delay
        w.control = shared.control()
        w.pipeline = pipeline if texts is None else max(pipeline, texts.chained)
        w.streams = streams if keepalive else 1
        w.ring_size = max(w.pipeline, w.streams)
        w.protocols = <Protocols><int>CONNECTION_PROTOCOLS.index(protocols)
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
        self.set_varied(requests, feed, expect_body, nonces)
        w.varying.seed, w.varying.wall_offset_ns = seed, wall_offset_ns
        w.varying.first_connection = first
        w.epoll = kernel.epoll_create1(kernel.EPOLL_CLOEXEC)
        if w.epoll < 0:
            raise OSError(kernel.errno, "epoll_create1")
        w.buffer = <uint8_t *>allocate(exchange.READ_BYTES, 1)
        self.set_addresses(targets, sources)
        self.set_requests(requests, pattern)
        w.period_end_ns = <uint64_t>-1
        if period is not None:
            w.period_end_ns, w.period_ns, w.period_templates = period
        self.varied.attach(w)
        if w.protocols != ONLY_HTTP1:
            self.render_requests(requests, b"http" if tls_options is None else b"https")
        self.set_urls(urls)
        self.set_transport(tls_options)
        w.discard = tls_options is None and not w.searches \
            and w.targets[0].where.where.ss_family != kernel.AF_UNIX
        w.n_active = connections
        self.set_plan(plan)
        self.set_connections(connections, first, through)
        self.set_socket(socket)
        self.set_texts(texts)

    def __dealloc__(self):
        if self.worker.talk.sockets != NULL:
            dialogue.forget_sockets(&self.worker)
        if self.worker.conns != NULL:
            for i in range(self.worker.n_conns):
                stream.free_session(self.worker.conns[i].session)
        free(self.worker.talk.sockets)
        free(self.worker.talk.head)
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
        free(self.passages)
        free(self.requests)
        tls.tear_down(&self.worker.tls)

    cdef set_varied(self, tuple requests, feed, bytes expect_body, Nonces nonces):
        """What depends on a request's number, which is one of this worker's over all of them."""
        cdef Worker *w = &self.worker
        self.varied = VariedRequests(requests, Feed(feed))
        look_for(&w.needle, b"" if self.varied.expects else expect_body)
        w.searches = self.varied.expects or len(expect_body) != 0
        w.scratch_bytes = max(exchange.SCRATCH_BYTES, self.varied.most_bytes)
        w.scratch = <uint8_t *>allocate(w.scratch_bytes, 1)
        self.keep.append(nonces)
        w.varying.nonces = NULL if nonces is None else &nonces.nonces
        w.next_number = w.index
        w.number_step = self.block.total

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

    cdef render_requests(self, tuple requests, bytes scheme):
        """The same requests as HTTP/2 sends them."""
        cdef stream.Rendered *out
        cdef bytes block_text, body
        blocks = RequestBlocks([(each.method.encode(), scheme, b"", *parts_of(each))
                                for each in requests])
        self.varied.attach_blocks(&self.worker, blocks)
        for i, request in enumerate(requests):
            if self.worker.templates[i].varied != NULL:
                continue
            out = &self.worker.templates[i].rendered
            for form, text in enumerate((blocks.literal(i), blocks.first(i), blocks.later(i))):
                self.keep.append(text)
                block_text = text
                out.block[form] = block_text
                out.block_bytes[form] = <uint32_t>len(block_text)
            body = request.body or b""
            out.body = body
            out.body_bytes = <uint32_t>len(body)
            out.without_body = self.worker.templates[i].head_only

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
        protocols = CONNECTION_PROTOCOLS[<int>self.worker.protocols].encode()
        code = tls.set_up(secure, protocols, cafile, certfile, keyfile)
        if code < 0:
            raise ValueError(code_name(block.TLS, -code))

    cdef set_plan(self, tuple options):
        """None: a closed loop; else (rates: bool, stages, warm-up level, poisson, drop, burst,
        burst_ns), the last two 0 without bursts.

        Each stage is (length_s, first, last): requests per second when `rates`, else connections,
        over all workers.
        """
        cdef Worker *w = &self.worker
        if options is None:
            return
        (w.planned, levels, warm, w.pace.poisson, w.pace.drop, w.pace.burst,
         w.pace.burst_ns) = options
        w.pace.step = self.block.total
        w.n_stages = <uint32_t>len(levels)
        w.stages = stages_of(levels)
        w.warm_stage.length_s = INFINITY
        w.warm_stage.first = w.warm_stage.last = warm
        pace.lay_out(&w.warm_stage, 1)
        if not w.planned:
            w.n_active = <uint32_t>(warm + 0.5) // w.pace.step
            w.n_active += w.index < <uint32_t>(warm + 0.5) % w.pace.step

    cdef set_connections(self, uint32_t count, uint32_t first, tuple through):
        cdef Worker *w = &self.worker
        w.n_conns = count
        w.conns = <Conn *>allocate(count, sizeof(Conn))
        self.requests = <Request *>allocate(<size_t>count * w.ring_size, sizeof(Request))
        conn.set_up(w, self.requests, first)
        make_passages(self, through)

    cdef set_socket(self, tuple options):
        """None: HTTP; else (mode, one of SOCKET_MODES; opcode, message, subprotocols offered).

        The one request is the handshake then.
        """
        cdef Worker *w = &self.worker
        cdef bytes head, message, protocols
        if options is None:
            return
        mode, opcode, message, protocols = options
        self.keep.append(options)
        head = <bytes>self.keep[0][0].payload
        at = head.lower().index(b"\r\nsec-websocket-key: ") + 21
        w.talk.mode = <SocketMode><int>SOCKET_MODES.index(mode)
        w.talk.first = frames.FIN | <uint8_t>opcode
        w.talk.head_bytes = <uint32_t>len(head)
        w.talk.head = <uint8_t *>allocate(len(head), 1)
        memcpy(w.talk.head, <const char *>head, len(head))
        w.talk.key_at = <uint32_t>at
        w.talk.protocols = protocols
        w.talk.max_message_bytes = MAX_MESSAGE_BYTES
        w.talk.sockets = <Socket *>allocate(w.n_conns, sizeof(Socket))
        w.talk.greets = mode != "echo" and len(message) != 0
        w.templates[0].data = message
        w.templates[0].n_bytes = <uint32_t>len(message)
        w.retry_allowed = False
        w.discard = False
        w.rng = <uint64_t>int.from_bytes(os.urandom(8), "little") | 1
        dialogue.use_websocket(w)

    cdef set_texts(self, TextRing texts):
        """The requests are those that a script makes, None: those of the plan."""
        cdef Worker *w = &self.worker
        if texts is None:
            return
        if texts.connections != w.n_conns:
            raise ValueError("the texts are for another number of connections")
        self.keep.append(texts)
        w.texts = &texts.ring
        w.discard = w.discard and w.texts.answers.bytes == NULL
        if kernel.watch(w.epoll, w.texts.engine_fd, &self.awakened) < 0:
            raise OSError(kernel.errno, "epoll_ctl")

    def run(self):
        """Load the server until the block says stop or the budget is spent. Blocks; no GIL."""
        with nogil:
            loop.run(&self.worker)


include "_slices.pxi"
include "_tunnel.pxi"


include "_pace.pxi"


cdef set_address(kernel.Address *address, tuple parts):
    family, host, port, scope = parts
    if kernel.fill_address(address, family, host, port, scope) < 0:
        raise ValueError(f"{host!r} is no address of family {family}")
