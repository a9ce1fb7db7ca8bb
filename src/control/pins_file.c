#include "control/pins_file.h"

#include "base/clock.h"
#include "control/powers.h"
#include "route/pin_table.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "limpet pins 1\n";
#define MAGIC_LENGTH (sizeof(magic) - 1)
#define HEAD_LENGTH (MAGIC_LENGTH + 8)
#define PIN_LENGTH 32

/* Pins are taken from the table so many at a time. */
#define BATCH 256

static uint64_t seconds_of_wall(void)
{
    return (uint64_t)(clock_wall() / SECOND_IN_MICROS);
}

static uint32_t seconds_of_steady(void)
{
    return (uint32_t)(clock_steady() / SECOND_IN_MICROS);
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

struct image {
    uint8_t *bytes;
    size_t length, capacity;
};

static bool image_room(struct image *image, size_t more)
{
    if (more <= image->capacity - image->length)
        return true;
    size_t capacity = 2 * (image->length + more);
    uint8_t *bytes = realloc(image->bytes, capacity);
    if (!bytes)
        return false;
    image->bytes = bytes;
    image->capacity = capacity;
    return true;
}

static void add_bytes(struct image *image, const void *bytes, size_t length)
{
    memcpy(image->bytes + image->length, bytes, length);
    image->length += length;
}

static void add_64(struct image *image, uint64_t number)
{
    number = htole64(number);
    add_bytes(image, &number, sizeof(number));
}

static void add_32(struct image *image, uint32_t number)
{
    number = htole32(number);
    add_bytes(image, &number, sizeof(number));
}

static void add_pin(struct image *image, const struct pin *pin, uint32_t now)
{
    add_64(image, pin->mark.low);
    add_64(image, pin->mark.high);
    add_64(image, pin->server);
    add_32(image, pin->until - now);
    add_32(image, pin->claimed);
}

static bool fill(struct image *image, const struct plan *plan, const void *memory)
{
    struct pin list[BATCH];
    size_t cursor = 0, count;
    uint32_t now = seconds_of_steady();
    if (!image_room(image, HEAD_LENGTH))
        return false;
    add_bytes(image, magic, MAGIC_LENGTH);
    add_64(image, seconds_of_wall());
    while ((count = pin_table_peek(memory, plan->pins.most, &cursor, list, BATCH)) > 0) {
        if (!image_room(image, count * PIN_LENGTH))
            return false;
        for (size_t i = 0; i < count; i++)
            if (list[i].until > now)
                add_pin(image, &list[i], now);
    }
    return true;
}

long pins_file_save(const struct plan *plan, const void *memory)
{
    struct image image = {.bytes = NULL};
    long done = -ENOMEM;
    if (fill(&image, plan, memory)) {
        int failure = powers_replace_file(plan->pins.file, image.bytes, image.length);
        done = failure ? failure : (long)((image.length - HEAD_LENGTH) / PIN_LENGTH);
    }
    free(image.bytes);
    return done;
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

static uint64_t read_64(const uint8_t *bytes)
{
    uint64_t number;
    memcpy(&number, bytes, sizeof(number));
    return le64toh(number);
}

static uint32_t read_32(const uint8_t *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof(number));
    return le32toh(number);
}

/* False if it ran out meanwhile. */
static bool read_pin(const uint8_t *bytes, uint64_t passed, struct pin *pin)
{
    uint32_t left = read_32(bytes + 24);
    *pin = (struct pin){
        .mark = {read_64(bytes), read_64(bytes + 8)},
        .server = read_64(bytes + 16),
        .claimed = read_32(bytes + 28),
    };
    if (left <= passed || pin->server == PIN_TABLE_NOBODY)
        return false;
    uint32_t now = seconds_of_steady();
    left -= (uint32_t)passed;
    pin->until = left < UINT32_MAX - now ? now + left : UINT32_MAX;
    return true;
}

static long take(const struct plan *plan, void *memory, const uint8_t *bytes, size_t length)
{
    uint64_t written = read_64(bytes + MAGIC_LENGTH), wall = seconds_of_wall();
    uint64_t passed = wall > written ? wall - written : 0; /* a clock that went back makes none older */
    struct pin_table *table = pin_table_new(memory, plan->pins.most, clock_steady());
    long count = 0;
    if (!table)
        return -ENOMEM;
    for (size_t at = HEAD_LENGTH; at + PIN_LENGTH <= length; at += PIN_LENGTH) {
        struct pin pin;
        if (read_pin(bytes + at, passed, &pin) && pin_table_put(table, &pin, clock_steady()))
            count++;
    }
    pin_table_free(table); /* the pins stay in the memory */
    return count;
}

long pins_file_load(const struct plan *plan, void *memory)
{
    char *text;
    size_t length;
    int failure = powers_read_file(plan->pins.file, HEAD_LENGTH + (size_t)PLAN_PINS_MOST * PIN_LENGTH, &text, &length);
    if (failure)
        return failure == -ENOENT ? 0 : failure;
    bool ours =
        length >= HEAD_LENGTH && memcmp(text, magic, MAGIC_LENGTH) == 0 && (length - HEAD_LENGTH) % PIN_LENGTH == 0;
    long count = ours ? take(plan, memory, (const uint8_t *)text, length) : -EBADMSG;
    free(text);
    return count;
}
