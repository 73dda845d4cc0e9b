/* See users.h. quickjs.c is compiled in: at each switch four private fields of its runtime are saved
   (the innermost frame, the exception, the jobs, the limit of the stack), and instances of a module
   are made from the private struct of it. */

#include "quickjs.c"

#include <sys/mman.h>

#include "users.h"

static User *current;

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#include "stacks.h"

#define RESERVE_BYTES 32768     /* below the limit: what quickjs uses between two looks at it */

static void *hub_stack_pointer;
static uint64_t slice_ns, begun_ns, resumed_ns, converting_ns, asked_ns;
static int unlimited, stopped;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static struct list_head *jobs_of(User *user)
{
    return (struct list_head *)user->jobs;
}

static void move_jobs(struct list_head *from, struct list_head *to)
{
    if (list_empty(from))
        return;
    *to = *from;
    to->next->prev = to;
    to->prev->next = to;
    init_list_head(from);
}

static void to_hub(User *user)
{
    JSRuntime *rt = user->ctx->rt;
    user->frame = rt->current_stack_frame;
    user->exception = rt->current_exception;
    rt->current_stack_frame = NULL;
    rt->current_exception = JS_UNINITIALIZED;
    move_jobs(&rt->job_list, jobs_of(user));
    current = NULL;
#if defined(__SANITIZE_ADDRESS__)
    extern const void *hub_bottom; extern size_t hub_bytes;
    __sanitizer_start_switch_fiber(&user->asan_stack, hub_bottom, hub_bytes);
#endif
    swap_stacks(&user->stack_pointer, hub_stack_pointer);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(user->asan_stack, &hub_bottom, &hub_bytes);
#endif
}

#if defined(__SANITIZE_ADDRESS__)
const void *hub_bottom;
size_t hub_bytes;
#endif

User *user_current(void)
{
    return current;
}

int user_resume(User *user)
{
    JSRuntime *rt = user->ctx->rt;
    JSValue global = user->ctx->global_obj;
    rt->stack_limit = user->stack_limit;
    rt->current_stack_frame = user->frame;
    rt->current_exception = user->exception;
    move_jobs(jobs_of(user), &rt->job_list);
    user->ctx->global_obj = user->global;
    current = user;
    converting_ns = 0;
    if (user->limit_ns)
        resumed_ns = now_ns();
#if defined(__SANITIZE_ADDRESS__)
    void *fake;
    __sanitizer_start_switch_fiber(&fake, user->stack, user->stack_bytes);
#endif
    swap_stacks(&hub_stack_pointer, user->stack_pointer);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
    if (user->limit_ns)
        user->ran_ns += now_ns() - resumed_ns;
    user->ctx->global_obj = global;
    rt->stack_limit = (uintptr_t)__builtin_frame_address(0) - 1048576;
    return user->op;
}

JSValue user_call(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv, int op)
{
    User *user = current;
    if (!user)
        return JS_ThrowTypeError(ctx, "this cannot be called while a value is converted");
    user->op = op;
    user->argc = argc;
    user->argv = argv;
    user->this_val = this_val;
    user->result = JS_UNDEFINED;
    to_hub(user);
    return user->result;
}

/* ---- what a user runs */

static int promise_failed(JSContext *ctx, JSValue *value)
{
    JSValue promise = *value, told = JS_UNDEFINED;
    int failed = 0;
    if (JS_PromiseState(ctx, promise) == JS_PROMISE_REJECTED) {
        told = JS_PromiseResult(ctx, promise);
        failed = 1;
    } else if (JS_PromiseState(ctx, promise) == JS_PROMISE_FULFILLED) {
        told = JS_PromiseResult(ctx, promise);
    }
    JS_FreeValue(ctx, promise);
    *value = told;
    return failed;
}

#include "rejections.h"

/* Run jobs and callbacks until none is to come. */
static int run_callbacks(User *user)
{
    JSContext *ctx = user->ctx, *of_job;
    int told = 0;
    for (;;) {
        while ((told = JS_ExecutePendingJob(ctx->rt, &of_job)) > 0)
            ;
        if (told < 0 || left_rejected(user))
            return -1;
        if (!user->pending)
            return 0;
        JSValue event = user_call(ctx, JS_UNDEFINED, 0, NULL, USER_WAITS);
        if (JS_IsException(event))
            return -1;
        JSValueConst argument = event;
        JSValue value = JS_Call(ctx, user->dispatcher, JS_UNDEFINED, 1, &argument);
        JS_FreeValue(ctx, event);
        if (JS_IsException(value))
            return -1;
        JS_FreeValue(ctx, value);
    }
}

static void user_main(void)
{
    User *user = current;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, &hub_bottom, &hub_bytes);
#endif
    for (;;) {
        JSContext *ctx = user->ctx;
        JSValueConst argument = user->argument;
        if (JS_VALUE_GET_TAG(user->function) == JS_TAG_MODULE)
            user->value = JS_EvalFunction(ctx, js_dup(user->function));
        else
            user->value = JS_Call(ctx, user->function, JS_UNDEFINED, user->argument_count, &argument);
        user->failed = JS_IsException(user->value);
        user->uncaught = 0;
        if (!user->failed && run_callbacks(user) < 0) {
            JS_FreeValue(ctx, user->value);
            user->failed = 1;
        }
        if (user->failed)
            user->value = JS_GetException(ctx);
        else if (JS_IsPromise(user->value))
            user->failed = promise_failed(ctx, &user->value);
        forget_rejections(user);
        user->pending = 0;
        user->op = USER_ENDED;
        to_hub(user);
    }
}

User *user_new(JSContext *ctx, size_t stack_bytes, int isolated)
{
    User *user = calloc(1, sizeof *user);
    if (!user)
        return NULL;
    user->ctx = ctx;
    user->stack_bytes = stack_bytes;
    user->stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (user->stack == MAP_FAILED) {
        free(user);
        return NULL;
    }
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(user->stack, stack_bytes);    /* marks of who had it before */
#endif
    user->stack_limit = (uintptr_t)user->stack + RESERVE_BYTES;
    init_list_head(jobs_of(user));
    user->function = user->value = user->result = JS_UNDEFINED;
    user->argument = user->dispatcher = JS_UNDEFINED;
    user->exception = JS_UNINITIALIZED;
    user->random = now_ns() | 1;
    user->isolated = isolated;
    user->global = isolated ? js_dup(ctx->global_obj) : JS_NewObjectProto(ctx, ctx->global_obj);
    if (JS_IsException(user->global)) {
        user->global = JS_UNDEFINED;
        user_free(user);
        return NULL;
    }
    if (!isolated)
        JS_DefinePropertyValue(ctx, user->global, JS_ATOM_globalThis, js_dup(user->global),
                               JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    current = user;
    user->stack_pointer = first_frame(user->stack + stack_bytes, user_main);
    current = NULL;
    return user;
}

#include "slices.h"
#include "memory.h"

/* ---- errors into a user that is suspended: the runtime's fields are the hub's meanwhile */

/* Errors that are made between the two calls have the user's lines in their stack. */
void user_lines(User *user, int shown)
{
    user->ctx->rt->current_stack_frame = shown ? user->frame : NULL;
}

static void take_exception(User *user)
{
    JSRuntime *rt = user->ctx->rt;
    user->result = JS_EXCEPTION;
    user->exception = rt->current_exception;
    rt->current_exception = JS_UNINITIALIZED;
}

void user_halt(User *user)
{
    JSRuntime *rt = user->ctx->rt;
    JS_ThrowInternalError(user->ctx, "interrupted");
    JS_SetUncatchableError(user->ctx, rt->current_exception);
    take_exception(user);
}

void user_throw(User *user, JSValue error)
{
    JS_Throw(user->ctx, error);
    take_exception(user);
}

#include "counting.h"
#include "copies.h"
#include "instances.h"
#include "values.h"

void user_free(User *user)
{
    JSContext *ctx = user->ctx;
    JS_FreeValue(ctx, user->function);
    JS_FreeValue(ctx, user->argument);
    JS_FreeValue(ctx, user->dispatcher);
    JS_FreeValue(ctx, user->value);
    JS_FreeValue(ctx, user->global);
    forget_rejections(user);
    if (user->modules) {
        for (int i = 0; i < user->modules->count; i++)
            js_free_module_def(ctx, user->modules->table[i].to);
        free(user->modules->table);
        free(user->modules);
    }
    munmap(user->stack, user->stack_bytes);
    free(user);
}

/* ---- what is in C because every script calls it in every iteration */

static JSValue get_number(JSContext *ctx, JSValueConst this_val, int which)
{
    User *user = current;
    if (!user)
        return JS_UNDEFINED;
    return JS_NewInt64(ctx, which ? user->iteration : user->number);
}

/* xorshift64*, as the engine's own Math.random, one state per user. */
static JSValue next_random(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    static uint64_t of_nobody = 88172645463325252ull;
    uint64_t *state = current ? &current->random : &of_nobody, x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return JS_NewFloat64(ctx, (double)((x * 0x2545F4914F6CDD1Dull) >> 11) * 0x1p-53);
}

static JSValue seed_random(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    int64_t seed = 0;
    if (argc && JS_ToInt64(ctx, &seed, argv[0]))
        return JS_EXCEPTION;
    if (current) {                  /* splitmix64, so that near seeds lead far apart */
        uint64_t z = (uint64_t)seed + 0x9E3779B97F4A7C15ull;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        current->random = (z ^ (z >> 31)) | 1;
    }
    return JS_UNDEFINED;
}

static const JSCFunctionListEntry of_global[] = {
    JS_CGETSET_MAGIC_DEF("__VU", get_number, NULL, 0),
    JS_CGETSET_MAGIC_DEF("__ITER", get_number, NULL, 1),
};
static const JSCFunctionListEntry of_host[] = {
    JS_CFUNC_DEF("seedRandom", 1, seed_random),
    JS_CFUNC_DEF("number", 0, kept_number),
    JS_CFUNC_MAGIC_DEF("check", 2, check, USER_CHECKS),
};

static void remove_global(JSContext *ctx, const char *of, const char *name)
{
    JSValue object = JS_GetPropertyStr(ctx, ctx->global_obj, of);
    JSAtom atom = JS_NewAtom(ctx, name);
    if (JS_IsObject(object))
        JS_DeleteProperty(ctx, object, atom, 0);
    JS_FreeAtom(ctx, atom);
    JS_FreeValue(ctx, object);
}

/* Add what is in C to the realm, and `__host`, the object that its prelude takes away. */
int users_install(JSContext *ctx)
{
    JSRuntime *rt = ctx->rt;
    JS_NewClassID(rt, &kept_class);
    if (!JS_IsRegisteredClass(rt, kept_class) && JS_NewClass(rt, kept_class, &kept_definition))
        return -1;
    JS_SetHostPromiseRejectionTracker(rt, note_rejection, NULL);
    JSValue math = JS_GetPropertyStr(ctx, ctx->global_obj, "Math");
    JSValue host = JS_NewObject(ctx);
    JS_SetPropertyFunctionList(ctx, ctx->global_obj, of_global, countof(of_global));
    JS_SetPropertyStr(ctx, math, "random", JS_NewCFunction(ctx, next_random, "random", 0));
    JS_SetPropertyFunctionList(ctx, host, of_host, countof(of_host));
    JS_FreeValue(ctx, math);
    remove_global(ctx, "Array", "fromAsync");       /* the source distribution is without them */
    remove_global(ctx, "Iterator", "zip");
    remove_global(ctx, "Iterator", "zipKeyed");
    return JS_SetPropertyStr(ctx, ctx->global_obj, "__host", host) < 0;
}
