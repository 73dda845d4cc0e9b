# Part of _client.pyx: one WebSocket of a script (RFC 6455); `FrameReader` reads its frames.
#
# 0. Nothing is read until `start` has said by which rules: what came with the 101 is kept.
# 1. A message goes to the first who waits and whose `match` takes it; else it waits in the inbox.
# 2. With MAX_INBOX messages or MAX_INBOX_BYTES unread it is not read any further: the server waits.
# 3. Whatever ends the socket ends every wait, with None; why is in close_code, reason and error.
# 4. The end is told once, through `on_end`. After close frames went both ways the server closes the
#    connection (section 7.1.1); we wait LINGER_S for that and then do it ourselves.
# 5. What ends it while a coroutine of the script runs resumes others on the next turn of the loop:
#    asyncio runs one task at a time.

cdef enum:
    MAX_INBOX = 10000
    MAX_INBOX_BYTES = 1 << 24
    MAX_OUTBOX_BYTES = 1 << 20      # unsent: from here on `await socket.send` waits

cdef double LINGER_S = 1.0


@cython.final
cdef class WebSocket(Mailbox):
    """An open WebSocket. `on_end(socket)` is called once when it has ended.

    `sent` and `received` count messages, `bytes_sent` and `bytes_received` what frames took;
    `close_code` is the server's (1005 without one, 1006 without a close frame), None while open.
    """

    cdef Connection link
    cdef FrameReader reader     # None until it was started
    cdef bytes rest             # what came until then
    cdef bytearray outbox
    cdef object timer
    cdef object deflate         # None: messages are not compressed
    cdef bint deflate_anew      # each with a window of its own
    cdef bint close_sent
    cdef readonly uint64_t sent
    cdef readonly uint64_t received
    cdef readonly uint64_t bytes_sent
    cdef readonly uint64_t bytes_received
    cdef readonly object close_code
    cdef readonly str close_reason
    cdef readonly str error     # why it ended, if not in order
    cdef readonly str rule      # of FRAME_RULES, if the server broke one
    cdef readonly uint64_t opened_ns
    cdef readonly uint64_t heard_ns     # when the last bytes came
    cdef public object on_end
    cdef public object watch            # watch("<" or ">", opcode, payload), for --debug
    cdef public object hook             # hook(message) -> it was taken, nobody else gets it
    cdef readonly object failure        # what the hook raised
    cdef object count_sent
    cdef object count_received
    cdef OperationSinks sinks

    cdef begin(self, Connection link, const uint8_t *rest, size_t n_bytes):
        self.pool = link.pool
        self.link = link
        self.close_reason = self.error = self.rule = ""
        self.opened_ns = self.heard_ns = kernel.now_ns()
        self.rest = PyBytes_FromStringAndSize(<const char *>rest, <Py_ssize_t>n_bytes)
        self.bytes_received = n_bytes

    cdef pause(self):
        """Nobody has started it yet: read no further."""
        if self.reader is None and self.link is not None:
            self.paused = True
            self.link.want(False, self.link.writing)

    def start(self, uint64_t max_message_bytes, *, bint deflate=False, bint inflate_anew=False,
              bint deflate_anew=False):
        """Read from here on. `deflate`: permessage-deflate was agreed on (RFC 7692).

        `inflate_anew`, `deflate_anew`: each message of the server, of ours is compressed by itself.
        """
        cdef bytes rest = self.rest
        cdef const uint8_t *at = rest
        self.reader = FrameReader(max_frame_bytes=max_message_bytes,
                                  max_message_bytes=max_message_bytes, deflate=deflate,
                                  context_takeover=not inflate_anew)
        self.deflate_anew = deflate_anew
        if deflate:
            import zlib
            self.deflate = zlib.compressobj(wbits=_WINDOW_BITS)
        self.rest = None
        self.take_in(at, at + len(rest))
        self.unpause()

    cdef unpause(self):
        if self.paused:
            self.paused = False
            self.pool.loop.call_soon(self._resume)

    def _resume(self):
        if self.link is not None and not self.paused:
            self.link.want(True, self.link.writing)
            self.read()

    # Reading

    cdef read(self):
        """Read until the socket is empty, or has ended, or the inbox is full.

        A short read says that it is empty; the loop tells what comes later, the end too.
        """
        cdef WebSocket held = self      # it may end, and let go of itself, while it runs
        cdef Connection link = self.link
        cdef const uint8_t *data = self.pool.buffer
        cdef bint drained = False
        cdef ssize_t n
        while link is held.link and not self.paused:
            n = link.lane.origin.transport.recv(
                &link.link, self.pool.buffer, READ_BYTES, &drained)
            if n == -EAGAIN:
                return
            if n <= 0:
                self.lost(<int>-n)
                return
            self.pool.slot.bytes_in += <uint64_t>n
            self.bytes_received += <uint64_t>n
            if self.sinks is not None:
                self.sinks.moved(<uint64_t>n, 0)
            self.heard_ns = kernel.now_ns()
            self.take_in(data, data + n)
            if drained:
                return

    cdef take_in(self, const uint8_t *at, const uint8_t *end):
        """Take what came: messages and control frames, in order."""
        cdef FrameReader reader = self.reader
        while at != end and self.link is not None:
            at = frames.take(&reader.state, at, end)
            if reader.state.part == frames.DATA_PART:
                message = reader.message()
                if message is not None:
                    self.received += 1
                    count_one(self.count_received)
                    if self.watch is not None:
                        self.watch("<", reader.state.message, message)
                    self.arrived(message)
            elif reader.state.part == frames.CONTROL_PART:
                self.take_control(frames.opcode_of(&reader.state),
                                  reader.state.control[:reader.state.n_control])
            if reader.state.state == frames.BROKEN:
                self.fail(frames.code_for(reader.state.rule), FRAME_RULES[reader.state.rule])
                return

    cdef arrived(self, message):
        """Give a message to who waits for it."""
        cdef Arrival one
        try:
            if self.hook is not None and self.hook(message):
                return
        except BaseException as error:
            self.failure = error
            self.abandon("the script failed")
            return
        if self.waiting is not None:
            for one in self.waiting:
                if one.ear == MESSAGE and one.takes(message):
                    one.come(message)
                    return
        if self.inbox is None:
            self.inbox = deque()
        if self.inbox_bytes < MAX_INBOX_BYTES and len(self.inbox) < MAX_INBOX:
            self.keep(message)
        elif not self.close_sent:       # else nobody needs it any more
            self.keep(message)
            self.paused = True
            self.link.want(False, self.link.writing)

    cdef keep(self, message):
        self.inbox.append(message)
        self.inbox_bytes += <uint64_t>len(message)

    cdef take_control(self, int opcode, bytes data):
        cdef Arrival one
        if self.watch is not None:
            self.watch("<", opcode, data)
        if opcode == frames.PING:
            self.write(frames.PONG, data, False)
        elif opcode == frames.PONG:
            for one in self.waiting or ():
                if one.ear == PONG and one.match == data:
                    one.come(kernel.now_ns())
                    return
        else:
            self.closed(self.reader.state.close_code, data[2:].decode("utf-8", "replace"))

    # Writing

    def send(self, message not None):
        """Send a text (str) or bytes; await what is returned to wait until there is room for more.

        On a socket that has ended it sends nothing and returns None.
        """
        cdef uint8_t opcode = frames.TEXT if isinstance(message, str) else frames.BINARY
        if self.link is None or self.close_sent:
            return None
        if self.deflate is not None:
            message = self.deflated(message.encode() if opcode == frames.TEXT else message)
        elif opcode == frames.BINARY and type(message) is not bytes:
            message = bytes(message)
        self.sent += 1
        count_one(self.count_sent)
        self.write(opcode, message, self.deflate is not None)
        return self if self.outbox is None or len(self.outbox) < MAX_OUTBOX_BYTES \
            else self.arrival(ROOM, None, 0)

    cdef bytes deflated(self, data):
        """Compress a message (RFC 7692 section 7.2.1)."""
        import zlib
        if self.deflate_anew:
            self.deflate = zlib.compressobj(wbits=_WINDOW_BITS)
        out = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        return out[:len(out) - len(_DEFLATE_TAIL)]

    def __await__(self):
        """There is room: who awaits `send` need not wait."""
        return iter(())

    cdef write(self, uint8_t opcode, message, bint compressed):
        """Send a frame, now if the socket takes it."""
        cdef Connection link = self.link
        cdef Py_ssize_t length = 0
        cdef const char *data
        cdef size_t n_bytes
        cdef uint8_t *out
        cdef ssize_t n = 0
        cdef size_t done = 0
        if link is None:
            return
        if type(message) is str:
            data = PyUnicode_AsUTF8AndSize(message, &length)
        else:
            data = <bytes>message
            length = len(<bytes>message)
        n_bytes = frames.header_bytes(<uint64_t>length) + <size_t>length
        frame = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>n_bytes)
        out = <uint8_t *>PyBytes_AS_STRING(frame)
        frames.put_part(out, n_bytes, frames.FIN | (frames.RSV1 if compressed else 0) | opcode,
                        <const uint8_t *>data, <uint64_t>length, next_key(), 0)
        if self.watch is not None:
            self.watch(">", opcode, message)
        self.bytes_sent += n_bytes
        if self.sinks is not None:
            self.sinks.moved(0, n_bytes)
        if self.outbox is not None:
            self.outbox += frame
            return
        while done < n_bytes:
            n = link.lane.origin.transport.send(&link.link, out + done, n_bytes - done)
            if n < 0:
                break
            done += <size_t>n
        self.pool.slot.bytes_out += done
        if n == -EAGAIN:
            self.outbox = bytearray(frame[done:])
            link.want(link.reading, True)
        # any other error: reading will tell, with what came before it

    @property
    def unsent(self):
        """Bytes of frames that the socket has not taken yet."""
        return len(self.outbox) if self.outbox is not None else 0

    cdef flush(self):
        """The socket takes more of what is unsent."""
        cdef WebSocket held = self
        cdef Connection link = self.link
        cdef const uint8_t *data
        cdef Arrival one
        cdef ssize_t n
        while self.outbox:
            data = <const uint8_t *>PyByteArray_AS_STRING(self.outbox)
            n = link.lane.origin.transport.send(&link.link, data, <size_t>len(self.outbox))
            if n == -EAGAIN:
                return
            if n < 0:
                break
            self.pool.slot.bytes_out += <uint64_t>n
            del self.outbox[:n]
        self.outbox = None
        link.want(link.reading, False)
        held.end_waits(ROOM)

    def ping(self, bytes data not None, double timeout_s=0):
        """Send a ping (at most 125 bytes); await when its pong came, CLOCK_MONOTONIC, or None."""
        if self.link is not None and not self.close_sent:
            self.write(frames.PING, data, False)
        return self.arrival(PONG, data, timeout_s)

    # Ending

    def close(self, int code=1000, bytes reason=b"", double timeout_s=0):
        """Begin or end the closing handshake (section 7.1.2); await the end of the socket."""
        if self.link is not None and not self.close_sent:
            self.close_sent = True
            self.write(frames.CLOSE, code.to_bytes(2, "big") + reason, False)
            self.unpause()          # else the answer would not be read
        return self.arrival(THE_END, None, timeout_s)

    cdef closed(self, int code, str reason):
        """A close frame came: answer it, and let the server close the connection."""
        self.close_reason = reason
        if not self.close_sent:
            self.close_sent = True
            answer = b"" if code == frames.NO_CODE else code.to_bytes(2, "big")
            self.write(frames.CLOSE, answer, False)
        self.end(code)
        if self.link is not None:
            self.timer = self.pool.loop.call_later(LINGER_S, self._linger)
            self.pool.lingering.add(self)

    def _linger(self):
        self.drop()

    cdef fail(self, int code, str rule):
        """The server broke a rule: tell it the code (section 7.1.7), and close the connection."""
        if self.ended:
            return
        if not self.close_sent:
            self.close_sent = True
            self.write(frames.CLOSE, code.to_bytes(2, "big"), False)
        self.error = self.rule = rule
        self.end(frames.NO_CLOSE)
        self.drop()

    cdef lost(self, int code):
        """The connection was closed (0) or broke, with a close frame before it or without."""
        if not self.ended:
            kind = rules.kind_of_loss(code)
            name = code_name(kind, code)
            if code != 0:
                self.error = ERROR_KINDS[kind].replace("_", " ") + (f": {name}" if name else "")
            elif not self.close_sent:
                self.error = "closed without a close frame"
            self.end(frames.NO_CLOSE)
        self.drop()

    def abandon(self, str error not None):
        """Give the socket up without a handshake: it does not answer."""
        if not self.ended:
            self.error = error
            self.end(frames.NO_CLOSE, True)
        self.drop()

    cdef end(self, int code, bint later=False):
        """It has ended: tell `on_end`, and who waits; `later`: a coroutine of the script runs."""
        if self.ended:
            return
        self.ended = True
        self.close_code = code
        if self.on_end is not None:
            self.on_end(self)
            self.on_end = None
        for ear in (MESSAGE, PONG, ROOM, THE_END):
            self.end_waits(ear, later)

    cdef drop(self):
        """Close the connection, whatever state it is in."""
        cdef Connection link = self.link
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
            self.pool.lingering.discard(self)
        if link is not None:
            self.link = None
            link.close(self.close_sent and self.outbox is None)
            self.outbox = None

    def record(self, sent not None, received not None, OperationSinks sinks not None):
        """Count messages (`add`) and bytes there from here on, and those that came before."""
        self.count_sent, self.count_received, self.sinks = sent, received, sinks
        if self.received:
            received.add(self.received)
        sinks.moved(self.bytes_received, 0)


cdef switch_to_websocket(Connection link, Exchange one, const uint8_t *rest, size_t n_bytes):
    """HTTP has ended on it (RFC 9110 section 15.2.2): the connection is a socket's from here on."""
    cdef WebSocket socket = WebSocket.__new__(WebSocket)
    one.times.done = kernel.now_ns()
    one.status = 101
    link.exchange = None
    one.link = None
    link.step = SWITCHED
    link.lane.open -= 1
    link.socket = one.socket = socket
    socket.begin(link, rest, n_bytes)
    link.lane.fill()
    one.settle(-1, 0)
    socket.pause()                  # who waited has started it, or will
