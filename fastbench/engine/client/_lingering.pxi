# Part of _client.pyx: connections that said why they end, kept until the server had time to read
# it. What still comes is dropped, until the server closes too; see http2/lingering.pxd.

cdef enum:
    MAX_LINGERING = 64          # of one worker; beyond that connections just end
    DROPPED_BYTES = 1 << 20     # at once


cdef class Lingering:
    """A socket on which nothing more is written."""

    cdef Pool pool
    cdef int fd
    cdef object timer

    def _readable(self):
        cdef ssize_t n = kernel.discard(self.fd, DROPPED_BYTES)
        if n <= 0 and n != -EAGAIN:
            self.drop()

    def _late(self):
        self.drop()

    cdef drop(self):
        self.timer.cancel()
        self.pool.said_why.discard(self)
        self.pool.loop.remove_reader(self.fd)
        kernel.close(self.fd)


cdef linger(Pool pool, int fd):
    """Keep a duplicate of `fd`, whose owner closes it next."""
    cdef Lingering kept = Lingering.__new__(Lingering)
    if len(pool.said_why) >= MAX_LINGERING:
        return
    kept.pool = pool
    kept.fd = kernel.duplicate(fd)
    if kept.fd < 0:
        return
    kernel.end_writing(kept.fd)
    pool.said_why.add(kept)
    pool.loop.add_reader(kept.fd, kept._readable)
    kept.timer = pool.loop.call_later(LINGER_S, kept._late)
