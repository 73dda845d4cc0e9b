"""Connections that said why they end, kept until the peer had time to read it.

close(2) on a socket with unread data resets the connection, and the peer may never see what was
written last. So such a connection is closed for writing only; what still comes is dropped until
the peer closes too, for a second at most.
"""

from libc.errno cimport EAGAIN
from libc.stdint cimport uint32_t, uint64_t

from fastbench.engine.kernel cimport (
    close, discard, duplicate, end_writing, epoll_event, now_ns, unwatch, wait,
)
from fastbench.engine.worker cimport MAX_LINGERING, Conn, Worker

cdef enum:
    LINGER_NS = 1000000000
    DISCARD_BYTES = 1048576         # at once
    LOOK_NS = 5000000
    LAST_NS = 200000000             # how long the end of the run may wait for them


cdef inline void linger(Worker *w, Conn *c) noexcept nogil:
    """Keep the socket of a connection that is closed next; when there is no place, it just is."""
    cdef int fd
    if w.n_lingering == MAX_LINGERING:
        return
    unwatch(w.epoll, c.link.fd)
    fd = duplicate(c.link.fd)
    if fd < 0:
        return
    end_writing(fd)
    w.lingering[w.n_lingering].fd = fd
    w.lingering[w.n_lingering].until_ns = now_ns() + LINGER_NS
    w.n_lingering += 1


cdef inline void drop_what_comes(Worker *w) noexcept nogil:
    """Look at those that linger; a few at a time, and most of the time none."""
    cdef uint32_t i = 0
    cdef ssize_t n
    while i < w.n_lingering:
        n = discard(w.lingering[i].fd, DISCARD_BYTES)
        if n > 0 or (n == -EAGAIN and w.now_ns < w.lingering[i].until_ns):
            i += 1
            continue
        close(w.lingering[i].fd)
        w.n_lingering -= 1
        w.lingering[i] = w.lingering[w.n_lingering]


cdef inline void see_off(Worker *w) noexcept nogil:
    """The worker ends, and the kernel closes what it has: give peers time to read the last word."""
    cdef epoll_event event
    cdef uint64_t until_ns = now_ns() + LAST_NS
    w.now_ns = now_ns()
    while w.n_lingering and w.now_ns < until_ns:
        drop_what_comes(w)
        if w.n_lingering:
            wait(w.epoll, &event, 1, LOOK_NS)
        w.now_ns = now_ns()
