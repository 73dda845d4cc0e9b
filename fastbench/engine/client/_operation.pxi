# Part of _client.pyx: what a script times itself, and where its numbers are recorded.


cdef void count_ended(arena.Named *counted, bint failed, uint64_t took_ns, uint64_t bytes_in,
                      uint64_t bytes_out):
    counted.reqs += 1
    counted.failed += failed
    counted.answered += not failed
    counted.bytes_in += bytes_in
    counted.bytes_out += bytes_out
    hdr.record(&counted.duration, took_ns)


cdef class OperationSinks:
    """Where operations of one name are recorded: in the slot, by scenario and by name.

    `named` is None where there was no room for it. All instants are of CLOCK_MONOTONIC.
    """

    cdef block.Operations *counted
    cdef hdr.Hdr *times
    cdef arena.Named *whole
    cdef arena.Named *named     # `whole` again where there is no room
    cdef tuple keep

    def __cinit__(self, Block shared not None, uint32_t index, NamedSlot whole not None,
                  NamedSlot named):
        cdef block.Slot *slot = shared.slot(index)
        self.keep = (shared, whole, named)
        self.counted = &slot.operations
        self.times = &slot.latency[block.OPERATION]
        self.whole = <arena.Named *>whole.data
        self.named = self.whole if named is None else <arena.Named *>named.data

    def begin(self):
        """Count one that begins; return the instant, ns."""
        self.counted.started += 1
        self.whole.started += 1
        if self.named != self.whole:
            self.named.started += 1
        return kernel.now_ns()

    def end(self, uint64_t begun_ns, bint failed, uint64_t bytes_in, uint64_t bytes_out):
        """Count one that ends now; return how long it took, ns."""
        cdef uint64_t took_ns = span(begun_ns, kernel.now_ns())
        self.counted.ok += not failed
        self.counted.failed += failed
        self.counted.bytes_in += bytes_in
        self.counted.bytes_out += bytes_out
        hdr.record(self.times, took_ns)
        count_ended(self.whole, failed, took_ns, bytes_in, bytes_out)
        if self.named != self.whole:
            count_ended(self.named, failed, took_ns, bytes_in, bytes_out)
        return took_ns

    cpdef moved(self, uint64_t bytes_in, uint64_t bytes_out):
        """Count bytes of a connection that outlives its operation."""
        self.counted.bytes_in += bytes_in
        self.counted.bytes_out += bytes_out
        self.whole.bytes_in += bytes_in
        self.whole.bytes_out += bytes_out
        if self.named != self.whole:
            self.named.bytes_in += bytes_in
            self.named.bytes_out += bytes_out

    def leave(self, uint64_t begun_ns):
        """Note the age of one that the end of the run cuts off: it stays under way; return it."""
        cdef uint64_t age_ns = span(begun_ns, kernel.now_ns())
        cdef uint64_t slowest_ns = self.times.max_ns
        self.counted.overdue += age_ns > block.OVERDUE_NS \
            and age_ns > block.OVERDUE_TIMES * slowest_ns
        self.counted.oldest_ns = max(self.counted.oldest_ns, age_ns)
        return age_ns


cdef count_one(counter):
    if type(counter) is CounterSlot:
        (<double *>(<CounterSlot>counter).data)[0] += 1
    elif counter is not None:
        counter.add(1)
