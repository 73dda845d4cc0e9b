"""Digest authentication (RFC 7616): the nonces that a server gave a worker, and the responses.

1. What follows from a nonce alone is made when it came: `head`, which all fields of it begin with,
   and `secret`, which all its hashes begin with ("HA1:nonce:"). A request adds how many there were
   of that nonce, and what it asks for.
2. The newest nonce is for requests that begin from now on: the engine notes the number of the first
   of them. So a request that is rendered again has the nonce and the count that it had.
3. One thread gives nonces, the engine takes them. A row is not written again before the engine has
   taken the last one that was given, and the oldest row is never looked at.
4. Nothing is allocated, as OpenSSL's EVP does at each begin (3.0): these are the functions below.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastbench.engine.texts.atomics cimport ACQUIRE, RELEASE, load_word, store_word

cdef extern from * nogil:
    """
    #include <openssl/md5.h>
    #include <openssl/sha.h>
    #pragma GCC diagnostic push
    #pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    typedef struct {
        int kind;
        union { MD5_CTX md5; SHA256_CTX sha256; SHA512_CTX sha512; } state;
    } fastbench_hash;
    static inline void fastbench_hash_begin(fastbench_hash *self, int kind) {
        static const SHA_LONG64 first[8] = {  /* FIPS 180-4 section 5.3.6.2 */
            0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151, 0x963877195940eabd,
            0x96283ee2a88effe3, 0xbe5e1e2553863992, 0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2,
        };
        self->kind = kind;
        if (kind == 0) {
            MD5_Init(&self->state.md5);
        } else if (kind == 1) {
            SHA256_Init(&self->state.sha256);
        } else {
            SHA512_Init(&self->state.sha512);
            memcpy(self->state.sha512.h, first, sizeof(first));
            self->state.sha512.md_len = SHA256_DIGEST_LENGTH;
        }
    }
    static inline void fastbench_hash_add(fastbench_hash *self, const void *data, size_t n_bytes) {
        if (self->kind == 0)
            MD5_Update(&self->state.md5, data, n_bytes);
        else if (self->kind == 1)
            SHA256_Update(&self->state.sha256, data, n_bytes);
        else
            SHA512_Update(&self->state.sha512, data, n_bytes);
    }
    static inline unsigned int fastbench_hash_end(fastbench_hash *self, unsigned char *out) {
        if (self->kind == 0)
            MD5_Final(out, &self->state.md5);
        else if (self->kind == 1)
            SHA256_Final(out, &self->state.sha256);
        else
            SHA512_Final(out, &self->state.sha512);
        return self->kind == 0 ? MD5_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
    }
    #pragma GCC diagnostic pop
    """
    ctypedef struct Hash "fastbench_hash":
        pass
    void begin_hash "fastbench_hash_begin" (Hash *self, int kind)
    void add_to_hash "fastbench_hash_add" (Hash *self, const void *data, size_t n_bytes)
    unsigned int end_hash "fastbench_hash_end" (Hash *self, unsigned char *out)

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
    int kind                        # of hash: 0 MD5, 1 SHA-256, 2 SHA-512/256
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


cdef inline uint8_t *put_hash(uint8_t *out, Hash *hash) noexcept nogil:
    """The hash of what was added, in hexadecimal."""
    cdef uint8_t raw[32]
    cdef unsigned int n_bytes = end_hash(hash, raw)
    cdef unsigned int i
    for i in range(n_bytes):
        put_digits_of(out + 2 * i, raw[i], 2)
    return out + 2 * n_bytes


cdef inline uint8_t *put_hash_of(uint8_t *out, const Nonces *self, const uint8_t *text,
                                 size_t n_bytes) noexcept nogil:
    cdef Hash hash
    begin_hash(&hash, self.kind)
    add_to_hash(&hash, text, n_bytes)
    return put_hash(out, &hash)


cdef inline uint8_t *put_response(uint8_t *out, const Nonces *self, const Nonce *nonce,
                                  const uint8_t *count, const uint8_t *text, size_t n_bytes,
                                  const uint8_t *asked, size_t asked_bytes) noexcept nogil:
    """The hash of the secret, the count (NULL: none), the text, and the hash of what is asked for.

    That stands at the end of `text` already where `asked_bytes` is 0.
    """
    cdef Hash hash
    begin_hash(&hash, self.kind)
    add_to_hash(&hash, nonce.secret, nonce.secret_bytes)
    if count != NULL:
        add_to_hash(&hash, count, COUNT_DIGITS)
    add_to_hash(&hash, text, n_bytes)
    add_to_hash(&hash, asked, asked_bytes)
    return put_hash(out, &hash)
