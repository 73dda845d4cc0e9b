"""Is build B faster? Interleaved trials to two servers, and what their pairs say.

The pair is the sample: `trials` measures pairs, `decision` turns them into a verdict with the pure
functions of `statistics`, and `compare_document` holds what is written down.
"""
