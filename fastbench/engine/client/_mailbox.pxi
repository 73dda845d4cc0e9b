# Part of _client.pyx: who waits for messages of a WebSocket, and messages that wait for someone.

cdef class Mailbox:
    """The receiving end of a WebSocket; the rules stand in _websocket.pxi."""

    cdef Pool pool
    cdef object inbox           # a deque, once a message had to wait
    cdef uint64_t inbox_bytes
    cdef list waiting           # Arrivals
    cdef bint paused            # it is not read, for the inbox is full
    cdef readonly bint ended

    cdef unpause(self):
        """There is room again."""

    cdef Arrival arrival(self, Ear ear, match, double timeout_s):
        cdef Arrival one = Arrival.__new__(Arrival)
        one.socket = self
        one.ear = ear
        one.match = match
        if self.ended:
            one.finished = True
            return one
        if self.waiting is None:
            self.waiting = []
        self.waiting.append(one)
        if timeout_s > 0:
            one.timer = self.pool.loop.call_later(timeout_s, one._too_late)
        return one

    def receive(self, double timeout_s=0):
        """Await the next message; None when the socket ends or `timeout_s` (0: never) run out."""
        cdef Arrival one
        if self.inbox:
            one = Arrival.__new__(Arrival)
            one.socket = self
            one.value = self.taken()
            one.finished = True
            return one
        return self.arrival(MESSAGE, None, timeout_s)

    def expect(self, match, double timeout_s=0):
        """Await the next message that comes from now on and that `match` takes."""
        return self.arrival(MESSAGE, match, timeout_s)

    cdef object taken(self):
        """The oldest message of the inbox; with room again the socket is read on."""
        message = self.inbox.popleft()
        self.inbox_bytes -= <uint64_t>len(message)
        if self.paused and len(self.inbox) < MAX_INBOX // 2 \
                and self.inbox_bytes < MAX_INBOX_BYTES // 2:
            self.unpause()
        return message

    def __aiter__(self):
        return self

    def __anext__(self):
        cdef Arrival one = self.receive()
        one.in_loop = True
        return one

    cdef end_waits(self, Ear ear, bint later=False):
        cdef Arrival one
        for one in list(self.waiting or ()):
            if one.ear == ear and not one.finished:
                if later:
                    one.leave()
                    one.finish_later()
                else:
                    one.come(None)
