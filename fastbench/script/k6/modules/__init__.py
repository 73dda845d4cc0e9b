"""The modules of k6 but k6/http, and the realm that has all of them."""
