# Part of _core.pyx: the parser of answers, for tests.

def judge_handshake(bytes head not None, bytes key not None, bytes protocols not None):
    """"" when this answer, with its blank line, opens the WebSocket; else its status or the rule.

    `key` is the Sec-WebSocket-Key sent, `protocols` the subprotocols offered.
    """
    cdef uint8_t accept[upgrade.ACCEPT_BYTES]
    cdef int code
    if len(key) != upgrade.KEY_BYTES:
        raise ValueError(f"a key is {upgrade.KEY_BYTES} bytes long, not {len(key)}")
    upgrade.accept_text(key, accept)
    code = upgrade.judge_answer(head, len(head), accept, protocols)
    return code_name(block.UPGRADE, code) if code else ""


cdef class Parser:
    """Reads one answer at a time, by the codec of HTTP/1.1; no I/O."""

    cdef codec.Codec protocol
    cdef response.Http state
    cdef codec.Memo memo
    cdef codec.Needle needle
    cdef bytes text

    def __cinit__(self, *, bint head=False, bytes expect_body=b""):
        http.use_http(&self.protocol)
        self.text = expect_body
        look_for(&self.needle, self.text)
        self.reset(head=head)

    def __dealloc__(self):
        free(self.needle.fallback)

    def reset(self, *, bint head=False):
        """Begin the next response; `head`: it answers a HEAD request."""
        self.protocol.expect(&self.state, <response.Asked>head)

    def feed(self, const uint8_t[::1] data not None):
        """Take bytes up to the end of the message; returns how many were taken."""
        if data.shape[0] == 0:
            return 0
        return codec.feed(&self.protocol, &self.state, &data[0], data.shape[0], &self.needle,
                          &self.memo)

    def eof(self):
        """The peer closed: ends a body without a length, else cuts the message off."""
        if not self.protocol.close(&self.state) and not response.ended(&self.state):
            response.fail(&self.state, response.CUT_OFF)

    @property
    def outcome(self):
        """"" while reading, then "ok", "protocol", "truncated" or "too_large"."""
        if not response.ended(&self.state):
            return ""
        if self.state.state == response.DONE:
            return "ok"
        if self.state.rule == response.CUT_OFF:
            return "truncated"
        return ERROR_KINDS[rules.kind_of_broken(&self.state)]

    @property
    def rule(self):
        """The broken rule, one of PROTOCOL_RULES."""
        return PROTOCOL_RULES[self.state.rule]

    @property
    def status(self):
        return self.state.status

    @property
    def minor_version(self):
        return self.state.minor

    @property
    def body_bytes(self):
        return self.state.body_bytes

    @property
    def reusable(self):
        """May the connection carry another request (RFC 9112 section 9.3)?"""
        return response.reusable(&self.state)

    @property
    def body_found(self):
        return self.state.flags & response.FOUND != 0
