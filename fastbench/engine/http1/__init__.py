"""HTTP/1.1: the bytes of a response, and requests on a connection."""
