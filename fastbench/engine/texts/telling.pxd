"""Answers, told to a script while they are parsed.

The engine waits where the script is slower than the server: what is not told yet has no room in
memory that does not grow. So the server is read as fast as the script takes it in.
"""

from libc.stdint cimport uint8_t, uint32_t

from fastbench.engine.codec cimport search
from fastbench.engine.http1.response cimport BODY_PART, HEAD_PART, START, ended
from fastbench.engine.texts.answer_stream cimport (
    ANSWER_BEGIN, ANSWER_BODY, ANSWER_END, ANSWER_HEAD, Record, RecordKind, stream_room,
    write_record,
)
from fastbench.engine.texts.atomics cimport RELAXED, load_word
from fastbench.engine.texts.text_ring cimport wake
from fastbench.engine.worker cimport Conn, Worker

cdef extern from "<unistd.h>" nogil:
    int usleep(uint32_t us)

cdef enum:
    LOOK_US = 50


cdef inline bint wait_for_room(Worker *w, size_t n_bytes) noexcept nogil:
    """Wait for the script to take answers in; false when the load is to stop."""
    while stream_room(&w.texts.answers) < n_bytes:
        if w.control.stop or load_word(&w.texts.stop, RELAXED):
            return False
        wake(w.texts.producer_fd, &w.texts.producer_waits)
        usleep(LOOK_US)
    return True


cdef inline void tell(Worker *w, Conn *c, RecordKind kind, const uint8_t *data, size_t n_bytes,
                      uint32_t status) noexcept nogil:
    if not wait_for_room(w, sizeof(Record) + n_bytes):
        return
    write_record(&w.texts.answers, <uint32_t>(c - w.conns), kind, data, <uint32_t>n_bytes, status)
    w.texts.told = True


cdef inline void tell_end(Worker *w, Conn *c) noexcept nogil:
    """The answer is complete."""
    if w.texts.answers.bytes != NULL:
        tell(w, c, ANSWER_END, w.buffer, 0, c.http.status)


cdef inline size_t feed_and_tell(Worker *w, Conn *c, const uint8_t *data,
                                 size_t n_bytes) noexcept nogil:
    """Take bytes of one answer as `codec.feed` does, and tell what they are of it."""
    cdef const uint8_t *at = data
    cdef const uint8_t *end = data + n_bytes
    cdef const uint8_t *before
    cdef RecordKind kind
    while at != end and not ended(&c.http):
        before = at
        kind = ANSWER_HEAD
        if c.http.state == START and c.http.head_bytes == 0 and c.http.interims == 0:
            kind = ANSWER_BEGIN
        at = w.codec.take(&c.http, &w.memo, at, end)
        if c.http.part == BODY_PART:
            kind = ANSWER_BODY
            if w.needle.n_bytes:
                search(&c.http, before, at, &w.needle)
        elif c.http.part != HEAD_PART:
            continue
        if w.texts.answers.bytes != NULL:
            tell(w, c, kind, before, <size_t>(at - before), 0)
    return <size_t>(at - data)
