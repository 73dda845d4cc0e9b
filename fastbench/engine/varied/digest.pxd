"""Digest authentication (RFC 7616): the nonces that a server gave a worker, and the responses.

1. What follows from a nonce alone is made when it came: `head`, which all fields of it begin with,
   and `secret`, which all its hashes begin with ("HA1:nonce:"). A request adds how many there were
   of that nonce, and what it asks for.
2. The newest nonce is for requests that begin from now on: the engine notes the number of the first
   of them. So a request that is rendered again has the nonce and the count that it had.
3. One thread gives nonces, the engine takes them. A row is not written again before the engine has
   taken the last one that was given, and the oldest row is never looked at.
4. Nothing is allocated: the context of OpenSSL keeps the hash that it was begun with.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastbench.engine.texts.atomics cimport ACQUIRE, RELEASE, load_word, store_word

cdef extern from "<openssl/evp.h>" nogil:
    ctypedef struct EVP_MD
    ctypedef struct EVP_MD_CTX
    ctypedef struct ENGINE
    const EVP_MD *EVP_get_digestbyname(const char *name)
    EVP_MD_CTX *EVP_MD_CTX_new()
    void EVP_MD_CTX_free(EVP_MD_CTX *context)
    int EVP_DigestInit_ex(EVP_MD_CTX *context, const EVP_MD *kind, ENGINE *engine)
    int EVP_DigestUpdate(EVP_MD_CTX *context, const void *data, size_t n_bytes)
    int EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *out, unsigned int *n_bytes)

cdef enum:
    MAX_NONCES = 32
    MAX_DIGEST_BYTES = 2048         # of `head`
    MAX_SECRET_BYTES = 1024
    COUNT_DIGITS = 8
    HASH_DIGITS = 64                # at most

cdef struct Nonce:
    uint64_t first                  # number of the first request of it
    uint32_t head_bytes
    uint32_t secret_bytes
    uint8_t head[MAX_DIGEST_BYTES]
    uint8_t secret[MAX_SECRET_BYTES]

cdef struct Nonces:
    uint64_t given                  # how many there were
    uint64_t taken                  # and how many of them the engine knows
    uint64_t step                   # from one number of this worker to the next
    EVP_MD_CTX *context
    Nonce rows[MAX_NONCES]


cdef inline void put_digits_of(uint8_t *out, uint64_t word, uint32_t count) noexcept nogil:
    """The lower digits of a word, in hexadecimal."""
    cdef const char *digits = "0123456789abcdef"
    while count:
        count -= 1
        out[count] = digits[word & 15]
        word >>= 4


cdef inline const Nonce *nonce_of(Nonces *self, uint64_t number,
                                  uint64_t next_number) noexcept nogil:
    """That of a request; `next_number` is that of the one which begins next."""
    cdef uint64_t given = load_word(&self.given, ACQUIRE)
    cdef uint64_t at, oldest
    if self.taken != given:
        self.rows[self.taken % MAX_NONCES].first = next_number
        store_word(&self.taken, self.taken + 1, RELEASE)
    at = self.taken - 1
    oldest = self.taken - MAX_NONCES + 1 if self.taken >= MAX_NONCES else 0
    while at > oldest and number < self.rows[at % MAX_NONCES].first:
        at -= 1
    return &self.rows[at % MAX_NONCES]


cdef inline uint8_t *put_head(uint8_t *out, const Nonce *nonce) noexcept nogil:
    memcpy(out, nonce.head, nonce.head_bytes)
    return out + nonce.head_bytes


cdef inline uint8_t *put_count(uint8_t *out, const Nonces *self, const Nonce *nonce,
                               uint64_t number) noexcept nogil:
    """How many requests of the nonce there were with this one (nc)."""
    cdef uint64_t count = 1
    if number > nonce.first:
        count += (number - nonce.first) // self.step
    put_digits_of(out, count, COUNT_DIGITS)
    return out + COUNT_DIGITS


cdef inline uint8_t *put_hash(uint8_t *out, Nonces *self) noexcept nogil:
    """The hash of what the context was given, in hexadecimal."""
    cdef uint8_t raw[64]            # EVP_MAX_MD_SIZE
    cdef unsigned int n_bytes = 0
    cdef unsigned int i
    EVP_DigestFinal_ex(self.context, raw, &n_bytes)
    for i in range(n_bytes):
        put_digits_of(out + 2 * i, raw[i], 2)
    return out + 2 * n_bytes


cdef inline uint8_t *put_hash_of(uint8_t *out, Nonces *self, const uint8_t *text,
                                 size_t n_bytes) noexcept nogil:
    EVP_DigestInit_ex(self.context, NULL, NULL)
    EVP_DigestUpdate(self.context, text, n_bytes)
    return put_hash(out, self)


cdef inline uint8_t *put_response(uint8_t *out, Nonces *self, const Nonce *nonce,
                                  const uint8_t *count, const uint8_t *text, size_t n_bytes,
                                  const uint8_t *asked, size_t asked_bytes) noexcept nogil:
    """The hash of the secret, the count (NULL: none), the text, and the hash of what is asked for.

    That stands at the end of `text` already where `asked_bytes` is 0.
    """
    EVP_DigestInit_ex(self.context, NULL, NULL)
    EVP_DigestUpdate(self.context, nonce.secret, nonce.secret_bytes)
    if count != NULL:
        EVP_DigestUpdate(self.context, count, COUNT_DIGITS)
    EVP_DigestUpdate(self.context, text, n_bytes)
    EVP_DigestUpdate(self.context, asked, asked_bytes)
    return put_hash(out, self)
