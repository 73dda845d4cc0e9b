# Part of _client.pyx: what both kinds of futures here have in common. The task that waits for one
# is resumed from inside the read that completed it, without a turn of the loop.

ctypedef fused Awaited:
    Exchange
    Arrival


cdef resume(Awaited one, loop):
    """It is finished: call back."""
    callback, one.callback = one.callback, None
    if callback is None:
        return
    context, one.context = one.context, None
    if context is None:
        callback(one)
    else:
        PyContext_Enter(context)
        try:
            callback(one)
        finally:
            PyContext_Exit(context)
    if one.callbacks is not None:
        callbacks, one.callbacks = one.callbacks, None
        for callback, context in callbacks:
            loop.call_soon(callback, one, context=context)


cdef add_callback(Awaited one, loop, callback, context):
    if one.finished:
        loop.call_soon(callback, one, context=context)
    elif one.callback is None:
        one.callback = callback
        one.context = context
    else:
        if one.callbacks is None:
            one.callbacks = []
        one.callbacks.append((callback, context))


cdef int remove_callback(Awaited one, callback) except -1:
    cdef int found = 0
    if one.callback == callback:
        one.callback = one.context = None
        found = 1
    if one.callbacks is not None:
        kept = [each for each in one.callbacks if each[0] != callback]
        found += len(one.callbacks) - len(kept)
        one.callbacks = kept
    return found
