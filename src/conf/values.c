#include "conf/values.h"

#include <assert.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"ms", MILLIS_IN_MICROS},           {"s", SECOND_IN_MICROS},
    {"m", 60ull * SECOND_IN_MICROS},    {"h", 3600ull * SECOND_IN_MICROS},
    {"d", 86400ull * SECOND_IN_MICROS},
};

static const struct unit size_units[] = {
    {"B", 1},        {"KiB", 1ull << 10}, {"MiB", 1ull << 20},   {"GiB", 1ull << 30},
    {"KB", 1000ull}, {"MB", 1000000ull},  {"GB", 1000000000ull},
};

const char *values_fault_text(enum value_fault fault)
{
    static const char *const texts[] = {
        [VALUE_FINE] = "fine",
        [VALUE_NO_NUMBER] = "not a whole number",
        [VALUE_LEADING_ZERO] = "a number with a leading zero",
        [VALUE_TOO_BIG] = "too big a number",
        [VALUE_NO_UNIT] = "the unit is missing",
        [VALUE_BAD_UNIT] = "not a unit that is known",
    };
    assert(fault < ARRAY_LENGTH(texts));
    return texts[fault];
}

/* The digits in front. Leaves the rest of the text in *rest. */
static enum value_fault digits(struct span text, uint64_t *number, struct span *rest)
{
    size_t count = 0;
    bool too_big = false;
    *number = 0;
    for (; count < text.length && text.data[count] >= '0' && text.data[count] <= '9'; count++)
        too_big |= __builtin_mul_overflow(*number, 10, number) ||
                   __builtin_add_overflow(*number, (uint64_t)(text.data[count] - '0'), number);
    *rest = span_of(text.data + count, text.length - count);
    if (count == 0)
        return VALUE_NO_NUMBER;
    if (count > 1 && text.data[0] == '0')
        return VALUE_LEADING_ZERO;
    return too_big ? VALUE_TOO_BIG : VALUE_FINE;
}

enum value_fault values_number(struct span text, uint64_t *number)
{
    struct span rest;
    enum value_fault fault = digits(text, number, &rest);
    return rest.length > 0 ? VALUE_NO_NUMBER : fault;
}

static enum value_fault with_unit(struct span text, const struct unit *units, size_t count, uint64_t *amount)
{
    struct span rest;
    uint64_t number;
    enum value_fault fault = digits(text, &number, &rest);
    if (fault != VALUE_FINE)
        return fault;
    if (rest.length == 0)
        return VALUE_NO_UNIT;
    for (size_t i = 0; i < count; i++)
        if (span_equal(rest, span_text(units[i].name)))
            return __builtin_mul_overflow(number, units[i].factor, amount) ? VALUE_TOO_BIG : VALUE_FINE;
    return VALUE_BAD_UNIT;
}

enum value_fault values_duration(struct span text, micros *duration)
{
    /* A thousand years: far from the end of the clock, so that sums of times never overflow. */
    const uint64_t most = 365000ull * 86400 * SECOND_IN_MICROS;
    uint64_t amount = 0;
    enum value_fault fault = with_unit(text, duration_units, ARRAY_LENGTH(duration_units), &amount);
    if (fault != VALUE_FINE)
        return fault;
    if (amount > most)
        return VALUE_TOO_BIG;
    *duration = (micros)amount;
    return VALUE_FINE;
}

enum value_fault values_size(struct span text, uint64_t *bytes)
{
    return with_unit(text, size_units, ARRAY_LENGTH(size_units), bytes);
}

bool values_boolean(struct span text, bool *boolean)
{
    *boolean = span_equal(text, span_text("true")) || span_equal(text, span_text("on"));
    return *boolean || span_equal(text, span_text("false")) || span_equal(text, span_text("off"));
}
