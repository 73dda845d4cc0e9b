"""Requests that one thread makes ahead (the producer) and the engine sends, without a lock.

1. There is a fixed number of slots. A slot is in one place at a time: in the queue `free`, with the
   producer, in the queue `ready`, or with the engine, until the request in it has ended. So what is
   sent again is the same, and no text is freed under the engine.
2. Each queue has one thread that puts and one that takes; they share two words.
3. Requests that belong together are chained: only the first of them is in `ready`.
4. Who finds nothing says that it waits, looks once more, and sleeps until a write to its eventfd.
   A fence between what is put and the look at the other's word makes it impossible that both miss.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastbench.engine.texts.answer_stream cimport AnswerStream
from fastbench.engine.texts.atomics cimport (
    ACQUIRE, IN_ORDER, RELAXED, RELEASE, exchange_word, fence, load_word, store_word,
)
from fastbench.engine.texts.timers cimport Timers

cdef extern from "<unistd.h>" nogil:
    ssize_t write_bytes "write"(int fd, const void *data, size_t n_bytes)

cdef enum:
    NO_TEXT = 0xffffffff

cdef struct Text:                   # one request
    uint8_t *data                   # of the producer, which makes it larger where needed
    uint32_t n_bytes
    uint32_t room_bytes
    uint32_t next                   # the slot of the request that is sent behind it, or NO_TEXT
    uint32_t chained                # of the first one: how many belong together
    uint64_t delay_ns               # of the first one: how long its connection waits before it
    bint head_only
    bint idempotent

cdef struct Queue:                  # of slot numbers; never full, since it has room for all
    uint32_t *numbers
    uint64_t mask
    uint64_t put
    uint8_t gap[56]                 # the two threads write to lines of their own
    uint64_t taken
    uint8_t gap_behind[56]

cdef struct TextRing:
    Text *texts
    uint32_t n_texts
    uint32_t low                    # ready texts below which a producer that waits is woken
    bint on_demand                  # a text is made only when a connection waits for it
    int engine_fd                   # eventfds that wake the engine,
    int producer_fd                 # and the producer
    Queue ready
    Queue free
    uint64_t wanted                 # on demand: texts asked for, of chained ones the first
    uint64_t engine_waits
    uint64_t producer_waits
    uint64_t stop                   # the producer's word: send no more
    # the engine's own
    bint told                       # an answer was told, or a text asked for, in this turn
    uint32_t begun                  # the text of the request that begins now
    uint32_t *held                  # by connection: the text that it takes next, or NO_TEXT
    Timers timers                   # of connections whose text has a delay
    bint serving                    # texts go to connections that waited
    AnswerStream answers


cdef inline uint64_t length(const Queue *self) noexcept nogil:
    return load_word(&self.put, ACQUIRE) - load_word(&self.taken, ACQUIRE)


cdef inline void put(Queue *self, uint32_t number) noexcept nogil:
    self.numbers[self.put & self.mask] = number
    store_word(&self.put, self.put + 1, RELEASE)


cdef inline uint32_t peek(const Queue *self) noexcept nogil:
    """The number that is taken next, NO_TEXT when there is none."""
    if load_word(&self.put, ACQUIRE) == self.taken:
        return NO_TEXT
    return self.numbers[self.taken & self.mask]


cdef inline uint32_t take(Queue *self) noexcept nogil:
    cdef uint32_t number = peek(self)
    if number != NO_TEXT:
        store_word(&self.taken, self.taken + 1, RELEASE)
    return number


cdef inline void wake(int fd, uint64_t *waits) noexcept nogil:
    """Wake the other thread if it said that it waits; what it waits for was put before."""
    cdef uint64_t one = 1
    fence(IN_ORDER)
    if load_word(waits, RELAXED) and exchange_word(waits, 0, IN_ORDER):
        write_bytes(fd, &one, sizeof(one))


cdef inline void say_waiting(uint64_t *waits) noexcept nogil:
    """Say that this thread waits; it must look once more before it sleeps."""
    store_word(waits, 1, RELAXED)
    fence(IN_ORDER)


# The engine's side

cdef inline bint has_text(const TextRing *self) noexcept nogil:
    return peek(&self.ready) != NO_TEXT


cdef inline void give_back(TextRing *self, uint64_t number) noexcept nogil:
    """The request has ended."""
    put(&self.free, <uint32_t>number)


cdef inline void ask_for_texts(TextRing *self, uint64_t count) noexcept nogil:
    store_word(&self.wanted, self.wanted + count, RELEASE)
    self.told = True


cdef inline void wake_producer(TextRing *self) noexcept nogil:
    """Once in each turn of the loop: is there something to do for it?"""
    if self.told or (not self.on_demand and length(&self.ready) < self.low):
        self.told = False
        wake(self.producer_fd, &self.producer_waits)
