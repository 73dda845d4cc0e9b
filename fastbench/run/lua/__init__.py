"""Scripts of wrk: their states, what they are called with, and the requests they make."""
