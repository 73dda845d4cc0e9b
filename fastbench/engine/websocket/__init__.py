"""WebSocket (RFC 6455): frames, the text in them, the handshake before them."""
