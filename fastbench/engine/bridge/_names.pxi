# Part of _core.pyx: errors and rules in words.

# In the order of the enums in block.pxd, response.pxd, frames.pxd and upgrade.pxd.
ERROR_KINDS = ("dns", "connect_refused", "connect_timeout", "connect", "tls", "timeout", "reset",
               "truncated", "protocol", "too_large", "unsolicited", "expectation", "cancelled",
               "upgrade", "closed", "content_encoding", "stream_reset", "goaway", "proxy")
ERROR_PHASES = ("resolve", "connect", "tls", "send", "head", "body", "idle", "upgrade", "settings",
                "proxy")
PROTOCOL_RULES = ("", "status line", "HTTP version", "status code", "bare CR", "control byte",
                  "field name", "folded framing field", "Content-Length", "chunk size",
                  "chunk end", "interim answers", "unasked 101", "several Locations", "cut off",
                  "unusable Location", "head size",
                  "chunk extension size")
HTTP2_ERRORS = ("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR",
                "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL",
                "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY",
                "HTTP_1_1_REQUIRED")
SESSION_RULES = ("", "not HTTP/2", "SETTINGS not first", "frame larger than allowed",
                 "length of a frame", "stream of a frame", "stream that was never opened",
                 "header block interrupted", "stray CONTINUATION", "padding", "PUSH_PROMISE",
                 "value of a setting", "window overflow", "window update of 0",
                 "header compression", "header block size", "frames without an answer",
                 "replies not read", "SETTINGS not acknowledged", "no streams allowed",
                 "out of memory", "DATA before the head", "trailers without an end",
                 "length of the body", "interim answers of HTTP/2", "interim answer that ends",
                 "malformed")
CONNECTION_PROTOCOLS = ("http/1.1", "h2", "h2,http/1.1")    # in the order of worker.Protocols
FRAME_RULES = ("", "reserved bit", "unknown opcode", "masked frame", "long control frame",
               "fragmented control frame", "stray continuation", "message within a message",
               "length not in its shortest form", "top bit of the length", "close payload",
               "close code", "close reason", "text not UTF-8", "compressed data", "frame size",
               "message size")
UPGRADE_RULES = ("not HTTP/1.1", "no Upgrade", "no Connection", "wrong accept key",
                 "other subprotocol", "extension", "head size")


cdef str text_of(const char *text):
    return "" if text == NULL else text.decode("utf-8", "replace")


cdef str code_name(int kind, int code):
    """The code of an error row in words: errno name, parser rule, OpenSSL's reason, or status."""
    if kind == block.STREAM_RESET or kind == block.GOAWAY:
        return HTTP2_ERRORS[code] if 0 <= code < len(HTTP2_ERRORS) else f"error {<uint32_t>code}"
    if kind == block.PROTOCOL or kind == block.TOO_LARGE:
        if code >= rules.NO_HTTP2:
            return http2_rule(code)
        if code >= talk.FRAME_RULE:
            return FRAME_RULES[code - talk.FRAME_RULE]
        return PROTOCOL_RULES[code]
    if kind == block.UPGRADE:
        return UPGRADE_RULES[code - upgrade.NOT_HTTP] if code >= upgrade.NOT_HTTP else str(code)
    if kind == block.CLOSED:
        return str(code)
    if kind == block.PROXY:
        return tunnel_rule(code)
    if code >= tls.TLS_REASON:
        return text_of(tls.reason(code))
    if kind == block.DNS:
        return EAI_NAMES.get(-code, errno.errorcode.get(code, "EAI_FAIL"))
    if kind == block.EXPECTATION:
        return str(code) if code else ""
    if kind == block.TIMEOUT:
        return "behind a timeout" if code == tally.BEHIND_TIMEOUT else ""
    return errno.errorcode.get(code, str(code)) if code else ""


cdef str http2_rule(int code):
    """The broken rule of HTTP/2 in words."""
    if code < rules.SESSION_RULE:
        return "no HTTP/2 offered" if code == rules.NO_HTTP2 else "another protocol than before"
    code -= rules.SESSION_RULE
    if code > h2message.MALFORMED:
        return MALFORMED_RULES[code - h2message.MALFORMED]
    return SESSION_RULES[code]
