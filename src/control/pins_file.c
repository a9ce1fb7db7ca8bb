#include "control/pins_file.h"

#include "base/clock.h"
#include "control/pins_image.h"
#include "control/powers.h"

#include <errno.h>
#include <stdlib.h>

/* Pins are taken from the table so many at a time. */
#define BATCH 256

static struct pins_image_time time_now(void)
{
    return (struct pins_image_time){
        .wall = (uint64_t)(clock_wall() / SECOND_IN_MICROS),
        .steady = (uint32_t)(clock_steady() / SECOND_IN_MICROS),
    };
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

struct buffer {
    uint8_t *bytes;
    size_t length, capacity;
};

static bool make_room(struct buffer *buffer, size_t more)
{
    if (more <= buffer->capacity - buffer->length)
        return true;
    size_t capacity = 2 * (buffer->length + more);
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (!bytes)
        return false;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

static bool fill(struct buffer *buffer, const struct plan *plan, const void *memory)
{
    struct pins_image_time now = time_now();
    struct pin list[BATCH];
    size_t cursor = 0, count;
    if (!make_room(buffer, PINS_IMAGE_HEAD))
        return false;
    pins_image_begin(buffer->bytes, now);
    buffer->length = PINS_IMAGE_HEAD;
    while ((count = pin_memory_list(memory, plan->pins.most, &cursor, list, BATCH)) > 0) {
        if (!make_room(buffer, count * PINS_IMAGE_PIN))
            return false;
        for (size_t i = 0; i < count; i++)
            if (pins_image_add(buffer->bytes + buffer->length, &list[i], now))
                buffer->length += PINS_IMAGE_PIN;
    }
    return true;
}

long pins_file_save(const struct plan *plan, const void *memory)
{
    struct buffer buffer = {.bytes = NULL};
    long done = -ENOMEM;
    if (fill(&buffer, plan, memory)) {
        int failure = powers_replace_file(plan->pins.file, buffer.bytes, buffer.length);
        done = failure ? failure : (long)((buffer.length - PINS_IMAGE_HEAD) / PINS_IMAGE_PIN);
    }
    free(buffer.bytes);
    return done;
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

static long take(const struct plan *plan, void *memory, struct span bytes)
{
    struct pins_image image;
    struct pin pin;
    if (!pins_image_open(&image, bytes, time_now()))
        return -EBADMSG;
    micros now = clock_steady();
    struct pin_table *table = pin_table_new(memory, plan->pins.most, now);
    if (!table)
        return -ENOMEM;
    while (pins_image_next(&image, &pin))
        if (!pin_table_put(table, &pin, now))
            break; /* no memory for more */
    long count = (long)pin_table_count(table);
    pin_table_free(table); /* the pins stay in the memory */
    return count;
}

long pins_file_load(const struct plan *plan, void *memory)
{
    const size_t most = PINS_IMAGE_HEAD + (size_t)PLAN_PINS_MOST * PINS_IMAGE_PIN;
    char *text;
    size_t length;
    int failure = powers_read_file(plan->pins.file, most, &text, &length);
    if (failure)
        return failure == -ENOENT ? 0 : failure;
    long count = length > 0 ? take(plan, memory, span_of(text, length)) : 0;
    free(text);
    return count;
}
