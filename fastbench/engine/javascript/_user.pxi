# Part of _quickjs.pyx: the JavaScript side of one virtual user.

STACK_BYTES = 1 << 19


@cython.final
@cython.no_gc_clear      # what it frees belongs to its realm
cdef class JsUser:
    """One stack, and instances of modules. Runs one call at a time: `await user.call(…)`.

    `owner` is for the handlers of operations, which find it by `running()`.
    """

    cdef User *raw
    cdef readonly Realm realm
    cdef public object owner
    cdef object inner           # what the operation waits for, an iterator
    cdef bint awaited           # `inner` is a future that the loop has: it is done when we go on
    cdef object events          # an awaitable of the next event: see `waits`
    cdef object sender          # sends a request made ready, while `stored` is empty
    cdef dict stored
    cdef object place           # where it is recorded, as of the last `look`
    cdef dict named             # of the place: requests made ready; None: no short way
    cdef CountedChecks counted  # of the place
    cdef bint moved             # the place may be another one by now
    cdef object ended           # an exception that ends the call, whatever the script does
    cdef bint started

    def __cinit__(self, Realm realm not None, owner=None, *, size_t stack_bytes=STACK_BYTES):
        self.realm = realm
        self.owner = owner
        self.raw = user_new(realm.ctx, stack_bytes, realm.isolated)
        if self.raw == NULL:
            raise spent(realm.ctx)
        if realm.dispatcher is not None:
            self.raw.dispatcher = JS_DupValue(realm.ctx, realm.dispatcher.value)

    def __dealloc__(self):
        if self.raw != NULL and self.realm is not None:
            user_free(self.raw)

    def number(self, int64_t vu, int64_t iteration):
        """Set what __VU and __ITER say."""
        self.raw.number = vu
        self.raw.iteration = iteration

    def limit(self, double limit_s):
        """Let each further call compute for this long, 0 for ever; then it ends with Overlong."""
        self.raw.limit_ns = <uint64_t>(limit_s * 1e9)

    @property
    def pending(self):
        return self.raw.pending

    @pending.setter
    def pending(self, int count):
        self.raw.pending = count

    def instantiate(self, JsValue module not None):
        """Return an awaitable that runs a module, and all it imports, for this user."""
        if user_instantiate(self.raw, value_module(module.value)):
            raise spent(self.realm.ctx)
        return self

    def export(self, name):
        """Return what the user's instance of its module exports; None where it does not."""
        cdef JSValue value = user_export(self.raw, name.encode())
        if JS_IsException(value):
            raise thrown(self.realm.ctx)
        if value_tag(value) == JS_TAG_UNDEFINED:
            return None
        return held(self.realm, value)

    def call(self, JsValue function not None, JsValue argument=None):
        """Return an awaitable of what a function returns, as a JsValue."""
        cdef JSContext *ctx = self.realm.ctx
        JS_FreeValue(ctx, self.raw.function)
        self.raw.function = JS_DupValue(ctx, function.value)
        JS_FreeValue(ctx, self.raw.argument)
        self.raw.ran_ns = 0
        self.raw.argument_count = argument is not None
        self.raw.argument = value_undefined() if argument is None else JS_DupValue(
            ctx, argument.value)
        return self

    def client(self, sender, dict stored not None):
        """Let plain requests go straight to `sender`, as long as no cookie is `stored`."""
        self.sender = sender
        self.stored = stored
        self.place = None
        self.moved = True

    def again(self, int64_t iteration):
        """Return an awaitable that calls the same function with the same argument once more."""
        self.raw.iteration = iteration
        self.raw.ran_ns = 0
        return self

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        out = self.turn()
        if out is OVER:
            raise StopIteration         # as this is written, no exception is made
        return out

    def send(self, value):
        return self.__next__()

    def throw(self, kind, value=None, trace=None):
        """End the call, unless what it waits for, which hears it first, takes the exception."""
        self.awaited = False
        error = kind if value is None else value
        if isinstance(error, type):
            error = error()
        inner, self.inner = self.inner, None
        if inner is not None and hasattr(inner, "throw"):
            try:
                out = inner.throw(error)
            except StopIteration as stop:
                if isinstance(error, Exception):
                    self.answer(stop.value)
                    return self.__next__()
            except Exception as told:       # of what failed, a future: the operation throws
                self.refuse(told)
                return self.__next__()
            except BaseException as told:
                error = told
            else:
                self.inner = inner      # it goes on
                return out
        self.ended = error
        user_halt(self.raw)
        return self.__next__()

    def close(self):
        """End the call: the loop is torn down."""
        self.inner = None

    cdef object turn(self):
        """Run until it waits (what to yield to the loop), or to the end without a value (OVER)."""
        global running_user
        cdef PyObject *out = NULL
        cdef int op
        cdef User *raw = self.raw
        user_slice_begins()
        self.moved = True
        while True:
            if self.inner is not None:
                try:
                    if self.awaited:    # less than an iterator, whose end is an exception
                        told, value = PYGEN_RETURN, self.inner.result()
                    else:
                        told = PyIter_Send(self.inner, None, &out)
                        value = <object>out
                        Py_DECREF(value)
                except BaseException as error:
                    self.inner = None
                    self.refuse(error)
                else:
                    if told == PYGEN_NEXT:
                        self.awaited = type(self.inner) is self.realm.future
                        return value
                    self.inner = None
                    self.answer(value)
                self.awaited = False
            if self.moved:
                self.look()
            op = user_resume(raw)
            if released != NULL:
                release()
            if op == USER_ENDED:
                return self.end()
            running_user = self
            self.operate(op)

    cdef look(self):
        """Find where it is recorded from here on, and what is known there."""
        self.moved = False
        place = None if self.realm.place is None else get_value(self.realm.place, None)
        if place is self.place:
            return
        self.place, self.named, self.counted, self.raw.checks = place, None, None, NULL
        if place is None or self.sender is None:
            return
        self.named = place.named
        self.counted = place.cells.get(CountedChecks)
        if self.counted is None:
            self.counted = place.cells[CountedChecks] = CountedChecks(self.realm)
        self.raw.checks = self.counted.raw

    cdef object end(self):
        """Raise what the end of a call is; OVER is one without a value."""
        cdef JSValue value = self.raw.value
        self.raw.value = value_undefined()
        ended, self.ended = self.ended, None
        if ended is not None:
            if isinstance(ended, Overlong) and JS_IsError(value):
                ended.stack = property_text(self.realm.ctx, value, b"stack") or ended.stack
            JS_FreeValue(self.realm.ctx, value)
            if tidy is not None:
                tidy(self)
            raise ended
        if self.raw.failed:
            error = error_of(self.realm.ctx, value)
            raise uncaught(error) if self.raw.uncaught else error
        if value_tag(value) == JS_TAG_UNDEFINED:
            return OVER
        raise StopIteration(held(self.realm, value))

    cdef operate(self, int op):
        """Do what the script asks for."""
        cdef User *raw = self.raw
        cdef int i
        if op == USER_PREEMPTED:
            if self.ended is None and user_over(raw):
                self.ended = Overlong(raw.limit_ns / 1e9)
                self.ended.stack = self.lines(self.ended)
            if self.ended is not None:
                raw.result = value_bool(True)
            else:
                self.inner = pause()
            return
        try:
            if op == USER_WAITS:
                answer = next_event(self)
            elif op == USER_CHECKS:
                self.count_check()
                raw.result = value_undefined()
                return
            else:
                handler, keyed = <tuple>(<list>self.realm.operations)[op - USER_CHECKS]
                if keyed:
                    answer = self.keyed(handler)
                else:
                    self.moved = True
                    answer = handler(*[to_python(self.realm, raw.argv[i], 0)
                                       for i in range(raw.argc)])
            if type(answer) in plain_types:
                self.answer(answer)
            elif type(answer) is self.realm.future:
                self.inner = answer     # its own iterator
            elif hasattr(answer, "__await__"):
                self.inner = answer.__await__()
            else:
                self.answer(answer)
        except Endless as error:
            self.endless(error)
        except BaseException as error:
            self.refuse(error)

    cdef endless(self, error):
        """End the call: a script that catches this would hold up everybody once more."""
        self.refuse_all(Endless(self.lines(error)))

    cdef str lines(self, error):
        """Say where the user's code is, as the stack of an Error."""
        user_lines(self.raw, True)
        try:
            made = self.realm.error(error)
        finally:
            user_lines(self.raw, False)
        return property_text(self.realm.ctx, (<JsValue>made).value, b"stack")

    cdef refuse_all(self, error):
        """End the call, whatever the script does."""
        if self.ended is None:
            self.ended = error
        user_halt(self.raw)

    cdef count_check(self):
        cdef User *raw = self.raw
        cdef int holds = JS_ToBool(self.realm.ctx, raw.argv[1])
        name = text_of(self.realm.ctx, raw.argv[0])
        (<tuple>(<list>self.realm.operations)[0])[0](
            name, holds != 0, to_python(self.realm, raw.argv[2], 0))
        if self.counted is not None and value_tag(raw.argv[2]) == JS_TAG_UNDEFINED:
            self.counted.known(raw.argv[0], self.place.checks[name])

    cdef keyed(self, handler):
        """Call `handler(method, url, body, key, parameters)`: see Realm.define."""
        cdef Realm realm = self.realm
        cdef User *raw = self.raw
        cdef char buffer[4096]
        cdef size_t n = request_key(realm.ctx, raw.argc, raw.argv, buffer, sizeof(buffer))
        key = PyBytes_FromStringAndSize(buffer, <Py_ssize_t>n) if n else None
        if n and self.named is not None and not self.stored:
            ready = self.named.get(key)
            if ready is not None:
                body = to_python(realm, raw.argv[2], 0)
                if body is None:
                    return self.sender(ready)
                return self.sender(ready, (<str>body).encode("utf-8", "surrogatepass"))
        given = [to_python(realm, raw.argv[i], 0) if i < raw.argc else None for i in range(3)]
        found = None
        if raw.argc > 3 and value_tag(raw.argv[3]) == JS_TAG_OBJECT:
            found = held(realm, JS_DupValue(realm.ctx, raw.argv[3]))
        return handler(*given, key, found)

    cdef answer(self, value):
        """The operation returns."""
        try:
            self.raw.result = to_js(self.realm, value, False)
            if JS_IsException(self.raw.result):
                raise thrown(self.realm.ctx)
        except BaseException as error:
            self.refuse(error)

    cdef refuse(self, error):
        """The operation throws; what is no Exception ends the call instead."""
        if self.ended is not None or not isinstance(error, Exception):
            self.refuse_all(error)
            return
        user_lines(self.raw, True)
        try:
            made = self.realm.error(error)
        finally:
            user_lines(self.raw, False)
        user_throw(self.raw, JS_DupValue(self.realm.ctx, (<JsValue>made).value))


cdef object uncaught(error):
    """An error of a promise that nobody handles, in k6's words."""
    if isinstance(error, Endless):
        return error
    return JsError(f"Uncaught (in promise) {error.text}", error.name, error.stack, error.value)


cdef object OVER = object()
cdef JsUser running_user = None
cdef frozenset plain_types = frozenset(
    (type(None), bool, str, int, float, bytes, list, dict, Json, Numbered))
next_event = None               # see `waits`
tidy = None                     # see `halted`


def running():
    """The user whose operation is being answered."""
    return running_user


def waits(function):
    """Let `function(user)` give an awaitable of the next event of a user that waits for some."""
    global next_event
    next_event = function


def halted(function):
    """Let `function(user)` hear of a call that was ended from outside, before it raises."""
    global tidy
    tidy = function


@cython.final
cdef class Pause:
    """One turn of the loop."""

    cdef bint over

    def __iter__(self):
        return self

    def __next__(self):
        if self.over:
            raise StopIteration
        self.over = True
        return None


cdef pause():
    return Pause()


cdef JSValue js_error(Realm realm, error) except *:
    """An Error that says what an exception of Python does; `name` is GoError, as in k6."""
    cdef JSContext *ctx = realm.ctx
    cdef JSValue out
    cdef JSValueConst argument
    told = error.text if isinstance(error, JsError) else str(error)
    name = error.name if isinstance(error, JsError) else getattr(error, "js_name", "GoError")
    argument = to_js(realm, [name, told], True)
    out = JS_Call(ctx, realm.make_error.value, value_undefined(), 1, &argument)
    JS_FreeValue(ctx, argument)
    return JS_GetException(ctx) if JS_IsException(out) else out
