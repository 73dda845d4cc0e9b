"""Latency histogram over borrowed memory, in the layout of HdrHistogram.

1. Values are nanoseconds, 1 to 2^42 - 1 (73 min), kept to 3 significant digits: the first 2,048
   counters are 1 ns wide; after them, each doubling of the value has 1,024 counters.
2. 33 * 1,024 = 33,792 counters of 8 bytes, 264 KiB. Nothing is allocated, nothing grows.
3. One writer, plain stores; histograms are merged by addition and percentiles never averaged.
4. Count, sum, minimum and maximum are exact and stand beside the counters. Counters that are not 0
   lie between those of the extremes: nothing else is read or written, so that a histogram of zeros
   costs no memory before it is used. Who reads while another process writes may miss its newest
   sample, as it stands in a counter before it is an extreme, and sees it at the next look.
5. An empty histogram is all zeros, which is why the minimum is kept flipped.
"""

from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    int clzll "__builtin_clzll"(unsigned long long value) noexcept nogil

cdef enum:
    COUNTERS = 33792
    HALF = 1024             # counters per doubling
    VALUE_BITS = 42

cdef struct Hdr:
    uint64_t count
    uint64_t sum_ns
    uint64_t flipped_min_ns     # 2^64 - 1 less the minimum
    uint64_t max_ns
    uint64_t counts[COUNTERS]


cdef inline void reset(Hdr *self) noexcept nogil:
    cdef uint32_t i
    self.count = 0
    self.sum_ns = 0
    self.flipped_min_ns = 0
    self.max_ns = 0
    for i in range(COUNTERS):
        self.counts[i] = 0


cdef inline uint32_t index_of(uint64_t value_ns) noexcept nogil:
    cdef uint32_t shift
    if value_ns < 2 * HALF:
        return <uint32_t>value_ns
    if value_ns >> VALUE_BITS:
        return COUNTERS - 1
    shift = <uint32_t>(53 - clzll(value_ns))
    return shift * HALF + <uint32_t>(value_ns >> shift)


cdef inline uint64_t highest_at(uint32_t index) noexcept nogil:
    """The largest value that shares the counter `index`: percentiles never understate."""
    cdef uint32_t shift
    if index < 2 * HALF:
        return index
    shift = index // HALF - 1
    return ((<uint64_t>(index - shift * HALF) + 1) << shift) - 1


cdef inline void record(Hdr *self, uint64_t value_ns) noexcept nogil:
    self.counts[index_of(value_ns)] += 1
    self.count += 1
    self.sum_ns += value_ns
    if ~value_ns > self.flipped_min_ns:
        self.flipped_min_ns = ~value_ns
    if value_ns > self.max_ns:
        self.max_ns = value_ns


cdef inline uint32_t first_of(const Hdr *self) noexcept nogil:
    return index_of(~self.flipped_min_ns)


cdef inline uint32_t last_of(const Hdr *self) noexcept nogil:
    return index_of(self.max_ns)


cdef inline void add(Hdr *self, const Hdr *other) noexcept nogil:
    cdef uint32_t i
    for i in range(first_of(other), last_of(other) + 1):
        self.counts[i] += other.counts[i]
    self.count += other.count
    self.sum_ns += other.sum_ns
    if other.flipped_min_ns > self.flipped_min_ns:
        self.flipped_min_ns = other.flipped_min_ns
    if other.max_ns > self.max_ns:
        self.max_ns = other.max_ns


cdef inline void difference(Hdr *out, const Hdr *later, const Hdr *earlier) noexcept nogil:
    """What `later` holds beyond `earlier`, into an empty `out`; extremes are counters' bounds."""
    cdef uint32_t i
    out.count = later.count - earlier.count
    out.sum_ns = later.sum_ns - earlier.sum_ns
    for i in range(first_of(later), last_of(later) + 1):
        if later.counts[i] != earlier.counts[i]:
            out.counts[i] = later.counts[i] - earlier.counts[i]
            if ~highest_at(i) > out.flipped_min_ns:
                out.flipped_min_ns = ~highest_at(i)
            out.max_ns = highest_at(i)
    if out.max_ns > later.max_ns:
        out.max_ns = later.max_ns


cdef inline uint64_t percentile(const Hdr *self, double percent) noexcept nogil:
    """Highest value of the counter that holds the sample at `percent`; 0 when empty, in ns."""
    cdef uint64_t seen = 0
    cdef uint64_t total = 0
    cdef uint64_t wanted
    cdef uint64_t value
    cdef uint32_t first = first_of(self)
    cdef uint32_t last = last_of(self)
    cdef uint32_t i
    for i in range(first, last + 1):    # not `count`: a writer may be between its two stores
        total += self.counts[i]
    wanted = <uint64_t>(percent / 100.0 * <double>total + 0.999999)
    if wanted < 1:
        wanted = 1
    for i in range(first, last + 1):
        seen += self.counts[i]
        if seen >= wanted and seen:
            value = highest_at(i)
            return value if value < self.max_ns else self.max_ns
    return 0
