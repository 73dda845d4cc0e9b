"""What a request in flight says, and what its answer must contain: where its bytes come from.

1. A constant request lies where it was rendered before the run, one of a script in the slot of its
   number (`texts.text_ring`). One that varies is rendered when it is written, and again when a part
   of it was: its bytes follow from its number.
2. For HTTP/2 the request rendered last is kept, since its body may go in several frames; so is the
   text that was looked for last.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastbench.engine.codec cimport Needle, prepare
from fastbench.engine.http2.request_block cimport put_varied
from fastbench.engine.http2.stream cimport Rendered
from fastbench.engine.varied.digest cimport nonce_of
from fastbench.engine.varied.pieces cimport ONCE, Draw, Rows, draw, put_pieces, put_request
from fastbench.engine.worker cimport Request, Template, Worker

cdef enum:
    NO_NUMBER = 0xffffffffffffffff


cdef inline bint varies(const Worker *w, const Request *r) noexcept nogil:
    return w.templates[r.template].varied != NULL


cdef inline void draw_for(const Worker *w, const Request *r, Draw *out) noexcept nogil:
    draw(out, &w.varying.rows, w.varying.seed, r.number,
         <int64_t>r.sent_ns + w.varying.wall_offset_ns,
         w.varying.first_connection + <uint64_t>(r.conn - w.conns))
    if w.varying.nonces != NULL:
        out.nonces = w.varying.nonces
        out.nonce = nonce_of(w.varying.nonces, r.number, w.next_number)


cdef inline size_t text_of(Worker *w, const Request *r, uint8_t *out,
                           const uint8_t **text) noexcept nogil:
    """The bytes of HTTP/1.1, where they lie or rendered into `out`; returns how many."""
    cdef Template *t = &w.templates[r.template]
    cdef Draw of
    if w.texts != NULL:
        text[0] = w.texts.texts[r.number].data
        return w.texts.texts[r.number].n_bytes
    if t.varied == NULL:
        text[0] = t.data
        return t.n_bytes
    draw_for(w, r, &of)
    text[0] = out
    return put_request(out, t.varied, &of)


cdef inline const Rendered *body_of(Worker *w, const Request *r) noexcept nogil:
    """The request as HTTP/2 sends it, but for its head."""
    cdef Template *t = &w.templates[r.template]
    cdef Draw of
    if t.varied == NULL:
        return &t.rendered
    if w.varying.number != r.number:
        draw_for(w, r, &of)
        w.varying.number = r.number
        w.varying.rendered.without_body = t.head_only
        w.varying.rendered.body_bytes = <uint32_t>(
            put_pieces(w.varying.body, &t.varied.body, &of) - w.varying.body)
    return &w.varying.rendered


cdef inline const Rendered *frames_of(Worker *w, const Request *r, uint8_t form) noexcept nogil:
    """The request as HTTP/2 sends it, its head in one of the forms (`stream.Indexing`)."""
    cdef Template *t = &w.templates[r.template]
    cdef Draw of
    if t.varied == NULL:
        return &t.rendered
    body_of(w, r)
    draw_for(w, r, &of)
    of.body_bytes = w.varying.rendered.body_bytes
    w.varying.rendered.block_bytes[form] = <uint32_t>put_varied(
        w.varying.block, &t.varied_blocks[form], &of)
    return &w.varying.rendered


cdef inline const Needle *needle_of(Worker *w, const Request *r) noexcept nogil:
    """What the answer to this request must contain; no bytes: it may be anything."""
    cdef Template *t = &w.templates[r.template]
    cdef Needle *needle = &w.varying.needle
    cdef Draw of
    if t.varied == NULL or t.varied.expect.count == 0:
        return &w.needle
    if w.varying.needle_number != r.number:
        draw_for(w, r, &of)
        needle.n_bytes = <uint32_t>(
            put_pieces(w.varying.text, &t.varied.expect, &of) - w.varying.text)
        prepare(needle)
        w.varying.needle_number = r.number
    return needle


cdef inline bint nothing_expected(Worker *w, const Request *r) noexcept nogil:
    """Is an answer right whatever it contains?"""
    return not w.varying.expects or needle_of(w, r).n_bytes == 0


cdef inline uint64_t rows_left(const Worker *w) noexcept nogil:
    """How many requests may still begin: where each row goes once, as many as there are rows."""
    cdef const Rows *rows = &w.varying.rows
    if rows.count == 0 or rows.order != ONCE:
        return <uint64_t>-1
    if w.next_number >= rows.count:
        return 0
    return (rows.count - w.next_number + w.number_step - 1) // w.number_step
