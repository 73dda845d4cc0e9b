# Part of _core.pyx: a connection of HTTP/2 without a socket, for tests.

SESSION_EVENTS = ("", "settled", "settings", "head", "body", "trailers", "broken stream", "reset",
                  "refused", "went away", "broken")


cdef class Session:
    """What a connection of HTTP/2 reads and writes; all its requests are alike."""

    cdef stream.Session *session
    cdef head_block.BlockMemo memo
    cdef stream.Rendered request
    cdef tuple keep

    def __cinit__(self, uint32_t streams, bytes head not None, *, bytes body=b"",
                  bint without_body=False, uint32_t first_id=1):
        """`head`: the block of each request; `first_id`: of the first stream."""
        self.keep = (head, body)
        memset(&self.memo, 0, sizeof(self.memo))
        for form in range(3):
            self.request.block[form] = head
            self.request.block_bytes[form] = <uint32_t>len(head)
        self.request.body = body
        self.request.body_bytes = <uint32_t>len(body)
        self.request.without_body = without_body
        self.session = stream.new_session(streams)
        if self.session == NULL or not stream.begin_session(self.session):
            raise MemoryError
        self.session.next_id = first_id

    def __dealloc__(self):
        stream.free_session(self.session)

    def ask(self):
        """Queue a request; returns its slot, None when all are taken."""
        cdef uint32_t slot = stream.take_slot(self.session)
        return None if slot == stream.NO_SLOT else slot

    def written(self):
        """What is to be written now."""
        cdef stream.Session *s = self.session
        while stream.may_open(s):
            if not stream.open_next(s, &self.request):
                raise MemoryError
        while s.bodies.first != stream.NO_SLOT and s.window > 0:
            if not stream.send_part(s, &self.request):
                raise MemoryError
        text = <bytes>s.out.bytes[s.out.begin:s.out.end]
        frame.clear(&s.out)
        return text

    def read(self, const uint8_t[::1] data not None, uint32_t start=0):
        """(event, slot, its code or broken rule, does the answer end, bytes, where to go on)."""
        cdef h2message.News news
        cdef const uint8_t *begin
        cdef const uint8_t *at
        if start >= data.shape[0]:
            return "", 0, "", False, b"", start
        memset(&news, 0, sizeof(news))
        begin = at = &data[0]
        at += start
        event = h2session.read_event(self.session, &self.memo, &news, &at, begin + data.shape[0])
        code = ""
        if event == h2message.STREAM_BROKEN or event == h2message.BROKEN:
            code = http2_rule(rules.SESSION_RULE + <int>news.code)
        elif event == h2message.STREAM_RESET or event == h2message.WENT_AWAY:
            code = code_name(block.STREAM_RESET, <int>news.code)
        text = b""
        if event == h2message.BODY and news.n_bytes:
            text = <bytes>news.data[:news.n_bytes]
        return (SESSION_EVENTS[<int>event], news.slot if event else 0, code, news.ends != 0, text,
                at - begin)

    def drop(self, uint32_t slot):
        """The request of this slot has ended."""
        stream.forget(self.session, self.taken(slot))

    def again(self, uint32_t slot):
        """It goes once more."""
        stream.queue_again(self.session, self.taken(slot))

    def cancel(self, uint32_t slot):
        """Tell the peer that its answer is not wanted, and drop it."""
        if not stream.cancel(self.session, self.taken(slot)):
            raise MemoryError
        stream.forget(self.session, slot)

    cdef uint32_t taken(self, uint32_t slot) except? 0xffffffff:
        if slot >= self.session.n_streams or self.session.streams[slot].state == stream.FREE:
            raise ValueError(f"no request is in slot {slot}")
        return slot

    def stream_of(self, uint32_t slot):
        """(id or 0, status, bytes of the body, its window, bytes sent) of a request."""
        cdef stream.Stream *st = &self.session.streams[self.taken(slot)]
        return st.id, st.status, st.body_bytes, st.window, st.sent_bytes

    @property
    def state(self):
        """(open, limit, window, last id that is answered, draining, acknowledged)."""
        cdef stream.Session *s = self.session
        return (s.open, s.limit, s.window, s.last_id, s.draining != 0, s.acknowledged != 0)
