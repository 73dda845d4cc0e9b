# Part of _client.pyx: who has waited for too long; the rules stand in _pool.pxi.

cdef uint64_t NEVER_NS = <uint64_t>-1   # a timeout that none has


cdef class Deadlines:
    """Exchanges with one timeout, oldest first: so only the first one needs a timer."""

    cdef Pool pool
    cdef uint64_t timeout_ns
    cdef Exchange first
    cdef Exchange last
    cdef uint64_t looked_ns     # the last time
    cdef object timer

    cdef push(self, Exchange one):
        one.deadlines = self
        one.before = self.last
        if self.last is None:
            self.first = one
        else:
            self.last.behind = one
        self.last = one
        if self.timer is None and self.timeout_ns != NEVER_NS:
            self.timer = self.pool.loop.call_later(self.timeout_ns / 1e9, self._look)

    cdef remove(self, Exchange one):
        if one.before is None:
            self.first = one.behind
        else:
            one.before.behind = one.behind
        if one.behind is None:
            self.last = one.before
        else:
            one.behind.before = one.before
        one.before = one.behind = one.deadlines = None

    def _look(self):
        """End what was past its time at the last look already.

        The loop runs its timers before it reads its sockets: an answer that came while the process
        was stopped (SIGSTOP) is read between two looks.
        """
        cdef Exchange oldest            # held: it leaves the list while it runs
        cdef uint64_t looked_ns = self.looked_ns
        cdef double left_s = 0
        self.looked_ns = kernel.now_ns()
        self.timer = None
        while self.first is not None and self.first.times.begun + self.timeout_ns <= looked_ns:
            oldest = self.first
            oldest.grow_old(block.TIMEOUT)
        if self.timer is not None:      # one that was resumed has set it
            return
        if self.first is None:          # a timeout that was drawn at random comes never again
            if self.pool.deadlines.get(self.timeout_ns) is self:
                del self.pool.deadlines[self.timeout_ns]
            return
        if self.first.times.begun + self.timeout_ns > self.looked_ns:
            left_s = (self.first.times.begun + self.timeout_ns - self.looked_ns) / 1e9
        self.timer = self.pool.loop.call_later(left_s + 0.001, self._look)
