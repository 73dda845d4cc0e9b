"""The loop of one worker: wait, serve what is ready, expire what is late, connect what is free.

1. Edge-triggered epoll: each connection is registered once, so no system call but recv and send
   is spent on a request.
2. Every wait has an end: the stop, the next planned request, the oldest request's timeout, the
   oldest connect's, the next retry, or 50 ms, at which the parent's word is looked at.
3. Nothing times out while there are events that were not looked at: after a pause of the machine,
   answers that had come in time are read first.
"""

from libc.errno cimport ETIMEDOUT
from libc.stdint cimport uint32_t, uint64_t

from fastbench.engine.block cimport (
    CONNECTING, CONNECT_TIMEOUT, ENDED, IN_CONNECT, READY, RUNNING, overdue,
)
from fastbench.engine.conn cimport (
    ask_for, connect_failed, connect_some, connected, fresh_may_connect, handshake, next_retry_ns,
)
from fastbench.engine.fifo cimport Node, pop
from fastbench.engine.http2.multiplex cimport begin_http2, flush_session
from fastbench.engine.http2.session_life cimport take_leave, time_out_session
from fastbench.engine.kernel cimport (
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP, PR_SET_TIMERSLACK, ask_for_short_slices, epoll_event,
    now_ns, prctl, wait,
)
from fastbench.engine.http2.lingering cimport LOOK_NS, drop_what_comes, see_off
from fastbench.engine.pace cimport begin_plan, come_due, level
from fastbench.engine.proxy.passage cimport phase_of_handshake
from fastbench.engine.texts.atomics cimport RELAXED, load_word
from fastbench.engine.texts.supply cimport count_wait, waits_for_plan
from fastbench.engine.texts.timers cimport earliest_ns
from fastbench.engine.traffic cimport (
    flush_marked, keep_pace, send_more, serve_texts, take_away, take_in,
)
from fastbench.engine.varied.request_text cimport rows_left
from fastbench.engine.websocket.dialogue cimport (
    begin_run, count_refused, on_socket, say_goodbye, upgrade_failed,
)
from fastbench.engine.worker cimport (
    CONNECTING_TCP, CONNECTING_TLS, OPEN, SETTLING, UPGRADING, WAITING, Conn, Request, Worker,
)

cdef enum:
    EVENTS = 256
    LONGEST_WAIT_NS = 50000000
    START_POLL_NS = 500000
    PATIENCE_NS = 50000000
    RAMP_POLL_NS = 1000000
    SLICE_NS = 100000               # the shortest that sched_setattr(2) takes


cdef inline uint64_t earlier(uint64_t a, uint64_t b) noexcept nogil:
    return a if a < b else b


cdef inline uint64_t next_ns(const Worker *w) noexcept nogil:
    """When the loop must look up again, if no event comes before."""
    cdef uint64_t when = w.now_ns + LONGEST_WAIT_NS
    if fresh_may_connect(w):
        return 0
    if not w.running:
        when = w.now_ns + START_POLL_NS
        if w.control.start_ns:
            when = earlier(when, w.control.start_ns)
    else:
        if w.control.stop_ns and w.control.stop_ns > w.now_ns:
            when = earlier(when, w.control.stop_ns)
        if w.counts == w.warm:
            when = earlier(when, w.control.measure_ns)
        if w.planned and w.budget and waits_for_plan(w):
            when = earlier(when, w.pace.next.due_ns)
        elif w.n_stages and not w.planned:
            when = earlier(when, w.now_ns + RAMP_POLL_NS)
    if w.n_lingering:
        when = earlier(when, w.now_ns + LOOK_NS)
    if w.texts != NULL:
        when = earlier(when, earliest_ns(&w.texts.timers))
    if w.flying.first != NULL:
        when = earlier(when, (<Request *>w.flying.first).sent_ns + w.timeout_ns)
    if w.connecting.first != NULL:
        when = earlier(when, (<Conn *>w.connecting.first).begun_ns + w.connect_timeout_ns)
    return earlier(when, next_retry_ns(w))


cdef inline void expire(Worker *w, uint64_t looked_ns) noexcept nogil:
    """Requests and connects past their time. Both lists are oldest first.

    `looked_ns` is when the look at the sockets began that found no more: whoever was past its time
    then has no answer there. A stopped process (SIGSTOP) wakes to answers it has not seen yet.
    """
    cdef Request *r = <Request *>w.flying.first
    cdef Conn *c = <Conn *>w.connecting.first
    while r != NULL and r.sent_ns + w.timeout_ns <= looked_ns:
        take_away(w, r)
        r = <Request *>w.flying.first
    while c != NULL and c.begun_ns + w.connect_timeout_ns <= looked_ns:
        if c.state == UPGRADING:
            upgrade_failed(w, c, CONNECT_TIMEOUT, 0)
        elif c.state >= SETTLING:
            time_out_session(w, c)
        else:
            connect_failed(w, c, ETIMEDOUT, phase_of_handshake(&c.link)
                           if c.state == CONNECTING_TLS else IN_CONNECT)
        c = <Conn *>w.connecting.first


cdef inline void on_event(Worker *w, Conn *c, uint32_t events) noexcept nogil:
    """One event of a look at the sockets.

    A planned request may have found its connection lost since that look: the event is of a socket
    that is closed by now.
    """
    if c.state == WAITING:
        return
    if w.talk.flush != NULL:
        on_socket(w, c, events)
        return
    if c.state < SETTLING:
        if not (connected(w, c) if c.state == CONNECTING_TCP else handshake(w, c)):
            if c.state != SETTLING or not begin_http2(w, c):
                return
        w.now_ns = now_ns()
    if events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) and not take_in(w, c, events):
        return
    if c.state == OPEN:
        send_more(w, c)
    elif c.state >= SETTLING:
        flush_session(w, c)


cdef inline void follow_ramp(Worker *w) noexcept nogil:
    """Connections to load with now: this worker's exact part of what the stages ask for."""
    cdef double now_s = 0
    cdef uint32_t total
    cdef uint32_t part
    if w.now_ns > w.pace.zero_ns:
        now_s = <double>(w.now_ns - w.pace.zero_ns) / 1e9
    total = <uint32_t>(level(w.pace.stages, w.pace.n_stages, now_s) + 0.5)
    part = total // w.pace.step + (w.index < total % w.pace.step)
    if part > w.n_conns:
        part = w.n_conns
    if part != w.n_active:
        ask_for(w, part)


cdef inline void begin_phase(Worker *w, bint warm) noexcept nogil:
    """Warm up, or measure: from here on requests count in the slot of this phase."""
    cdef uint64_t zero_ns = w.control.start_ns if warm else w.control.measure_ns
    w.counts = w.warm if warm else w.slot
    if not warm:
        w.budget = w.measured_budget
    w.budget = earlier(w.budget, rows_left(w))
    if w.n_stages:
        w.pace.stages = &w.warm_stage if warm else w.stages
        w.pace.n_stages = 1 if warm else w.n_stages
        # The seeds of a Poisson plan differ by worker and by phase; xorshift wants them not 0.
        begin_plan(&w.pace, zero_ns, w.control.measure_ns if warm else w.control.stop_ns, w.budget,
                   w.index, w.rng + w.index + warm)


cdef inline void end_phase(Worker *w) noexcept nogil:
    """What was due and not started stays in the queue of the phase that ends."""
    if not w.planned:
        return
    come_due(&w.pace, w.now_ns)
    w.counts.scheduled = w.pace.due.passed
    w.counts.queued = w.pace.due.passed - w.pace.next.passed
    if w.counts.queued:
        w.counts.oldest_due_ns = w.pace.next.due_ns


cdef inline void look_at_clock(Worker *w) noexcept nogil:
    """What the time alone brings: the end of the warm-up, planned requests, more connections."""
    if w.counts == w.warm and w.now_ns >= w.control.measure_ns:
        end_phase(w)
        w.counts.end_ns = w.control.measure_ns
        w.counts.carried = (w.counts.started - w.counts.ok - w.counts.failed
                            - w.counts.timeouts)
        begin_phase(w, False)
    if w.planned:
        come_due(&w.pace, w.now_ns)
        w.counts.scheduled = w.pace.due.passed
        keep_pace(w)
    elif w.n_stages:
        follow_ramp(w)


cdef inline void start_when_told(Worker *w) noexcept nogil:
    """Cross the start line: every connection that is open sends its first request.

    Ready is a worker whose connections all connected or failed once. Where nothing connects for a
    whole timeout, waiting for each batch of 128 to time out would tell nothing new.
    """
    cdef uint32_t i
    if w.slot.settled < w.n_active and w.now_ns < w.opened_ns + w.connect_timeout_ns + PATIENCE_NS:
        return
    w.slot.state = READY
    if w.control.start_ns == 0 or w.now_ns < w.control.start_ns:
        return
    w.running = True
    w.slot.state = RUNNING
    begin_phase(w, w.warm != NULL)
    if w.talk.refused:
        count_refused(w, w.talk.refused)
    for i in range(w.n_conns):
        if w.conns[i].state == OPEN:
            w.now_ns = now_ns()
            if w.talk.flush != NULL:
                begin_run(w, &w.conns[i])
            else:
                send_more(w, &w.conns[i])


cdef inline bint finished(Worker *w) noexcept nogil:
    """Told to stop, out of time, or out of requests; a drain waits for those in flight."""
    if w.control.stop or (w.texts != NULL and load_word(&w.texts.stop, RELAXED)):
        return True
    if w.running and w.control.stop_ns and w.now_ns >= w.control.stop_ns:
        if not w.drain:
            return True
        w.budget = 0
    return w.running and w.budget == 0 and w.flying.first == NULL


cdef inline void take_stock(Worker *w) noexcept nogil:
    """What is still in flight when the worker stops, counted one by one where it was started."""
    cdef Node *node = w.flying.first
    cdef Request *r
    end_phase(w)
    w.counts.end_ns = w.now_ns
    if w.texts != NULL and not w.planned:
        while w.idle.first != NULL:
            count_wait(w, <Conn *>pop(&w.idle), w.now_ns)
    if w.drain and w.control.stop_ns and w.control.stop_ns < w.now_ns and not w.control.stop:
        w.counts.end_ns = w.control.stop_ns
    while node != NULL:
        r = <Request *>node
        r.slot.in_flight += 1
        r.slot.overdue += overdue(r.slot, w.counts.end_ns - r.sent_ns
                                  if w.counts.end_ns > r.sent_ns else 0)
        if r.slot.oldest_sent_ns == 0:
            r.slot.oldest_sent_ns = r.sent_ns
        node = node.after
    w.slot.end_ns = w.counts.end_ns
    w.slot.state = ENDED


cdef inline void run(Worker *w) noexcept nogil:
    """Connect, wait for the start line, load the server until told or done."""
    cdef epoll_event events[EVENTS]
    cdef uint64_t before
    cdef uint64_t until
    cdef int n, i
    prctl(PR_SET_TIMERSLACK, 1)
    if w.planned:
        ask_for_short_slices(SLICE_NS)
    w.slot.state = CONNECTING
    w.slot.active = w.n_active
    w.now_ns = now_ns()
    w.opened_ns = w.now_ns
    connect_some(w)
    while not finished(w):
        before = now_ns()
        until = next_ns(w)
        n = wait(w.epoll, events, EVENTS, until - before if until > before else 0)
        w.now_ns = now_ns()
        if w.running:
            if w.control.stop_ns == 0 or before < w.control.stop_ns:
                w.counts.idle_ns += w.now_ns - before
            if finished(w):
                break
            look_at_clock(w)
            flush_marked(w)
        for i in range(n):
            on_event(w, <Conn *>events[i].data.ptr, events[i].events)
        if not w.running:
            start_when_told(w)
        if 0 <= n < EVENTS:
            expire(w, before)
        flush_marked(w)
        if w.texts != NULL:
            serve_texts(w)
        if w.n_lingering:
            drop_what_comes(w)
        connect_some(w)
    take_stock(w)
    take_leave(w)
    if w.n_lingering:
        see_off(w)
    if w.talk.flush != NULL:
        say_goodbye(w)
