"""The seam between a connection's bytes and its answers, as HTTP/1.1 (`http1.http`) fills it.

1. `Transport` (`tls`) moves bytes and knows no answers. A codec knows answers, and no sockets,
   clocks or counters. The engine of a run of URLs and the client of scripts use the same one.
2. A request comes to both clients as method, target, fields and body, and rendered
   (`plan/http_message.py`); HTTP/1.1 sends it as rendered.
3. Bytes are taken part by part, and `Http.part` says what each was: so a client may keep a head
   or a body, search it, or forget it.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastbench.engine.http1.response cimport BODY_PART, FOUND, Asked, Http, ended

cdef enum:
    MEMO_BYTES = 1024

cdef struct Memo:                   # the last head that came in one piece, and what it meant
    uint32_t n_bytes                # 0: none yet
    Http after
    uint8_t bytes[MEMO_BYTES]

cdef struct Codec:
    const char *name                # of its protocol, for ALPN (RFC 7301)
    # The next bytes are of the answer to a request, which may have been a HEAD or an upgrade.
    void (*expect)(Http *answer, Asked asked) noexcept nogil
    # Take one part of the answer, at least a byte; returns where it ends.
    const uint8_t *(*take)(Http *answer, Memo *memo, const uint8_t *at,
                           const uint8_t *end) noexcept nogil
    # How many of the coming bytes are body for sure, and: so many of them went by unseen.
    uint64_t (*skippable)(const Http *answer) noexcept nogil
    void (*skip)(Http *answer, uint64_t n_bytes) noexcept nogil
    # The peer closed in order; true when that ended the answer well.
    bint (*close)(Http *answer) noexcept nogil

cdef struct Needle:                 # what --expect-body looks for, with its KMP failure table
    const uint8_t *text
    uint32_t n_bytes                # 0: bodies are not searched
    uint32_t *fallback


cdef inline void prepare(Needle *needle) noexcept nogil:
    """Fill the failure table: the longest border of each prefix."""
    cdef uint32_t i
    cdef uint32_t border = 0
    needle.fallback[0] = 0
    for i in range(1, needle.n_bytes):
        while border and needle.text[i] != needle.text[border]:
            border = needle.fallback[border - 1]
        if needle.text[i] == needle.text[border]:
            border += 1
        needle.fallback[i] = border


cdef inline bint find(uint32_t *matched, const uint8_t *at, const uint8_t *end,
                      const Needle *needle) noexcept nogil:
    """Look for the needle in bytes that arrive in pieces (Knuth, Morris, Pratt); true: found.

    `matched` is how much of it the bytes before end with, 0 at the beginning.
    """
    while at != end:
        while matched[0] and needle.text[matched[0]] != at[0]:
            matched[0] = needle.fallback[matched[0] - 1]
        if needle.text[matched[0]] == at[0]:
            matched[0] += 1
        if matched[0] == needle.n_bytes:
            return True
        at += 1
    return False


cdef inline void search(Http *answer, const uint8_t *at, const uint8_t *end,
                        const Needle *needle) noexcept nogil:
    """Look for it in the body of an answer, once."""
    if not answer.flags & FOUND and find(&answer.matched, at, end, needle):
        answer.flags |= FOUND


cdef inline size_t feed(const Codec *codec, Http *answer, const uint8_t *data, size_t n_bytes,
                        const Needle *needle, Memo *memo) noexcept nogil:
    """Take bytes of one answer, at most to its end; returns how many were taken."""
    cdef const uint8_t *at = data
    cdef const uint8_t *end = data + n_bytes
    cdef const uint8_t *before
    while at != end and not ended(answer):
        before = at
        at = codec.take(answer, memo, at, end)
        if needle.n_bytes and answer.part == BODY_PART:
            search(answer, before, at, needle)
    return <size_t>(at - data)
