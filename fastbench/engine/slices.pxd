"""Several servers loaded in turns: one worker, a side per server, slices of some milliseconds.

1. All sides are connected all the time; one of them is loaded. A slice ends when its requests have
   come home: no request starts meanwhile, and a server is idle when the next slice begins.
2. All workers load the same side at the same time. The last one that is home opens the next slice;
   the others look at the clock of the shared timeline until then.
3. What the sockets of a side say between its slices (the server closes one) is heard before its
   next slice begins.
4. Each answer that counts leaves a sample of 8 bytes, so that quantiles and their scatter between
   slices can be worked out afterwards. When there is no room left, answers are counted only.
5. Each slice knows the processor time of its side's processes, which the parent names: from its
   begin until SETTLE_NS after its end, in which a server does what is left of its last requests and
   goes to sleep. The kernel adds up a thread's time when it sleeps or at a tick of its clock: a
   reading right at the end would miss up to 4 ms. What a process does while another side is
   loaded is charged to nobody; a thread that works all the time costs its side what it takes in
   the side's own slices.
6. Such a reading takes 0.33 us for each process (measured, Linux 6.18). Those after the end of a
   slice are made while the next one waits for its first answers.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from fastbench.engine.block cimport CONNECTING, READY, RUNNING
from fastbench.engine.conn cimport connect_some
from fastbench.engine.kernel cimport (
    PR_SET_TIMERSLACK,
    epoll_event,
    now_ns,
    prctl,
    process_ns,
    wait,
)
from fastbench.engine.http2.lingering cimport drop_what_comes, see_off
from fastbench.engine.http2.session_life cimport take_leave
from fastbench.engine.loop cimport EVENTS, earlier, expire, next_ns, on_event, take_stock
from fastbench.engine.pace cimport begin_plan, come_due
from fastbench.engine.traffic cimport flush_marked, keep_pace, send_more
from fastbench.engine.varied.request_text cimport rows_left
from fastbench.engine.worker cimport OPEN, Conn, Worker

cdef enum:
    MAX_SIDES = 8
    MAX_SLICES = 65536
    INSTANTS = 65537                # the last one is when no more slices begin
    MAX_PROCESSES = 256             # of a side
    LOOK_NS = 20000                 # between looks whether the other workers are home
    LEAD_NS = 30000                 # from the last one home to the next slice, with several workers
    SETTLE_NS = 1000000             # from the end of a slice to the reading of processor times
    OVER = 1                        # instead of an instant: no more slices

cdef extern from *:
    uint32_t atomic_add "__sync_add_and_fetch" (uint32_t *where, uint32_t value) nogil
    void full_barrier "__sync_synchronize" () nogil

cdef struct Slice:                  # one worker's part of a slice
    uint64_t begin_ns
    uint64_t until_ns               # no request starts from here on
    uint64_t home_ns                # its last request ended; 0 while it is under way
    uint64_t started
    uint64_t ok
    uint64_t failed                 # timeouts among them
    uint64_t unsent                 # planned and not started
    uint64_t idle_ns                # spent waiting for events
    uint64_t first_sample
    uint64_t samples

cdef struct Process:                # of a server
    uint64_t last_ns                # its processor time at the last reading
    int32_t pid
    uint8_t fresh                   # born after the start: all of its time counts
    uint8_t alive                   # set by the parent once the rest is there, cleared by a worker

cdef struct Timeline:               # shared; `order`, `arrived`, `begin_ns`, `cpu_ns` are by slice
    uint64_t start_ns               # 0 until the parent opens it
    uint64_t deadline_ns            # no slice begins from here on
    uint64_t slice_ns
    uint64_t stop
    uint32_t workers
    uint32_t ready                  # workers whose sides are all connected, or failed to
    uint64_t begun                  # slices
    uint64_t settled                # slices that are over in all workers, with their `cpu_ns`
    uint32_t planned
    uint8_t order[INSTANTS]
    uint32_t arrived[INSTANTS]
    uint64_t begin_ns[INSTANTS]
    uint64_t cpu_ns[MAX_SLICES]
    Process processes[MAX_SIDES][MAX_PROCESSES]


cdef inline uint64_t spent(Timeline *t, uint32_t side, bint charged) noexcept nogil:
    """Processor time of a side's processes since the last call; what is not charged is dropped."""
    cdef Process *each
    cdef uint64_t total = 0, now
    cdef uint32_t i
    for i in range(MAX_PROCESSES):
        each = &t.processes[side][i]
        if not each.alive:
            continue
        full_barrier()
        if each.fresh and not charged:
            continue
        each.fresh = False
        now = process_ns(each.pid)
        if now < each.last_ns:          # it has ended; or another process has its number
            each.alive = False
            continue
        total += now - each.last_ns
        each.last_ns = now
    return total


cdef inline void settle(Timeline *t, uint64_t count) noexcept nogil:
    """See to it that the first `count` slices are settled."""
    while t.settled < count:
        t.cpu_ns[t.settled] = spent(t, t.order[t.settled], True)
        full_barrier()
        t.settled += 1


cdef inline void hear(Worker *w, uint64_t wait_ns) noexcept nogil:
    """What the sockets of a side say that is not loaded now; connect what is free."""
    cdef epoll_event events[EVENTS]
    cdef uint64_t before = now_ns()
    cdef int n = EVENTS, i
    while n == EVENTS:
        n = wait(w.epoll, events, EVENTS, wait_ns)
        wait_ns = 0
        w.now_ns = now_ns()
        for i in range(n):
            on_event(w, <Conn *>events[i].data.ptr, events[i].events)
    if n >= 0:
        expire(w, before)
    flush_marked(w)
    if w.n_lingering:
        drop_what_comes(w)
    connect_some(w)


cdef inline void get_connected(Worker *w, const Timeline *t) noexcept nogil:
    """Connect a side: every connection connected or failed once."""
    cdef uint64_t last_ns
    w.slot.state = CONNECTING
    w.slot.active = w.n_active
    w.opened_ns = w.now_ns = now_ns()
    last_ns = w.now_ns + w.connect_timeout_ns
    connect_some(w)
    while w.slot.settled < w.n_active and w.now_ns < last_ns and not t.stop:
        hear(w, 500000)
    w.slot.state = READY


cdef inline void load(Worker *w, Timeline *t, Slice *slice, uint32_t owed) noexcept nogil:
    """Send until the slice is over, then wait until everything is home.

    This worker settles the first `owed` slices meanwhile.
    """
    cdef epoll_event events[EVENTS]
    cdef uint64_t before, until
    cdef uint32_t i
    cdef int n, k
    w.running = True
    w.budget = rows_left(w)
    if w.planned:
        w.pace.stages = w.stages
        w.pace.n_stages = w.n_stages
        begin_plan(&w.pace, slice.begin_ns, slice.until_ns, w.budget, w.index,
                   w.rng + slice.begin_ns)
    for i in range(w.n_conns):
        if w.conns[i].state == OPEN:
            w.now_ns = now_ns()
            send_more(w, &w.conns[i])
    flush_marked(w)
    while not t.stop:
        before = now_ns()
        if owed and before >= slice.begin_ns + SETTLE_NS:
            settle(t, owed)
            owed = 0
        if before >= slice.until_ns:
            w.budget = 0
            if w.flying.first == NULL:
                break
        until = next_ns(w)
        if before < slice.until_ns:
            until = earlier(until, slice.until_ns)
        n = wait(w.epoll, events, EVENTS, until - before if until > before else 0)
        w.now_ns = now_ns()
        w.counts.idle_ns += w.now_ns - before
        if w.planned:
            come_due(&w.pace, w.now_ns)
            keep_pace(w)
        for k in range(n):
            on_event(w, <Conn *>events[k].data.ptr, events[k].events)
        if 0 <= n < EVENTS:
            expire(w, before)
        flush_marked(w)
        if w.n_lingering:
            drop_what_comes(w)
        connect_some(w)
    if w.planned:
        come_due(&w.pace, slice.until_ns)
        slice.unsent = w.pace.due.passed - w.pace.next.passed
        w.counts.scheduled += w.pace.due.passed
        w.counts.dropped += slice.unsent
    w.running = False


cdef inline void run_slice(Worker *w, Timeline *t, uint64_t begin_ns, Slice *slice,
                           uint32_t owed) noexcept nogil:
    cdef uint64_t ok = w.counts.ok
    cdef uint64_t bad = w.counts.failed + w.counts.timeouts
    cdef uint64_t started = w.counts.started
    cdef uint64_t idle_ns = w.counts.idle_ns
    slice.begin_ns = begin_ns
    slice.until_ns = begin_ns + t.slice_ns
    slice.first_sample = w.log.count
    w.log.begin_ns = begin_ns
    load(w, t, slice, owed)
    slice.started = w.counts.started - started
    slice.ok = w.counts.ok - ok
    slice.failed = w.counts.failed + w.counts.timeouts - bad
    slice.idle_ns = w.counts.idle_ns - idle_ns
    slice.samples = w.log.count - slice.first_sample
    full_barrier()
    slice.home_ns = now_ns()


cdef inline void open_slice(Timeline *t, uint32_t number) noexcept nogil:
    """All workers are home: let the next slice begin, or say that there is none."""
    cdef uint64_t now = now_ns()
    if t.stop or number == t.planned or now >= t.deadline_ns:
        t.begin_ns[number] = OVER
        return
    if number and t.order[number] == t.order[number - 1]:
        settle(t, number)
    else:
        settle(t, number - 1 if number else 0)
        spent(t, t.order[number], False)
        now = now_ns()
    t.begin_ns[number] = now + (LEAD_NS if t.workers > 1 else 0)
    t.begun = number + 1


cdef inline uint64_t next_slice(Worker *w, Timeline *t, uint32_t number,
                                uint32_t *owed) noexcept nogil:
    """When this slice begins, for all workers; OVER when there is none.

    Hears what the side's sockets said meanwhile. `owed`: as many slices this worker has to settle.
    """
    hear(w, 0)
    owed[0] = 0
    if atomic_add(&t.arrived[number], 1) == t.workers:
        open_slice(t, number)
        owed[0] = number
    while t.begin_ns[number] == 0:
        if t.stop:
            return OVER
        hear(w, LOOK_NS)
    full_barrier()
    while now_ns() < t.begin_ns[number]:
        pass
    return t.begin_ns[number]


cdef inline void run_in_turns(Worker **sides, uint32_t count, Timeline *t,
                              Slice *slices) noexcept nogil:
    """Connect all sides, wait for the start line, load one after the other as the order says."""
    cdef uint64_t begin_ns
    cdef uint32_t i, number, owed = 0
    prctl(PR_SET_TIMERSLACK, 1)
    for i in range(count):
        get_connected(sides[i], t)
    atomic_add(&t.ready, 1)
    while (t.start_ns == 0 or now_ns() < t.start_ns) and not t.stop:
        for i in range(count):
            hear(sides[i], 100000)
    for i in range(count):
        sides[i].slot.state = RUNNING
    for number in range(t.planned + 1):
        begin_ns = next_slice(sides[t.order[number]], t, number, &owed)
        if begin_ns == OVER:
            break
        run_slice(sides[t.order[number]], t, begin_ns, &slices[number], owed)
    begin_ns = now_ns()
    while owed and now_ns() < begin_ns + SETTLE_NS:
        pass
    settle(t, owed)
    for i in range(count):
        sides[i].now_ns = now_ns()
        sides[i].planned = False        # each slice has counted what it planned
        take_stock(sides[i])
        take_leave(sides[i])
        if sides[i].n_lingering:
            see_off(sides[i])
