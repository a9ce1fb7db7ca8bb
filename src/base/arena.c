#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Blocks are kept in a list, newest first; each allocation is a block of its own. A configuration has thousands of
 * them at most, so bump allocation would save nothing, and this way the sanitizers see every overrun. */
struct block {
    struct block *next;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *newest;
};

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct block *block = a->newest, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct block *block = calloc(1, sizeof(*block) + size);
    if (!block) {
        fputs("limpet: no memory for the configuration\n", stderr);
        exit(1);
    }
    block->next = a->newest;
    a->newest = block;
    return block->bytes;
}

char *arena_text(struct arena *a, struct span bytes)
{
    char *text = arena_alloc(a, bytes.length + 1);
    if (bytes.length > 0)
        memcpy(text, bytes.data, bytes.length);
    return text;
}

char *arena_format(struct arena *a, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = arena_alloc(a, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}
