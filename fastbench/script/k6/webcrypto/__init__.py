"""WebCrypto as scripts of k6 have it."""
