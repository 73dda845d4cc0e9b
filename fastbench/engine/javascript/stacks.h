/* Part of users.c: the switch from one stack to another. Callee-saved registers go on the stack, then
   the other stack pointer is taken: 14 ns on x86-64, where swapcontext(3) needs 450 (it asks the kernel).
   It is what other processors get; STACKS_BY_UCONTEXT chooses it everywhere, for its test. */

#if defined(__x86_64__) && !defined(STACKS_BY_UCONTEXT)
__attribute__((naked, noinline)) static void swap_stacks(void **save, void *load)
{
    __asm__ volatile(
        "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
        "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
        "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");
}

static void *first_frame(char *top, void (*entry)(void))
{
    uintptr_t *p = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15);
    *--p = 0;                       /* where `entry` would return to */
    *--p = (uintptr_t)entry;
    for (int i = 0; i < 6; i++)
        *--p = 0;
    return p;
}
#elif defined(__aarch64__) && !defined(STACKS_BY_UCONTEXT)
void swap_stacks(void **save, void *load);
__asm__(
    ".text\n.align 4\n.global swap_stacks\n.type swap_stacks, %function\nswap_stacks:\n"
    "sub x2, sp, #160\n"
    "stp x19, x20, [x2, #0]\n stp x21, x22, [x2, #16]\n stp x23, x24, [x2, #32]\n"
    "stp x25, x26, [x2, #48]\n stp x27, x28, [x2, #64]\n stp x29, x30, [x2, #80]\n"
    "stp d8, d9, [x2, #96]\n stp d10, d11, [x2, #112]\n stp d12, d13, [x2, #128]\n"
    "stp d14, d15, [x2, #144]\n"
    "str x2, [x0]\n"
    "ldp x19, x20, [x1, #0]\n ldp x21, x22, [x1, #16]\n ldp x23, x24, [x1, #32]\n"
    "ldp x25, x26, [x1, #48]\n ldp x27, x28, [x1, #64]\n ldp x29, x30, [x1, #80]\n"
    "ldp d8, d9, [x1, #96]\n ldp d10, d11, [x1, #112]\n ldp d12, d13, [x1, #128]\n"
    "ldp d14, d15, [x1, #144]\n"
    "add sp, x1, #160\n ret\n");

static void *first_frame(char *top, void (*entry)(void))
{
    uintptr_t *p = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15) - 20;
    memset(p, 0, 160);
    p[11] = (uintptr_t)entry;       /* x30 */
    return p;
}
#else
#include <ucontext.h>
static void swap_stacks(void **save, void *load)
{
    ucontext_t here;
    *save = &here;
    swapcontext(&here, load);
}

static void *first_frame(char *top, void (*entry)(void))
{
    ucontext_t *first = (ucontext_t *)((uintptr_t)(top - sizeof *first) & ~(uintptr_t)63);
    getcontext(first);
    first->uc_stack.ss_sp = current->stack;
    first->uc_stack.ss_size = (char *)first - current->stack;
    first->uc_link = NULL;
    makecontext(first, entry, 0);
    return first;
}
#endif

