/* Part of users.c: how long code runs until others have their turns, and where nobody can have one. */

#define CONVERSION_NS 1000000000ull     /* what a getter may take while the hub reads a value */
#define APART_NS 200000000ull   /* code that runs is asked more often than that: this is another call */

/* A turn of the loop begins: however many operations the user asks for, its slice is this one. */
void user_slice_begins(void)
{
    if (slice_ns)
        begun_ns = now_ns();
}

void hub_unlimited(int begins)
{
    unlimited += begins ? 1 : -1;
}

int conversion_stopped(void)
{
    int was = stopped;
    stopped = 0;
    return was;
}

/* Nobody can be given a turn while the hub reads a value, so that code in it has a limit. */
static int conversion_over(void)
{
    uint64_t now = now_ns();
    if (unlimited)
        return 0;
    if (!converting_ns || now - asked_ns > APART_NS)
        converting_ns = now;
    asked_ns = now;
    if (now - converting_ns < CONVERSION_NS)
        return 0;
    converting_ns = 0;
    stopped = 1;
    return 1;
}

int user_over(User *user)
{
    return user->limit_ns && user->ran_ns > user->limit_ns;
}

/* A user's code is asked now and then whether it is to go on. */
static int interrupt(JSRuntime *rt, void *opaque)
{
    User *user = current;
    if (!user)
        return conversion_over();
    uint64_t now = now_ns();
    if (now - begun_ns < slice_ns &&
        !(user->limit_ns && user->ran_ns + now - resumed_ns > user->limit_ns))
        return 0;
    return JS_IsBool(user_call(user->ctx, JS_UNDEFINED, 0, NULL, USER_PREEMPTED));
}

void user_slices(JSRuntime *rt, uint64_t ns)
{
    slice_ns = ns;
    JS_SetInterruptHandler(rt, ns ? interrupt : NULL, NULL);
}
