/* Part of users.c: promises that were rejected, and that nobody has handled so far. As in k6, a user whose
   jobs are all done while there is one has failed: what it was rejected with is what the call throws. */

typedef struct { JSValue promise, reason; } Rejection;

static void note_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool handled, void *opaque)
{
    User *user = current;
    Rejection *table;
    if (!user)
        return;
    table = user->rejections;
    if (handled) {
        for (int i = 0; i < user->rejection_count; i++) {
            if (JS_VALUE_GET_OBJ(table[i].promise) != JS_VALUE_GET_OBJ(promise))
                continue;
            Rejection gone = table[i];
            user->rejection_count--;
            memmove(table + i, table + i + 1, (user->rejection_count - i) * sizeof *table);
            JS_FreeValue(ctx, gone.promise);
            JS_FreeValue(ctx, gone.reason);
            return;
        }
        return;
    }
    table = realloc(table, (user->rejection_count + 1) * sizeof *table);
    if (!table)
        return;
    user->rejections = table;
    table[user->rejection_count++] = (Rejection){js_dup(promise), js_dup(reason)};
}

static void forget_rejections(User *user)
{
    Rejection *table = user->rejections;
    int count = user->rejection_count;
    user->rejections = NULL;
    user->rejection_count = 0;
    for (int i = 0; i < count; i++) {
        JS_FreeValue(user->ctx, table[i].promise);
        JS_FreeValue(user->ctx, table[i].reason);
    }
    free(table);
}

/* All jobs are done: throw the first reason, unless what the function itself returned is that promise. */
static int left_rejected(User *user)
{
    Rejection *table = user->rejections;
    if (!user->rejection_count)
        return 0;
    user->uncaught = !(JS_IsObject(user->value) &&
                       JS_VALUE_GET_OBJ(table[0].promise) == JS_VALUE_GET_OBJ(user->value));
    JS_Throw(user->ctx, js_dup(table[0].reason));
    forget_rejections(user);
    return 1;
}
