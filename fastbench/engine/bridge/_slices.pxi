# Part of _core.pyx: servers that are loaded in turns; see engine/slices.pxd.


cdef class Slices:
    """The shared memory of servers loaded in turns: make it before the fork.

    `samples` is for how many answers of one worker to one side there is room.
    """

    cdef void *memory
    cdef size_t n_bytes
    cdef slices.Timeline *timeline
    cdef readonly uint32_t workers
    cdef readonly uint32_t sides
    cdef readonly uint64_t capacity

    def __cinit__(self, uint32_t workers, uint32_t sides, *, uint64_t samples):
        if not 2 <= sides <= slices.MAX_SIDES:
            raise ValueError(f"2 to {slices.MAX_SIDES} servers can be loaded in turns")
        self.workers = workers
        self.sides = sides
        self.capacity = samples
        self.n_bytes = sizeof(slices.Timeline) + workers * (
            slices.MAX_SLICES * sizeof(slices.Slice) + sides * samples * sizeof(Sample))
        self.memory = kernel.mmap(
            NULL, self.n_bytes, kernel.PROT_READ | kernel.PROT_WRITE,
            kernel.MAP_SHARED | kernel.MAP_ANONYMOUS | kernel.MAP_NORESERVE, -1, 0)
        if self.memory == kernel.MAP_FAILED:
            self.memory = NULL
            raise MemoryError(f"{self.n_bytes} bytes of shared memory could not be mapped")
        self.timeline = <slices.Timeline *>self.memory
        self.timeline.workers = workers

    def __dealloc__(self):
        if self.memory != NULL:
            kernel.munmap(self.memory, self.n_bytes)

    cdef slices.Slice *of_worker(self, uint32_t worker) except NULL:
        if worker >= self.workers:
            raise IndexError(f"there are {self.workers} workers")
        return <slices.Slice *>(<char *>self.memory + sizeof(slices.Timeline)) + (
            <size_t>worker * slices.MAX_SLICES)

    cdef Sample *log(self, uint32_t worker, uint32_t side) except NULL:
        if worker >= self.workers or side >= self.sides:
            raise IndexError(f"there are {self.workers} workers and {self.sides} sides")
        return <Sample *>(self.of_worker(0) + <size_t>self.workers * slices.MAX_SLICES) + (
            (<size_t>worker * self.sides + side) * self.capacity)

    def open(self, bytes order not None, uint64_t slice_ns, uint64_t start_ns,
             uint64_t deadline_ns):
        """Let the workers begin: the side of each slice, and when none begins any more."""
        if not 0 < len(order) <= slices.MAX_SLICES or max(order) >= self.sides:
            raise ValueError(f"1 to {slices.MAX_SLICES} slices of the {self.sides} sides")
        memcpy(self.timeline.order, <const char *>order, len(order))
        self.timeline.planned = <uint32_t>len(order)
        self.timeline.slice_ns = slice_ns
        self.timeline.deadline_ns = deadline_ns
        self.timeline.start_ns = start_ns

    def follow(self, uint32_t side, int pid, uint64_t used_ns, bint fresh):
        """Count a process of a side's server from now on; false when there are too many.

        `used_ns` is the processor time that does not count, 0 of one that is `fresh`.
        """
        cdef slices.Process *place
        cdef uint32_t i
        if side >= self.sides or pid <= 0:
            raise ValueError(f"a process of one of {self.sides} sides")
        for i in range(slices.MAX_PROCESSES):
            place = &self.timeline.processes[side][i]
            if not place.alive:
                place.pid = pid
                place.last_ns = used_ns
                place.fresh = fresh
                slices.full_barrier()
                place.alive = True
                return True
        return False

    def stop(self):
        """Let the workers stop now, within a slice."""
        self.timeline.stop = 1

    @property
    def ready(self):
        """How many workers have connected all their sides, or tried to."""
        return self.timeline.ready

    @property
    def begun(self):
        """How many slices have begun."""
        return self.timeline.begun

    def rows(self, uint32_t worker, uint32_t first=0):
        """A worker's slices that are over in all workers, from number `first` on.

        (side, begin_ns, until_ns, home_ns, started, ok, failed, unsent, idle_ns,
        first_sample, samples, cpu_ns); cpu_ns is of the side's processes, whoever loads them.
        """
        cdef slices.Slice *row = self.of_worker(worker)
        cdef uint32_t i
        found = []
        for i in range(first, <uint32_t>self.timeline.settled):
            if row[i].home_ns == 0:
                break
            found.append((self.timeline.order[i], row[i].begin_ns, row[i].until_ns,
                          row[i].home_ns, row[i].started, row[i].ok, row[i].failed,
                          row[i].unsent, row[i].idle_ns, row[i].first_sample,
                          row[i].samples, self.timeline.cpu_ns[i]))
        return found

    def samples(self, uint32_t worker, uint32_t side, uint64_t first, uint64_t count):
        """Samples as bytes: pairs of uint32, when each ended since its slice began, its latency."""
        if first + count > self.capacity:
            raise IndexError(f"there is room for {self.capacity} samples")
        return PyBytes_FromStringAndSize(
            <char *>(self.log(worker, side) + first), <Py_ssize_t>(count * sizeof(Sample)))


def run_in_turns(list engines not None, Slices shared not None, uint32_t worker):
    """Load the servers of these engines in turns, as `shared` says. Blocks; no GIL."""
    cdef Worker *sides[slices.MAX_SIDES]
    cdef uint32_t i, count = <uint32_t>len(engines)
    cdef slices.Slice *rows = shared.of_worker(worker)
    if count != shared.sides:
        raise ValueError(f"{shared.sides} engines, one for each side")
    for i in range(count):
        sides[i] = &(<Engine>engines[i]).worker
        sides[i].log.rows = shared.log(worker, i)
        sides[i].log.capacity = shared.capacity
    with nogil:
        slices.run_in_turns(sides, count, shared.timeline, rows)


cdef void select(uint32_t *row, Py_ssize_t low, Py_ssize_t high, Py_ssize_t rank) noexcept nogil:
    """Put the value of that rank in its place, smaller ones before it (Hoare's FIND, 1961)."""
    cdef Py_ssize_t i, j
    cdef uint32_t pivot
    while low < high:
        pivot = row[rank]
        i, j = low, high
        while i <= j:
            while row[i] < pivot:
                i += 1
            while pivot < row[j]:
                j -= 1
            if i <= j:
                row[i], row[j] = row[j], row[i]
                i += 1
                j -= 1
        if j < rank:
            low = i
        if rank < i:
            high = j


def order_statistics(bytes values not None, list ranks not None):
    """The sum of uint32 values, and those of these ranks: from 0 on, in ascending order.

    3,200 values and three ranks take 13 us here, where sorting them as objects takes 260 us.
    """
    cdef Py_ssize_t count = len(values) // sizeof(uint32_t), low = 0, rank, i
    cdef uint64_t total = 0
    cdef uint32_t *row = <uint32_t *>malloc(len(values) + 1)
    if row == NULL:
        raise MemoryError
    try:
        memcpy(row, <const char *>values, count * sizeof(uint32_t))
        for i in range(count):
            total += row[i]
        found = []
        for rank in ranks:
            if not low <= rank < count:
                raise IndexError(f"ranks of {count} values, in ascending order")
            select(row, low, count - 1, rank)
            found.append(row[rank])
            low = rank
        return total, found
    finally:
        free(row)
