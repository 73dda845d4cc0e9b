"""What one worker holds: its connections, the requests in flight, the plan, the counters.

Plain structs; what happens to them stands in `tally`, `conn`, `traffic` and `loop`.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastbench.engine.addresses cimport Target
from fastbench.engine.block cimport Control, Slot, UrlCounts
from fastbench.engine.codec cimport Codec, Memo, Needle
from fastbench.engine.fifo cimport Fifo, Node
from fastbench.engine.http2.head_block cimport BlockMemo
from fastbench.engine.http2.request_block cimport VariedBlock
from fastbench.engine.http2.stream cimport Rendered, Session
from fastbench.engine.websocket.frames cimport MAX_CONTROL_BYTES, Frames
from fastbench.engine.kernel cimport Address
from fastbench.engine.pace cimport Pace, Stage
from fastbench.engine.http1.response cimport Http
from fastbench.engine.texts.text_ring cimport TextRing
from fastbench.engine.tls cimport Link, Tls, Transport
from fastbench.engine.varied.digest cimport Nonces
from fastbench.engine.varied.pieces cimport Rows, Varied

cdef struct Conn
cdef struct Worker

cdef enum ConnState:
    WAITING, CONNECTING_TCP, CONNECTING_TLS, UPGRADING,
    SETTLING,                       # HTTP/2: until the server's SETTINGS came,
    STALLED,                        # and while they allow no stream any more
    OPEN

cdef enum Protocols:                # what connections may speak
    ONLY_HTTP1, ONLY_HTTP2, EITHER  # EITHER: as the server chooses in the TLS handshake

cdef enum SocketMode:               # of a WebSocket: send and await an answer, listen, stay open
    ECHO, PUSH, HOLD

cdef struct Template:               # one rendered request
    const uint8_t *data
    uint32_t n_bytes                # of one that varies: at most
    uint32_t url                    # its row in Worker.urls
    bint head_only
    bint idempotent
    Rendered rendered               # for HTTP/2
    Varied *varied                  # NULL: it is constant
    const VariedBlock *varied_blocks        # of HTTP/2, by Indexing

cdef struct Request:                # one in flight; `node` orders all of a worker by sent_ns
    Node node
    uint64_t number                 # over all workers: what varies follows from it; or of its text
    uint64_t due_ns                 # its planned instant, 0 without one
    uint64_t sent_ns
    uint64_t first_ns               # first byte of its answer, 0 until then
    Slot *slot                      # where it counts: it was started in warm-up or after
    uint32_t template
    uint32_t retried                # how often it was sent again
    Conn *conn

cdef struct Conn:
    Node node
    Link link
    uint8_t state
    uint8_t settled                 # has connected or failed once
    uint8_t idle                    # is in the list of that name
    uint8_t parked                  # one more than the plan asks for now
    bint trial                      # tries an address that did not answer before
    uint16_t source                 # index of its source address
    uint8_t speaks_http2            # since the handshake; here, where every event looks
    uint32_t home                   # index of the address it goes to while that answers
    uint32_t target                 # index of the one it went to
    uint32_t first                  # ring of requests: oldest in flight,
    uint32_t in_flight              # how many,
    uint32_t unsent                 # and how many of them are not fully written
    uint32_t sent_bytes             # written of the oldest unsent one
    uint32_t served                 # complete answers on this connection, saturating
    uint64_t begun_ns               # its connect attempt, 0 when none is under way
    uint64_t due_ns                 # in `retry`: when the next attempt may begin
    uint64_t idle_ns                # open: since when it has had room for a planned request
    Request *ring                   # HTTP/1.1: in the order sent; HTTP/2: by slot
    Http http
    Session *session                # of HTTP/2; NULL until there was one
    bint marked                     # is in the list of those to be flushed
    Conn *next_marked
    uint64_t heard_ns               # HTTP/2: when something came last,
    uint64_t asked_ns               # and when our SETTINGS were sent

cdef struct Socket:                 # a connection as a WebSocket
    uint64_t seed                   # of its keys
    uint64_t numbered               # data frames wholly written
    uint64_t n_controls             # control frames rendered
    uint64_t asked_ns               # when the handshake's request was written
    uint64_t heard_ns               # PUSH: when the last message, or the handshake, was complete
    uint64_t opening_ns             # HOLD: how long it took to open, until that is counted
    uint8_t *early                  # a head that came in pieces, or a ping to answer; NULL else
    uint32_t early_bytes
    uint32_t head_sent              # bytes written of the handshake's request
    uint32_t greeting_sent          # bytes written of what PUSH and HOLD say once,
    bint greets                     # and: not all of it
    bint data_first                 # the socket refused data: TLS wants the same bytes again
    bint left                       # our close frame was said at the end of the run
    uint8_t saying                  # opcode of the control frame in `control`, 0: none
    uint8_t n_control
    uint8_t control_sent
    uint8_t answers                 # 1 + length of the ping in `early`, 0: none
    uint8_t control[MAX_CONTROL_BYTES + 14]
    Frames frames

cdef struct Dialogue:               # how WebSockets differ; `flush` is NULL in a run of HTTP
    int (*flush)(Worker *w, Conn *c) noexcept nogil     # write what is unsent; 0
    Socket *sockets                 # one per connection
    SocketMode mode
    bint greets                     # PUSH and HOLD: the message is sent once
    uint8_t first                   # first byte of each frame sent: FIN and opcode
    uint8_t *head                   # the handshake's request,
    uint32_t head_bytes
    uint32_t key_at                 # and where its key stands, which each connection has anew
    const char *protocols           # subprotocols offered, as in the field
    uint64_t max_message_bytes
    uint64_t refused                # handshakes that failed before the start line

cdef enum:
    MAX_LINGERING = 64

cdef struct Lingering:              # see `lingering`
    int fd
    uint64_t until_ns

cdef struct Sample:                 # one answer that counts; both saturate at 4.29 s
    uint32_t ended_ns               # since the begin of its slice
    uint32_t latency_ns             # service time, response time under a plan

cdef struct SampleLog:              # `rows` is NULL but where servers are loaded in turns
    Sample *rows
    uint64_t count
    uint64_t capacity
    uint64_t begin_ns               # of the slice

cdef struct Varying:                # what requests depend on that vary; see `varied.request_text`
    bint expects                    # their answers must contain what varies, too
    uint64_t seed
    int64_t wall_offset_ns          # from our clock to Unix time
    uint64_t first_connection       # number of the first one, over all workers
    Rows rows
    Nonces *nonces                  # of digest authentication, else NULL
    uint64_t number                 # of the request that HTTP/2 rendered last:
    Rendered rendered
    uint8_t *body
    uint8_t *block
    uint64_t needle_number          # of the one whose text was looked for last:
    Needle needle
    uint8_t *text

cdef struct Worker:
    # hot
    int epoll
    bint running                    # between start line and stop
    bint discard                    # bodies may be dropped in the kernel
    bint keepalive
    bint retry_allowed
    bint failing                    # nothing has succeeded since the last failure
    uint32_t pipeline               # requests in flight on a connection of HTTP/1.1,
    uint32_t streams                # on one of HTTP/2,
    uint32_t ring_size              # and the larger of both
    Protocols protocols
    uint32_t n_templates
    uint32_t n_pattern
    uint32_t next_in_pattern
    uint32_t first_template         # of those that are sent now: each period of time has its own,
    uint32_t period_templates       # so many;
    uint64_t period_end_ns          # then comes the next; -1: there is but one
    uint64_t period_ns
    uint32_t read_bytes
    uint64_t budget                 # requests that may still start
    uint64_t next_number            # of the request that starts next,
    uint64_t number_step            # and how far from one to the next of this worker
    uint64_t timeout_ns
    uint64_t now_ns                 # the newest stamp, for what needs no fresh one
    bint planned                    # requests start when the plan says, not when answers come
    Dialogue talk
    TextRing *texts                 # of a script that makes the requests, else NULL
    Slot *slot
    Slot *counts                    # `slot`, or that of the warm-up while it lasts
    UrlCounts *urls                 # NULL when all requests are of one URL
    Control *control
    Template *templates
    uint32_t *pattern               # template of request n: pattern[n % n_pattern]
    Transport transport
    Codec codec
    Tls tls
    Needle needle
    bint searches                   # answers must contain a text
    Varying varying
    Memo memo
    BlockMemo blocks                # of HTTP/2
    int send_error                  # negative code of a failed write, while the answer is read
    uint8_t *ok_status              # 1 per status that counts as ok
    bint status_expected            # ok_status was asked for by name
    uint8_t *buffer
    uint8_t *scratch
    size_t scratch_bytes
    Fifo flying                     # requests in flight, oldest first
    SampleLog log
    # connections
    Conn *conns
    uint32_t n_conns
    uint32_t n_connecting
    uint32_t n_sources
    uint32_t n_targets
    Address *sources
    Target *targets
    uint32_t n_active               # of conns, from the first one: what the plan asks for now
    Fifo fresh
    Fifo retry
    Fifo idle                       # longest idle first
    Fifo connecting                 # oldest attempt first
    Conn *first_marked              # to be flushed when all that is ready was read
    Conn *last_marked
    Lingering lingering[MAX_LINGERING]
    uint32_t n_lingering
    uint64_t connect_timeout_ns
    uint64_t gate_ns                # no retry before this while failing
    uint64_t opened_ns              # the last connection, or the worker, began
    uint64_t rng
    # phases and plan
    uint32_t index                  # of this worker
    bint no_delay                   # small writes leave at once (TCP_NODELAY)
    bint drain                      # requests in flight at the end are waited for
    uint64_t measured_budget        # what `budget` becomes after the warm-up
    Slot *warm                      # NULL without a warm-up
    Pace pace                       # when requests are due, or how many connections load
    Stage warm_stage                # the rate, or connections, of the warm-up
    Stage *stages
    uint32_t n_stages
