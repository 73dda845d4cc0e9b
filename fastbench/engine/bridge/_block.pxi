# Part of _core.pyx: the histogram, and the memory that parent and workers share.

cdef enum:
    LONGEST_NUMBER = 9
    COUNTED_WORDS = 256         # of a slot, up to the last of its counters, or more


cdef inline size_t put(uint8_t *out, uint64_t number) noexcept nogil:
    """Write one number, seven bits a byte, the ninth with eight; how many bytes it took."""
    cdef size_t n = 0
    while number >= 0x80 and n < LONGEST_NUMBER - 1:
        out[n] = (number & 0x7F) | 0x80
        number >>= 7
        n += 1
    out[n] = <uint8_t>number
    return n + 1


cdef class Histogram:
    """Latencies in nanoseconds, HdrHistogram layout: 33,792 counters, 3 significant digits."""

    def __cinit__(self):
        self.data = <hdr.Hdr *>kernel.map_zeros(sizeof(hdr.Hdr))
        if self.data == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.data != NULL:
            kernel.munmap(self.data, sizeof(hdr.Hdr))

    @staticmethod
    def of(counts, uint64_t min_ns, uint64_t max_ns, uint64_t sum_ns):
        """The histogram of these counters, as `counts` returns them; they are not empty."""
        cdef Histogram out = Histogram()
        cdef uint32_t i
        for i, count in counts.items():
            if i >= hdr.COUNTERS:
                raise IndexError(f"a histogram has {hdr.COUNTERS} counters")
            out.data.counts[i] = count
            out.data.count += count
        out.data.flipped_min_ns, out.data.max_ns, out.data.sum_ns = ~min_ns, max_ns, sum_ns
        return out

    def record(self, uint64_t value_ns):
        """Count one value."""
        hdr.record(self.data, value_ns)

    def add(self, Histogram other not None):
        """Merge `other` into this one."""
        hdr.add(self.data, other.data)

    def since(self, Histogram earlier not None):
        """What was recorded after `earlier`, a copy of this histogram made before."""
        cdef Histogram out = Histogram()
        hdr.difference(out.data, self.data, earlier.data)
        return out

    def percentile(self, double percent):
        """Highest equivalent value at `percent` (0 to 100), in ns; 0 when empty."""
        return hdr.percentile(self.data, percent)

    def counts(self):
        """Counters that are not 0, in ascending order: {counter: count}."""
        cdef uint32_t i
        counts = {}
        for i in range(hdr.first_of(self.data), hdr.last_of(self.data) + 1):
            if self.data.counts[i]:
                counts[i] = self.data.counts[i]
        return counts

    def payload(self):
        """The counters as numbers of HdrHistogram's V2 form (ZigZag LEB128), not yet packed.

        A run of counters that are 0 is one negative number.
        """
        cdef uint32_t i, n_used = 0
        cdef uint32_t first = hdr.first_of(self.data), behind = hdr.last_of(self.data) + 1
        cdef uint32_t following = 0
        cdef size_t at = 0
        for i in range(first, behind):
            n_used += self.data.counts[i] != 0
        cdef uint8_t *written = <uint8_t *>malloc(2 * LONGEST_NUMBER * n_used + 1)
        if written == NULL:
            raise MemoryError
        for i in range(first, behind):
            if self.data.counts[i]:
                if i != following:      # a gap of one is the number 0
                    at += put(written + at, 0 if i == following + 1 else 2 * (i - following) - 1)
                at += put(written + at, 2 * self.data.counts[i])
                following = i + 1
        found = PyBytes_FromStringAndSize(<char *>written, <Py_ssize_t>at)
        free(written)
        return found

    @property
    def count(self):
        return self.data.count

    @property
    def min_ns(self):
        return ~self.data.flipped_min_ns if self.data.count else 0

    @property
    def max_ns(self):
        return self.data.max_ns

    @property
    def sum_ns(self):
        return self.data.sum_ns


cdef tuple instants_of(block.Slot *slot):
    """Where a slot holds instants: offsets in bytes."""
    cdef block.ErrorRow *rows = slot.errors
    cdef uint64_t *fields[5 + block.ERROR_ROWS]
    cdef uint32_t i
    fields[0] = &slot.end_ns
    fields[1] = &slot.oldest_due_ns
    fields[2] = &slot.oldest_sent_ns
    fields[3] = &slot.dialogues.begun_ns
    fields[4] = &slot.dialogues.opened_ns
    for i in range(block.ERROR_ROWS):
        fields[5 + i] = &rows[i].first_ns
    return tuple([<size_t>(<char *>fields[i] - <char *>slot)
                  for i in range(5 + block.ERROR_ROWS)])


cdef class Block:
    """The shared memory of a run: make it before the fork, see engine/block.pxd.

    With `private` nobody is forked who writes it: it is a copy of what others write elsewhere, and
    takes memory only as far as something is counted.

    Of `total` workers, all by default, it holds `workers`, from `first` on, and they keep their
    numbers: slot n is worker n's; with `warmup`, slot total + n holds what worker n did in the
    warm-up. What is summed over the workers is summed over those that are there. `urls` are those
    that have counters of their own, 0 for a run of one URL.
    """

    def __cinit__(self, uint32_t workers, *, uint32_t first=0, total=None, bint warmup=False,
                  uint32_t urls=0, bint private=False):
        cdef uint32_t i, series, slots = workers * (1 + warmup)
        cdef int kind = kernel.MAP_SHARED
        if private:
            kind = kernel.MAP_PRIVATE | kernel.MAP_NORESERVE
        self.workers = workers
        self.first = first
        self.total = first + workers if total is None else total
        self.warmup = warmup
        if <uint64_t>first + workers > self.total:
            raise ValueError(f"no workers {first} to {first + workers - 1} among {total}")
        self.n_bytes = block.block_bytes(slots)
        self.memory = kernel.mmap(NULL, self.n_bytes, kernel.PROT_READ | kernel.PROT_WRITE,
                                  kind | kernel.MAP_ANONYMOUS, -1, 0)
        if self.memory == kernel.MAP_FAILED:
            self.memory = NULL
            raise MemoryError(f"{self.n_bytes} bytes of shared memory could not be mapped")
        if not private:
            if kernel.populate(self.memory, self.n_bytes) < 0:
                raise MemoryError(f"{self.n_bytes} bytes of shared memory could not be filled")
            for i in range(slots):
                for series in range(block.SERIES):
                    hdr.reset(&block.slot_at(self.memory, i).latency[series])
        self.map_urls(urls, kind)

    cdef int map_urls(self, uint32_t urls, int kind) except -1:
        self.urls = urls
        self.url_bytes = <size_t>self.workers * urls * sizeof(block.UrlCounts)
        if not urls:
            return 0
        self.url_memory = kernel.mmap(
            NULL, self.url_bytes, kernel.PROT_READ | kernel.PROT_WRITE,
            kind | kernel.MAP_ANONYMOUS | kernel.MAP_NORESERVE, -1, 0)
        if self.url_memory == kernel.MAP_FAILED:
            self.url_memory = NULL
            raise MemoryError(f"{self.url_bytes} bytes of shared memory could not be mapped")
        return 0

    def __dealloc__(self):
        if self.memory != NULL:
            kernel.munmap(self.memory, self.n_bytes)
        if self.url_memory != NULL:
            kernel.munmap(self.url_memory, self.url_bytes)

    cdef block.Control *control(self):
        return <block.Control *>self.memory

    cdef block.Slot *slot(self, uint32_t index) except NULL:
        cdef bint warm = index >= self.total
        cdef uint32_t own = self.own(index - self.total if warm else index)
        if warm and not self.warmup:
            raise IndexError("the block has no slots of a warm-up")
        return block.slot_at(self.memory, own + (self.workers if warm else 0))

    cdef uint32_t own(self, uint32_t worker) except? 0xFFFFFFFF:
        """The place here of one of all workers."""
        if not self.first <= worker < self.first + self.workers:
            raise IndexError(f"the block has {self.workers} workers from {self.first} on, "
                             f"not worker {worker}")
        return worker - self.first

    cdef block.UrlCounts *url(self, uint32_t worker, uint32_t url) except NULL:
        cdef uint32_t own = self.own(worker)
        if url >= self.urls:
            raise IndexError(f"the block has {self.urls} URLs, not {url + 1}")
        return &block.urls_of(self.url_memory, self.urls, own)[url]

    @property
    def indices(self):
        """The numbers of the workers that are here."""
        return range(self.first, self.first + self.workers)

    @property
    def warm_indices(self):
        """Their slots of the warm-up; none without one."""
        begin = self.total + self.first
        return range(begin, begin + self.workers if self.warmup else begin)

    def parts(self, uint32_t worker):
        """All memory of a worker: [(memoryview, offsets in bytes of instants), ...].

        Its slot, its slot of the warm-up and its URLs, as far as there are any. Instants are of
        CLOCK_MONOTONIC, 0: none. The views keep the block alive.
        """
        found = []
        for index in [worker, self.total + worker][:1 + self.warmup]:
            view = view_of(self, self.slot(index), block.slot_bytes())
            found.append((view, instants_of(self.slot(index))))
        if self.urls:
            n_bytes = self.urls * sizeof(block.UrlCounts)
            found.append((view_of(self, self.url(worker, 0), n_bytes), ()))
        return found

    def url_counters(self, uint32_t url):
        """The counters of one URL by name, summed over the workers."""
        cdef block.UrlCounts *row
        cdef uint64_t ok = 0, failed = 0, timeouts = 0, bytes_in = 0
        for worker in self.indices:
            row = self.url(worker, url)
            ok += row.ok
            failed += row.failed
            timeouts += row.timeouts
            bytes_in += row.bytes_in
        return {"ok": ok, "failed": failed, "timeouts": timeouts, "bytes_in": bytes_in}

    def url_status_codes(self, uint32_t url):
        """Complete answers of one URL by status, summed over the workers."""
        cdef block.UrlCounts *row
        cdef uint32_t status
        found = {}
        for worker in self.indices:
            row = self.url(worker, url)
            if row.ok + row.failed:
                for status in range(block.MAX_STATUS):
                    if row.status[status]:
                        found[status] = found.get(status, 0) + row.status[status]
        return found

    def url_histogram(self, name, uint32_t url):
        """The sum over the workers of one URL's `service` or `response`."""
        cdef Histogram out = Histogram()
        cdef bint planned = ("service", "response").index(name)
        cdef block.UrlCounts *row
        for worker in self.indices:
            row = self.url(worker, url)
            hdr.add(out.data, &row.response if planned else &row.service)
        return out

    def open_start_line(self, uint64_t start_ns, uint64_t measure_ns, uint64_t stop_ns):
        """Let the workers begin, measure and stop at these times of CLOCK_MONOTONIC.

        Without a warm-up, measuring begins at the start; stop 0: no limit.
        """
        self.control().stop_ns = stop_ns
        self.control().measure_ns = measure_ns
        self.control().start_ns = start_ns

    def stop(self):
        """Tell the workers to stop now."""
        self.control().stop = 1

    def state(self, uint32_t worker):
        """One of WORKER_STATES."""
        return WORKER_STATES[self.slot(worker).state]

    def lose(self, uint32_t worker):
        """Learn that a worker is gone and said nothing: nothing of it is open any more."""
        cdef block.Slot *slot = self.slot(worker)
        slot.connected = slot.active = 0

    def counters(self, uint32_t index):
        """The plain counters of a slot by name; requests, bytes, connections, ns."""
        return self.named(self.slot(index))

    def sums(self, slots=None):
        """The counters of these slots by name, added up; of the workers' by default."""
        cdef uint64_t added[COUNTED_WORDS]
        cdef const uint64_t *one
        cdef size_t i, n_words = <size_t>&(<block.Slot *>NULL).tls_version // sizeof(uint64_t)
        assert n_words <= COUNTED_WORDS
        memset(added, 0, sizeof(added))
        for index in self.indices if slots is None else slots:
            one = <const uint64_t *>self.slot(index)
            for i in range(n_words):
                added[i] += one[i]
        return self.named(<block.Slot *>added)      # as far as the counters go

    cdef dict named(self, const block.Slot *slot):
        return {
            "settled": slot.settled, "connected": slot.connected, "connects": slot.connects,
            "active": slot.active, "scheduled": slot.scheduled, "dropped": slot.dropped,
            "queued": slot.queued, "oldest_due_ns": slot.oldest_due_ns,
            "closed_idle": slot.closed_idle, "end_ns": slot.end_ns, "idle_ns": slot.idle_ns,
            "started": slot.started, "ok": slot.ok, "failed": slot.failed,
            "cancelled": slot.cancelled,
            "timeouts": slot.timeouts, "retried": slot.retried, "in_flight": slot.in_flight,
            "oldest_sent_ns": slot.oldest_sent_ns, "overdue": slot.overdue,
            "carried": slot.carried, "text_wait_ns": slot.text_wait_ns,
            "bytes_in": slot.bytes_in, "bytes_out": slot.bytes_out,
            "sessions": slot.sessions, "stream_limit": slot.stream_limit,
            "goaways": slot.goaways, "refused": slot.refused,
            "handshakes": slot.handshakes, "resumed": slot.resumed,
            "operations_started": slot.operations.started,
            "operations_ok": slot.operations.ok, "operations_failed": slot.operations.failed,
            "operations_overdue": slot.operations.overdue,
            "operations_oldest_ns": slot.operations.oldest_ns,
            "operations_bytes_in": slot.operations.bytes_in,
            "operations_bytes_out": slot.operations.bytes_out,
            "sockets_opened": slot.dialogues.opened, "sockets_lost": slot.dialogues.lost,
            "messages_in": slot.dialogues.messages_in,
            "messages_out": slot.dialogues.messages_out,
            "payload_in": slot.dialogues.payload_in, "payload_out": slot.dialogues.payload_out,
            "pings": slot.dialogues.pings, "sockets_begun_ns": slot.dialogues.begun_ns,
            "sockets_opened_ns": slot.dialogues.opened_ns,
        }

    def tls(self, uint32_t worker):
        """(version, cipher) of the newest handshake, empty when there was none."""
        cdef block.Slot *slot = self.slot(worker)
        return TLS_VERSIONS.get(slot.tls_version, ""), text_of(slot.cipher)

    def status_codes(self, uint32_t index):
        """Complete answers by status."""
        cdef block.Slot *slot = self.slot(index)
        return {status: slot.status[status] for status in range(block.MAX_STATUS)
                if slot.status[status]}

    def close_codes(self, uint32_t index):
        """WebSockets that ended before we closed them, by close code."""
        cdef block.Dialogues *of = &self.slot(index).dialogues
        return {of.close_rows[i].code: of.close_rows[i].count for i in range(of.closes)}

    def errors(self, uint32_t index):
        """Rows (kind, phase, code in words, count, first_ns)."""
        cdef block.Slot *slot = self.slot(index)
        cdef block.ErrorRow *row
        rows = []
        for i in range(slot.error_rows):
            row = &slot.errors[i]
            rows.append((ERROR_KINDS[row.kind], ERROR_PHASES[row.phase],
                         code_name(row.kind, row.code), row.count, row.first_ns))
        return rows

    def addresses(self, uint32_t worker):
        """For each address of the server: (connects, failures, kind, phase, code in words).

        Kind, phase and code are of the last failure, "" without one.
        """
        cdef block.Slot *slot = self.slot(worker)
        cdef block.Reached *row
        rows = []
        for i in range(block.MAX_ADDRESSES):
            row = &slot.addresses[i]
            last = ("", "", "")
            if row.failures:
                last = (ERROR_KINDS[row.kind], ERROR_PHASES[row.phase],
                        code_name(row.kind, row.code))
            rows.append((row.connects, row.failures, *last))
        return rows

    def histogram(self, name, slots=None):
        """The sum of one of HISTOGRAMS over these slots; over the workers' by default."""
        cdef Histogram out = Histogram()
        cdef int series = HISTOGRAMS.index(name)
        for i in self.indices if slots is None else slots:
            hdr.add(out.data, &self.slot(i).latency[series])
        return out
