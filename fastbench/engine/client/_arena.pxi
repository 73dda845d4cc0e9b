# Part of _client.pyx: metrics of all workers in shared memory, read by name; see engine/arena.pxd.

cdef class Arena:
    """Metrics of all workers in memory mapped without reserve; make it before the fork.

    Of `total` workers, all by default, it holds `workers`, from `first` on, and they keep their
    numbers. Of several machines, whose numbers of shared counters differ, it is `machine` (0, 1,
    ...) of `machines`. Raises MemoryError when not even a small one can be mapped.
    """

    cdef void *memory
    cdef size_t n_bytes
    cdef readonly size_t region_bytes   # of a worker; less than asked for where memory is short
    cdef readonly uint32_t workers
    cdef readonly uint32_t first
    cdef readonly uint32_t total
    cdef readonly uint64_t machine
    cdef readonly uint64_t machines

    def __cinit__(self, uint32_t workers, *, uint32_t first=0, total=None, uint32_t machine=0,
                  uint32_t machines=1, size_t bytes_per_worker=REGION_BYTES):
        self.workers = workers
        self.machine = machine
        self.machines = machines
        if machine >= machines:
            raise ValueError(f"no machine {machine} among {machines}")
        self.first = first
        self.total = first + workers if total is None else total
        if <uint64_t>first + workers > self.total:
            raise ValueError(f"no workers {first} to {first + workers - 1} among {total}")
        self.region_bytes = bytes_per_worker
        self.memory = kernel.MAP_FAILED
        while self.region_bytes >= LEAST_REGION_BYTES:
            self.n_bytes = arena.common_bytes() + workers * self.region_bytes
            self.memory = kernel.mmap(
                NULL, self.n_bytes, kernel.PROT_READ | kernel.PROT_WRITE,
                kernel.MAP_SHARED | kernel.MAP_ANONYMOUS | kernel.MAP_NORESERVE, -1, 0)
            if self.memory != kernel.MAP_FAILED:
                return
            self.region_bytes //= 2         # a strict kernel reserves in spite of the flag
        self.memory = NULL
        raise MemoryError(f"{self.n_bytes} bytes of address space could not be mapped")

    def __dealloc__(self):
        if self.memory != NULL:
            kernel.munmap(self.memory, self.n_bytes)

    cdef arena.Region *region(self, uint32_t worker) except NULL:
        if not self.first <= worker < self.first + self.workers:
            raise IndexError(f"the arena has {self.workers} workers from {self.first} on, "
                             f"not worker {worker}")
        return <arena.Region *>(<char *>self.memory + arena.common_bytes()
                                + (worker - self.first) * self.region_bytes)

    @property
    def indices(self):
        """The numbers of the workers that are here."""
        return range(self.first, self.first + self.workers)

    def part(self, uint32_t worker):
        """The region of a worker as a memoryview, which keeps the arena alive."""
        return view_of(self, self.region(worker), self.region_bytes)

    def used_bytes(self, uint32_t worker):
        """How much of a region is in use: as far as its entries go that are published."""
        cdef arena.Region *region = self.region(worker)
        cdef uint64_t entries = arena.published(&region.entries, arena.ACQUIRE)
        cdef arena.Entry *entry = arena.first_entry(region)
        for _ in range(entries):
            entry = arena.after(entry)
        return <size_t>(<char *>entry - <char *>region)

    def instants(self, uint32_t worker):
        """Where a region holds instants of CLOCK_MONOTONIC, 0 for none: offsets in bytes."""
        cdef arena.Region *region = self.region(worker)
        cdef uint64_t entries = arena.published(&region.entries, arena.ACQUIRE)
        cdef arena.Entry *entry = arena.first_entry(region)
        cdef arena.Gauge *gauge
        found = [<size_t>(<char *>&region.beat_ns - <char *>region)]
        for _ in range(entries):
            if entry.kind == arena.GAUGE:
                gauge = <arena.Gauge *>(<char *>entry + entry.data_offset)
                found.append(<size_t>(<char *>&gauge.at_ns - <char *>region))
            entry = arena.after(entry)
        return tuple(found)

    def writer(self, uint32_t worker):
        """The book of one worker; only that worker may write in it."""
        cdef MetricRegistry book = MetricRegistry.__new__(MetricRegistry)
        book.home = self
        book.region = self.region(worker)
        book.cells = {}
        return book

    def read(self, uint32_t worker, only=None):
        """Rows (kind, name, tags, value); `only`: names to read, all by default.

        counter: float; gauge: (value, min, max, at_ns), at_ns 0 when never set; rate: (passes,
        total); times: Histogram; trend: Distribution; requests: counts and a Histogram for each of
        TIMES; named: counts, among them `started` of what is no request, and the Histogram
        `duration`.
        """
        return [(*key, value) for key, value in self.added((worker,), only).items()]

    def sums(self, only=None):
        """The same of all that are here, added up: {(kind, name, tags): value}."""
        return self.added(self.indices, only)

    cdef dict added(self, workers, only):
        cdef arena.Region *region
        cdef arena.Entry *entry
        cdef const char *text
        found = {}
        for worker in workers:
            region = self.region(worker)
            entry = arena.first_entry(region)
            for _ in range(region.entries):
                if entry.n_bytes == 0:      # counted on another machine, but not yet here
                    break
                text = <const char *>entry + sizeof(arena.Entry)
                name = text[:entry.name_bytes].decode()
                if only is None or name in only:
                    tags = text[entry.name_bytes:entry.name_bytes + entry.tags_bytes].decode()
                    key = (KINDS[entry.kind], name, tags)
                    found[key] = value_of(entry, found.get(key))
                entry = arena.after(entry)
        return found

    def beat_ns(self, uint32_t worker):
        """When the worker's loop last turned; 0: never yet."""
        return self.region(worker).beat_ns

    def place(self, uint32_t worker):
        """(VU, iteration) that ran last in this worker."""
        cdef arena.Region *region = self.region(worker)
        return region.vu, region.iteration

    cdef arena.Common *common(self, uint32_t shared) except NULL:
        if shared >= arena.SHARED_WORDS:
            raise IndexError(f"there are {arena.SHARED_WORDS} shared counters")
        return <arena.Common *>self.memory

    cdef uint64_t own(self, uint64_t limit):
        """How many of the numbers below a limit are this machine's."""
        if self.machines == 1:
            return limit
        return (limit - self.machine + self.machines - 1) // self.machines \
            if limit > self.machine else 0

    def take(self, uint32_t shared, uint64_t limit):
        """Take the next number of shared counter `shared` (0 to 63); -1 at the limit.

        They are 0, 1, ..., or this machine's of them. Of a lease they are those that were granted,
        in that order, whatever the limit; -2: all are taken, and more may come.
        """
        cdef arena.Common *common = self.common(shared)
        if common.leases[shared].state != arena.NO_LEASE:
            return arena.take_granted(common, shared)
        cdef uint64_t count = arena.take_next(&common.taken[shared], 1, arena.RELAXED)
        if count >= self.own(limit):
            return arena.USED_UP
        return count * self.machines + self.machine

    def take_rest(self, uint32_t shared, uint64_t limit):
        """Take all numbers that are left of a shared counter at once; how many those were.

        Those of other machines are not among them. A lease ends with it.
        """
        cdef arena.Common *common = self.common(shared)
        cdef uint64_t own = self.own(limit)
        if common.leases[shared].state != arena.NO_LEASE:
            return arena.take_all_granted(common, shared)
        cdef uint64_t count = arena.take_next(&common.taken[shared], own, arena.RELAXED)
        return own - count if count < own else 0

    def taken(self, uint32_t shared, uint64_t limit):
        """How many numbers of a shared counter were handed out on this machine."""
        return min(self.common(shared).taken[shared], self.own(limit))

    def count(self, uint32_t shared):
        """Add one to a shared counter that only counts; how many it is now on this machine."""
        return arena.take_next(&self.common(shared).taken[shared], 1, arena.RELAXED) + 1

    def counted(self, uint32_t shared):
        """How many a shared counter has counted."""
        return self.common(shared).taken[shared]

    def grant(self, uint32_t shared, uint64_t first, uint64_t count):
        """Let this machine take `count` numbers more, from `first` on; 0 begins a lease without.

        The counter is a lease from the first call on, which comes before anybody takes a number.
        Only one process grants. What comes when the lease has ended stays `left`. Raises
        RuntimeError when 64 ranges are not all taken.
        """
        if not arena.grant(self.common(shared), shared, first, count):
            raise RuntimeError(f"{arena.RANGES} ranges are not all taken")

    def close_grants(self, uint32_t shared):
        """No more numbers will be granted: who finds none gets -1 from now on."""
        arena.publish(&self.common(shared).leases[shared].state, arena.ENDED, arena.RELEASE)

    def grants_open(self, uint32_t shared):
        """Whether more numbers may be granted."""
        return self.common(shared).leases[shared].state == arena.GRANTING

    def left(self, uint32_t shared):
        """How many numbers of a lease are granted and not taken.

        When all workers have ended: what nobody ran, and nobody counted as dropped.
        """
        cdef arena.Common *common = self.common(shared)
        cdef uint64_t taken = arena.published(&common.taken[shared], arena.ACQUIRE)
        cdef uint64_t granted = arena.published(&common.leases[shared].granted, arena.ACQUIRE)
        return granted - taken if granted > taken else 0
