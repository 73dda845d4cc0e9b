"""What a plan asks for at each instant: when requests are due, how many connections load.

1. The plan is one global sequence t_0, t_1, …: t_k is where the integral of the rate reaches k, or
   the k-th event of a Poisson process of that intensity (its unit process stretched by the same
   integral). Worker j of W takes every W-th of them, from j on. Nothing but the clock moves it: a
   late request keeps its instant.
2. Two cursors walk the same sequence: `due` passes what has come due, `next` what was started or
   dropped. Between them lies the queue, which so needs no memory.
3. In bursts instant k is that of its burst, k // burst, and no other rate or stage is looked at.
4. Stages are straight lines: rate (or connections) from `first` to `last` within `length_s`.
"""

from libc.math cimport log, sqrt
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    NS_PER_S = 1000000000

cdef struct Stage:
    double start_s              # since the plan's zero
    double length_s             # may be infinite
    double first                # rate per second, or connections, at its start
    double last                 # and at its end
    double before               # requests planned before it, over all workers
    double within               # and in it

cdef struct Cursor:
    uint64_t due_ns             # the instant it stands on; -1: the plan is over
    uint64_t passed             # instants behind it
    double at                   # its place in the global sequence
    uint32_t stage
    uint64_t rng

cdef struct Pace:
    Stage *stages
    uint32_t n_stages
    uint32_t step               # the number of workers
    bint poisson
    uint64_t burst              # requests that are due at once, 0: no bursts,
    uint64_t burst_ns           # and from one burst to the next
    bint drop                   # an instant that finds no connection is dropped, not queued
    uint64_t zero_ns
    uint64_t end_ns             # instants from here on are not planned; 0: no end
    uint64_t limit              # of instants
    Cursor due
    Cursor next


cdef inline void lay_out(Stage *stages, uint32_t count) noexcept nogil:
    """Fill in what follows from lengths and rates."""
    cdef uint32_t i
    cdef double start_s = 0
    cdef double before = 0
    for i in range(count):
        stages[i].start_s = start_s
        stages[i].before = before
        stages[i].within = 0
        if stages[i].first > 0 or stages[i].last > 0:
            stages[i].within = stages[i].length_s * (stages[i].first + stages[i].last) / 2
        start_s += stages[i].length_s
        before += stages[i].within


cdef inline double level(const Stage *stages, uint32_t count, double t_s) noexcept nogil:
    """Rate or connections at `t_s`; after the last stage, its end."""
    cdef uint32_t i
    cdef double share
    for i in range(count):
        if t_s < stages[i].start_s + stages[i].length_s:
            share = (t_s - stages[i].start_s) / stages[i].length_s
            return stages[i].first + (stages[i].last - stages[i].first) * share
    return stages[count - 1].last


cdef inline double seconds_into(const Stage *stage, double requests) noexcept nogil:
    """When `requests` of this stage are due: the inverse of first·x + (last − first)·x²/(2·length).

    In the form that loses no digits where the slope is small (Numerical Recipes, section 5.6).
    """
    cdef double slope = (stage.last - stage.first) / stage.length_s
    cdef double square = stage.first * stage.first + 2 * slope * requests
    if requests <= 0:
        return 0
    return 2 * requests / (stage.first + sqrt(square if square > 0 else 0))


cdef inline double gap(Cursor *cursor) noexcept nogil:
    """An exponential gap of mean 1 (xorshift64*, Vigna 2016; inversion)."""
    cursor.rng ^= cursor.rng >> 12
    cursor.rng ^= cursor.rng << 25
    cursor.rng ^= cursor.rng >> 27
    return -log(<double>(((cursor.rng * 2685821657736338717u) >> 11) + 1) / 9007199254740993.0)


cdef inline void stand(const Pace *pace, Cursor *cursor) noexcept nogil:
    """Work the instant out that the cursor stands on."""
    cdef const Stage *stage
    cursor.due_ns = <uint64_t>-1
    if pace.burst:
        cursor.due_ns = pace.zero_ns + <uint64_t>cursor.at // pace.burst * pace.burst_ns
    while cursor.due_ns == <uint64_t>-1 and cursor.stage < pace.n_stages:
        stage = &pace.stages[cursor.stage]
        if cursor.at < stage.before + stage.within:
            cursor.due_ns = pace.zero_ns + <uint64_t>(
                (stage.start_s + seconds_into(stage, cursor.at - stage.before)) * NS_PER_S)
            break
        cursor.stage += 1
    if cursor.passed >= pace.limit or (pace.end_ns and cursor.due_ns >= pace.end_ns):
        cursor.due_ns = <uint64_t>-1


cdef inline void advance(const Pace *pace, Cursor *cursor) noexcept nogil:
    cursor.passed += 1
    cursor.at += pace.step * gap(cursor) if pace.poisson else pace.step
    stand(pace, cursor)


cdef inline void begin_plan(Pace *pace, uint64_t zero_ns, uint64_t end_ns, uint64_t limit,
                            uint32_t worker, uint64_t seed) noexcept nogil:
    """Put both cursors on this worker's first instant. `seed` must not be 0."""
    cdef Cursor cursor
    pace.zero_ns = zero_ns
    pace.end_ns = end_ns
    pace.limit = limit
    cursor.passed = 0
    cursor.stage = 0
    cursor.rng = seed
    cursor.at = pace.step * gap(&cursor) if pace.poisson else worker
    stand(pace, &cursor)
    pace.due = cursor
    pace.next = cursor


cdef inline void come_due(Pace *pace, uint64_t now_ns) noexcept nogil:
    while pace.due.due_ns <= now_ns:
        advance(pace, &pace.due)
