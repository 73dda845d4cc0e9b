"""The opening handshake of a WebSocket (RFC 6455 section 4): its key, and the proof of the server.

Pure; SHA-1 and base64 are those of OpenSSL.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

cdef extern from "<openssl/sha.h>" nogil:
    uint8_t *SHA1(const uint8_t *data, size_t n_bytes, uint8_t *digest)

cdef extern from "<openssl/evp.h>" nogil:
    int EVP_EncodeBlock(uint8_t *out, const uint8_t *data, int n_bytes)

cdef enum:
    NONCE_BYTES = 16
    KEY_BYTES = 24                  # of Sec-WebSocket-Key
    ACCEPT_BYTES = 28               # of Sec-WebSocket-Accept
    GUID_BYTES = 36
    DIGEST_BYTES = 20


cdef inline void key_text(const uint8_t *nonce, uint8_t *out) noexcept nogil:
    """The value of Sec-WebSocket-Key: 24 bytes, from 16 random ones."""
    cdef uint8_t text[KEY_BYTES + 1]            # and the 0 that EVP_EncodeBlock writes
    EVP_EncodeBlock(text, nonce, NONCE_BYTES)
    memcpy(out, text, KEY_BYTES)


cdef inline void accept_text(const uint8_t *key, uint8_t *out) noexcept nogil:
    """What Sec-WebSocket-Accept must be: 28 bytes, of the 24 of a key (section 4.2.2)."""
    cdef uint8_t joined[KEY_BYTES + GUID_BYTES]
    cdef uint8_t digest[DIGEST_BYTES]
    cdef uint8_t text[ACCEPT_BYTES + 1]
    memcpy(joined, key, KEY_BYTES)
    memcpy(joined + KEY_BYTES, <const char *>b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", GUID_BYTES)
    SHA1(joined, sizeof(joined), digest)
    EVP_EncodeBlock(text, digest, DIGEST_BYTES)
    memcpy(out, text, ACCEPT_BYTES)
