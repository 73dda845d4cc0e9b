/* Part of users.c: check(). What was counted before, at the same place, counts without a switch. */

#define MAX_COUNTED 1000        /* names of one place: what comes later goes to the hub each time */

struct Checks {
    uint32_t count, size;       /* a hash table; its size is 0 or a power of two */
    struct { JSAtom name; uint64_t *rate; } *table;
};

static uint32_t place_in(const Checks *checks, JSAtom name)
{
    uint32_t mask = checks->size - 1, at = name * 2654435769u & mask;
    while (checks->table[at].rate && checks->table[at].name != name)
        at = (at + 1) & mask;
    return at;
}

static int grow(Checks *checks)
{
    Checks larger = {checks->count, checks->size ? checks->size * 2 : 16};
    if (!(larger.table = calloc(larger.size, sizeof *larger.table)))
        return -1;
    for (uint32_t i = 0; i < checks->size; i++)
        if (checks->table[i].rate)
            larger.table[place_in(&larger, checks->table[i].name)] = checks->table[i];
    free(checks->table);
    *checks = larger;
    return 0;
}

/* The check of this name, a text, is counted in `rate`: how many passed, and of how many. 0: it is not,
   there are too many. */
int checks_add(JSContext *ctx, Checks *checks, JSValueConst name, uint64_t *rate)
{
    if (checks->count >= MAX_COUNTED || (checks->count * 2 >= checks->size && grow(checks)))
        return 0;
    JSAtom atom = JS_ValueToAtom(ctx, name);
    uint32_t at = place_in(checks, atom);
    if (atom == JS_ATOM_NULL || checks->table[at].rate) {
        JS_FreeAtom(ctx, atom);
        return 0;
    }
    checks->table[at].name = atom;      /* kept: no other text gets its number */
    checks->table[at].rate = rate;
    checks->count++;
    return 1;
}

Checks *checks_new(void)
{
    return calloc(1, sizeof(Checks));
}

void checks_free(JSContext *ctx, Checks *checks)
{
    for (uint32_t i = 0; i < checks->size; i++)
        if (checks->table[i].rate)
            JS_FreeAtom(ctx, checks->table[i].name);
    free(checks->table);
    free(checks);
}

static int counted(const User *user, JSAtom name, int holds)
{
    if (!user || !user->checks || !user->checks->size)
        return 0;
    uint64_t *rate = user->checks->table[place_in(user->checks, name)].rate;
    if (!rate)
        return 0;
    rate[0] += holds;
    rate[1]++;
    return 1;
}

/* check(value, sets, tags): for each its name, and whether it holds, are counted, by an operation
   unless it is known where. One that throws counts as failed, and its error goes on up. */
static JSValue check(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv, int op)
{
    JSPropertyEnum *table;
    uint32_t count;
    int all = 1, threw = 0;
    if (argc < 2 || !JS_IsObject(argv[1]))
        return JS_ThrowTypeError(ctx, "the provided check set is undefined or null");
    if (JS_GetOwnPropertyNames(ctx, &table, &count, argv[1], JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY))
        return JS_EXCEPTION;
    for (uint32_t i = 0; i < count && !threw; i++) {
        JSValue found = JS_GetProperty(ctx, argv[1], table[i].atom), thrown = JS_UNDEFINED;
        if (JS_GetClassID(found) == JS_CLASS_ASYNC_FUNCTION) {
            JS_FreeValue(ctx, found);
            found = JS_ThrowTypeError(ctx, "Using async functions as a check value is not supported");
        } else if (JS_IsFunction(ctx, found)) {
            JSValue told = JS_Call(ctx, found, JS_UNDEFINED, 1, argv);
            JS_FreeValue(ctx, found);
            found = told;
        }
        if (JS_IsException(found)) {
            if (JS_IsUncatchableError(ctx->rt->current_exception)) {
                JS_FreePropertyEnum(ctx, table, count);
                return JS_EXCEPTION;
            }
            thrown = JS_GetException(ctx);
            threw = 1;
        }
        int holds = threw ? 0 : JS_ToBoolFree(ctx, found);
        JSValueConst tags = argc > 2 ? argv[2] : JS_UNDEFINED;
        int refused = 0;
        all &= holds;
        if (!JS_IsUndefined(tags) || !counted(current, table[i].atom, holds)) {
            JSValue name = JS_AtomToValue(ctx, table[i].atom);
            JSValueConst told[3] = {name, JS_NewBool(ctx, holds), tags};
            JSValue answer = user_call(ctx, JS_UNDEFINED, 3, told, op);
            JS_FreeValue(ctx, name);
            refused = JS_IsException(answer);
        }
        if (threw)
            JS_Throw(ctx, thrown);
        threw |= refused;
    }
    JS_FreePropertyEnum(ctx, table, count);
    return threw ? JS_EXCEPTION : JS_NewBool(ctx, all);
}
