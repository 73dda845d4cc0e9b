"""When connections may send again: a binary heap of connection numbers, the earliest first.

Pure. Its memory is given to it, with room for every connection; each is in it once at most.
"""

from libc.stdint cimport uint32_t, uint64_t

cdef struct Timers:
    uint64_t *until_ns              # by connection
    uint32_t *heap                  # connections; the parent of place i is (i - 1) / 2
    uint32_t count


cdef inline bint before(const Timers *self, uint32_t a, uint32_t b) noexcept nogil:
    """Is the connection at place `a` due before that at `b`?"""
    return self.until_ns[self.heap[a]] < self.until_ns[self.heap[b]]


cdef inline void swap(Timers *self, uint32_t a, uint32_t b) noexcept nogil:
    cdef uint32_t one = self.heap[a]
    self.heap[a] = self.heap[b]
    self.heap[b] = one


cdef inline void add_timer(Timers *self, uint32_t connection, uint64_t until_ns) noexcept nogil:
    cdef uint32_t at = self.count
    self.until_ns[connection] = until_ns
    self.heap[at] = connection
    self.count += 1
    while at and before(self, at, (at - 1) // 2):
        swap(self, at, (at - 1) // 2)
        at = (at - 1) // 2


cdef inline uint64_t earliest_ns(const Timers *self) noexcept nogil:
    """When the first one is due, the end of time without any."""
    return self.until_ns[self.heap[0]] if self.count else <uint64_t>-1


cdef inline uint32_t take_timer(Timers *self) noexcept nogil:
    """Take out the connection that is due first; there must be one."""
    cdef uint32_t connection = self.heap[0]
    cdef uint32_t at = 0
    cdef uint32_t child
    self.count -= 1
    self.heap[0] = self.heap[self.count]
    while True:
        child = 2 * at + 1
        if child >= self.count:
            return connection
        if child + 1 < self.count and before(self, child + 1, child):
            child += 1
        if not before(self, child, at):
            return connection
        swap(self, child, at)
        at = child
