# Part of _client.pyx: time. The loop's own timers are whole milliseconds: these are not.

cdef class Heart:
    """Beats every 20 ms: shows that the loop turns, how late it is, and how busy it was.

    The lateness of each beat goes into the slot's histogram `lag`: so late may any answer be read.
    """

    cdef Arena home
    cdef Block shared
    cdef arena.Region *region
    cdef block.Slot *slot
    cdef object loop
    cdef int timer
    cdef uint64_t began_ns
    cdef uint64_t began_cpu_ns
    cdef uint64_t due_ns

    def __cinit__(self, Arena metrics not None, Block shared not None, uint32_t index, loop):
        self.timer = -1
        self.home = metrics
        self.shared = shared
        self.region = metrics.region(index)
        self.slot = shared.slot(index)
        self.loop = loop
        self.began_ns = kernel.now_ns()
        self.began_cpu_ns = thread_cpu_ns()
        self.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        if self.timer < 0:
            raise OSError(kernel.errno, "timerfd_create")
        self.due_ns = self.began_ns + BEAT_NS
        self.region.beat_ns = self.began_ns
        set_timer(self.timer, self.due_ns, BEAT_NS)
        loop.add_reader(self.timer, self._beat)

    def __dealloc__(self):
        if self.timer >= 0:
            kernel.close(self.timer)

    def _beat(self):
        cdef uint64_t times = drain_timer(self.timer)
        cdef uint64_t now = kernel.now_ns()
        if times == 0:
            return
        hdr.record(&self.slot.latency[block.LAG], now - self.due_ns if now > self.due_ns else 0)
        self.due_ns += times * BEAT_NS
        self.region.beat_ns = now
        self.slot.idle_ns = now - self.began_ns - (thread_cpu_ns() - self.began_cpu_ns)

    def begin(self):
        """Count lateness and busy time from here on: what went before was preparation."""
        hdr.reset(&self.slot.latency[block.LAG])
        self.began_ns = kernel.now_ns()
        self.began_cpu_ns = thread_cpu_ns()

    def at(self, uint64_t vu, uint64_t iteration):
        """Note who runs now, for the case that it never ends."""
        self.region.vu = vu
        self.region.iteration = iteration

    def stop(self):
        """Take the last stock and beat no more."""
        if self.timer >= 0:
            self._beat()
            self.loop.remove_reader(self.timer)
            kernel.close(self.timer)
            self.timer = -1


cdef class Ticker:
    """Calls back at planned instants, each once and in order, late ones at once.

    timerfd_create(2): to the nanosecond, where the loop's timers count milliseconds.
    """

    cdef object loop
    cdef object callback
    cdef pace.Pace plan
    cdef list instants
    cdef size_t place
    cdef bint planned
    cdef int timer

    def __cinit__(self, loop, callback not None):
        self.loop = loop
        self.callback = callback
        self.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
        if self.timer < 0:
            raise OSError(kernel.errno, "timerfd_create")
        loop.add_reader(self.timer, self._fire)

    def __dealloc__(self):
        free(self.plan.stages)
        if self.timer >= 0:
            kernel.close(self.timer)

    def follow(self, list levels not None, uint64_t start_ns, *, uint32_t worker, uint32_t workers):
        """Follow a rate plan: stages (length_s, first, last), per second over all workers."""
        self.plan.stages = <pace.Stage *>calloc(len(levels), sizeof(pace.Stage))
        if self.plan.stages == NULL:
            raise MemoryError
        for i, (length_s, first, last) in enumerate(levels):
            self.plan.stages[i].length_s = length_s
            self.plan.stages[i].first = first
            self.plan.stages[i].last = last
        self.plan.n_stages = <uint32_t>len(levels)
        self.plan.step = workers
        pace.lay_out(self.plan.stages, self.plan.n_stages)
        pace.begin_plan(&self.plan, start_ns, 0, <uint64_t>-1, worker, 1)
        self.planned = True
        self._fire()

    def at(self, instants_ns):
        """Call back at these times of CLOCK_MONOTONIC, in ascending order."""
        self.instants = list(instants_ns)
        self.place = 0
        self.planned = False
        self._fire()

    cdef uint64_t next_ns(self):
        if self.planned:
            return self.plan.next.due_ns
        if self.instants is None or self.place >= <size_t>len(self.instants):
            return <uint64_t>-1
        return self.instants[self.place]

    def _fire(self):
        cdef uint64_t due_ns
        drain_timer(self.timer)
        while self.timer >= 0:
            due_ns = self.next_ns()
            if due_ns == <uint64_t>-1:
                return
            if due_ns > kernel.now_ns():
                set_timer(self.timer, due_ns, 0)
                return
            if self.planned:
                pace.advance(&self.plan, &self.plan.next)
            else:
                self.place += 1
            self.callback(due_ns)

    def stop(self):
        """Call back no more."""
        if self.timer >= 0:
            self.loop.remove_reader(self.timer)
            kernel.close(self.timer)
            self.timer = -1


def set_active(Block shared not None, uint32_t index, uint64_t vus):
    """Say how many VUs of this worker are at work."""
    shared.slot(index).active = vus


def set_state(Block shared not None, uint32_t index, state):
    """Say where this worker is, one of WORKER_STATES; "ended" stamps its end."""
    cdef block.Slot *slot = shared.slot(index)
    if state == "ended":
        slot.end_ns = kernel.now_ns()
    slot.state = WORKER_STATES.index(state)
