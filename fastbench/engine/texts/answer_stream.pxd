"""Answers on their way to a script: one thread writes records, another reads them.

1. A record is a head of 16 bytes and its bytes: a part of the head of an answer as it came, a part
   of its body, or its end. Records of one connection are in order; those of several are mixed.
2. The ring is as many bytes as a power of two; `written` and `read` only grow.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastbench.engine.texts.atomics cimport ACQUIRE, RELAXED, RELEASE, load_word, store_word

cdef enum RecordKind:
    ANSWER_BEGIN, ANSWER_HEAD, ANSWER_BODY, ANSWER_END

cdef struct Record:
    uint32_t connection
    uint32_t kind
    uint32_t n_bytes                # behind this head
    uint32_t status                 # of ANSWER_END

cdef struct AnswerStream:           # `bytes` is NULL where nobody is told of answers
    uint8_t *bytes
    uint64_t mask
    uint64_t written
    uint8_t gap[48]                 # the two threads write to lines of their own
    uint64_t read


cdef inline uint64_t stream_room(const AnswerStream *self) noexcept nogil:
    """Bytes that may be written now."""
    return self.mask + 1 - (self.written - load_word(&self.read, ACQUIRE))


cdef inline void copy_in(AnswerStream *self, uint64_t at, const void *data,
                         size_t n_bytes) noexcept nogil:
    cdef uint64_t place = at & self.mask
    cdef size_t until_end = <size_t>(self.mask + 1 - place)
    if n_bytes <= until_end:
        memcpy(self.bytes + place, data, n_bytes)
    else:
        memcpy(self.bytes + place, data, until_end)
        memcpy(self.bytes, <const uint8_t *>data + until_end, n_bytes - until_end)


cdef inline void copy_out(const AnswerStream *self, uint64_t at, void *data,
                          size_t n_bytes) noexcept nogil:
    cdef uint64_t place = at & self.mask
    cdef size_t until_end = <size_t>(self.mask + 1 - place)
    if n_bytes <= until_end:
        memcpy(data, self.bytes + place, n_bytes)
    else:
        memcpy(data, self.bytes + place, until_end)
        memcpy(<uint8_t *>data + until_end, self.bytes, n_bytes - until_end)


cdef inline void write_record(AnswerStream *self, uint32_t connection, RecordKind kind,
                              const uint8_t *data, uint32_t n_bytes,
                              uint32_t status) noexcept nogil:
    """Write one for which there is room: `sizeof(Record) + n_bytes`."""
    cdef Record record
    record.connection = connection
    record.kind = kind
    record.n_bytes = n_bytes
    record.status = status
    copy_in(self, self.written, &record, sizeof(Record))
    copy_in(self, self.written + sizeof(Record), data, n_bytes)
    store_word(&self.written, self.written + sizeof(Record) + n_bytes, RELEASE)


cdef inline bint next_record(const AnswerStream *self, Record *out) noexcept nogil:
    """Read the head of the next record; false when there is none."""
    cdef uint64_t read = load_word(&self.read, RELAXED)
    if load_word(&self.written, ACQUIRE) == read:
        return False
    copy_out(self, read, out, sizeof(Record))
    return True


cdef inline void done_with(AnswerStream *self, const Record *record) noexcept nogil:
    """Its bytes were read, and may be written over."""
    store_word(&self.read, self.read + sizeof(Record) + record.n_bytes, RELEASE)
