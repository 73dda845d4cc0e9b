# Part of _quickjs.pyx: values from one language to the other, and errors.

cdef enum:
    DEEPEST = 200               # of lists and dicts within each other


class JsError(Exception):
    """What a script threw: `text` as the script's own toString() says it, `stack` with its lines.

    `name` is the class of an Error; `value` what was thrown where that is no Error.
    """

    def __init__(self, text, name="", stack="", value=None):
        super().__init__(text)
        self.text = text
        self.name = name
        self.stack = stack
        self.value = value


class Endless(JsError):
    """Code of the script that ran while one of its values was read, and was stopped."""

    def __init__(self, stack=""):
        super().__init__(
            "a getter, toString() or toJSON() of a value ran for more than a second",
            "InternalError", stack)


class Overlong(JsError):
    """A call that computed for longer than its limit, and was ended."""

    def __init__(self, limit_s):
        super().__init__(
            f"computed for more than {limit_s:g} s (--iteration-limit)", "InternalError")


class Json:
    """A result of an operation that is told as bytes of JSON; parsed without a step between."""

    __slots__ = ("raw",)

    def __init__(self, raw):
        self.raw = raw


class Numbered:
    """A result of an operation: an object of Python under a prototype, with a number beside it."""

    __slots__ = ("number", "object", "prototype")

    def __init__(self, object, prototype, number=0):
        self.object = object
        self.prototype = prototype
        self.number = number


@cython.final
@cython.no_gc_clear      # what it frees belongs to its realm
cdef class JsValue:
    """A value of JavaScript that Python holds: a function, or what must stay what it is."""

    cdef Realm realm
    cdef JSValue value

    def __dealloc__(self):
        if self.realm is not None and self.realm.ctx != NULL:
            JS_FreeValue(self.realm.ctx, self.value)

    @property
    def callable(self):
        return JS_IsFunction(self.realm.ctx, self.value)

    def json(self):
        """Return it as JSON.stringify does, None where that is undefined. Raises JsError."""
        return as_json(self.realm, self.value)

    def names(self):
        """Return the names of its own properties that are enumerable."""
        cdef JSContext *ctx = self.realm.ctx
        cdef JSPropertyEnum *table
        cdef uint32_t n, i
        cdef JSValue name
        if JS_GetOwnPropertyNames(ctx, &table, &n, self.value,
                                  JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY):
            raise thrown(ctx)
        out = []
        for i in range(n):
            name = JS_AtomToValue(ctx, table[i].atom)
            out.append(text_of(ctx, name))
            JS_FreeValue(ctx, name)
        JS_FreePropertyEnum(ctx, table, n)
        return out

    def copy(self):
        """Return it as a value of Python."""
        return to_python(self.realm, self.value, 0)


cdef JsValue held(Realm realm, JSValue value):
    """Take over a reference."""
    cdef JsValue out = JsValue.__new__(JsValue)
    out.realm = realm
    out.value = value
    return out


cdef str text_of(JSContext *ctx, JSValueConst value):
    """As String(value) does; halves of pairs become U+FFFD. Raises JsError."""
    cdef size_t n
    cdef const char *raw = JS_ToCStringLen(ctx, &n, value)
    if raw == NULL:
        raise thrown(ctx)
    try:
        return PyUnicode_DecodeUTF8(raw, <Py_ssize_t>n, "replace")
    finally:
        JS_FreeCString(ctx, raw)


cdef JSValue text_to_js(JSContext *ctx, str text):
    cdef Py_ssize_t n
    cdef const char *raw
    try:
        raw = PyUnicode_AsUTF8AndSize(text, &n)
    except UnicodeEncodeError:
        raw = PyUnicode_AsUTF8AndSize(text.encode("utf-8", "replace").decode(), &n)
        return JS_NewStringLen(ctx, raw, n)
    return JS_NewStringLen(ctx, raw, n)


cdef str property_text(JSContext *ctx, JSValueConst of, const char *name):
    cdef JSValue found = JS_GetPropertyStr(ctx, of, name)
    try:
        if JS_IsException(found):
            JS_FreeValue(ctx, JS_GetException(ctx))
            return ""
        return "" if value_tag(found) == JS_TAG_UNDEFINED else text_of(ctx, found)
    finally:
        JS_FreeValue(ctx, found)


cdef object thrown(JSContext *ctx):
    """The exception of the context, taken from it, as a JsError."""
    return error_of(ctx, JS_GetException(ctx))


cdef object spent(JSContext *ctx):
    """What to raise where something of a user could not be made."""
    JS_FreeValue(ctx, JS_GetException(ctx))
    return JsError("out of memory", "InternalError")


cdef object error_of(JSContext *ctx, JSValue error):
    """A thrown value, which is given up, as a JsError."""
    if conversion_stopped():
        JS_FreeValue(ctx, error)
        return Endless()
    try:
        try:
            text = text_of(ctx, error)
        except JsError:
            text = "(what was thrown cannot be converted to text)"
        if not JS_IsError(error):
            return JsError(text, value=text)
        return JsError(text, property_text(ctx, error, "name"), property_text(ctx, error, "stack"))
    finally:
        JS_FreeValue(ctx, error)


cdef str as_json(Realm realm, JSValueConst value):
    cdef JSContext *ctx = realm.ctx
    cdef JSValue text = JS_JSONStringify(ctx, value, value_undefined(), value_undefined())
    if JS_IsException(text):
        raise thrown(ctx)
    try:
        return None if value_tag(text) == JS_TAG_UNDEFINED else text_of(ctx, text)
    finally:
        JS_FreeValue(ctx, text)


cdef bytes buffer_bytes(JSContext *ctx, JSValueConst value):
    """The bytes of an ArrayBuffer or of a view of one; None where it is neither."""
    cdef size_t n = 0, offset = 0, length = 0, each = 0
    cdef uint8_t *data
    cdef JSValue buffer
    if JS_IsArrayBuffer(value):
        data = JS_GetArrayBuffer(ctx, &n, value)
        return PyBytes_FromStringAndSize(<char *>data, <Py_ssize_t>n)
    if JS_GetTypedArrayType(value) < 0:
        return None
    buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, &length, &each)
    if JS_IsException(buffer):
        raise thrown(ctx)
    data = JS_GetArrayBuffer(ctx, &n, buffer)
    out = PyBytes_FromStringAndSize(<char *>data + offset, <Py_ssize_t>length)
    JS_FreeValue(ctx, buffer)
    return out


cdef object to_python(Realm realm, JSValueConst value, int depth):
    """A copy: None for null and undefined; a function stays a JsValue. Raises JsError."""
    cdef JSContext *ctx = realm.ctx
    cdef int tag = value_tag(value)
    cdef double number
    cdef Kept *kept
    if tag == JS_TAG_STRING or tag == JS_TAG_STRING_ROPE:
        return text_of(ctx, value)
    if tag == JS_TAG_INT or tag == JS_TAG_FLOAT64:
        JS_ToFloat64(ctx, &number, value)
        return int(number) if tag == JS_TAG_INT else number
    if tag == JS_TAG_BOOL:
        return JS_ToBool(ctx, value) != 0
    if tag == JS_TAG_NULL or tag == JS_TAG_UNDEFINED:
        return None
    if tag != JS_TAG_OBJECT:
        text = text_of(ctx, value)
        return int(text) if tag == JS_TAG_BIG_INT or tag == JS_TAG_SHORT_BIG_INT else text
    kept = kept_of(value)
    if kept != NULL:
        return <object>kept.object
    if JS_IsFunction(ctx, value) or depth > DEEPEST:
        return held(realm, JS_DupValue(ctx, value))
    raw = buffer_bytes(ctx, value)
    if raw is not None:
        return raw
    return list_of(realm, value, depth) if JS_IsArray(value) else dict_of(realm, value, depth)


cdef list list_of(Realm realm, JSValueConst value, int depth):
    cdef int64_t n = 0, i
    cdef JSValue each
    if JS_GetLength(realm.ctx, value, &n):
        raise thrown(realm.ctx)
    out = []
    for i in range(n):
        each = JS_GetPropertyUint32(realm.ctx, value, <uint32_t>i)
        if JS_IsException(each):
            raise thrown(realm.ctx)
        try:
            out.append(to_python(realm, each, depth + 1))
        finally:
            JS_FreeValue(realm.ctx, each)
    return out


cdef dict dict_of(Realm realm, JSValueConst value, int depth):
    cdef JSContext *ctx = realm.ctx
    cdef JSPropertyEnum *table
    cdef uint32_t n, i
    cdef JSValue name, each
    if JS_GetOwnPropertyNames(ctx, &table, &n, value, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY):
        raise thrown(ctx)
    out = {}
    try:
        for i in range(n):
            each = JS_GetProperty(ctx, value, table[i].atom)
            if JS_IsException(each):
                raise thrown(ctx)
            name = JS_AtomToValue(ctx, table[i].atom)
            try:
                out[text_of(ctx, name)] = to_python(realm, each, depth + 1)
            finally:
                JS_FreeValue(ctx, each)
                JS_FreeValue(ctx, name)
    finally:
        JS_FreePropertyEnum(ctx, table, n)
    return out


cdef JSValue made(JSContext *ctx, JSValue value) except *:
    """Return a value that was made; raises JsError where it was not, as without memory."""
    if JS_IsException(value):
        raise thrown(ctx)
    return value


cdef JSValue to_js(Realm realm, object value, bint within) except *:
    """A copy; None is null within lists and dicts, else undefined. Raises TypeError."""
    cdef JSContext *ctx = realm.ctx
    cdef JsValue prototype = realm.wrapped.get(type(value))
    if prototype is not None:
        return kept(realm, value, prototype, value.status)
    if value is None:
        return value_null() if within else value_undefined()
    if value is True or value is False:
        return value_bool(value is True)
    if type(value) is str:
        return text_to_js(ctx, value)
    if type(value) is int:
        if -9007199254740992 <= value <= 9007199254740992:
            return JS_NewInt64(ctx, value)
        return JS_NewFloat64(ctx, float(value))
    if type(value) is float:
        return JS_NewFloat64(ctx, value)
    if type(value) is Numbered:
        return kept(realm, value.object, value.prototype, value.number)
    if type(value) is JsValue:
        return JS_DupValue(ctx, (<JsValue>value).value)
    if type(value) is bytes:
        return JS_NewArrayBufferCopy(
            ctx, <const uint8_t *>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
    if type(value) is Json:
        return parsed(realm, value.raw)
    return container_to_js(realm, value)


cdef JSValue container_to_js(Realm realm, object value) except *:
    cdef JSContext *ctx = realm.ctx
    cdef JSValue out
    cdef JSValue found
    cdef JSAtom atom
    cdef uint32_t i = 0
    if isinstance(value, (list, tuple)):
        out = JS_NewArray(ctx)
        if JS_IsException(out):
            return out
        try:
            for each in value:
                JS_SetPropertyUint32(ctx, out, i, made(ctx, to_js(realm, each, True)))
                i += 1
        except BaseException:
            JS_FreeValue(ctx, out)
            raise
        return out
    if isinstance(value, dict):
        out = JS_NewObject(ctx)
        if JS_IsException(out):
            return out
        try:
            for name, each in value.items():
                raw = str(name).encode("utf-8", "replace")      # "__proto__" is one as any other
                found = made(ctx, to_js(realm, each, True))
                atom = JS_NewAtomLen(ctx, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw))
                JS_DefinePropertyValue(ctx, out, atom, found, JS_PROP_C_W_E)
                JS_FreeAtom(ctx, atom)
        except BaseException:
            JS_FreeValue(ctx, out)
            raise
        return out
    if isinstance(value, (str, int, float)):
        return to_js(realm, str(value) if isinstance(value, str) else float(value), True)
    return kept(realm, value, None, 0)


cdef JSValue kept(Realm realm, object value, JsValue prototype, int number):
    cdef JSValue out = kept_new(
        realm.ctx, value_null() if prototype is None else prototype.value, <void *>value, number)
    if not JS_IsException(out):
        Py_INCREF(value)
    return out


cdef JSValue parsed(Realm realm, bytes raw) except *:
    """Raises JsError, a SyntaxError."""
    cdef JSValue out = JS_ParseJSON(
        realm.ctx, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw), "<JSON>")
    if JS_IsException(out):
        raise thrown(realm.ctx)
    return out
