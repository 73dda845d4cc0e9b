# Part of _quickjs.pyx: what of quickjs and of users.h is called from here.

cdef extern from "Python.h":
    int PyIter_Send(object iterator, object value, PyObject **result) except -1
    int PYGEN_NEXT, PYGEN_RETURN

cdef extern from "users.h":
    ctypedef struct JSRuntime:
        pass
    ctypedef struct JSContext:
        pass
    ctypedef struct JSModuleDef:
        pass
    ctypedef struct JSValue:
        pass
    ctypedef JSValue JSValueConst
    ctypedef uint32_t JSAtom
    ctypedef struct JSPropertyEnum:
        JSAtom atom
    ctypedef struct Checks:
        pass
    ctypedef struct User:
        int op, argc, failed, uncaught, pending, argument_count
        JSValueConst *argv
        JSValueConst this_val
        JSValue result, function, argument, value, dispatcher
        int64_t number, iteration
        uint64_t limit_ns, ran_ns
        Checks *checks
    ctypedef struct Kept:
        void *object
        int number
        Kept *next
    enum:
        USER_ENDED, USER_PREEMPTED, USER_WAITS, USER_CHECKS, USER_FIRST_OPERATION
        JS_EVAL_TYPE_GLOBAL, JS_EVAL_TYPE_MODULE, JS_EVAL_FLAG_COMPILE_ONLY
        JS_GPN_STRING_MASK, JS_GPN_ENUM_ONLY, JS_CFUNC_generic_magic, JS_PROP_C_W_E
        JS_TAG_INT, JS_TAG_BOOL, JS_TAG_NULL, JS_TAG_UNDEFINED, JS_TAG_FLOAT64, JS_TAG_STRING
        JS_TAG_STRING_ROPE, JS_TAG_OBJECT, JS_TAG_BIG_INT, JS_TAG_SHORT_BIG_INT
    Kept *released

    User *user_new(JSContext *, size_t, int)
    void user_free(User *)
    int user_resume(User *)
    JSValue user_call(JSContext *, JSValueConst, int, JSValueConst *, int)
    void user_halt(User *)
    void user_throw(User *, JSValue)
    void user_lines(User *, int)
    void user_slices(JSRuntime *, uint64_t)
    void user_slice_begins()
    void hub_unlimited(int)
    int conversion_stopped()
    int user_over(User *)
    JSRuntime *runtime_new(size_t)
    Checks *checks_new()
    void checks_free(JSContext *, Checks *)
    bint checks_add(JSContext *, Checks *, JSValueConst, uint64_t *)
    int user_instantiate(User *, JSModuleDef *)
    JSValue user_export(User *, const char *)
    JSValue kept_new(JSContext *, JSValueConst, void *, int)
    Kept *kept_of(JSValueConst)
    int value_tag(JSValueConst)
    size_t request_key(JSContext *, int, JSValueConst *, char *, size_t)
    JSValue value_undefined()
    JSValue value_null()
    JSValue value_bool(int)
    JSValue value_exception()
    JSModuleDef *value_module(JSValueConst)
    int users_install(JSContext *)
    JSContext *context_new(JSRuntime *)
    JSValue context_evaluate(JSContext *, JSValueConst)

    void JS_FreeRuntime(JSRuntime *)
    JSContext *JS_NewContext(JSRuntime *)
    void JS_SetContextOpaque(JSContext *, void *)
    void *JS_GetContextOpaque(JSContext *)
    void JS_FreeContext(JSContext *)
    void JS_SetGCThreshold(JSRuntime *, size_t)
    void JS_RunGC(JSRuntime *)
    void JS_UpdateStackTop(JSRuntime *)
    JSValue JS_Eval(JSContext *, const char *, size_t, const char *, int)
    JSValue JS_Call(JSContext *, JSValueConst, JSValueConst, int, JSValueConst *)
    void JS_FreeValue(JSContext *, JSValue)
    JSValue JS_DupValue(JSContext *, JSValueConst)
    const char *JS_ToCStringLen(JSContext *, size_t *, JSValueConst)
    void JS_FreeCString(JSContext *, const char *)
    JSValue JS_NewStringLen(JSContext *, const char *, size_t)
    JSValue JS_NewInt64(JSContext *, int64_t)
    JSValue JS_NewFloat64(JSContext *, double)
    JSValue JS_NewObject(JSContext *)
    JSValue JS_NewArray(JSContext *)
    JSValue JS_NewArrayBufferCopy(JSContext *, const uint8_t *, size_t)
    JSValue JS_NewCFunctionMagic(JSContext *, void *, const char *, int, int, int)
    JSValue JS_ParseJSON(JSContext *, const char *, size_t, const char *)
    JSValue JS_JSONStringify(JSContext *, JSValueConst, JSValueConst, JSValueConst)
    JSValue JS_GetPropertyStr(JSContext *, JSValueConst, const char *)
    JSValue JS_GetPropertyUint32(JSContext *, JSValueConst, uint32_t)
    JSValue JS_GetProperty(JSContext *, JSValueConst, JSAtom)
    int JS_SetPropertyStr(JSContext *, JSValueConst, const char *, JSValue)
    int JS_SetPropertyUint32(JSContext *, JSValueConst, uint32_t, JSValue)
    int JS_GetOwnPropertyNames(JSContext *, JSPropertyEnum **, uint32_t *, JSValueConst, int)
    void JS_FreePropertyEnum(JSContext *, JSPropertyEnum *, uint32_t)
    JSValue JS_AtomToValue(JSContext *, JSAtom)
    int JS_GetLength(JSContext *, JSValueConst, int64_t *)
    JSValue JS_GetGlobalObject(JSContext *)
    JSValue JS_GetException(JSContext *)
    JSValue JS_Throw(JSContext *, JSValue)
    JSValue JS_ThrowTypeError(JSContext *, const char *, ...)
    int JS_ToFloat64(JSContext *, double *, JSValueConst)
    int JS_ToBool(JSContext *, JSValueConst)
    bint JS_IsException(JSValueConst)
    bint JS_IsFunction(JSContext *, JSValueConst)
    bint JS_IsArray(JSValueConst)
    bint JS_IsError(JSValueConst)
    bint JS_IsArrayBuffer(JSValueConst)
    uint8_t *JS_GetArrayBuffer(JSContext *, size_t *, JSValueConst)
    JSValue JS_GetTypedArrayBuffer(JSContext *, JSValueConst, size_t *, size_t *, size_t *)
    int JS_GetTypedArrayType(JSValueConst)
    char *js_strdup(JSContext *, const char *)
    ctypedef char *(*Normalize)(JSContext *, const char *, const char *, void *) noexcept
    ctypedef JSModuleDef *(*Load)(JSContext *, const char *, void *) noexcept
    void JS_SetModuleLoaderFunc(JSRuntime *, Normalize, Load, void *)
    ctypedef int (*Init)(JSContext *, JSModuleDef *) noexcept
    JSModuleDef *JS_NewCModule(JSContext *, const char *, Init)
    int JS_AddModuleExport(JSContext *, JSModuleDef *, const char *)
    int JS_SetModuleExport(JSContext *, JSModuleDef *, const char *, JSValue)
    JSAtom JS_GetModuleName(JSContext *, JSModuleDef *)
    const char *JS_AtomToCString(JSContext *, JSAtom)
    void JS_FreeAtom(JSContext *, JSAtom)
    JSAtom JS_NewAtomLen(JSContext *, const char *, size_t)
    int JS_DefinePropertyValue(JSContext *, JSValueConst, JSAtom, JSValue, int)
    ctypedef struct JSMemoryUsage:
        int64_t malloc_size
    void JS_ComputeMemoryUsage(JSRuntime *, JSMemoryUsage *)
