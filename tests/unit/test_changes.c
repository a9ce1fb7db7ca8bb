/* Which names a route's changes are about. */

#include "carry/changes.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void case_and_signs_do_not_tell_names_apart(void **state)
{
    static const char *const same[] = {"x-user", "X-User", "X_USER", "x.user", "x~user"};
    static const char *const others[] = {"xuser", "x-use", "x-users", "xxuser", "x-u5er", "x0user"};
    for (size_t i = 0; i < ARRAY_LENGTH(same); i++)
        assert_true(changes_same_name(span_text("X-User"), span_text(same[i])));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_false(changes_same_name(span_text("X-User"), span_text(others[i])));
}

static void every_letter_and_digit_does(void **state)
{
    for (int one = 0; one < 256; one++)
        for (int other = 0; other < 256; other++) {
            const uint8_t a = (uint8_t)one, b = (uint8_t)other;
            bool signs = !isalnum(one) && !isalnum(other);
            assert_int_equal(changes_same_name(span_of(&a, 1), span_of(&b, 1)),
                             signs || tolower(one) == tolower(other));
        }
}

static void what_is_set_or_removed_is_dropped_and_what_is_added_is_not(void **state)
{
    static const struct plan_change all[] = {
        {.kind = CHANGE_SET, .name = {(const uint8_t *)"Date", 4}, .value = {(const uint8_t *)"now", 3}},
        {.kind = CHANGE_ADD, .name = {(const uint8_t *)"Vary", 4}, .value = {(const uint8_t *)"Origin", 6}},
        {.kind = CHANGE_REMOVE, .name = {(const uint8_t *)"X-Who", 5}},
    };
    const struct plan_changes changes = {.all = all, .count = ARRAY_LENGTH(all)}, none = {0};
    assert_true(changes_touch(&changes, span_text("date")));
    assert_true(changes_touch(&changes, span_text("x_who")));
    assert_false(changes_touch(&changes, span_text("Vary")));
    assert_false(changes_touch(&none, span_text("Date")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_and_signs_do_not_tell_names_apart),
        cmocka_unit_test(every_letter_and_digit_does),
        cmocka_unit_test(what_is_set_or_removed_is_dropped_and_what_is_added_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
