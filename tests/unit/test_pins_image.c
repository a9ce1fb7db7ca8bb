#include "control/pins_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define WALL 1800000000u
#define STEADY 1000u
#define HOUR 3600u

static const struct pins_image_time now = {.wall = WALL, .steady = STEADY};

static uint8_t bytes[PINS_IMAGE_HEAD + 10 * PINS_IMAGE_PIN];
static size_t length;

static int start(void **state)
{
    pins_image_begin(bytes, now);
    length = PINS_IMAGE_HEAD;
    return 0;
}

static struct pin pin_of(uint64_t number)
{
    return (struct pin){.mark = {number, ~number}, .server = 7 * number, .until = STEADY + HOUR, .claimed = WALL - 60};
}

static void add(struct pin pin)
{
    assert_true(pins_image_add(bytes + length, &pin, now));
    length += PINS_IMAGE_PIN;
}

/* Of a copy that ends where the image ends, so that the sanitizer sees a step too far. How many pins; -1: it is none. */
static int read_at(size_t shown, struct pins_image_time then, struct pin *list)
{
    uint8_t *copy = malloc(shown + 1);
    struct pins_image image;
    int count = -1;
    assert_non_null(copy);
    memcpy(copy + 1, bytes, shown);
    if (pins_image_open(&image, span_of(copy + 1, shown), then))
        for (count = 0; pins_image_next(&image, &list[count]);)
            count++;
    free(copy);
    return count;
}

static int read_after(uint32_t seconds, struct pin *list)
{
    return read_at(length, (struct pins_image_time){WALL + seconds, 50}, list);
}

static void what_was_written_is_read(void **state)
{
    struct pin list[10] = {0}, pin = pin_of(3);
    pin.seen = 1;
    pin.confirmed = 9;
    add(pin_of(2));
    add(pin);
    assert_int_equal(read_at(length, now, list), 2);
    assert_true(mark_equal(list[0].mark, pin_of(2).mark) && mark_equal(list[1].mark, pin.mark));
    assert_int_equal(list[1].server, 21);
    assert_int_equal(list[1].until, STEADY + HOUR);
    assert_int_equal(list[1].claimed, WALL - 60);
    assert_int_equal(list[0].seen, 0);
    assert_int_equal(list[1].seen, 1);
    assert_int_equal(list[1].confirmed, PIN_TABLE_UNCONFIRMED);
}

/* Files of one limpet are read by the next one. */
static void its_form_is_the_one_of_the_description(void **state)
{
    static const uint8_t expected[] = "limpet pins 1\n"
                                      "\x00\xd2\x49\x6b\0\0\0\0"
                                      "\x08\x07\x06\x05\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11"
                                      "\x28\x27\x26\x25\x24\x23\x22\x21\x10\x0e\0\x80\x38\x37\x36\x35";
    add((struct pin){.mark = {0x0102030405060708, 0x1112131415161718},
                     .server = 0x2122232425262728,
                     .until = STEADY + HOUR,
                     .claimed = 0x35363738,
                     .seen = 1});
    assert_int_equal(length, sizeof(expected) - 1);
    assert_memory_equal(bytes, expected, length);
}

static void an_image_without_pins_is_one(void **state)
{
    struct pin list[10] = {0};
    assert_int_equal(read_at(length, now, list), 0);
}

static void what_ran_out_is_not_written(void **state)
{
    struct pin pin = pin_of(1);
    for (pin.until = 0; pin.until <= STEADY; pin.until += STEADY / 2)
        assert_false(pins_image_add(bytes + length, &pin, now));
}

static void a_truncated_image_is_none(void **state)
{
    struct pin list[10] = {0};
    add(pin_of(1));
    add(pin_of(2));
    for (size_t shown = 0; shown <= length; shown++) {
        bool whole = shown >= PINS_IMAGE_HEAD && (shown - PINS_IMAGE_HEAD) % PINS_IMAGE_PIN == 0;
        assert_int_equal(read_at(shown, now, list), whole ? (int)((shown - PINS_IMAGE_HEAD) / PINS_IMAGE_PIN) : -1);
    }
}

static void what_begins_otherwise_is_none(void **state)
{
    struct pin list[10] = {0};
    add(pin_of(1));
    for (size_t at = 0; at < PINS_IMAGE_HEAD - 8; at++) {
        bytes[at] ^= 1;
        assert_int_equal(read_at(length, now, list), -1);
        bytes[at] ^= 1;
    }
    assert_int_equal(read_at(length, now, list), 1);
}

static void time_passes_while_nobody_is_there(void **state)
{
    struct pin list[10] = {0};
    add(pin_of(1));
    assert_int_equal(read_after(600, list), 1);
    assert_int_equal(list[0].until, 50 + HOUR - 600);
    assert_int_equal(read_after(HOUR - 1, list), 1);
    assert_int_equal(list[0].until, 51);
    assert_int_equal(read_after(HOUR, list), 0);
    assert_int_equal(read_after(UINT32_MAX - WALL, list), 0);
    assert_int_equal(read_at(length, (struct pins_image_time){UINT64_MAX, 50}, list), 0);
}

static void a_clock_that_went_back_makes_none_older(void **state)
{
    struct pin list[10] = {0};
    add(pin_of(1));
    for (uint64_t wall = 0; wall <= WALL; wall += WALL / 4) {
        assert_int_equal(read_at(length, (struct pins_image_time){wall, 50}, list), 1);
        assert_int_equal(list[0].until, 50 + HOUR);
    }
}

static void the_end_of_time_is_no_overflow(void **state)
{
    struct pin list[10] = {0}, pin = pin_of(1);
    pin.until = UINT32_MAX;
    add(pin);
    assert_int_equal(read_at(length, (struct pins_image_time){WALL, UINT32_MAX - 5}, list), 1);
    assert_int_equal(list[0].until, UINT32_MAX);
    assert_int_equal(list[0].seen, 0);
    assert_int_equal(read_after(0, list), 1);
    assert_int_equal(list[0].until, 50u + INT32_MAX);
}

static void a_pin_of_nobody_is_none(void **state)
{
    struct pin list[10] = {0};
    add(pin_of(1));
    add(pin_of(0));
    add(pin_of(2));
    assert_int_equal(read_at(length, now, list), 2);
    assert_int_equal(list[1].server, 14);
}

#define fresh(test) cmocka_unit_test_setup(test, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(what_was_written_is_read),          fresh(its_form_is_the_one_of_the_description),
        fresh(an_image_without_pins_is_one),      fresh(what_ran_out_is_not_written),
        fresh(a_truncated_image_is_none),         fresh(what_begins_otherwise_is_none),
        fresh(time_passes_while_nobody_is_there), fresh(a_clock_that_went_back_makes_none_older),
        fresh(the_end_of_time_is_no_overflow),    fresh(a_pin_of_nobody_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
