"""Requests that a script made, to the connections that have room for them.

1. A connection takes the texts that belong together at once, and only when all of them have room.
2. One for which there is none waits in `idle`, in a closed loop; of those that wait, who waits
   longest is served first. On demand it asks for the text it waits for.
3. A text with a delay is held for its connection, which sends it when its time has come: or when it
   is open again, if that is later.
"""

from libc.stdint cimport uint32_t, uint64_t

from fastbench.engine.fifo cimport push
from fastbench.engine.http1.exchange cimport start_request
from fastbench.engine.texts.text_ring cimport (
    NO_TEXT, Text, TextRing, ask_for_texts, give_back, has_text, length, peek, take,
)
from fastbench.engine.texts.timers cimport add_timer
from fastbench.engine.worker cimport Conn, Worker


cdef inline bint may_start(Worker *w) noexcept nogil:
    """Can a planned request that is due begin now, or be dropped?

    On demand a text is asked for only now: no more than one at a time.
    """
    cdef TextRing *ring = w.texts
    if w.pace.drop or w.idle.first == NULL or ring == NULL or has_text(ring):
        return w.pace.drop or w.idle.first != NULL
    if ring.on_demand and ring.wanted == ring.ready.taken:
        ask_for_texts(ring, 1)
    return False


cdef inline bint waits_for_plan(const Worker *w) noexcept nogil:
    """Is the next planned instant one to look up at? One that is past waits for a text."""
    if w.texts != NULL and not w.pace.drop and w.pace.next.due_ns <= w.now_ns \
            and not has_text(w.texts):
        return False
    return w.idle.first != NULL or w.pace.drop


cdef inline void count_wait(Worker *w, Conn *c, uint64_t now) noexcept nogil:
    """A connection does not wait any more; what fell into the warm-up does not count."""
    cdef uint64_t since_ns = c.idle_ns
    if w.counts == w.slot and since_ns < w.control.measure_ns:
        since_ns = w.control.measure_ns
    if now > since_ns:
        w.counts.text_wait_ns += now - since_ns


cdef inline void begin_texts(Worker *w, Conn *c, uint32_t number, uint64_t due_ns) noexcept nogil:
    """Begin the requests that belong together, as far as requests are left to be sent."""
    cdef TextRing *ring = w.texts
    cdef uint32_t following
    while number != NO_TEXT:
        following = ring.texts[number].next
        if w.budget:
            ring.begun = number
            start_request(w, c, due_ns)
        else:
            give_back(ring, number)
        number = following


cdef inline void start_text(Worker *w, Conn *c, uint64_t due_ns) noexcept nogil:
    """Begin a planned request; there is a text for it."""
    begin_texts(w, c, take(&w.texts.ready), due_ns)


cdef inline void wait_for_text(Worker *w, Conn *c) noexcept nogil:
    if c.idle:
        return
    c.idle = 1
    c.idle_ns = w.now_ns
    push(&w.idle, &c.node)
    if w.texts.on_demand:
        ask_for_texts(w.texts, 1)


cdef inline void start_texts(Worker *w, Conn *c) noexcept nogil:
    """Begin what there is room and a text for; `w.now_ns` must be fresh."""
    cdef TextRing *ring = w.texts
    cdef uint32_t at = <uint32_t>(c - w.conns)
    cdef uint32_t number
    while w.budget:
        number = ring.held[at]
        if number == NO_TEXT:
            if w.idle.first == NULL or ring.serving:
                number = peek(&ring.ready)
            if number == NO_TEXT:
                if c.in_flight < w.pipeline:
                    wait_for_text(w, c)
                return
            if c.in_flight + ring.texts[number].chained > w.pipeline:
                return
            take(&ring.ready)
            if ring.texts[number].delay_ns:
                ring.held[at] = number
                add_timer(&ring.timers, at, w.now_ns + ring.texts[number].delay_ns)
                return
        elif ring.timers.until_ns[at] > w.now_ns:
            return
        ring.held[at] = NO_TEXT
        begin_texts(w, c, number, 0)
