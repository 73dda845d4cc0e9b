# Part of _core.pyx: the nonces of digest authentication.

DIGEST_HASHES = ("md5", "sha-256", "sha-512-256")   # by their numbers in the engine

cdef class Nonces:
    """Those of one worker: its requests have the numbers first, first + step, …

    `hash_name` is one of DIGEST_HASHES; `head` and `secret` of a nonce are those of
    engine.varied.digest.
    """

    cdef digest.Nonces nonces

    def __cinit__(self, str hash_name not None, bytes head not None, bytes secret not None, *,
                  uint64_t first=0, uint64_t step=1):
        if hash_name not in DIGEST_HASHES:
            raise ValueError(f"there is no {hash_name} here, but {', '.join(DIGEST_HASHES)}")
        self.nonces.kind = <int>DIGEST_HASHES.index(hash_name)
        self.nonces.step = max(step, 1)
        self.fill(&self.nonces.rows[0], head, secret)
        self.nonces.rows[0].first = first
        self.nonces.given = self.nonces.taken = 1

    cdef int fill(self, digest.Nonce *out, bytes head, bytes secret) except -1:
        if len(head) > digest.MAX_DIGEST_BYTES or len(secret) > digest.MAX_SECRET_BYTES:
            raise ValueError("the challenge is too long")
        out.head_bytes, out.secret_bytes = <uint32_t>len(head), <uint32_t>len(secret)
        memcpy(out.head, <const char *>head, len(head))
        memcpy(out.secret, <const char *>secret, len(secret))
        return 0

    def give(self, bytes head not None, bytes secret not None):
        """The nonce of all requests that begin from now on, from another thread than the engine's.

        False when the engine has not taken the last one: then no request has begun since.
        """
        cdef uint64_t given = self.nonces.given
        if atomics.load_word(&self.nonces.taken, atomics.ACQUIRE) != given:
            return False
        self.fill(&self.nonces.rows[given % digest.MAX_NONCES], head, secret)
        atomics.store_word(&self.nonces.given, given + 1, atomics.RELEASE)
        return True

    @property
    def count(self):
        """How many nonces there were."""
        return self.nonces.given
