# Part of _client.pyx: what a coroutine waits for at a WebSocket, and messages that wait for one.

cdef enum Ear:                      # what an Arrival waits for
    MESSAGE, PONG, ROOM, THE_END


@cython.final
@cython.freelist(256)
cdef class Arrival:
    """What a coroutine waits for at a WebSocket; None when it does not come. A future to asyncio.
    """

    cdef public object _asyncio_future_blocking
    cdef Mailbox socket
    cdef object value
    cdef object match
    cdef object failure         # what `match` raised
    cdef object timer
    cdef object callback
    cdef object context
    cdef list callbacks         # of further waiters
    cdef Ear ear
    cdef bint finished
    cdef bint given_up
    cdef bint in_loop           # of `async for`: the end of the socket ends it

    def cancel(self, msg=None):
        """Wait no longer."""
        if self.finished or self.given_up:
            return False
        self.given_up = True
        self.leave()
        self.finish_later()
        return True

    cdef leave(self):
        """Nobody waits any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.socket.waiting is not None and self in self.socket.waiting:
            self.socket.waiting.remove(self)

    cdef bint takes(self, message):
        """Does the script want this message here? Its exception ends the wait."""
        if self.match is None:
            return True
        try:
            return bool(self.match(message))
        except BaseException as error:
            self.failure = error
            return True

    cdef come(self, value):
        self.value = value
        self.leave()
        self._finish()

    def _too_late(self):
        self.timer = None
        if not self.finished and not self.given_up:
            self.come(None)

    cdef finish_later(self):
        self.socket.pool.loop.call_soon(self._finish)

    def _finish(self):
        self.finished = True
        resume(self, self.socket.pool.loop)

    # A future to asyncio

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self.finished:
            self._asyncio_future_blocking = False
            raise StopIteration(self.result())
        self._asyncio_future_blocking = True
        return self

    def send(self, value):
        return self.__next__()

    def throw(self, kind, value=None, trace=None):
        raise kind if value is None else value

    def get_loop(self):
        return self.socket.pool.loop

    def add_done_callback(self, callback, *, context=None):
        add_callback(self, self.socket.pool.loop, callback, context)

    def remove_done_callback(self, callback):
        return remove_callback(self, callback)

    def done(self):
        return self.finished

    def cancelled(self):
        return self.given_up

    def exception(self):
        if self.given_up:
            raise asyncio.CancelledError
        return self.failure

    def result(self):
        if self.given_up:
            raise asyncio.CancelledError
        if not self.finished:
            raise asyncio.InvalidStateError("nothing has come yet")
        if self.in_loop and self.value is None and self.socket.ended:
            raise StopAsyncIteration
        if self.failure is not None:
            raise self.failure
        return self.value


# What both kinds of futures here have in common. The task that waits for one is resumed from inside
# the read that completed it, without a turn of the loop.

ctypedef fused Awaited:
    Exchange
    Arrival


cdef resume(Awaited one, loop):
    """It is finished: call back."""
    callback, one.callback = one.callback, None
    if callback is None:
        return
    context, one.context = one.context, None
    if context is None:
        callback(one)
    else:
        PyContext_Enter(context)
        try:
            callback(one)
        finally:
            PyContext_Exit(context)
    if one.callbacks is not None:
        callbacks, one.callbacks = one.callbacks, None
        for callback, context in callbacks:
            loop.call_soon(callback, one, context=context)


cdef add_callback(Awaited one, loop, callback, context):
    if one.finished:
        loop.call_soon(callback, one, context=context)
    elif one.callback is None:
        one.callback = callback
        one.context = context
    else:
        if one.callbacks is None:
            one.callbacks = []
        one.callbacks.append((callback, context))


cdef int remove_callback(Awaited one, callback) except -1:
    cdef int found = 0
    if one.callback == callback:
        one.callback = one.context = None
        found = 1
    if one.callbacks is not None:
        kept = [each for each in one.callbacks if each[0] != callback]
        found += len(one.callbacks) - len(kept)
        one.callbacks = kept
    return found


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
