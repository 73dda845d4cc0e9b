# Part of _client.pyx: WebSocket frames for scripts, read and written.

MAX_MESSAGE_BYTES = 1 << 26
_DEFLATE_TAIL = b"\x00\x00\xff\xff"
_WINDOW_BITS = -15               # raw deflate, the largest window: it reads what smaller ones wrote

cdef uint64_t key_seed = 0
cdef uint64_t frames_masked = 0


cdef uint32_t next_key():
    """The key of the next frame; the seed is the kernel's, once a process."""
    global key_seed, frames_masked
    if not key_seed:
        key_seed = <uint64_t>int.from_bytes(os.urandom(8), "little") | 1
    frames_masked += 1
    return frames.key_of(key_seed, frames_masked)


def _forget_seed():
    global key_seed
    key_seed = 0


os.register_at_fork(after_in_child=_forget_seed)


@cython.final
cdef class FrameReader:
    """Reads what a server sends after its 101; see _client.pyi."""

    cdef frames.Frames state
    cdef bint keep
    cdef bint context_takeover
    cdef bytearray parts        # of the message that is not complete; None: there is none
    cdef uint64_t part_bytes
    cdef object inflate         # made with the first compressed message

    def __cinit__(self, *, uint64_t max_frame_bytes=MAX_MESSAGE_BYTES,
                  uint64_t max_message_bytes=MAX_MESSAGE_BYTES, bint deflate=False,
                  bint context_takeover=True, bint check_text=True, bint keep=True):
        frames.begin(&self.state, max_frame_bytes, max_message_bytes, deflate, check_text)
        self.keep = keep
        self.context_takeover = context_takeover

    def feed(self, const uint8_t[::1] data not None):
        """Take bytes, all of them; returns what became complete, in order."""
        cdef list found = []
        if data.shape[0]:
            self.read(&data[0], &data[0] + data.shape[0], found)
        return found

    cdef read(self, const uint8_t *at, const uint8_t *end, list found):
        while at != end:
            at = frames.take(&self.state, at, end)
            if self.state.state == frames.BROKEN:
                return
            if self.state.part == frames.DATA_PART:
                message = self.message()
                if message is not None:
                    found.append((self.state.message, message))
            elif self.state.part == frames.CONTROL_PART:
                found.append(self.control())

    cdef object message(self):
        """Keep a piece; the message, if that was its last one and no rule was broken, else None."""
        cdef const char *piece = <const char *>self.state.piece
        cdef Py_ssize_t n_bytes = <Py_ssize_t>self.state.piece_bytes
        cdef bint text = self.state.message == frames.TEXT
        if not self.keep:
            self.part_bytes += n_bytes
            if not self.state.complete:
                return None
            total, self.part_bytes = self.part_bytes, 0
            return total
        if self.parts is None and self.state.complete and not self.state.compressed:
            return PyUnicode_DecodeUTF8(piece, n_bytes, "replace") if text \
                else PyBytes_FromStringAndSize(piece, n_bytes)
        if self.parts is None:
            self.parts = bytearray()
        self.parts += piece[:n_bytes]
        if not self.state.complete:
            return None
        whole = bytes(self.parts)
        self.parts = None
        if self.state.compressed:
            whole = self.inflated(whole)
        return whole.decode("utf-8", "replace") if text and whole is not None else whole

    cdef bytes inflated(self, bytes packed):
        """A message without its compression (RFC 7692 section 7.2.2); None: a broken rule."""
        cdef uint64_t limit = self.state.max_message_bytes
        import zlib
        if self.inflate is None or not self.context_takeover or self.inflate.eof:
            self.inflate = zlib.decompressobj(_WINDOW_BITS)
        try:
            whole = self.inflate.decompress(packed + _DEFLATE_TAIL, min(limit, 2**62) + 1)
        except zlib.error:
            frames.fail(&self.state, frames.DEFLATED)
            return None
        if <uint64_t>len(whole) > limit:
            frames.fail(&self.state, frames.MESSAGE_SIZE)
            return None
        if self.state.message == frames.TEXT and self.state.check_text:
            try:
                whole.decode()
            except UnicodeDecodeError:
                frames.fail(&self.state, frames.NOT_UTF8)
                return None
        return whole

    cdef tuple control(self):
        cdef bytes payload = self.state.control[:self.state.n_control]
        cdef int opcode = frames.opcode_of(&self.state)
        if opcode != frames.CLOSE:
            return opcode, payload
        return opcode, (self.state.close_code, payload[2:].decode("utf-8", "replace"))

    @property
    def rule(self):
        """The broken rule, one of FRAME_RULES; "" while all is well."""
        return FRAME_RULES[self.state.rule]

    @property
    def closed(self):
        """The server's close frame came, or a rule was broken: nothing more is read."""
        return self.state.state > frames.PAYLOAD

    @property
    def close_code(self):
        """What to close with when a rule was broken; else the code of the server's close frame."""
        if self.state.rule:
            return frames.code_for(self.state.rule)
        return self.state.close_code

    @property
    def in_message(self):
        """A message has begun and is not complete."""
        return not self.closed and (self.state.opcode != 0 or self.state.state != frames.FIRST)


def frame(int opcode, payload, *, bint fin=True, bint rsv1=False):
    """One masked frame of a client, with a key of its own."""
    cdef const uint8_t[::1] data = payload.encode() if isinstance(payload, str) else payload
    cdef uint64_t n_bytes = <uint64_t>data.shape[0]
    cdef size_t size = frames.header_bytes(n_bytes) + n_bytes
    cdef uint8_t first = (frames.FIN if fin else 0) | (frames.RSV1 if rsv1 else 0) | (opcode & 15)
    if opcode >= frames.CLOSE and n_bytes > frames.MAX_CONTROL_BYTES:
        raise ValueError(f"a control frame holds {frames.MAX_CONTROL_BYTES} bytes, not {n_bytes}")
    written = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
    frames.put_part(<uint8_t *>PyBytes_AS_STRING(written), size, first,
                    &data[0] if n_bytes else NULL, n_bytes, next_key(), 0)
    return written


def close_frame(int code=1000, str reason=""):
    """A close frame; code 1005: without code and reason."""
    cdef bytes text = reason.encode()
    if code == frames.NO_CODE:
        return frame(frames.CLOSE, b"")
    if not 0 <= code <= 0xFFFF or not frames.is_close_code(<uint16_t>code):
        raise ValueError(f"{code} is no close code: 1000 to 1003, 1007 to 1014, 3000 to 4999")
    return frame(frames.CLOSE, code.to_bytes(2, "big") + text)


def handshake_key():
    """A new Sec-WebSocket-Key."""
    cdef bytes nonce = os.urandom(upgrade.NONCE_BYTES)
    cdef uint8_t out[upgrade.KEY_BYTES]
    upgrade.key_text(nonce, out)
    return out[:upgrade.KEY_BYTES].decode("ascii")


def accept_of(str key):
    """The Sec-WebSocket-Accept that answers `key`."""
    cdef bytes text = key.encode("ascii")
    cdef uint8_t out[upgrade.ACCEPT_BYTES]
    if len(text) != upgrade.KEY_BYTES:
        raise ValueError(f"a key is {upgrade.KEY_BYTES} characters long, not {len(text)}")
    upgrade.accept_text(text, out)
    return out[:upgrade.ACCEPT_BYTES].decode("ascii")
