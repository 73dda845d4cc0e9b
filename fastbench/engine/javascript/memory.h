/* Part of users.c: what the users of a runtime may allocate together.

   Where it is used up the allocation fails, and the script gets an exception. To make that, and its stack,
   a little more is granted; the hub, which must be able to tell of it, gets more than that. */

#define SCARCE_BYTES (1u << 20)
#define HUB_BYTES (16u << 20)

typedef struct Memory {
    JSRuntime *rt;
    size_t limit, watermark, collected;
    int scarce;                 /* an allocation of a script has failed */
} Memory;

/* Values that only point at each other are looked for before the limit is reached: the runtime itself
   looks when its memory has grown by half. */
static int refused_above(Memory *memory, size_t bytes)
{
    JSRuntime *rt = memory->rt;
    size_t allowed = memory->limit;
    if (!current || rt->in_out_of_memory)
        allowed += HUB_BYTES;
    else if (memory->scarce)
        allowed += SCARCE_BYTES;
    if (bytes < memory->collected)
        memory->collected = bytes;
    if (bytes > memory->collected + memory->limit / 50) {
        memory->collected = bytes;
        rt->malloc_gc_threshold = 0;
    }
    if (bytes <= allowed) {
        if (bytes < memory->limit - memory->limit / 20)
            memory->scarce = 0;
        return 0;
    }
    memory->scarce = 1;
    rt->malloc_gc_threshold = 0;
    return 1;
}

static int refused(Memory *memory, size_t more)
{
    size_t bytes = more;
    if (!memory->rt || __builtin_add_overflow(memory->rt->malloc_state.malloc_size, more, &bytes))
        return memory->rt != NULL;
    return bytes > memory->watermark && refused_above(memory, bytes);
}

static void *limited_calloc(void *opaque, size_t count, size_t size)
{
    return refused(opaque, count * size) ? NULL : calloc(count, size);
}

static void *limited_malloc(void *opaque, size_t size)
{
    return refused(opaque, size) ? NULL : malloc(size);
}

static void limited_free(void *opaque, void *at)
{
    free(at);
}

static void *limited_realloc(void *opaque, void *at, size_t size)
{
    size_t old = js__malloc_usable_size(at);
    return size > old && refused(opaque, size - old) ? NULL : realloc(at, size);
}

static const JSMallocFunctions limited_functions = {
    limited_calloc, limited_malloc, limited_free, limited_realloc, js__malloc_usable_size,
};

JSRuntime *runtime_new(size_t memory_bytes)
{
    Memory *memory = memory_bytes ? calloc(1, sizeof *memory) : NULL;
    if (!memory)
        return memory_bytes ? NULL : JS_NewRuntime();
    JSRuntime *rt = JS_NewRuntime2(&limited_functions, memory);
    if (!rt) {
        free(memory);
        return NULL;
    }
    memory->limit = memory_bytes;
    memory->watermark = memory->collected = memory_bytes - memory_bytes / 10;
    memory->rt = rt;
    return rt;
}
