"""What a loss, a broken answer or an answer means: one set of rules for both clients.

The engine of a run of URLs (`conn`, `http1.exchange`, `http2.multiplex`) and the client of scripts
(`_connection.pxi`) count by these. Pure: no clock, no counters.
"""

from libc.errno cimport ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT
from libc.string cimport strcmp

from fastbench.engine.block cimport (
    CONNECT, CONNECT_REFUSED, CONNECT_TIMEOUT, IN_BODY, IN_HEAD, IN_SEND, IN_TLS, PROTOCOL, RESET,
    PROXY, TLS, TOO_LARGE, TRUNCATED, Kind, Phase,
)
from fastbench.engine.http1.response cimport FAILED, HEAD_DONE, HEAD_SIZE, START, Http, reusable
from fastbench.engine.http2.stream cimport BEGUN, HEADED, SENT, Stream
from fastbench.engine.proxy.tunnel cimport PROXY_CODE
from fastbench.engine.tls cimport SSL_R_UNEXPECTED_EOF_WHILE_READING, TLS_REASON

cdef enum:
    MAX_RESENDINGS = 3              # of what a server of HTTP/2 has not looked at

cdef enum:                          # error codes of PROTOCOL that are of HTTP/2
    NO_HTTP2 = 200                  # the server did not choose it, and nothing else is wanted
    CHANGED_PROTOCOL                # it chose the other one when it was connected to again
    SESSION_RULE                    # and beyond: + SessionRule of `http2.message`


cdef inline bint answers_without_body(const char *method) noexcept nogil:
    """The answer has no body, whatever its fields say (RFC 9110 section 9.3.2)."""
    return strcmp(method, "HEAD") == 0


cdef inline bint idempotent(const char *method) noexcept nogil:
    """A request that may be sent again unasked (RFC 9110 section 9.2.2)."""
    return strcmp(method, "GET") == 0 or strcmp(method, "HEAD") == 0 \
        or strcmp(method, "PUT") == 0 or strcmp(method, "DELETE") == 0 \
        or strcmp(method, "OPTIONS") == 0 or strcmp(method, "TRACE") == 0


cdef inline Kind kind_of_connect(int code, Phase phase) noexcept nogil:
    """Why there is no connection; `code` is an errno, or of TLS or a proxy, positive."""
    if code >= PROXY_CODE:
        return PROXY
    if code >= TLS_REASON:
        return TLS
    if code == NO_HTTP2:
        return PROTOCOL
    if code == ECONNREFUSED:
        return CONNECT_REFUSED
    if code == ETIMEDOUT:
        return CONNECT_TIMEOUT
    if phase == IN_TLS and (code == ECONNRESET or code == EPIPE):
        return RESET
    return CONNECT


cdef inline int cause(int read_code, int write_code) noexcept nogil:
    """Of two codes, both positive or 0, the one that says why the connection was lost.

    A TLS alert says more than a failed write, and that more than the end of the stream.
    """
    return write_code if write_code and read_code < TLS_REASON else read_code


cdef inline Kind kind_of_loss(int code) noexcept nogil:
    """Why an open connection was lost; `code` is 0 when the peer closed it in order."""
    if code == 0 or code == TLS_REASON + SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return TRUNCATED
    return TLS if code >= TLS_REASON else RESET


cdef inline Kind kind_of_broken(const Http *answer) noexcept nogil:
    """What an answer is that broke a rule of its protocol."""
    return TOO_LARGE if answer.rule >= HEAD_SIZE else PROTOCOL


cdef inline Phase phase_of(const Http *answer, bint sending) noexcept nogil:
    """How far a request had come; `sending`: it was not wholly written."""
    if answer.state > HEAD_DONE:
        return IN_HEAD if answer.state == FAILED and not answer.broke_in_body else IN_BODY
    return IN_SEND if sending and answer.state == START else IN_HEAD


cdef inline Phase phase_of_stream(const Stream *st) noexcept nogil:
    """How far a request over HTTP/2 has come."""
    if st.flags & HEADED:
        return IN_BODY
    return IN_HEAD if st.flags & BEGUN or st.state == SENT else IN_SEND


cdef inline bint untouched(const Http *answer) noexcept nogil:
    """No byte of the answer has come."""
    return answer.state == START and answer.interims == 0


cdef inline bint may_send_again(Kind kind, bint reused, bint idempotent,
                                bint retried) noexcept nogil:
    """May an unanswered request go once more, on a new connection (RFC 9112 section 9.3.1)?

    The server may have closed a connection that had served before without having seen it.
    """
    return (kind == RESET or kind == TRUNCATED) and reused and idempotent and not retried


cdef inline bint stays_open(const Http *answer, bint keepalive, bint sending) noexcept nogil:
    """May the connection carry another request?

    Answered before the request was wholly written, it may not: the rest is not wanted.
    """
    return keepalive and not sending and reusable(answer)
