# Part of _core.pyx: tunnels through proxies; see engine/proxy/.

TUNNEL_RULES = ("not HTTP", "answer too long", "not SOCKS5", "no method", "login refused", "closed")
SOCKS_REPLIES = ("", "general failure", "not allowed", "network unreachable", "host unreachable",
                 "connection refused", "TTL expired", "command not supported",
                 "address type not supported")     # RFC 1928 section 6


cdef str tunnel_rule(int code):
    """Why a proxy made no tunnel: a status, a reply of SOCKS5, or what it broke."""
    if code >= tunnel.PROXY_RULE:
        return TUNNEL_RULES[code - tunnel.PROXY_RULE]
    if code < tunnel.SOCKS_REPLY:
        return str(code - tunnel.PROXY_CODE)
    code -= tunnel.SOCKS_REPLY
    return SOCKS_REPLIES[code] if code < len(SOCKS_REPLIES) else f"reply {code}"


cdef int fill_tunnel(tunnel.Tunnel *out, tuple texts) except -1:
    """`texts`, which must outlive it: (CONNECT request,), or of SOCKS5 (methods, login, request)
    with b"" for a login that is not offered."""
    cdef bytes text
    out.kind = tunnel.BY_CONNECT if len(texts) == 1 else tunnel.BY_SOCKS5
    for i, each in enumerate(texts):
        text = each
        out.texts[i] = text
        out.n_bytes[i] = <uint32_t>len(text)
    return 0


cdef int make_passages(Engine self, tuple texts) except -1:
    """Let all connections go through the tunnel of these `texts`; None: there is none."""
    cdef Worker *w = &self.worker
    if texts is None:
        return 0
    self.keep.append(texts)
    fill_tunnel(&self.through, texts)
    passage.use_tunnel(&w.transport, w.tls.context != NULL)
    self.passages = <tls.Passage *>allocate(w.n_conns, sizeof(tls.Passage))
    for i in range(w.n_conns):
        self.passages[i].tunnel = &self.through
        w.conns[i].link.passage = &self.passages[i]
    return 0


cdef class TunnelSteps:
    """What is said to a proxy and what it answers, as connections do it; no I/O.

    `texts`: as `Engine` takes them.
    """

    cdef tunnel.Tunnel through
    cdef tunnel.Steps steps
    cdef tuple texts

    def __cinit__(self, tuple texts not None):
        self.texts = texts
        fill_tunnel(&self.through, texts)
        tunnel.begin(&self.steps)

    def say(self):
        """What is to be written now, b"" when an answer is awaited; it counts as written."""
        cdef uint32_t count = 0
        cdef const uint8_t *text = tunnel.unsaid(&self.through, &self.steps, &count)
        self.steps.said += count
        return (<const char *>text)[:count] if count else b""

    def hear(self, bytes data not None):
        """Take an answer; returns how many of its bytes were the proxy's."""
        return tunnel.hear(&self.through, &self.steps, data, len(data))

    @property
    def outcome(self):
        """"" while it is made, "through", or the code of an error of kind `proxy`."""
        if self.steps.through:
            return "through"
        return code_name(block.PROXY, -self.steps.code) if self.steps.code else ""
