/* Users of one realm of quickjs: each has a stack of its own, a global object of its own, and module
   instances that share their bytecode with all others.

   A native function of the realm (`user_call`) leaves its operation and arguments in the struct and
   switches to the hub, which is whoever called `user_resume`: it does all of Python's work, and resumes
   the user with a result. No frame of Python ever stands on a user's stack. */
#ifndef FASTBENCH_USERS_H
#define FASTBENCH_USERS_H

#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

enum { USER_ENDED, USER_PREEMPTED, USER_WAITS, USER_CHECKS, USER_FIRST_OPERATION };

typedef struct UserModules UserModules;
typedef struct Checks Checks;       /* where those of one place are counted, by name */

typedef struct User {
    /* what the hub reads when `user_resume` returned an operation */
    int op;
    int argc;
    JSValueConst *argv;
    JSValueConst this_val;
    JSValue result;             /* what the operation returns, given by the hub */
    /* what is run next, and what it returned */
    JSValue function;           /* a function, or a module that is evaluated */
    JSValue argument;
    int argument_count;         /* 0 or 1 */
    JSValue value;
    int failed;                 /* `value` was thrown */
    int uncaught;               /* in a promise that nobody handles */
    int pending;                /* callbacks that are still to come: the run waits for them */
    JSValue dispatcher;         /* a function that is given each of them */
    int64_t number;             /* __VU */
    int64_t iteration;          /* __ITER */
    uint64_t limit_ns;          /* what a call may compute for, 0 for ever; waiting is not counted */
    uint64_t ran_ns;            /* what it has computed for, where there is a limit */
    uint64_t random;            /* state of Math.random */
    Checks *checks;             /* of where it is recorded; NULL: the hub counts each */
    /* what belongs to the switch */
    JSContext *ctx;
    void *stack_pointer;
    char *stack;
    size_t stack_bytes;
    uintptr_t stack_limit;
    void *frame;
    void *jobs[2];              /* a struct list_head */
    JSValue exception;
    JSValue global;
    int isolated;               /* `ctx` is of this user alone */
    UserModules *modules;
    void *rejections;           /* see rejections.h */
    int rejection_count;
    void *asan_stack;
} User;

/* All return NULL, -1 or JS_EXCEPTION when memory is short; the exception is the context's. */
User *user_new(JSContext *ctx, size_t stack_bytes, int isolated);
void user_free(User *user);
int user_resume(User *user);
User *user_current(void);
JSValue user_call(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv, int op);
void user_halt(User *user);                     /* an error that no catch of the script sees */
void user_throw(User *user, JSValue error);
void user_lines(User *user, int shown);
void user_slices(JSRuntime *rt, uint64_t slice_ns);
void user_slice_begins(void);
/* Code that the hub runs, as a getter of a value that it reads, is stopped after a second; what is run
   between the two calls of `hub_unlimited` is not. `conversion_stopped`: was it, since the last look? */
void hub_unlimited(int begins);
int conversion_stopped(void);
int user_over(User *user);                      /* it has computed for longer than its limit */

JSRuntime *runtime_new(size_t memory_bytes);    /* 0: no limit; see memory.h */

Checks *checks_new(void);
void checks_free(JSContext *ctx, Checks *checks);
int checks_add(JSContext *ctx, Checks *checks, JSValueConst name, uint64_t *rate);

int user_instantiate(User *user, JSModuleDef *module);   /* `function` is it then */
JSValue user_export(User *user, const char *name);

/* An object of Python that JavaScript holds. What was let go waits in `released` for the hub. */
typedef struct Kept {
    void *object;
    int number;
    struct Kept *next;
} Kept;

extern Kept *released;
JSValue kept_new(JSContext *ctx, JSValueConst prototype, void *object, int number);
Kept *kept_of(JSValueConst value);

int value_tag(JSValueConst value);
size_t request_key(JSContext *ctx, int argc, JSValueConst *argv, char *buffer, size_t capacity);
JSValue value_undefined(void);
JSValue value_null(void);
JSValue value_bool(int truth);
JSValue value_exception(void);
JSModuleDef *value_module(JSValueConst value);
int users_install(JSContext *ctx);
JSContext *context_new(JSRuntime *rt);          /* one more, for a user of its own; see copies.h */
JSValue context_evaluate(JSContext *ctx, JSValueConst compiled);

#endif
