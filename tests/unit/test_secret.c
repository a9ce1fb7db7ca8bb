#include "seal/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ONE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define TWO "FF0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const char *judge(const char *text, unsigned *line)
{
    return secret_judge(span_text(text), line);
}

static void assert_good(const char *text, size_t keys)
{
    uint8_t derived[SECRET_LINES_MOST][SECRET_SIZE];
    unsigned line;
    assert_null(judge(text, &line));
    assert_int_equal(secret_derive(span_text(text), SECRET_FOR_COOKIES, derived), keys);
}

static void assert_bad(const char *text, unsigned expected)
{
    unsigned line;
    assert_non_null(judge(text, &line));
    assert_int_equal(line, expected);
}

static void lines_of_64_digits_are_secrets(void **state)
{
    assert_good(ONE, 1);
    assert_good(ONE "\n", 1);
    assert_good(ONE "\r\n" TWO "\r\n", 2);
    assert_good("# made in spring\n\n  " ONE " \t\n   # and in autumn\n" TWO "\n\n", 2);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
    assert_bad("", 0);
    assert_bad("\n\n# nothing\n", 0);
    assert_bad("password\n", 1);
    assert_bad("# fine\n" ONE "\n" ONE "0\n", 3);
    assert_bad(ONE "\n\n0102\n", 3);
    assert_bad(ONE "\n" ONE "\n" ONE " # a remark\n", 3);
    assert_bad("0x" ONE "\n", 1);
    assert_bad("g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", 1);
    assert_bad("0000000000000000000000000000000000000000000000000000000000000000\n", 1);
}

static void a_nul_in_the_file_is_no_end_of_it(void **state)
{
    static const char text[] = ONE "\n\0" ONE;
    unsigned line;
    assert_non_null(secret_judge(span_of(text, sizeof(text) - 1), &line));
    assert_int_equal(line, 2);
}

static void sixteen_secrets_are_enough(void **state)
{
    char text[17 * (sizeof(ONE "\n") - 1) + 1] = "";
    size_t length = 0;
    for (int i = 0; i < 16; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s\n", ONE);
    assert_good(text, 16);
    snprintf(text + length, sizeof(text) - length, "%s\n", ONE);
    assert_bad(text, 17);
}

static void keys_differ_by_secret_and_purpose(void **state)
{
    uint8_t keys[SECRET_LINES_MOST][SECRET_SIZE], others[SECRET_LINES_MOST][SECRET_SIZE];
    assert_int_equal(secret_derive(span_text(ONE "\n" TWO), SECRET_FOR_COOKIES, keys), 2);
    assert_int_equal(secret_derive(span_text(ONE "\n" TWO), "lmpother", others), 2);
    assert_memory_not_equal(keys[0], keys[1], SECRET_SIZE);
    assert_memory_not_equal(keys[0], others[0], SECRET_SIZE);
    assert_int_equal(secret_derive(span_text(TWO "\n"), SECRET_FOR_COOKIES, others), 1);
    assert_memory_equal(keys[1], others[0], SECRET_SIZE);
}

static void a_new_line_is_a_good_one_and_never_the_same(void **state)
{
    char one[SECRET_LINE_SIZE], other[SECRET_LINE_SIZE];
    secret_make(one);
    secret_make(other);
    assert_int_equal(strlen(one), SECRET_LINE_SIZE - 1);
    assert_int_equal(one[SECRET_LINE_SIZE - 2], '\n');
    assert_string_not_equal(one, other);
    assert_good(one, 1);
}

static void assert_step(enum secret_step step, const char *before, const char *expected)
{
    char *after = malloc(strlen(before) + SECRET_STEP_ROOM);
    assert_non_null(after);
    size_t length = secret_rewrite(span_text(before), step, after);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(after, expected, length);
    free(after);
}

static void the_last_secret_is_promoted(void **state)
{
    assert_step(SECRET_PROMOTE, ONE "\n" TWO "\n", TWO "\n" ONE "\n");
    assert_step(SECRET_PROMOTE, ONE "\n" TWO, TWO "\n" ONE "\n");
    assert_step(SECRET_PROMOTE, ONE "\n" ONE "\n" TWO "\n", TWO "\n" ONE "\n" ONE "\n");
    assert_step(SECRET_PROMOTE, "# a\n\n" ONE "\n# b\n" TWO "\r\n# c", "# a\n\n" TWO "\r\n" ONE "\n# b\n# c\n");
    assert_step(SECRET_PROMOTE, ONE "\n", ONE "\n");
    assert_step(SECRET_PROMOTE, ONE, ONE "\n");
}

static void the_others_are_retired(void **state)
{
    assert_step(SECRET_RETIRE, ONE "\n" TWO "\n", ONE "\n");
    assert_step(SECRET_RETIRE, "# a\n" ONE "\n# b\n" TWO "\n" TWO "\n\n", "# a\n" ONE "\n# b\n\n");
    assert_step(SECRET_RETIRE, ONE, ONE "\n");
}

static void assert_appended(const char *before, const char *front, size_t count)
{
    char *after = malloc(strlen(before) + SECRET_STEP_ROOM);
    unsigned line;
    assert_non_null(after);
    struct span text = span_of(after, secret_rewrite(span_text(before), SECRET_APPEND, after));
    assert_null(secret_judge(text, &line));
    assert_int_equal(secret_count(text), count);
    assert_int_equal(text.length, strlen(front) + SECRET_LINE_SIZE - 1);
    assert_memory_equal(after, front, strlen(front));
    free(after);
}

static void a_new_secret_is_appended(void **state)
{
    assert_appended("", "", 1);
    assert_appended("# none yet", "# none yet\n", 1);
    assert_appended(ONE, ONE "\n", 2);
    assert_appended(ONE "\n" TWO "\n# c\n", ONE "\n" TWO "\n# c\n", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_64_digits_are_secrets),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(a_nul_in_the_file_is_no_end_of_it),
        cmocka_unit_test(sixteen_secrets_are_enough),
        cmocka_unit_test(keys_differ_by_secret_and_purpose),
        cmocka_unit_test(the_last_secret_is_promoted),
        cmocka_unit_test(the_others_are_retired),
        cmocka_unit_test(a_new_secret_is_appended),
        cmocka_unit_test(a_new_line_is_a_good_one_and_never_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
