#ifndef LIMPET_BASE_TEXT_H
#define LIMPET_BASE_TEXT_H

/* A text under construction in a buffer that its owner lends. It never overflows: what does not fit is cut and
 * remembered in `cut`. Always NUL-terminated (a capacity of at least 1 is asserted). */

#include "base/attr.h"
#include "base/span.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    char *data;
    size_t length; /* without the NUL */
    size_t capacity;
    bool cut;
};

void text_init(struct text *t, char *buffer, size_t capacity);
/* Here, so that words whose length the compiler knows are written without a call. */
static inline void text_add_bytes(struct text *t, const void *data, size_t length)
{
    size_t room = t->capacity - 1 - t->length;
    if (length > room) {
        length = room;
        t->cut = true;
    }
    if (length == 0)
        return;
    assert(data != NULL);
    memcpy(t->data + t->length, data, length);
    t->length += length;
    t->data[t->length] = '\0';
}

static inline void text_add(struct text *t, const char *words)
{
    text_add_bytes(t, words, strlen(words));
}

static inline void text_add_char(struct text *t, char c)
{
    text_add_bytes(t, &c, 1);
}

void text_add_format(struct text *t, const char *format, ...) PRINTF_LIKE(2, 3);
void text_add_unsigned(struct text *t, uint64_t number);
void text_add_hex(struct text *t, const void *data, size_t length);

/* Bytes as one log word: printable ASCII as it is; space, quotes, backslash, control and 8-bit bytes as \xNN. */
void text_add_escaped(struct text *t, struct span bytes);

/* Bytes as a JSON string with its quotes (RFC 8259 section 7). Valid UTF-8 stays; any other byte becomes \u00NN. */
void text_add_json(struct text *t, struct span bytes);

/* Bytes as the value of a label in Prometheus' text format 0.0.4, with its quotes. Valid UTF-8 stays, and any other byte
 * becomes the character U+FFFD: one that is no UTF-8 would make the reader refuse all there is. */
void text_add_label(struct text *t, struct span bytes);

#endif
