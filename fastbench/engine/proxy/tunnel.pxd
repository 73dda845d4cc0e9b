"""What is said to a proxy and what it answers, until all further bytes are the server's.

1. HTTP: one CONNECT request, and the head of its answer (RFC 9110 section 9.3.6). SOCKS5: the
   methods of authentication, maybe name and password (RFC 1929), the request (RFC 1928).
2. Pure: any split of the answer has the same outcome. No byte beyond the proxy's own is taken: the
   next one is the server's.
3. What is said was rendered before the run; nothing here has memory of its own.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    PROXY_CODE = 300000         # codes: -(PROXY_CODE + status of the answer to CONNECT)
    SOCKS_REPLY = 301000        # and -(SOCKS_REPLY + reply of SOCKS5, RFC 1928 section 6)
    PROXY_RULE = 302000         # and -(PROXY_RULE + one of TunnelRule)
    MAX_ANSWER_BYTES = 65536    # heads of a CONNECT's answers, interim ones among them

cdef enum TunnelRule:
    NOT_HTTP, ANSWER_SIZE, NOT_SOCKS, NO_METHOD, LOGIN_REFUSED, PROXY_CLOSED

cdef enum TunnelKind:
    BY_CONNECT, BY_SOCKS5

cdef enum:                      # texts of SOCKS5; CONNECT has the first one alone
    METHODS, LOGIN, REQUEST, TEXTS

cdef struct Tunnel:             # the same on all connections to one server
    TunnelKind kind
    const uint8_t *texts[TEXTS]
    uint32_t n_bytes[TEXTS]     # 0: it is not said; without a LOGIN there is no password

cdef struct Steps:              # how far one connection is
    uint8_t text                # that is said, or whose answer is awaited
    bint through                # the server follows
    int code                    # negative: there will be no tunnel
    uint32_t said               # bytes of this text that were written
    uint32_t heard              # bytes of its answer, or of its line
    uint32_t total              # HTTP: bytes of all heads; SOCKS5: how long the answer is
    uint16_t status             # of the answer to CONNECT
    bint in_fields              # its status line was read
    bint blank                  # and nothing yet of the line that is being read


cdef inline void begin(Steps *s) noexcept nogil:
    s.text = METHODS
    s.through = s.in_fields = s.blank = False
    s.code = 0
    s.said = s.heard = s.total = 0
    s.status = 0


cdef inline const uint8_t *unsaid(const Tunnel *t, const Steps *s, uint32_t *count) noexcept nogil:
    """What is to be written now, and how much of it."""
    count[0] = t.n_bytes[s.text] - s.said
    return t.texts[s.text] + s.said


cdef inline void next_text(Steps *s, uint8_t text) noexcept nogil:
    s.text = text
    s.said = s.heard = s.total = 0


cdef inline void status_byte(Steps *s, uint8_t byte) noexcept nogil:
    """One byte of `HTTP/1.1 200`, and the one that follows (RFC 9112 section 4)."""
    cdef const char *start = "HTTP/1."
    cdef uint32_t at = s.heard
    cdef bint digit = 48 <= byte <= 57
    cdef bint right
    s.heard += 1
    if at < 7:
        right = byte == <uint8_t>start[at]
    elif at == 8:
        right = byte == 32
    elif at < 12:
        right = digit
        if at > 8:
            s.status = s.status * 10 + byte - 48
    else:
        right = (byte == 32 or byte == 13 or byte == 10) and s.status >= 100
        s.in_fields = True
        s.blank = byte == 10
    if not right:
        s.code = -(PROXY_RULE + NOT_HTTP)
    elif s.in_fields and s.status >= 300:
        s.code = -(PROXY_CODE + s.status)


cdef inline void head_byte(Steps *s, uint8_t byte) noexcept nogil:
    """One byte of the answer to CONNECT; an interim answer is followed by another one."""
    s.total += 1
    if not s.in_fields:
        status_byte(s, byte)
    elif byte == 10:
        if s.blank:
            s.through = s.status >= 200
            s.in_fields = False
            s.heard = 0
            s.status = 0
        s.blank = True
    elif byte != 13:
        s.blank = False
    if s.total == MAX_ANSWER_BYTES and s.code == 0 and not s.through:
        s.code = -(PROXY_RULE + ANSWER_SIZE)


cdef inline void method_byte(const Tunnel *t, Steps *s, uint8_t byte) noexcept nogil:
    """The version, then the method that the proxy chose (RFC 1928 section 3)."""
    s.heard += 1
    if s.heard == 1:
        s.code = 0 if byte == 5 else -(PROXY_RULE + NOT_SOCKS)
    elif byte == 0:
        next_text(s, REQUEST)
    elif byte == 2 and t.n_bytes[LOGIN]:
        next_text(s, LOGIN)
    else:
        s.code = -(PROXY_RULE + NO_METHOD)


cdef inline void login_byte(Steps *s, uint8_t byte) noexcept nogil:
    """The version, which proxies fill in as they like, then 0 (RFC 1929 section 2)."""
    s.heard += 1
    if s.heard == 2:
        if byte == 0:
            next_text(s, REQUEST)
        else:
            s.code = -(PROXY_RULE + LOGIN_REFUSED)


cdef inline void reply_byte(Steps *s, uint8_t byte) noexcept nogil:
    """Version, reply, 0, then an address and a port that nobody needs (RFC 1928 section 6)."""
    s.heard += 1
    if s.heard == 1 and byte != 5:
        s.code = -(PROXY_RULE + NOT_SOCKS)
    elif s.heard == 2 and byte != 0:
        s.code = -(SOCKS_REPLY + byte)
    elif s.heard == 4:
        if byte == 1:
            s.total = 10
        elif byte == 4:
            s.total = 22
        elif byte != 3:
            s.code = -(PROXY_RULE + NOT_SOCKS)
    elif s.heard == 5 and s.total == 0:
        s.total = 7 + <uint32_t>byte
    s.through = s.code == 0 and s.heard == s.total


cdef inline size_t hear(const Tunnel *t, Steps *s, const uint8_t *data,
                        size_t n_bytes) noexcept nogil:
    """Take what the proxy answers; returns how many bytes of it were the proxy's."""
    cdef size_t i
    for i in range(n_bytes):
        if t.kind == BY_CONNECT:
            head_byte(s, data[i])
        elif s.text == METHODS:
            method_byte(t, s, data[i])
        elif s.text == LOGIN:
            login_byte(s, data[i])
        else:
            reply_byte(s, data[i])
        if s.through or s.code:
            return i + 1
    return n_bytes
