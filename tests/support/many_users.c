/* Users of quickjs without Python: fifty of them, resumed in a changing order, each with sums of floating point
   numbers on its stack, errors thrown into it, and recursion to the end of its stack. Prints one line, and returns
   0 if every sum is the one that plain C comes to. See tests/engine/test_stack_switches.py. */
#include "users.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 50, TURNS = 200, STACK_BYTES = 262144 };

static const char script[] =
    "(function (seed) {\n"
    "  const deep = (n) => deep(n + 1) + 1;\n"
    "  let sum = 0.25, found = '';\n"
    "  for (let i = 0; i < 200; i++) {\n"
    "    sum = sum * 0.5 + [seed].map((x) => ask(x * 1.5 + i))[0];\n"
    "    if (i % 10 === 0) { try { ask(-1); } catch (error) { sum += error.message.length; } }\n"
    "  }\n"
    "  try { deep(0); } catch (error) { found = error.name; }\n"
    "  return found === 'RangeError' ? sum : -1;\n"
    "})";

static double expected(double seed)
{
    double sum = 0.25;
    for (int i = 0; i < TURNS; i++) {
        sum = sum * 0.5 + (seed * 1.5 + i) * 0.75;
        if (i % 10 == 0)
            sum += 4;
    }
    return sum;
}

/* Numbers that live across a switch, in the registers that a callee must save: each side has its own. */
static int lost;
static const volatile double of_users[4] = {-1.5, 7.25, 1e-300, 2.0 / 9}, of_hub[4] = {1.25, -2.5, 1e300, 3.0 / 7};
#define TAKE(from) double a = from[0], b = from[1], c = from[2], d = from[3]
#define STILL(from) (a == from[0] && b == from[1] && c == from[2] && d == from[3])

static JSValue ask(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv, int op)
{
    TAKE(of_users);
    JSValue told = user_call(ctx, this_val, argc, argv, op);
    lost += !STILL(of_users);
    return told;
}

/* Answer one question. */
static int turn(JSContext *ctx, User *user)
{
    double asked = 0;
    TAKE(of_hub);
    int op = user_resume(user);
    lost += !STILL(of_hub);
    if (op == USER_ENDED)
        return 0;
    if (op != USER_FIRST_OPERATION || user->argc != 1 || JS_ToFloat64(ctx, &asked, user->argv[0]))
        return -1;
    if (asked < 0) {
        JSValue error = JS_NewError(ctx);
        JS_SetPropertyStr(ctx, error, "message", JS_NewString(ctx, "four"));
        user_throw(user, error);
    } else {
        user->result = JS_NewFloat64(ctx, asked * 0.75);
    }
    return 1;
}

int main(void)
{
    JSRuntime *rt = JS_NewRuntime();
    JSContext *ctx = JS_NewContext(rt);
    User *users[USERS];
    int left = USERS, wrong = 0;
    long switches = 0;
    if (users_install(ctx))
        return 2;
    JSValue global = JS_GetGlobalObject(ctx);
    JS_SetPropertyStr(ctx, global, "ask",
                      JS_NewCFunctionMagic(ctx, ask, "ask", 1, JS_CFUNC_generic_magic, USER_FIRST_OPERATION));
    JS_FreeValue(ctx, global);
    JSValue function = JS_Eval(ctx, script, strlen(script), "script", JS_EVAL_TYPE_GLOBAL);
    if (JS_IsException(function))
        return 2;
    for (int i = 0; i < USERS; i++) {
        users[i] = user_new(ctx, STACK_BYTES, 0);
        users[i]->function = JS_DupValue(ctx, function);
        users[i]->argument = JS_NewFloat64(ctx, i);
        users[i]->argument_count = 1;
    }
    int ended[USERS] = {0};
    srand(1);
    while (left) {
        int i = rand() % USERS;
        if (ended[i])
            continue;
        int told = turn(ctx, users[i]);
        switches++;
        if (told > 0)
            continue;
        double sum = 0;
        ended[i] = 1;
        left--;
        if (told < 0 || users[i]->failed || JS_ToFloat64(ctx, &sum, users[i]->value) || sum != expected(i))
            wrong++;
    }
    for (int i = 0; i < USERS; i++)
        user_free(users[i]);
    JS_FreeValue(ctx, function);
    JS_FreeContext(ctx);
    JS_FreeRuntime(rt);
    printf("%ld switches, %d wrong, %d lost\n", switches, wrong, lost);
    return wrong || lost;
}
