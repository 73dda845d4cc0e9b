"""How HTTP/2 fails: streams and connections that the server ends, and rules that it breaks.

RFC 9113 section 7 has the error codes, sections 4 to 6, 8.1 and 8.2 the rules.
"""

from __future__ import annotations

from fastbench.foundation.error_table import catalogue

_LOG = "see the server's log"
_FRAMES_HINT = "the server, or a proxy before it, breaks RFC 9113; see its log, or use --http1"

_CODES = catalogue("""
NO_ERROR: in order
  > the server ended it before the response was complete: see its log
PROTOCOL_ERROR: it says that the client broke a rule
  > see the server's log, and tell us what it says; --http1 goes without
INTERNAL_ERROR: an internal error of the server
  > see the server's log
FLOW_CONTROL_ERROR: it says that the client sent more than the window allows
  > see the server's log, and tell us what it says; --http1 goes without
SETTINGS_TIMEOUT: the client's SETTINGS were acknowledged too late
  > the client may lack processor time: see its CPU in this report
STREAM_CLOSED: a frame came for a stream that was closed
  > see the server's log
FRAME_SIZE_ERROR: a frame had a wrong size
  > see the server's log, and tell us what it says; --http1 goes without
REFUSED_STREAM: the server refused it more than three times without looking at it
  > use fewer streams (-m), or raise the server's limit of streams
CANCEL: the server gave it up
  > see the server's log for a time limit, or for a backend that failed
COMPRESSION_ERROR: the server could not read the header block
  > see the server's log, and tell us what it says; --http1 goes without
CONNECT_ERROR: the connection behind a tunnel was lost
  > see the server's log
ENHANCE_YOUR_CALM: the server thinks that the client loads it too much
  > raise its limits for one client, or use fewer streams (-m) on more connections (-c)
INADEQUATE_SECURITY: the server wants better TLS
  > see which versions and ciphers it allows
HTTP_1_1_REQUIRED: the server wants HTTP/1.1 for this
  > use --http1
""")

RULES = catalogue("""
no HTTP/2 offered: the server did not choose HTTP/2 in the TLS handshake
  > switch it on in the server, or leave --http2 out
another protocol than before: the server chose another protocol than for the connection before
  > give --http1 or --http2; are there different servers behind one address?
not HTTP/2: the response is not HTTP/2 but HTTP/1
  > leave --http2 out, or use the port that speaks HTTP/2
SETTINGS not first: the server did not begin with SETTINGS
  > is this a port for HTTP/2? Without --http2 fastbench speaks HTTP/1.1 to http://
frame larger than allowed: a frame is larger than 16 KiB
length of a frame: a frame has a length that its kind cannot have
stream of a frame: a frame is on a stream that its kind cannot be on
stream that was never opened: a frame is on a stream that was never opened
header block interrupted: another frame stands within a header block
stray CONTINUATION: a CONTINUATION belongs to no header block
padding: the padding of a frame is longer than the frame
PUSH_PROMISE: the server pushes although it was told not to
value of a setting: a setting has a value that it cannot have
window overflow: a flow-control window grew beyond 2^31-1
window update of 0: a WINDOW_UPDATE of 0
header compression: a header block cannot be decoded (HPACK)
header block size: a header block is larger than 64 KiB, or has more than 64 frames
  > let the server send smaller headers
frames without an answer: 10,000 frames came that belong to no response
replies not read: the server sends frames that want a reply, and does not read the replies
SETTINGS not acknowledged: the server did not acknowledge SETTINGS within the connect timeout
no streams allowed: the server allows no requests (MAX_CONCURRENT_STREAMS 0)
  > see the server's log and its limit of streams; is it about to stop?
out of memory: this machine has no memory left
  > use fewer connections (-c) or streams (-m)
DATA before the head: a body came before its head
trailers without an end: a second header block does not end the response
length of the body: the body is not as long as content-length says
interim answers of HTTP/2: more than 32 interim responses before the final one
interim answer that ends: an interim response (1xx) ends the stream, or is a 101
pseudo-field in trailers: trailers have a pseudo-field
late pseudo-field: a pseudo-field stands after other fields
unknown pseudo-field: the head has a pseudo-field that responses do not have
repeated pseudo-field: the head has :status twice
no :status: the head has no :status
:status: the :status is not three digits
empty field name: a field has no name
upper case in a field name: a field name has upper-case letters
byte in a field name: a field name has a byte that it cannot have
byte in a field value: a field value has a byte that it cannot have
blank at an end of a field value: a field value begins or ends with a blank
connection-specific field: the head has a field of HTTP/1.1's connections
content-length: the content-length is not a number
content-lengths that differ: content-length stands there twice, with different values
""")


def rule(code: str) -> tuple[str, str]:
    """Return cause and remedy of a broken rule."""
    message, hint = RULES[code]
    return message if code in message else f"{message} ({code})", hint or _FRAMES_HINT


def stream_reset(phase: str, code: str) -> tuple[str, str]:
    """Return cause and remedy where the server reset a stream."""
    return _by_code("the server reset the stream", code)


def goaway(phase: str, code: str) -> tuple[str, str]:
    """Return cause and remedy where the server ended the connection by GOAWAY."""
    return _by_code("the server ended the connection (GOAWAY)", code)


def _by_code(what: str, code: str) -> tuple[str, str]:
    if code not in _CODES:
        return f"{what} ({code})" if code else what, _LOG
    message, hint = _CODES[code]
    return f"{what}: {message} ({code})", hint
