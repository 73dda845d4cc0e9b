"""The streams of a connection: which are free, which wait to be sent, which await their answer.

1. A stream has a slot among as many as may be open at once, and an id once it is sent. In which
   slot the stream of an id is stands in `places`, at (id >> 1) & mask, in a table of twice the
   streams or more; an id whose place is taken is left out (RFC 9113 section 5.1.1 allows it). So
   there is no hash.
2. Heads are sent in the order in which their requests began; bodies in turns, a frame each, as far
   as the windows of the peer allow (section 5.2).
3. Pure: no socket, no clock. What is to be written is in `out`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastbench.engine.http2.frame cimport (
    CANCEL, DATA, END_STREAM, FIRST_WINDOW, MAX_ID, MAX_PAYLOAD_BYTES, MAX_WINDOW, RST_STREAM,
    Outbox, clear, discard_outbox, put_block, put_frame, put_preface, put_word,
)
from fastbench.engine.http2.head_block cimport HeadTable, begin_table
from fastbench.engine.http2.head_text cimport HeadText, begin_head_text

cdef enum:
    NO_SLOT = 0xffffffff
    TABLE_KEPT_BYTES = 4096         # of the peer's table, which is what it has unless it says less

cdef enum StreamState:
    FREE, QUEUED, SENDING, STARVED, SENT    # STARVED: its body waits for the peer's window

cdef enum StreamFlag:
    WITHOUT_BODY = 1                # the answer has none, as to HEAD
    BEGUN = 2                       # something of the answer came
    HEADED = 4                      # its final head came
    CONTENT_FOUND = 8               # for the caller: the text that it looks for
    HELD = 16                       # the caller gives the window back, once it has read

cdef enum Indexing:
    LITERAL, FIRST, LATER           # FIRST: the next head fills the peer's table

cdef struct Rendered:               # one request, as its frames carry it
    const uint8_t *block[3]         # by Indexing
    uint32_t block_bytes[3]
    uint32_t body_bytes
    const uint8_t *body
    bint without_body               # its answer has none, as to HEAD

cdef struct Stream:                 # 48 bytes
    uint32_t id                     # 0: not sent
    uint32_t next                   # slot of the next one in the list it is in
    uint16_t status
    uint8_t state
    uint8_t flags
    uint8_t interims
    uint32_t matched                # for the caller, as in `codec.search`
    uint32_t sent_bytes             # of its body
    uint32_t taken_bytes            # of the answer's, since the peer was given them back
    int32_t window                  # what the peer takes now
    int64_t length                  # Content-Length of the answer, -1: none
    uint64_t body_bytes

cdef struct Line:                   # a list of streams
    uint32_t first
    uint32_t last

cdef struct Session:
    Stream *streams
    uint32_t *places
    uint32_t n_streams
    uint32_t mask
    uint32_t free                   # a list, in no order
    Line heads                      # QUEUED
    Line bodies                     # SENDING
    uint32_t open                   # streams that have an id
    uint32_t limit                  # how many may: the least of `n_streams` and what the peer says
    uint32_t next_id
    uint32_t last_id                # the peer answers none above it (GOAWAY),
    uint32_t away_code              # for this reason
    bint draining                   # no stream is opened any more
    bint settled                    # the peer's SETTINGS came
    bint acknowledged               # and it knows ours
    bint table_update               # the next head begins with one
    uint8_t indexing
    int64_t window                  # what the peer takes now, over all streams
    uint32_t first_window           # what it takes of a new stream
    uint32_t own_window             # what we take of a stream before any of it is given back
    uint32_t taken_bytes            # since the peer was given them back
    uint32_t quiet_frames           # since something of an answer came
    # what is read: a frame that came in pieces, DATA, a head block of several frames
    uint8_t *carry
    uint32_t carried
    uint32_t carry_room
    uint32_t data_left
    uint32_t pad_left
    uint32_t data_slot
    bint pad_due
    bint data_ends
    uint8_t *block
    uint32_t block_bytes
    uint32_t block_id
    uint32_t block_parts
    bint block_ends
    Outbox out
    HeadTable table
    HeadText *kept                  # NULL: of heads only the meaning is wanted


# Lists

cdef inline void append(Session *s, Line *line, uint32_t slot) noexcept nogil:
    s.streams[slot].next = NO_SLOT
    if line.first == NO_SLOT:
        line.first = slot
    else:
        s.streams[line.last].next = slot
    line.last = slot


cdef inline void take_out(Session *s, Line *line, uint32_t slot) noexcept nogil:
    """It is the first one, but where a request is given up."""
    cdef uint32_t before = NO_SLOT
    cdef uint32_t at = line.first
    while at != slot:
        before = at
        at = s.streams[at].next
    if before == NO_SLOT:
        line.first = s.streams[slot].next
    else:
        s.streams[before].next = s.streams[slot].next
    if line.last == slot:
        line.last = before


cdef inline void leave_lists(Session *s, uint32_t slot) noexcept nogil:
    if s.streams[slot].state == QUEUED:
        take_out(s, &s.heads, slot)
    elif s.streams[slot].state == SENDING:
        take_out(s, &s.bodies, slot)


# The life of a session

cdef inline Session *new_session(uint32_t n_streams) noexcept nogil:
    """One for up to `n_streams` requests at a time; NULL when there is no memory."""
    cdef Session *s = <Session *>calloc(1, sizeof(Session))
    cdef uint32_t places = 2
    cdef uint32_t i
    if s == NULL:
        return NULL
    while places < 2 * n_streams:
        places *= 2
    s.streams = <Stream *>calloc(n_streams, sizeof(Stream))
    s.places = <uint32_t *>malloc(places * sizeof(uint32_t))
    if s.streams == NULL or s.places == NULL:
        free(s.streams)
        free(s.places)
        free(s)
        return NULL
    s.n_streams = n_streams
    s.own_window = MAX_WINDOW
    s.mask = places - 1
    memset(s.places, 0xff, places * sizeof(uint32_t))
    for i in range(n_streams):
        s.streams[i].next = i + 1 if i + 1 < n_streams else <uint32_t>NO_SLOT
    s.heads.first = s.bodies.first = s.data_slot = NO_SLOT
    return s


cdef inline bint keep_heads(Session *s) noexcept nogil:
    """Have the text of heads kept, in `kept`; false when there is no memory."""
    s.kept = <HeadText *>calloc(1, sizeof(HeadText))
    return s.kept != NULL


cdef inline void free_session(Session *s) noexcept nogil:
    if s == NULL:
        return
    discard_outbox(&s.out)
    if s.kept != NULL:
        discard_outbox(&s.kept.text)
    free(s.kept)
    free(s.carry)
    free(s.block)
    free(s.places)
    free(s.streams)
    free(s)


cdef inline bint begin_session(Session *s) noexcept nogil:
    """A new connection: what is queued stays so; false when there is no memory."""
    free(s.block)
    s.block = NULL
    s.open = 0
    s.limit = 0
    s.next_id = 1
    s.last_id = MAX_ID
    s.away_code = 0
    s.draining = s.settled = s.acknowledged = s.table_update = False
    s.indexing = FIRST
    s.window = s.first_window = FIRST_WINDOW
    s.taken_bytes = s.quiet_frames = 0
    s.carried = s.data_left = s.pad_left = 0
    s.pad_due = False
    s.block_bytes = s.block_id = 0
    clear(&s.out)
    begin_table(&s.table)
    if s.kept != NULL:
        begin_head_text(s.kept, &s.table)
    return put_preface(&s.out, s.own_window)


# The life of a stream

cdef inline uint32_t slot_of(const Session *s, uint32_t id) noexcept nogil:
    """Where the stream of this id is; NO_SLOT when it has ended, or never was."""
    cdef uint32_t slot = s.places[(id >> 1) & s.mask]
    return slot if slot != NO_SLOT and s.streams[slot].id == id else <uint32_t>NO_SLOT


cdef inline bint never_opened(const Session *s, uint32_t id) noexcept nogil:
    return not id & 1 or id >= s.next_id


cdef inline uint32_t take_slot(Session *s) noexcept nogil:
    """Queue a request; returns its slot, NO_SLOT when all are taken."""
    cdef uint32_t slot = s.free
    if slot == NO_SLOT:
        return slot
    s.free = s.streams[slot].next
    memset(&s.streams[slot], 0, sizeof(Stream))
    s.streams[slot].state = QUEUED
    append(s, &s.heads, slot)
    return slot


cdef inline void close_id(Session *s, uint32_t slot) noexcept nogil:
    cdef Stream *st = &s.streams[slot]
    leave_lists(s, slot)
    if st.id:
        s.places[(st.id >> 1) & s.mask] = NO_SLOT
        s.open -= 1
        st.id = 0
    if s.data_slot == slot:
        s.data_slot = NO_SLOT


cdef inline void forget(Session *s, uint32_t slot) noexcept nogil:
    """Its request has ended."""
    close_id(s, slot)
    s.streams[slot].state = FREE
    s.streams[slot].next = s.free
    s.free = slot


cdef inline void queue_again(Session *s, uint32_t slot) noexcept nogil:
    """Its request goes once more, on a new stream."""
    close_id(s, slot)
    memset(&s.streams[slot], 0, sizeof(Stream))
    s.streams[slot].state = QUEUED
    append(s, &s.heads, slot)


cdef inline bint cancel(Session *s, uint32_t slot) noexcept nogil:
    """Tell the peer that the rest of this answer is not wanted; false when there is no memory."""
    return s.streams[slot].id == 0 or put_word(&s.out, RST_STREAM, s.streams[slot].id, CANCEL)


cdef inline bint may_open(const Session *s) noexcept nogil:
    """Is a request queued that may go now?"""
    return s.heads.first != NO_SLOT and s.open < s.limit and not s.draining


cdef inline bint open_next(Session *s, const Rendered *request) noexcept nogil:
    """Write the head of the first queued request, which is `request`; false: no memory."""
    cdef uint32_t slot = s.heads.first
    cdef Stream *st = &s.streams[slot]
    cdef uint32_t id = s.next_id
    cdef uint8_t how = s.indexing
    while s.places[(id >> 1) & s.mask] != NO_SLOT:
        id += 2
    if not put_block(&s.out, id, request.block[how], request.block_bytes[how], s.table_update,
                     request.body_bytes == 0):
        return False
    s.table_update = False
    if how == FIRST:
        s.indexing = LATER
    take_out(s, &s.heads, slot)
    s.places[(id >> 1) & s.mask] = slot
    s.open += 1
    s.next_id = id + 2
    if s.next_id > MAX_ID - 2 * s.mask:     # so that the search above ends before the last id
        s.draining = True
    st.id = id
    st.length = -1
    st.flags = WITHOUT_BODY * request.without_body
    st.window = <int32_t>s.first_window
    st.state = SENT
    if request.body_bytes:
        st.state = SENDING
        append(s, &s.bodies, slot)
    return True


cdef inline bint send_part(Session *s, const Rendered *request) noexcept nogil:
    """Write a frame of the body that is next, which is `request`'s; false: no memory.

    The caller has seen that `bodies` is not empty and the window of the connection is open.
    """
    cdef uint32_t slot = s.bodies.first
    cdef Stream *st = &s.streams[slot]
    cdef uint32_t left = request.body_bytes - st.sent_bytes
    cdef uint32_t n_bytes = left
    cdef uint8_t *at
    take_out(s, &s.bodies, slot)
    if st.window <= 0:
        st.state = STARVED
        return True
    if n_bytes > MAX_PAYLOAD_BYTES:
        n_bytes = MAX_PAYLOAD_BYTES
    if n_bytes > <uint32_t>st.window:
        n_bytes = <uint32_t>st.window
    if n_bytes > s.window:
        n_bytes = <uint32_t>s.window
    at = put_frame(&s.out, n_bytes, DATA, END_STREAM if n_bytes == left else 0, st.id)
    if at == NULL:
        return False
    memcpy(at, request.body + st.sent_bytes, n_bytes)
    st.sent_bytes += n_bytes
    st.window -= <int32_t>n_bytes
    s.window -= n_bytes
    s.quiet_frames = 0
    if n_bytes == left:
        st.state = SENT
    else:
        append(s, &s.bodies, slot)
    return True


cdef inline void feed_starved(Session *s, uint32_t slot) noexcept nogil:
    """The window of this stream may have opened."""
    cdef Stream *st = &s.streams[slot]
    if st.state == STARVED and st.window > 0:
        st.state = SENDING
        append(s, &s.bodies, slot)


cdef inline bint something_to_write(const Session *s) noexcept nogil:
    return s.out.begin != s.out.end or may_open(s) or (s.bodies.first != NO_SLOT and s.window > 0)
