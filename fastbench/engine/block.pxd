"""The memory that the parent and its workers share: one control page, then the slots.

1. Mapped anonymously before the fork, so it has no name, nothing to clean up, and outlives a
   killed worker.
2. One writer per word: the parent writes `Control`, worker n of W writes slot n, and what belongs
   to the warm-up into slot W + n. Plain aligned stores; the parent's final reading comes after the
   worker has ended. On one of several machines only its own workers have slots.
3. This file is the only description of the layout; Python reads it through `Block`.
4. A run of several URLs has a second mapping, `UrlCounts` per worker and URL, also with one writer.
   It is not filled beforehand: a histogram touches only what its samples need.
"""

from libc.stdint cimport int32_t, uint16_t, uint32_t, uint64_t

from fastbench.engine.hdr cimport Hdr

cdef enum:
    PAGE_BYTES = 4096
    MAX_STATUS = 1000
    ERROR_ROWS = 64
    CIPHER_BYTES = 64
    MAX_ADDRESSES = 64          # of one server
    CLOSE_ROWS = 16
    OVERDUE_NS = 100000000      # less may be a pause of the machine
    OVERDUE_TIMES = 2           # the slowest answer: less may be chance

cdef enum WorkerState:
    STARTING, CONNECTING, READY, RUNNING, ENDED, BROKEN

cdef enum Kind:
    DNS, CONNECT_REFUSED, CONNECT_TIMEOUT, CONNECT, TLS, TIMEOUT, RESET, TRUNCATED, PROTOCOL,
    TOO_LARGE, UNSOLICITED, EXPECTATION, CANCELLED, UPGRADE, CLOSED, CONTENT_ENCODING,
    STREAM_RESET, GOAWAY, PROXY

cdef enum Phase:
    IN_RESOLVE, IN_CONNECT, IN_TLS, IN_SEND, IN_HEAD, IN_BODY, IN_IDLE, IN_UPGRADE,
    IN_SETTINGS, IN_PROXY

cdef enum:                      # places in Slot.latency
    SERVICE, FAILED_ANSWERS, CONNECT_TIME, FIRST_BYTE, RESPONSE, LAG, OPERATION, TO_PROXY,
    THROUGH_PROXY, SERIES,
    UPGRADE_TIME = OPERATION    # of WebSockets: only a script has operations

cdef struct Control:
    uint64_t start_ns           # the start line; 0 until the parent opens it
    uint64_t measure_ns         # requests from here on are measured, those before are warm-up
    uint64_t stop_ns            # no request starts and no answer counts from here on; 0: no limit
    uint64_t stop               # 1: stop now

cdef struct ErrorRow:
    uint32_t kind
    uint32_t phase
    int32_t code                # errno, rule of `http1.response`, TLS reason: by kind
    uint32_t unused
    uint64_t count
    uint64_t first_ns

cdef struct Reached:            # one address of the server
    uint64_t connects
    uint64_t failures           # attempts that came to nothing
    uint32_t kind               # of the last one of these
    uint32_t phase
    int32_t code
    uint32_t unused

cdef struct CloseRow:           # WebSockets that the server closed with this code
    uint64_t code
    uint64_t count

cdef struct Dialogues:          # WebSockets
    uint64_t opened             # handshakes that succeeded
    uint64_t lost               # ended before we closed them
    uint64_t messages_in        # whole ones, those that answered nothing among them
    uint64_t messages_out       # wholly written
    uint64_t payload_in         # bytes of messages
    uint64_t payload_out
    uint64_t pings              # answered
    uint64_t begun_ns           # the first attempt to connect, 0: none
    uint64_t opened_ns          # the last handshake before the start line
    uint64_t closes             # rows taken
    CloseRow close_rows[CLOSE_ROWS]

cdef struct Operations:         # what a script timed itself; all but ok and failed is under way
    uint64_t started
    uint64_t ok
    uint64_t failed
    uint64_t overdue            # of those under way at the end, see `overdue`
    uint64_t oldest_ns          # how old the oldest of those was
    uint64_t bytes_in           # as the script says
    uint64_t bytes_out

cdef struct Slot:
    # the worker's life
    uint64_t state
    uint64_t settled            # connections that connected or failed once
    uint64_t connected          # connections open now
    uint64_t end_ns             # when this worker stopped
    uint64_t idle_ns            # spent waiting for events since the start line
    uint64_t active             # connections that the plan asks for now
    # requests; scheduled = started + dropped + queued, started = ok + failed + timeouts + in_flight
    uint64_t scheduled          # come due; 0 without a planned rate
    uint64_t dropped
    uint64_t queued             # at the end
    uint64_t oldest_due_ns      # of those, 0 when none
    uint64_t started
    uint64_t ok
    uint64_t failed
    uint64_t cancelled          # of the failed ones: given up by a script
    uint64_t timeouts
    uint64_t retried
    uint64_t in_flight          # at the end
    uint64_t oldest_sent_ns     # of those, 0 when none
    uint64_t overdue            # of those, see `overdue`
    uint64_t carried            # of a warm-up: in flight when measuring began
    uint64_t text_wait_ns       # all connections together waited so long for a script's texts
    # connections and bytes
    uint64_t connects
    uint64_t closed_idle
    uint64_t bytes_in
    uint64_t bytes_out
    # HTTP/2
    uint64_t sessions           # connections that speak it; the others speak HTTP/1.1
    uint64_t stream_limit       # streams that the newest one may have open: ours, or the server's
    uint64_t goaways            # connections that the server wanted to end
    uint64_t refused            # streams that the server sent back without looking at them
    Operations operations
    Dialogues dialogues
    # TLS
    uint64_t handshakes
    uint64_t resumed
    uint64_t tls_version
    char cipher[CIPHER_BYTES]
    uint64_t error_rows
    ErrorRow errors[ERROR_ROWS]
    uint64_t status[MAX_STATUS]
    Reached addresses[MAX_ADDRESSES]
    Hdr latency[SERIES]

cdef struct UrlCounts:          # measured requests of one URL and method, without the warm-up
    uint64_t ok
    uint64_t failed
    uint64_t timeouts
    uint64_t bytes_in           # of answers, as far as they came
    uint64_t status[MAX_STATUS]
    Hdr service                 # of ok and timeouts, as Slot.latency[SERVICE]
    Hdr response                # the same, empty without a planned rate


cdef inline size_t slot_bytes() noexcept nogil:
    return (sizeof(Slot) + PAGE_BYTES - 1) // PAGE_BYTES * PAGE_BYTES


cdef inline size_t block_bytes(uint32_t slots) noexcept nogil:
    return PAGE_BYTES + slots * slot_bytes()


cdef inline Slot *slot_at(void *block, uint32_t slot) noexcept nogil:
    return <Slot *>(<char *>block + PAGE_BYTES + slot * slot_bytes())


cdef inline bint overdue(const Slot *self, uint64_t age_ns) noexcept nogil:
    """Whether a request without an answer waits for longer than any answer of this slot took."""
    cdef uint64_t slowest_ns = self.latency[SERVICE].max_ns
    if self.latency[FAILED_ANSWERS].max_ns > slowest_ns:
        slowest_ns = self.latency[FAILED_ANSWERS].max_ns
    return age_ns > OVERDUE_NS and age_ns > OVERDUE_TIMES * slowest_ns


cdef inline UrlCounts *urls_of(void *urls, uint32_t n_urls, uint32_t worker) noexcept nogil:
    """The first of the `n_urls` rows of a worker."""
    return &(<UrlCounts *>urls)[<size_t>worker * n_urls]


cdef inline void count_error(Slot *self, Kind kind, Phase phase, int32_t code, uint64_t count,
                             uint64_t now_ns) noexcept nogil:
    """Add to the row of this error; when all rows are taken, the last one takes the rest."""
    cdef uint64_t i
    cdef ErrorRow *row
    for i in range(self.error_rows):
        row = &self.errors[i]
        if row.kind == <uint32_t>kind and row.phase == <uint32_t>phase and row.code == code:
            row.count += count
            return
    if self.error_rows == ERROR_ROWS:
        self.errors[ERROR_ROWS - 1].count += count
        return
    row = &self.errors[self.error_rows]
    row.kind = kind
    row.phase = phase
    row.code = code
    row.count = count
    row.first_ns = now_ns
    self.error_rows += 1


cdef inline void count_close(Slot *self, uint16_t code) noexcept nogil:
    """Count a WebSocket that ended; when all rows are taken, the last one takes the rest."""
    cdef Dialogues *of = &self.dialogues
    cdef uint64_t i = 0
    of.lost += 1
    while i < of.closes and of.close_rows[i].code != code:
        i += 1
    if i == of.closes:
        if i == CLOSE_ROWS:
            i -= 1
        else:
            of.close_rows[i].code = code
            of.closes += 1
    of.close_rows[i].count += 1
