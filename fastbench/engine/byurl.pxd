"""Counters by URL, in a run of several: beside those of the slot, never instead of them.

1. A run of one URL pays a look at a pointer that is NULL; nothing else here is for it.
2. Bytes belong to the URL whose answer they are part of; what nobody asked for belongs to none.
"""

from libc.stdint cimport uint32_t, uint64_t

from fastbench.engine.block cimport UrlCounts
from fastbench.engine.hdr cimport record
from fastbench.engine.worker cimport Request, Worker


cdef inline UrlCounts *url_counts(const Worker *w, const Request *r) noexcept nogil:
    """Where a request counts by its URL; NULL with one URL, and for what the warm-up sent."""
    if w.urls == NULL or r.slot != w.slot:
        return NULL
    return &w.urls[w.templates[r.template].url]


cdef inline void record_by_url(const Worker *w, const Request *r, UrlCounts *url,
                               uint64_t now) noexcept nogil:
    record(&url.service, now - r.sent_ns)
    if w.planned:
        record(&url.response, now - r.due_ns)


cdef inline void count_by_url(const Worker *w, const Request *r, uint32_t status, bint ok,
                              uint64_t now) noexcept nogil:
    """Count a complete answer by its URL, where there are several."""
    cdef UrlCounts *url = url_counts(w, r)
    if url == NULL:
        return
    url.status[status] += 1
    if ok:
        url.ok += 1
        record_by_url(w, r, url, now)
    else:
        url.failed += 1


cdef inline void count_failed(const Worker *w, const Request *r) noexcept nogil:
    cdef UrlCounts *url = url_counts(w, r)
    r.slot.failed += 1
    if url != NULL:
        url.failed += 1
