"""HTTP/2 (RFC 9113): field compression (HPACK, RFC 7541), what fields mean, requests."""
