"""The addresses of one server: which of them a connection goes to.

1. A connection has an address of its own. It goes to another one only while its own is left alone.
2. An address that did not answer is left alone for 1 s, then for twice as long each time, at most
   for 30 s. One connection is enough to find out whether it answers again.
3. Pure but for the arrays: the caller says what time it is.
"""

from libc.errno cimport EMFILE, ENFILE
from libc.stdint cimport uint32_t, uint64_t

from fastbench.engine.block cimport IN_CONNECT, Reached
from fastbench.engine.kernel cimport Address
from fastbench.engine.rules cimport kind_of_connect

cdef enum:
    LEAVE_NS = 1000000000
    MAX_LEAVE_NS = 30000000000

cdef struct Target:
    Address where
    uint64_t leave_ns               # how long it is left alone after a failure; 0 while it answers
    uint64_t until_ns               # and until when that is


cdef inline bint may_answer(const Target *self, uint64_t at_ns) noexcept nogil:
    return at_ns >= self.until_ns


cdef inline void answered(Target *self) noexcept nogil:
    self.leave_ns = self.until_ns = 0


cdef inline uint32_t choose(Target *all, uint32_t count, uint32_t home, uint64_t at_ns,
                            uint64_t trial_ns, bint *trial) noexcept nogil:
    """`home`, or the next one that may answer; `home` if none may.

    `trial`: it did not answer before. Nobody else tries it, then, for `trial_ns`.
    """
    cdef uint32_t _
    cdef uint32_t at = home
    for _ in range(count):
        if may_answer(&all[at], at_ns):
            break
        at = at + 1 if at + 1 < count else 0
    trial[0] = all[at].leave_ns != 0 and may_answer(&all[at], at_ns)
    if trial[0]:
        all[at].until_ns = at_ns + trial_ns
    return at


cdef inline bint leave(Target *all, uint32_t count, uint32_t target, uint64_t at_ns,
                       bint trial) noexcept nogil:
    """`target` did not answer; true when another one may."""
    cdef uint32_t i
    cdef Target *self = &all[target]
    if trial or self.leave_ns == 0:
        self.leave_ns = 2 * self.leave_ns if self.leave_ns else LEAVE_NS
        self.leave_ns = MAX_LEAVE_NS if self.leave_ns > MAX_LEAVE_NS else self.leave_ns
        self.until_ns = at_ns + self.leave_ns
    for i in range(count):
        if may_answer(&all[i], at_ns):
            return True
    return False


cdef inline bint missed(Target *all, uint32_t count, uint32_t target, Reached *reached, int code,
                        uint64_t at_ns, bint trial) noexcept nogil:
    """Note that `target` does not answer, and the errno; true when another one may."""
    reached.failures += 1
    reached.kind = kind_of_connect(code, IN_CONNECT)
    reached.phase = IN_CONNECT
    reached.code = code
    if code == EMFILE or code == ENFILE:
        return False                # it is not the address's fault
    return leave(all, count, target, at_ns, trial) and count > 1
