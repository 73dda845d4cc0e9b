"""Metrics in shared memory: common words, then one append-only region per worker.

1. Mapped without reserve before the fork; a page costs memory when it is first written. Readers
   keep to what was touched (`lowest`, `highest`): looking at a page of shared memory makes it, too.
2. One writer per region. An entry is complete before `entries` counts it, and never moves. In a
   region that follows one of another machine, it may be counted before it is there: all of it
   comes later, at once. Its `n_bytes` are 0 until then.
3. Numbers that all workers take from are common. Where there are several machines, each has every
   n-th of them, or those of the ranges that it was granted: a lease. One process grants; a range
   is complete before `granted` counts it, and its place is used again only when all of it is taken.
4. Latencies are nanoseconds in HdrHistogram's layout (`hdr`), other numbers doubles (`trend`).
"""

from libc.stdint cimport uint32_t, uint64_t

from fastbench.engine.hdr cimport Hdr
from fastbench.engine.trend cimport Trend

cdef extern from *:
    uint64_t take_next "__atomic_fetch_add"(uint64_t *word, uint64_t one, int order) noexcept nogil
    bint replace "__atomic_compare_exchange_n"(uint64_t *word, uint64_t *held, uint64_t value,
                                               bint weak, int order, int failed) noexcept nogil
    void publish "__atomic_store_n"(uint64_t *word, uint64_t value, int order) noexcept nogil
    uint64_t published "__atomic_load_n"(const uint64_t *word, int order) noexcept nogil
    int RELAXED "__ATOMIC_RELAXED"
    int ACQUIRE "__ATOMIC_ACQUIRE"
    int ACQ_REL "__ATOMIC_ACQ_REL"
    int RELEASE "__ATOMIC_RELEASE"

cdef enum:
    PAGE_BYTES = 4096
    SHARED_WORDS = 64
    RANGES = 64                 # of one lease that are not all taken
    ALIGN_BYTES = 64

cdef enum EntryKind:
    COUNTER, GAUGE, RATE, TIMES, TREND, REQUESTS, NAMED, ENTRY_KINDS

cdef enum:                      # places in Requests.times
    DURATION, BLOCKED, CONNECTING, HANDSHAKING, SENDING, WAITING, RECEIVING, PLANNED, TIMINGS

cdef enum:                      # states of a lease
    NO_LEASE, GRANTING, ENDED

cdef enum:                      # instead of a number
    USED_UP = -1
    LATER = -2                  # all that was granted is taken, and more may come

cdef struct Range:
    uint64_t before             # how many numbers were granted before it
    uint64_t first

cdef struct Lease:
    uint64_t state
    uint64_t ranges             # so far
    uint64_t granted            # numbers, so far
    Range last[RANGES]

cdef struct Common:
    uint64_t taken[SHARED_WORDS]    # numbers handed out so far, by shared counter
    Lease leases[SHARED_WORDS]

cdef struct Region:
    uint64_t used_bytes
    uint64_t entries
    uint64_t beat_ns                # the worker's loop turned then
    uint64_t vu                     # who ran last, and in which iteration
    uint64_t iteration

cdef struct Entry:              # followed by name, tags, padding, and its data
    uint64_t kind
    uint32_t name_bytes
    uint32_t tags_bytes
    uint64_t data_offset        # from the entry
    uint64_t n_bytes            # of all of it

cdef struct Gauge:
    uint64_t at_ns              # of the last value; 0: none yet
    double value
    double least
    double most

cdef struct Rate:
    uint64_t passes
    uint64_t total

cdef struct Requests:
    uint64_t reqs
    uint64_t failed
    uint64_t answered           # with a status
    uint64_t bytes_in
    uint64_t bytes_out
    Hdr times[TIMINGS]

cdef struct Named:              # requests, or other operations, of one name
    uint64_t started            # of requests nobody counts this by name
    uint64_t reqs
    uint64_t failed
    uint64_t answered
    uint64_t bytes_in
    uint64_t bytes_out
    Hdr duration


cdef inline size_t common_bytes() noexcept nogil:
    return (sizeof(Common) + PAGE_BYTES - 1) // PAGE_BYTES * PAGE_BYTES


cdef inline bint grant(Common *self, uint32_t shared, uint64_t first,
                       uint64_t count) noexcept nogil:
    """Add numbers to a lease, which begins with that; false when there is no room for a range."""
    cdef Lease *lease = &self.leases[shared]
    cdef Range *range = &lease.last[lease.ranges % RANGES]
    if lease.ranges >= RANGES:
        range = &lease.last[(lease.ranges - RANGES + 1) % RANGES]
        if published(&self.taken[shared], ACQUIRE) < range.before:
            return False
        range = &lease.last[lease.ranges % RANGES]
    if count:
        range.before = lease.granted
        range.first = first
        publish(&lease.ranges, lease.ranges + 1, RELEASE)
        publish(&lease.granted, lease.granted + count, RELEASE)
    if lease.state == NO_LEASE:
        publish(&lease.state, GRANTING, RELEASE)
    return True


cdef inline long long take_granted(Common *self, uint32_t shared) noexcept nogil:
    """The next number of a lease, each once over all processes; LATER or USED_UP without one.

    What a range held when this looked is right if nobody has taken a number since: its place is not
    used again before.
    """
    cdef Lease *lease = &self.leases[shared]
    cdef uint64_t state = published(&lease.state, ACQUIRE)
    cdef uint64_t number = published(&self.taken[shared], ACQUIRE)
    cdef uint64_t ranges, value
    cdef Range *range
    while number < published(&lease.granted, ACQUIRE):
        ranges = published(&lease.ranges, ACQUIRE) - 1
        range = &lease.last[ranges % RANGES]
        while range.before > number and ranges:
            ranges -= 1
            range = &lease.last[ranges % RANGES]
        value = range.first + number - range.before
        if replace(&self.taken[shared], &number, number + 1, False, ACQ_REL, ACQUIRE):
            return <long long>value
    return USED_UP if state == ENDED else LATER


cdef inline uint64_t take_all_granted(Common *self, uint32_t shared) noexcept nogil:
    """End a lease and take what is left of it; how many numbers that was."""
    cdef Lease *lease = &self.leases[shared]
    cdef uint64_t number = published(&self.taken[shared], ACQUIRE)
    cdef uint64_t granted
    publish(&lease.state, ENDED, RELEASE)
    while True:
        granted = published(&lease.granted, ACQUIRE)
        if number >= granted:
            return 0
        if replace(&self.taken[shared], &number, granted, False, ACQ_REL, ACQUIRE):
            return granted - number


cdef inline size_t data_bytes(EntryKind kind) noexcept nogil:
    if kind == COUNTER:
        return sizeof(double)
    if kind == GAUGE:
        return sizeof(Gauge)
    if kind == RATE:
        return sizeof(Rate)
    if kind == TIMES:
        return sizeof(Hdr)
    if kind == TREND:
        return sizeof(Trend)
    return sizeof(Requests) if kind == REQUESTS else sizeof(Named)


cdef inline size_t aligned(size_t n_bytes) noexcept nogil:
    return (n_bytes + ALIGN_BYTES - 1) // ALIGN_BYTES * ALIGN_BYTES


cdef inline void gauge(Gauge *self, double value, uint64_t now_ns) noexcept nogil:
    if self.at_ns == 0 or value < self.least:
        self.least = value
    if self.at_ns == 0 or value > self.most:
        self.most = value
    self.value = value
    self.at_ns = now_ns


cdef inline Entry *after(Entry *entry) noexcept nogil:
    return <Entry *>(<char *>entry + entry.n_bytes)


cdef inline Entry *first_entry(Region *region) noexcept nogil:
    return <Entry *>(<char *>region + aligned(sizeof(Region)))


cdef inline Entry *append(Region *region, size_t room_bytes, EntryKind kind, uint32_t name_bytes,
                          uint32_t tags_bytes) noexcept nogil:
    """Space for an entry, its name and tags not yet written; NULL when the region is full.

    It counts once `published`.
    """
    cdef size_t head_bytes = aligned(sizeof(Entry) + name_bytes + tags_bytes)
    cdef size_t n_bytes = head_bytes + aligned(data_bytes(kind))
    cdef Entry *entry
    if region.used_bytes == 0:
        region.used_bytes = aligned(sizeof(Region))
    if region.used_bytes + n_bytes > room_bytes:
        return NULL
    entry = <Entry *>(<char *>region + region.used_bytes)
    entry.kind = kind
    entry.name_bytes = name_bytes
    entry.tags_bytes = tags_bytes
    entry.data_offset = head_bytes
    entry.n_bytes = n_bytes
    region.used_bytes += n_bytes
    return entry
