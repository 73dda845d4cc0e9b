"""Distribution of any numbers, for custom metrics: log-linear over the bits of a double.

1. A counter per 1,024th of a power of two: the top ten bits of the mantissa (IEEE 754). So a value
   stands for at most 0.098 % more than itself, and whole numbers up to 1,024 stand for themselves.
2. Magnitudes from 2^-24 to 2^40; smaller ones count as 0, larger ones in the last counter.
3. Negative numbers have counters of their own. Nothing is allocated; pages never touched cost
   nothing, which is why `lowest` and `highest` are kept: who reads looks only between them.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    STEPS = 1024                # counters per power of two
    LEAST_EXPONENT = -24
    EXPONENTS = 64
    SIDE = 65536                # counters of one sign
    ZERO = 65536                # its place: negative numbers stand before it, in falling magnitude
    PLACES = 131073

cdef struct Trend:
    uint64_t count
    double sum
    double least
    double most
    uint32_t lowest             # place of the smallest value, meaningless while count is 0
    uint32_t highest
    uint64_t counts[PLACES]


cdef inline uint32_t magnitude_place(double magnitude) noexcept nogil:
    """1 to SIDE, by magnitude; 0 for what counts as nothing."""
    cdef uint64_t bits
    cdef long long step
    memcpy(&bits, &magnitude, sizeof(bits))
    step = <long long>(bits >> 42) - ((1023 + LEAST_EXPONENT) << 10)
    if step < 0:
        return 0
    return <uint32_t>(step + 1) if step < SIDE else SIDE


cdef inline uint32_t place_of(double value) noexcept nogil:
    if value < 0:
        return ZERO - magnitude_place(-value)
    return ZERO + magnitude_place(value) if value > 0 else ZERO     # -0 is 0


cdef inline double value_at(uint32_t place) noexcept nogil:
    """The magnitude nearest to 0 that shares this place, with its sign."""
    cdef uint32_t away = place - ZERO if place >= ZERO else ZERO - place
    cdef uint64_t bits
    cdef double magnitude
    if away == 0:
        return 0
    bits = (<uint64_t>(away - 1) + ((1023 + LEAST_EXPONENT) << 10)) << 42
    memcpy(&magnitude, &bits, sizeof(magnitude))
    return magnitude if place > ZERO else -magnitude


cdef inline void record(Trend *self, double value) noexcept nogil:
    cdef uint32_t place = place_of(value)
    self.counts[place] += 1
    if self.count == 0:
        self.least = self.most = value
        self.lowest = self.highest = place
    self.count += 1
    self.sum += value
    if value < self.least:
        self.least = value
        self.lowest = place
    elif value > self.most:
        self.most = value
        self.highest = place


cdef inline void add(Trend *self, const Trend *other) noexcept nogil:
    cdef uint32_t i
    if other.count == 0:
        return
    for i in range(other.lowest, other.highest + 1):
        self.counts[i] += other.counts[i]
    if self.count == 0 or other.least < self.least:
        self.least = other.least
        self.lowest = other.lowest
    if self.count == 0 or other.most > self.most:
        self.most = other.most
        self.highest = other.highest
    self.count += other.count
    self.sum += other.sum


cdef inline void difference(Trend *out, const Trend *later, const Trend *earlier) noexcept nogil:
    """What `later` holds beyond `earlier`, into an empty `out`; its extremes are the places'."""
    cdef uint32_t i
    cdef uint64_t gained
    if later.count == earlier.count:
        return
    for i in range(later.lowest, later.highest + 1):
        gained = later.counts[i] - earlier.counts[i]
        if gained == 0:
            continue
        out.counts[i] = gained
        if out.count == 0:
            out.lowest = i
            out.least = value_at(i) if value_at(i) > later.least else later.least
        out.highest = i
        out.most = value_at(i)
        out.count += gained
    out.sum = later.sum - earlier.sum


cdef inline double percentile(const Trend *self, double percent) noexcept nogil:
    """The value at `percent` (0 to 100), within the observed range; 0 when empty."""
    cdef uint64_t seen = 0
    cdef uint64_t wanted = <uint64_t>(percent / 100.0 * <double>self.count + 0.999999)
    cdef double value
    cdef uint32_t i
    if self.count == 0:
        return 0
    if wanted < 1:
        wanted = 1
    for i in range(self.lowest, self.highest + 1):
        seen += self.counts[i]
        if seen >= wanted:
            value = value_at(i)
            if value < self.least:
                return self.least
            return value if value < self.most else self.most
    return self.most
