# Part of _quickjs.pyx: the realm of a worker, its operations and its modules.

@cython.final
cdef class Realm:
    """One runtime with one realm, which lives as long as the process. Make it after the fork.

    `memory_bytes`: what all users together may use, 0 for no limit. `slice_s`: how long a user's
    code may run before others have their turn. `normalize(base, name)` gives the full name of a
    module that is asked for in `base`, `load(full_name)` its source. One that is made `beside`
    another has its runtime, its operations and the modules compiled there, but built-in classes
    and a global object of its own; it goes when nobody holds it any more.
    """

    cdef JSRuntime *rt
    cdef JSContext *ctx
    cdef list operations
    cdef object normalize, load, failure
    cdef object place           # a ContextVar: where the code that runs is recorded
    cdef object future          # the class of what a sender returns
    cdef dict wrapped           # class of results -> their prototype
    cdef dict natives           # name of a module in C -> names and values
    cdef JsValue dispatcher, make_error
    cdef list names             # of operations, by their number
    cdef bint isolated          # made beside another one

    def __cinit__(self, normalize=None, load=None, *, size_t memory_bytes=0, double slice_s=0.01,
                  Realm beside=None):
        self.natives = {}
        self.wrapped = {}
        if beside is not None:
            self.join(beside)
            return
        self.rt = runtime_new(memory_bytes)
        if self.rt == NULL:
            raise MemoryError
        self.ctx = JS_NewContext(self.rt)
        if self.ctx == NULL:
            raise MemoryError
        JS_SetContextOpaque(self.ctx, <void *>self)
        self.operations = [(None, False)]    # the first one is USER_CHECKS
        self.names = [None]
        self.normalize = normalize
        self.load = load
        if users_install(self.ctx):
            raise thrown(self.ctx)
        user_slices(self.rt, <uint64_t>(slice_s * 1e9))
        JS_SetModuleLoaderFunc(self.rt, full_name, loaded, <void *>self)

    def __dealloc__(self):
        if self.isolated and self.ctx != NULL:
            JS_FreeContext(self.ctx)

    cdef join(self, Realm beside):
        """Be a context more of a runtime."""
        self.rt = beside.rt
        self.ctx = context_new(self.rt)
        self.isolated = True
        if self.ctx == NULL:
            raise spent(beside.ctx)
        JS_SetContextOpaque(self.ctx, <void *>self)
        self.operations, self.names = beside.operations, beside.names
        self.place, self.future = beside.place, beside.future
        for i, raw_name in enumerate(self.names):
            if raw_name is not None:
                self.operation(raw_name, USER_CHECKS + i)

    cdef operation(self, bytes raw_name, int op):
        cdef JSValue everything = JS_GetGlobalObject(self.ctx)
        cdef JSValue host = JS_GetPropertyStr(self.ctx, everything, "__host")
        JS_SetPropertyStr(self.ctx, host, raw_name, JS_NewCFunctionMagic(
            self.ctx, <void *>user_call, raw_name, 0, JS_CFUNC_generic_magic, op))
        JS_FreeValue(self.ctx, host)
        JS_FreeValue(self.ctx, everything)

    def define(self, name, handler, kind="values"):
        """Add `name` to `__host`: an operation that `handler(*arguments)` answers.

        It returns a value, or an awaitable of one, and what it raises is thrown in the script. A
        "keyed" one is send(method, url, body, parameters): between the last two stand bytes that
        are the same for the same request but for the content of its body (None where that is not
        plain), and the parameters are a JsValue (None for none).
        """
        op = USER_CHECKS + len(self.operations)
        self.operations.append((handler, kind == "keyed"))
        raw_name = name.encode()
        self.names.append(raw_name)
        self.operation(raw_name, op)

    def fast(self, place, future):
        """Set what the short way of requests and checks needs.

        What the ContextVar `place` holds has `checks`, a dict from the name of a check to a
        RateSlot, `named`, one from the bytes of a request (see `define`) to one made ready, and
        `cells`, a dict for us. What a sender returns is a `future`.
        """
        self.place = place
        self.future = future

    def check(self, handler):
        """Let `handler(name, holds, tags)` count the results of `__host.check`."""
        self.operations[0] = handler, False

    def dispatch(self, JsValue function):
        """Let this function hear what a user waits for."""
        self.dispatcher = function

    def errors(self, JsValue function):
        """Let `function([name, text])` make what operations throw."""
        self.make_error = function

    def script(self, source, name):
        """Compile a script, to be evaluated here or in a realm beside this one. Raises JsError."""
        raw, raw_name = source.encode(), name.encode()
        JS_UpdateStackTop(self.rt)
        cdef JSValue value = JS_Eval(
            self.ctx, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), PyBytes_AS_STRING(raw_name),
            JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY)
        if JS_IsException(value):
            raise thrown(self.ctx)
        return held(self, value)

    def evaluate(self, source, name):
        """Run a script in the realm, by nobody; return its value. Raises JsError."""
        return self.evaluated(self.script(source, name))

    def evaluated(self, JsValue script not None):
        """Run a compiled script, which must be held as long as what it made. Raises JsError."""
        hub_unlimited(True)
        cdef JSValue value = context_evaluate(self.ctx, script.value)
        hub_unlimited(False)
        if JS_IsException(value):
            raise thrown(self.ctx)
        return held(self, value)

    def native(self, name, dict values not None):
        """Add a module that scripts import by this name, with these exports: name to JsValue."""
        raw_name = name.encode()
        cdef JSModuleDef *module = JS_NewCModule(self.ctx, raw_name, fill_native)
        if module == NULL:
            raise thrown(self.ctx)
        self.natives[name] = values
        for each in values:
            JS_AddModuleExport(self.ctx, module, each.encode())

    def compile(self, source, name):
        """Compile a module and all that it imports; return it. Raises JsError, or what load did."""
        raw, raw_name = source.encode("utf-8", "replace"), name.encode()
        self.failure = None         # an import() that failed while the script ran has left one
        JS_UpdateStackTop(self.rt)
        cdef JSValue value = JS_Eval(
            self.ctx, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), PyBytes_AS_STRING(raw_name),
            JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY)
        if JS_IsException(value):
            raise self.failed()
        return held(self, value)

    cdef object failed(self):
        """What to raise: an exception of Python on the way, else that of the context."""
        error = thrown(self.ctx)
        failure, self.failure = self.failure, None
        return error if failure is None else failure

    def run(self, JsValue function not None, *arguments):
        """Call a function, by nobody: it can use no operation. Raises JsError."""
        cdef JSValueConst given[4]
        cdef JsValue each
        cdef JSValue value
        for i, each in enumerate(arguments[:4]):
            given[i] = each.value
        hub_unlimited(True)
        value = JS_Call(self.ctx, function.value, value_undefined(), len(arguments), given)
        hub_unlimited(False)
        if JS_IsException(value):
            raise thrown(self.ctx)
        return held(self, value)

    def set_global(self, name, value):
        """Let all users see a copy of a value under a name."""
        cdef JSValue everything = JS_GetGlobalObject(self.ctx)
        JS_SetPropertyStr(self.ctx, everything, name.encode(), to_js(self, value, False))
        JS_FreeValue(self.ctx, everything)

    def value(self, value):
        """Return a copy of a value of Python."""
        return held(self, to_js(self, value, False))

    def error(self, error):
        """Return an exception as an Error of the script."""
        return held(self, js_error(self, error))

    def wrap(self, kind, JsValue prototype not None):
        """Let results of this class be objects under a prototype, with their `status` as number."""
        self.wrapped[kind] = prototype

    def parse(self, bytes raw not None):
        """Return a value of JavaScript from JSON. Raises JsError."""
        return held(self, parsed(self, raw))

    def member(self, JsValue of not None, name):
        """Return a property of an object."""
        return held(self, JS_GetPropertyStr(self.ctx, of.value, name.encode()))

    def collect(self):
        """Look for values that nobody reaches any more."""
        JS_RunGC(self.rt)
        release()

    @property
    def memory_bytes(self):
        """What the runtime has allocated."""
        cdef JSMemoryUsage use
        JS_ComputeMemoryUsage(self.rt, &use)
        return use.malloc_size


cdef void release():
    """Let go of the objects of Python that JavaScript let go of."""
    global released
    cdef Kept *each
    while released != NULL:
        each = released
        released = each.next
        Py_DECREF(<object>each.object)
        free(each)


cdef void refuse_module(JSContext *ctx, Realm realm, error):
    """Throw what keeps a module from being there; who compiles hears of the exception itself."""
    realm.failure = error
    cdef bytes said = str(error).encode("utf-8", "replace")
    JS_ThrowTypeError(ctx, "%s", <const char *>said)


cdef char *full_name(JSContext *ctx, const char *base, const char *name, void *of) noexcept:
    cdef Realm realm = <Realm>of
    try:
        found = realm.normalize(base.decode("utf-8", "replace"), name.decode("utf-8", "replace"))
        raw = found.encode()
        return js_strdup(ctx, raw)
    except BaseException as error:
        refuse_module(ctx, realm, error)
        return NULL


cdef JSModuleDef *loaded(JSContext *ctx, const char *name, void *of) noexcept:
    cdef Realm realm = <Realm>of
    cdef JSValue value
    try:
        raw = realm.load(name.decode("utf-8", "replace")).encode("utf-8", "replace")
    except BaseException as error:
        refuse_module(ctx, realm, error)
        return NULL
    value = JS_Eval(ctx, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), name,
                    JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY)
    if JS_IsException(value):
        return NULL
    JS_FreeValue(ctx, value)    # the context keeps its modules
    return value_module(value)


cdef int fill_native(JSContext *ctx, JSModuleDef *module) noexcept:
    cdef JSAtom atom = JS_GetModuleName(ctx, module)
    cdef const char *name = JS_AtomToCString(ctx, atom)
    cdef Realm realm = <Realm>JS_GetContextOpaque(ctx)
    cdef JsValue each
    for key, each in realm.natives[name.decode()].items():
        JS_SetModuleExport(ctx, module, key.encode(), JS_DupValue(ctx, each.value))
    JS_FreeCString(ctx, name)
    JS_FreeAtom(ctx, atom)
    return 0
