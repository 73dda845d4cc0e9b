# Part of _client.pyx: head and body of an answer, as they come.

cdef size_t take_in(Connection link, Exchange one, size_t n_bytes):
    """Feed the codec, and keep head and body; returns how many bytes were of this answer."""
    cdef codec.Codec *protocol = &link.lane.origin.protocol
    cdef response.Http *message = &link.message
    cdef const uint8_t *start = link.pool.buffer
    cdef const uint8_t *at = start
    cdef const uint8_t *end = start + n_bytes
    cdef const uint8_t *before
    while at != end and not response.ended(message):
        before = at
        at = protocol.take(message, &link.pool.memo, at, end)
        if message.part == response.HEAD_PART:
            keep_head(link, one, before, <size_t>(at - before))
            if one.stream is not None:
                tell_head(link, one)
        elif message.part == response.BODY_PART:
            if one.told():
                one.stream.push(before, <uint64_t>(at - before))
            elif not one.session.discard:
                one.keep_body(before, <size_t>(at - before))
    return <size_t>(at - start)


cdef tell_head(Connection link, Exchange one):
    """Let who streams it have the head as soon as it is complete."""
    if response.HEAD_DONE < link.message.state <= response.DONE \
            and not one.leads_on(link.message.status):
        one.status = link.message.status
        one.stream.begin()


cdef keep_head(Connection link, Exchange one, const uint8_t *data, size_t n_bytes):
    """Keep some of a head; of interim answers (1xx) nothing is kept."""
    cdef Pool pool = link.pool
    if link.message.state == response.START and link.message.head_bytes == 0:
        one.raw_head = b""
    elif len(one.raw_head) == 0 and n_bytes == <size_t>len(pool.last_head) \
            and memcmp(data, <const uint8_t *>pool.last_head, n_bytes) == 0:
        one.raw_head = pool.last_head
    else:
        one.raw_head += PyBytes_FromStringAndSize(<const char *>data, <Py_ssize_t>n_bytes)
        if link.message.state > response.HEAD_DONE:
            pool.remember(one.raw_head)


cdef bytes head_text(Pool pool, const h2frame.Outbox *text):
    """The head that was read last, in HTTP/2; the same object as before if it is the same."""
    cdef Py_ssize_t n_bytes = h2frame.unwritten(text)
    if n_bytes != len(pool.last_head) \
            or memcmp(text.bytes, <const uint8_t *>pool.last_head, n_bytes) != 0:
        pool.remember(PyBytes_FromStringAndSize(<const char *>text.bytes, n_bytes))
    return pool.last_head


cdef void rendered(Exchange one, h2stream.Rendered *out):
    """The parts of a request; they live as long as it does."""
    cdef const uint8_t *head = one.head_block
    cdef uint32_t i
    for i in range(3):
        out.block[i] = head
        out.block_bytes[i] = <uint32_t>len(one.head_block)
    out.without_body = one.head
    out.body = NULL
    out.body_bytes = 0
    if one.body_sent:
        out.body = one.body_sent
        out.body_bytes = <uint32_t>len(one.body_sent)
