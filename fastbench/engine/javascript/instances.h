/* Part of users.c: instances of modules. A module is compiled once; each user has its own variables of
   it, linked and evaluated as ECMAScript says, over the same bytecode. */

struct UserModules {
    int count, size;
    struct { JSModuleDef *from, *to; } *table;
};

static JSModuleDef *instance_of(User *user, JSModuleDef *from);

static int copied(JSContext *ctx, void *to, const void *from, int count, size_t each)
{
    void **array = to;
    *array = NULL;
    if (!count)
        return 0;
    *array = js_malloc(ctx, count * each);
    if (!*array)
        return -1;
    memcpy(*array, from, count * each);
    return 0;
}

static int copy_entries(User *user, JSModuleDef *m, const JSModuleDef *from)
{
    JSContext *ctx = user->ctx;
    if (copied(ctx, &m->req_module_entries, from->req_module_entries,
               from->req_module_entries_count, sizeof *m->req_module_entries) ||
        copied(ctx, &m->export_entries, from->export_entries, from->export_entries_count,
               sizeof *m->export_entries) ||
        copied(ctx, &m->star_export_entries, from->star_export_entries,
               from->star_export_entries_count, sizeof *m->star_export_entries) ||
        copied(ctx, &m->import_entries, from->import_entries, from->import_entries_count,
               sizeof *m->import_entries))
        return -1;
    m->req_module_entries_count = m->req_module_entries_size = from->req_module_entries_count;
    m->export_entries_count = m->export_entries_size = from->export_entries_count;
    m->star_export_entries_count = m->star_export_entries_size = from->star_export_entries_count;
    m->import_entries_count = m->import_entries_size = from->import_entries_count;
    for (int i = 0; i < m->req_module_entries_count; i++) {
        JS_DupAtom(ctx, m->req_module_entries[i].module_name);
        js_dup(m->req_module_entries[i].attributes);
    }
    for (int i = 0; i < m->export_entries_count; i++) {
        JS_DupAtom(ctx, m->export_entries[i].local_name);
        JS_DupAtom(ctx, m->export_entries[i].export_name);
        if (m->export_entries[i].export_type == JS_EXPORT_TYPE_LOCAL)
            m->export_entries[i].u.local.var_ref = NULL;
    }
    for (int i = 0; i < m->import_entries_count; i++)
        JS_DupAtom(ctx, m->import_entries[i].import_name);
    return 0;
}

static JSModuleDef *cloned(User *user, JSModuleDef *from)
{
    JSContext *ctx = user->ctx;
    UserModules *known = user->modules;
    JSModuleDef *m = js_new_module_def(ctx, JS_DupAtom(ctx, from->module_name));
    if (!m)
        return NULL;
    list_del(&m->link);             /* names lead to the compiled modules, never to an instance */
    init_list_head(&m->link);
    if (known->count == known->size) {
        int size = known->size ? known->size * 2 : 4;
        void *table = realloc(known->table, size * sizeof *known->table);
        if (!table)
            return NULL;
        known->table = table;
        known->size = size;
    }
    known->table[known->count].from = from;
    known->table[known->count++].to = m;
    if (copy_entries(user, m, from))
        return NULL;
    m->func_obj = user->isolated ? constant_copy(ctx, from->func_obj) : js_dup(from->func_obj);
    if (JS_IsException(m->func_obj)) {
        m->func_obj = JS_UNDEFINED;
        return NULL;
    }
    m->has_tla = from->has_tla;
    m->resolved = true;
    for (int i = 0; i < m->req_module_entries_count; i++) {
        m->req_module_entries[i].module = instance_of(user, m->req_module_entries[i].module);
        if (!m->req_module_entries[i].module)
            return NULL;
    }
    return m;
}

/* A module in C is one for all users of a context: its functions ask who calls them. */
static JSModuleDef *instance_of(User *user, JSModuleDef *from)
{
    if (from->init_func)
        return user->isolated ? native_of(user->ctx, from) : from;
    for (int i = 0; i < user->modules->count; i++)
        if (user->modules->table[i].from == from)
            return user->modules->table[i].to;
    return cloned(user, from);
}

int user_instantiate(User *user, JSModuleDef *module)
{
    if (!user->modules && !(user->modules = calloc(1, sizeof *user->modules)))
        return -1;
    JSModuleDef *m = instance_of(user, module);
    if (!m)
        return -1;
    JS_FreeValue(user->ctx, user->function);
    user->function = JS_NewModuleValue(user->ctx, m);
    return 0;
}

JSValue user_export(User *user, const char *name)
{
    JSContext *ctx = user->ctx;
    if (!user->modules || !user->modules->count)
        return JS_UNDEFINED;
    JSModuleDef *m = user->modules->table[0].to;
    JSAtom atom = JS_NewAtom(ctx, name);
    JSExportEntry *found = find_export_entry(ctx, m, atom);
    JSValue value = JS_UNDEFINED;
    if (found && found->export_type == JS_EXPORT_TYPE_LOCAL && found->u.local.var_ref) {
        value = js_dup(*found->u.local.var_ref->pvalue);
    } else if (found || m->star_export_entries_count) {
        JSValue namespace = JS_GetModuleNamespace(ctx, m);
        value = JS_GetProperty(ctx, namespace, atom);
        JS_FreeValue(ctx, namespace);
    }
    JS_FreeAtom(ctx, atom);
    if (JS_VALUE_GET_TAG(value) == JS_TAG_UNINITIALIZED)
        return JS_UNDEFINED;
    return value;
}
