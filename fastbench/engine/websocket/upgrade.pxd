"""The opening handshake of a WebSocket (RFC 6455 section 4): its key, and the proof of the server.

Pure; SHA-1 and base64 are those of OpenSSL.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memchr, memcmp, memcpy, strlen

cdef extern from "<string.h>" nogil:
    void *memmem(const void *data, size_t n_bytes, const void *part, size_t part_bytes)

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char *a, const char *b, size_t n_bytes)

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


# The answer

cdef enum:
    MAX_ANSWER_BYTES = 65536
    SWITCHED = 101

cdef enum UpgradeRule:              # what is wrong with an answer; below 1000 it is its status
    UPGRADE_FINE = 0, NOT_HTTP = 1000, NO_UPGRADE, NO_CONNECTION, WRONG_ACCEPT, OTHER_PROTOCOL,
    UNASKED_EXTENSION, ANSWER_SIZE, UPGRADE_RULES_END


cdef inline size_t answer_bytes(const uint8_t *data, size_t n_bytes) noexcept nogil:
    """How long the head is that begins here, 0 while its end is not there."""
    cdef const uint8_t *found = <const uint8_t *>memmem(data, n_bytes,
                                                        <const char *>b"\r\n\r\n", 4)
    return 0 if found == NULL else <size_t>(found - data) + 4


cdef inline int status_of(const uint8_t *head, size_t n_bytes) noexcept nogil:
    """The status of an HTTP/1.1 answer, 0 when it is none; `head` is whole."""
    cdef int i
    cdef int status = 0
    if n_bytes < 14 or memcmp(head, <const char *>b"HTTP/1.", 7) != 0 or head[8] != 32:
        return 0
    for i in range(9, 12):
        if not 48 <= head[i] <= 57:
            return 0
        status = status * 10 + head[i] - 48
    return status if head[12] == 32 or head[12] == 13 else 0


cdef inline const uint8_t *field_of(const uint8_t *line, const uint8_t *end, const char *name,
                                    size_t *n_bytes) noexcept nogil:
    """The value in this line if its field has that name, without blanks around it; else NULL."""
    cdef size_t name_bytes = strlen(name)
    cdef const uint8_t *value = line + name_bytes + 1
    if value > end or (value - 1)[0] != 58 \
            or strncasecmp(<const char *>line, name, name_bytes) != 0:
        return NULL
    while value != end and (value[0] == 32 or value[0] == 9):
        value += 1
    while value != end and ((end - 1)[0] == 32 or (end - 1)[0] == 9):
        end -= 1
    n_bytes[0] = <size_t>(end - value)
    return value


cdef inline bint lists(const uint8_t *value, size_t n_bytes, const uint8_t *word, size_t word_bytes,
                       bint any_case) noexcept nogil:
    """Is the word an element of this list with commas?"""
    cdef const uint8_t *end = value + n_bytes
    cdef const uint8_t *last
    cdef bint same
    while value < end:
        while value != end and (value[0] == 44 or value[0] == 32 or value[0] == 9):
            value += 1
        last = value
        while last != end and last[0] != 44 and last[0] != 32 and last[0] != 9:
            last += 1
        if <size_t>(last - value) == word_bytes:
            same = strncasecmp(<const char *>value, <const char *>word, word_bytes) == 0 \
                if any_case else memcmp(value, word, word_bytes) == 0
            if same:
                return True
        value = last
    return False


cdef inline int judge_answer(const uint8_t *head, size_t n_bytes, const uint8_t *accept,
                             const char *protocols) noexcept nogil:
    """0 when the answer opens the WebSocket (section 4.1), else its status or an UpgradeRule.

    `accept` is what Sec-WebSocket-Accept must be, `protocols` the subprotocols that were offered.
    A field that is there twice must be right twice.
    """
    cdef int status = status_of(head, n_bytes)
    cdef bint upgrades = False, connects = False, accepts = False
    cdef const uint8_t *end = head + n_bytes - 2
    cdef const uint8_t *line = head
    cdef const uint8_t *line_end
    cdef const uint8_t *value
    cdef size_t size = 0
    if status != SWITCHED:
        return status if status >= 100 else NOT_HTTP
    while line < end:
        line_end = <const uint8_t *>memchr(line, 13, end - line)
        if line_end == NULL:
            line_end = end
        value = field_of(line, line_end, b"Upgrade", &size)
        if value != NULL and lists(value, size, <const uint8_t *><const char *>b"websocket", 9, 1):
            upgrades = True
        value = field_of(line, line_end, b"Connection", &size)
        if value != NULL and lists(value, size, <const uint8_t *><const char *>b"upgrade", 7, 1):
            connects = True
        value = field_of(line, line_end, b"Sec-WebSocket-Accept", &size)
        if value != NULL:
            if size != ACCEPT_BYTES or memcmp(value, accept, ACCEPT_BYTES) != 0:
                return WRONG_ACCEPT
            accepts = True
        value = field_of(line, line_end, b"Sec-WebSocket-Protocol", &size)
        if value != NULL and size and not lists(<const uint8_t *>protocols, strlen(protocols),
                                                value, size, False):
            return OTHER_PROTOCOL
        value = field_of(line, line_end, b"Sec-WebSocket-Extensions", &size)
        if value != NULL and size:
            return UNASKED_EXTENSION
        line = line_end + 1
        if line < end and line[0] == 10:
            line += 1
    if not upgrades:
        return NO_UPGRADE
    if not connects:
        return NO_CONNECTION
    return UPGRADE_FINE if accepts else WRONG_ACCEPT
