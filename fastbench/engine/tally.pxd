"""The ends of requests, counted: the same for every version of HTTP.

1. Service time runs from the stamp taken just before the first byte is written to the stamp taken
   after the last byte of the answer is parsed; response time ends there too, but runs from the
   planned instant.
2. A request ends once: ok, failed, or timed out; what is in flight at the end is counted there.
3. A request counts in the slot it was started in: one that warm-up sent never counts as measured.
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fastbench.engine.block cimport (
    EXPECTATION, FAILED_ANSWERS, FIRST_BYTE, IN_BODY, IN_HEAD, RESPONSE, SERVICE, TIMEOUT, Phase,
    Slot, UrlCounts, count_error,
)
from fastbench.engine.byurl cimport count_by_url, record_by_url, url_counts
from fastbench.engine.fifo cimport push
from fastbench.engine.hdr cimport record
from fastbench.engine.worker cimport Conn, Request, SampleLog, Worker

cdef enum:
    MOST_NS = 0xffffffff            # of what a sample holds
    BEHIND_TIMEOUT = 1              # error code: failed because an earlier answer timed out


cdef inline void turn_period(Worker *w) noexcept nogil:
    """Send the requests of the period that it is now; after the last, go on with those."""
    while w.now_ns >= w.period_end_ns:
        if w.first_template + 2 * w.period_templates > w.n_templates:
            w.period_end_ns = <uint64_t>-1
            return
        w.first_template += w.period_templates
        w.period_end_ns += w.period_ns


cdef inline void begin_request(Worker *w, Conn *c, Request *r, uint64_t due_ns) noexcept nogil:
    """It is written next; `w.now_ns` must be fresh."""
    if w.now_ns >= w.period_end_ns:
        turn_period(w)
    r.template = w.first_template + w.pattern[w.next_in_pattern]
    w.next_in_pattern = w.next_in_pattern + 1 if w.next_in_pattern + 1 < w.n_pattern else 0
    r.number = w.next_number
    w.next_number += w.number_step
    r.due_ns = due_ns
    r.sent_ns = w.now_ns
    r.first_ns = 0
    r.slot = w.counts
    r.retried = 0
    push(&w.flying, &r.node)
    c.in_flight += 1
    w.budget -= 1
    w.counts.started += 1


cdef inline void log_sample(SampleLog *log, uint64_t now, uint64_t latency_ns) noexcept nogil:
    cdef uint64_t ended_ns = now - log.begin_ns
    if log.count < log.capacity:
        log.rows[log.count].ended_ns = <uint32_t>(ended_ns if ended_ns < MOST_NS else MOST_NS)
        log.rows[log.count].latency_ns = <uint32_t>(
            latency_ns if latency_ns < MOST_NS else MOST_NS)
        log.count += 1


cdef inline void judge(Worker *w, Request *r, uint32_t status, bint found,
                       uint64_t now) noexcept nogil:
    """Count a complete answer; the headline histogram is for those that are ok.

    `found`: its body has the text of --expect-body, or could not have it.
    """
    cdef uint64_t service_ns = now - r.sent_ns
    cdef Slot *slot = r.slot
    slot.status[status] += 1
    if w.ok_status[status] and (found or not w.searches):
        slot.ok += 1
        count_by_url(w, r, status, True, now)
        record(&slot.latency[SERVICE], service_ns)
        record(&slot.latency[FIRST_BYTE], r.first_ns - r.sent_ns if r.first_ns else service_ns)
        if w.planned:
            record(&slot.latency[RESPONSE], now - r.due_ns)
        if w.log.rows != NULL:
            log_sample(&w.log, now, now - r.due_ns if w.planned else service_ns)
        return
    slot.failed += 1
    count_by_url(w, r, status, False, now)
    record(&slot.latency[FAILED_ANSWERS], service_ns)
    if w.ok_status[status]:
        count_error(slot, EXPECTATION, IN_BODY, 0, 1, now)
    elif w.status_expected:
        count_error(slot, EXPECTATION, IN_HEAD, <int32_t>status, 1, now)


cdef inline void count_timeout(Worker *w, Request *r, Phase phase, uint64_t now) noexcept nogil:
    """Its time counts as a latency: leaving it out would flatter the tail."""
    cdef Slot *slot = r.slot
    cdef UrlCounts *url = url_counts(w, r)
    slot.timeouts += 1
    record(&slot.latency[SERVICE], now - r.sent_ns)
    if w.planned:
        record(&slot.latency[RESPONSE], now - r.due_ns)
    if url != NULL:
        url.timeouts += 1
        record_by_url(w, r, url, now)
    count_error(slot, TIMEOUT, phase, 0, 1, now)
