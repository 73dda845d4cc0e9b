/* Part of users.c: the functions of one context for another one of the same runtime.

   A function knows the context whose built-in classes it sees, so that a user with a context of its own
   needs functions of its own. What a copy has for itself is small: its instructions, and the names of its
   variables, are those of the original, which is never let go. */

typedef struct {
    JSFunctionBytecode own;
    const JSFunctionBytecode *from;
    JSValue constants[];
} FunctionCopy;

enum { IS_COPY = -1 };          /* as the length of the source, which the original has */

static JSValue function_copy(JSContext *ctx, const JSFunctionBytecode *from);

/* The texts of a tagged template, which a script may look at as an array. */
static JSValue template_copy(JSContext *ctx, JSValueConst from)
{
    JSValue to = JS_NewArray(ctx), each;
    int64_t count = 0;
    JS_GetLength(ctx, from, &count);
    for (int64_t i = 0; i < count; i++)
        JS_DefinePropertyValueUint32(ctx, to, (uint32_t)i, JS_GetPropertyInt64(ctx, from, i),
                                     JS_PROP_ENUMERABLE);
    each = JS_GetPropertyStr(ctx, from, "raw");
    if (JS_IsArray(each)) {
        JSValue raw = template_copy(ctx, each);
        JS_FreeValue(ctx, each);
        JS_DefinePropertyValueStr(ctx, to, "raw", raw, 0);
    } else {
        JS_FreeValue(ctx, each);
    }
    seal_template_obj(ctx, to);
    return to;
}

static JSValue constant_copy(JSContext *ctx, JSValueConst value)
{
    if (JS_VALUE_GET_TAG(value) == JS_TAG_FUNCTION_BYTECODE)
        return function_copy(ctx, JS_VALUE_GET_PTR(value));
    return JS_IsArray(value) ? template_copy(ctx, value) : JS_DupValue(ctx, value);
}

/* Those in the instructions count as users of their names, as free_bytecode_atoms() expects. */
static void dup_names(JSContext *ctx, const JSFunctionBytecode *b)
{
    for (int pos = 0; pos < b->byte_code_len;) {
        const JSOpCode *op = &short_opcode_info(b->byte_code_buf[pos]);
        if (op->fmt == OP_FMT_atom || op->fmt == OP_FMT_atom_u8 || op->fmt == OP_FMT_atom_u16 ||
            op->fmt == OP_FMT_atom_label_u8 || op->fmt == OP_FMT_atom_label_u16)
            JS_DupAtom(ctx, get_u32(b->byte_code_buf + pos + 1));
        pos += op->size;
    }
    for (int i = 0; b->vardefs && i < b->arg_count + b->var_count; i++)
        JS_DupAtom(ctx, b->vardefs[i].var_name);
    for (int i = 0; i < b->closure_var_count; i++)
        JS_DupAtom(ctx, b->closure_var[i].var_name);
    JS_DupAtom(ctx, b->func_name);
    JS_DupAtom(ctx, b->filename);
}

static JSValue function_copy(JSContext *ctx, const JSFunctionBytecode *from)
{
    FunctionCopy *copy = js_malloc(ctx, sizeof *copy + from->cpool_count * sizeof(JSValue));
    JSFunctionBytecode *b = &copy->own;
    uint8_t *lines = NULL;
    if (copy && from->pc2line_len && from->pc2line_buf &&
        !(lines = js_malloc(ctx, from->pc2line_len))) {
        js_free(ctx, copy);
        copy = NULL;
    }
    if (!copy)
        return JS_EXCEPTION;
    *b = *from;
    memset(&b->header, 0, sizeof b->header);
    b->header.ref_count = 1;
    b->realm = JS_DupContext(ctx);
    b->pc2line_buf = lines;
    if (lines)
        memcpy(lines, from->pc2line_buf, from->pc2line_len);
    b->source = NULL;
    b->source_len = IS_COPY;
    copy->from = from;
    b->cpool = copy->constants;
    b->cpool_count = 0;
    dup_names(ctx, b);
    add_gc_object(ctx->rt, &b->header, JS_GC_OBJ_TYPE_FUNCTION_BYTECODE);
    JSValue value = JS_MKPTR(JS_TAG_FUNCTION_BYTECODE, b);
    for (int i = 0; i < from->cpool_count; i++) {
        JSValue constant = constant_copy(ctx, from->cpool[i]);
        if (JS_IsException(constant)) {
            JS_FreeValue(ctx, value);
            return JS_EXCEPTION;
        }
        b->cpool[b->cpool_count++] = constant;
    }
    return value;
}

/* What was compiled in one context, as it is evaluated in another. */
JSValue context_evaluate(JSContext *ctx, JSValueConst compiled)
{
    const JSFunctionBytecode *b = JS_VALUE_GET_PTR(compiled);
    JSValue own = b->realm == ctx ? js_dup(compiled) : function_copy(ctx, b);
    return JS_IsException(own) ? own : JS_EvalFunction(ctx, own);
}

/* Function.prototype.toString() of a context that has copies. */
static JSValue source_text(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    const JSFunctionBytecode *b = JS_GetFunctionBytecode(this_val);
    if (b && b->source_len == IS_COPY) {
        b = ((const FunctionCopy *)b)->from;
        if (b->source)
            return JS_NewStringLen(ctx, b->source, b->source_len);
    }
    return js_function_toString(ctx, this_val, argc, argv);
}

JSContext *context_new(JSRuntime *rt)
{
    JSContext *ctx = JS_NewContext(rt);
    if (!ctx)
        return NULL;
    JSValue text = JS_NewCFunction(ctx, source_text, "toString", 0);
    if (users_install(ctx) || JS_DefinePropertyValueStr(ctx, ctx->function_proto, "toString", text,
                                                        JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE) < 0) {
        JS_FreeContext(ctx);
        return NULL;
    }
    return ctx;
}

/* A module in C has an instance in each context. */
static JSModuleDef *native_of(JSContext *ctx, const JSModuleDef *from)
{
    struct list_head *each;
    list_for_each(each, &ctx->loaded_modules) {
        JSModuleDef *m = list_entry(each, JSModuleDef, link);
        if (m->module_name == from->module_name && m->init_func)
            return m;
    }
    JS_ThrowInternalError(ctx, "a module is missing");
    return NULL;
}
