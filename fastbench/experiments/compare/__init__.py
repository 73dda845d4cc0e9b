"""Is build B faster? Interleaved trials to two servers, and what their pairs say.

The pair is the sample: `rounds` measures pairs, `judge` turns them into a verdict with the pure
functions of `statistics`, and `document` holds what is written down.
"""
