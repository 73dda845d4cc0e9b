/* Part of users.c: values as the hub looks at them, and objects of Python that JavaScript holds. */

int value_tag(JSValueConst value) { return JS_VALUE_GET_NORM_TAG(value); }
JSValue value_undefined(void) { return JS_UNDEFINED; }
JSValue value_null(void) { return JS_NULL; }
JSValue value_bool(int truth) { return truth ? JS_TRUE : JS_FALSE; }
JSValue value_exception(void) { return JS_EXCEPTION; }
JSModuleDef *value_module(JSValueConst value) { return JS_VALUE_GET_PTR(value); }

typedef struct { char *at, *end; } Key;

static int put(Key *key, const void *bytes, size_t n)
{
    if (n > (size_t)(key->end - key->at))
        return 0;
    memcpy(key->at, bytes, n);
    key->at += n;
    return 1;
}

static int put_text(Key *key, const JSAtomStruct *text)
{
    uint32_t n_bytes = text->len << text->is_wide_char, head = n_bytes << 1 | text->is_wide_char;
    return put(key, &head, 4) && put(key, str8((JSString *)text), n_bytes);
}

static int put_value(JSContext *ctx, Key *key, JSValueConst v, int depth)
{
    int tag = JS_VALUE_GET_NORM_TAG(v);
    char mark = (char)tag;
    if (!put(key, &mark, 1))
        return 0;
    if (tag == JS_TAG_STRING)
        return put_text(key, JS_VALUE_GET_STRING(v));
    if (tag == JS_TAG_STRING_ROPE) {
        JSValue flat = js_linearize_string_rope(ctx, v);
        int fits = JS_VALUE_GET_TAG(flat) == JS_TAG_STRING && put_text(key, JS_VALUE_GET_STRING(flat));
        JS_FreeValue(ctx, flat);
        return fits;
    }
    if (tag == JS_TAG_INT || tag == JS_TAG_BOOL) {
        int32_t number = JS_VALUE_GET_INT(v);
        return put(key, &number, 4);
    }
    if (tag == JS_TAG_FLOAT64) {
        double number = JS_VALUE_GET_FLOAT64(v);
        return put(key, &number, 8);
    }
    if (tag == JS_TAG_UNDEFINED || tag == JS_TAG_NULL)
        return 1;
    if (tag != JS_TAG_OBJECT || depth > 4)
        return 0;
    JSObject *p = JS_VALUE_GET_OBJ(v);
    if (p->class_id != JS_CLASS_OBJECT)
        return 0;
    JSShape *shape = p->shape;
    JSShapeProperty *each = shape->prop;
    for (int i = 0; i < shape->prop_count; i++, each++) {
        if (each->atom == JS_ATOM_NULL || !(each->flags & JS_PROP_ENUMERABLE))
            continue;
        if (JS_AtomGetKind(ctx, each->atom) != JS_ATOM_KIND_STRING)
            continue;               /* the hub does not read it, and its text may be that of a name */
        if ((each->flags & JS_PROP_TMASK) != JS_PROP_NORMAL || __JS_AtomIsTaggedInt(each->atom))
            return 0;
        if (!put_text(key, ctx->rt->atom_array[each->atom]) ||
            !put_value(ctx, key, p->prop[i].u.value, depth + 1))
            return 0;
    }
    mark = 127;
    return put(key, &mark, 1);
}

/* Write what send(method, url, body, parameters) is asked for, but of a body only its kind, as bytes
   that are the same for the same content in the same order; 0 when it is not plain or does not fit. */
size_t request_key(JSContext *ctx, int argc, JSValueConst *argv, char *buffer, size_t capacity)
{
    Key key = {buffer, buffer + capacity};
    if (argc < 3)
        return 0;
    char kind = JS_IsNull(argv[2]) ? 0 : JS_IsString(argv[2]) ? 1 : 2;
    int fits = put(&key, &kind, 1) && put_value(ctx, &key, argv[0], 0) &&
        put_value(ctx, &key, argv[1], 0) && (argc < 4 || put_value(ctx, &key, argv[3], 0));
    return fits ? (size_t)(key.at - buffer) : 0;
}

Kept *released;
static JSClassID kept_class;

static void kept_gone(JSRuntime *rt, JSValueConst value)
{
    Kept *kept = JS_GetOpaque(value, kept_class);
    if (kept) {
        kept->next = released;
        released = kept;
    }
}

static const JSClassDef kept_definition = {"Kept", .finalizer = kept_gone};

JSValue kept_new(JSContext *ctx, JSValueConst prototype, void *object, int number)
{
    JSValue value = JS_NewObjectProtoClass(ctx, prototype, kept_class);
    Kept *kept;
    if (JS_IsException(value) || !(kept = malloc(sizeof *kept)))
        return JS_EXCEPTION;
    *kept = (Kept){object, number, NULL};
    JS_SetOpaque(value, kept);
    return value;
}

Kept *kept_of(JSValueConst value)
{
    return JS_GetOpaque(value, kept_class);
}

static JSValue kept_number(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    Kept *kept = kept_of(this_val);
    return kept ? JS_NewInt32(ctx, kept->number) : JS_UNDEFINED;
}

