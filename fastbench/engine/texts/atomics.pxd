"""Words that two threads share: GCC's atomics, with the orders of C11."""

from libc.stdint cimport uint64_t

cdef extern from * nogil:
    uint64_t load_word "__atomic_load_n"(const uint64_t *word, int order)
    void store_word "__atomic_store_n"(uint64_t *word, uint64_t value, int order)
    uint64_t exchange_word "__atomic_exchange_n"(uint64_t *word, uint64_t value, int order)
    void fence "__atomic_thread_fence"(int order)
    int RELAXED "__ATOMIC_RELAXED"
    int ACQUIRE "__ATOMIC_ACQUIRE"
    int RELEASE "__ATOMIC_RELEASE"
    int IN_ORDER "__ATOMIC_SEQ_CST"
