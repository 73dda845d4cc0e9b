"""A transport through a tunnel: the seam of `tls`, whose handshake begins with the proxy.

1. Opening the transport costs nothing; its handshake first makes the tunnel, then shakes hands with
   the server inside, if that wants TLS. Reading and writing are those of the transport inside, so
   that a tunnel costs nothing once it is there.
2. Bytes are looked at before they are taken (MSG_PEEK): those behind the proxy's answer stay where
   the transport inside reads them.
"""

from libc.errno cimport EAGAIN, ECONNRESET, EPIPE
from libc.stdint cimport uint8_t, uint32_t

from fastbench.engine.block cimport IN_PROXY, IN_TLS, Phase, Slot
from fastbench.engine.kernel cimport now_ns, peek, recv, send
from fastbench.engine.proxy.tunnel cimport PROXY_CLOSED, PROXY_RULE, begin, hear, unsaid
from fastbench.engine.tls cimport (
    Link, Passage, Tls, Transport, offer_http1, tls_handshake, tls_open, use_plain, use_tls,
)

cdef enum:
    LOOK_BYTES = 512


cdef inline Phase phase_of_handshake(const Link *link) noexcept nogil:
    """Is it the proxy that is waited for, or the server?"""
    return IN_PROXY if link.passage != NULL and not link.passage.steps.through else IN_TLS


cdef inline int broken(int code) noexcept nogil:
    """The negative code of a failed read or write; a proxy that closes says no errno."""
    if code == 0 or code == -ECONNRESET or code == -EPIPE:
        return -(PROXY_RULE + PROXY_CLOSED)
    return code


cdef inline int say(Link *link) noexcept nogil:
    """Write what is to be said now; 0, or a negative code. What was refused may be read yet."""
    cdef Passage *p = link.passage
    cdef uint32_t left = 0
    cdef const uint8_t *text = unsaid(p.tunnel, &p.steps, &left)
    cdef ssize_t n
    while left:
        n = send(link.fd, text, left)
        if n < 0:
            return 0 if n == -EAGAIN or n == -EPIPE or n == -ECONNRESET else <int>n
        p.steps.said += <uint32_t>n
        text = unsaid(p.tunnel, &p.steps, &left)
    return 0


cdef inline int make_tunnel(Link *link) noexcept nogil:
    """Take the tunnel further: 0 when it is there, -EAGAIN while it is not, or a negative code."""
    cdef Passage *p = link.passage
    cdef uint8_t bytes[LOOK_BYTES]
    cdef ssize_t n
    cdef int code
    while not p.steps.through:
        code = say(link)
        if code < 0:
            return code
        n = peek(link.fd, bytes, LOOK_BYTES)
        if n <= 0:
            return broken(<int>n)
        recv(link.fd, bytes, hear(p.tunnel, &p.steps, bytes, <size_t>n))
        if p.steps.code < 0:
            return p.steps.code
    return 0


cdef inline int passage_open(Tls *tls, Link *link) noexcept nogil:
    """The proxy is connected to."""
    link.passage.tls = tls
    link.passage.begun_ns = now_ns()
    begin(&link.passage.steps)
    return 0


cdef inline int plain_passage(Link *link, Slot *slot) noexcept nogil:
    return make_tunnel(link)


cdef inline int secure_passage(Link *link, Slot *slot) noexcept nogil:
    """The tunnel, and TLS through it."""
    cdef int code
    if link.ssl == NULL:
        code = make_tunnel(link)
        if code == 0:
            code = tls_open(link.passage.tls, link)
        if code < 0:
            return code
        if link.passage.only_http1:
            offer_http1(link)
    return tls_handshake(link, slot)


cdef inline void use_tunnel(Transport *out, bint secure) noexcept nogil:
    if secure:
        use_tls(out)
        out.handshake = secure_passage
    else:
        use_plain(out)
        out.handshake = plain_passage
    out.open = passage_open
