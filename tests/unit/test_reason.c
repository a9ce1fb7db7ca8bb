#include "base/reason.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_reason_is_one_word_of_its_own_in_log_and_metrics(void **state)
{
    for (enum reason i = 0; i < REASON_COUNT; i++) {
        const char *text = reason_text(i);
        assert_non_null(text);
        assert_true(islower((unsigned char)text[0]));
        assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(text));
        for (enum reason j = 0; j < i; j++)
            assert_string_not_equal(text, reason_text(j));
    }
}

static void every_reason_explains_itself_in_a_sentence(void **state)
{
    for (enum reason i = 0; i < REASON_COUNT; i++) {
        const char *help = reason_help(i);
        assert_non_null(help);
        assert_true(isupper((unsigned char)help[0]) || strncmp(help, "limpet ", 7) == 0);
        assert_int_equal(help[strlen(help) - 1], '.');
        assert_null(strchr(help, '\n'));
    }
}

static void a_visit_that_was_never_told_why_it_ended_has_not_ended(void **state)
{
    assert_int_equal(REASON_NONE, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_one_word_of_its_own_in_log_and_metrics),
        cmocka_unit_test(every_reason_explains_itself_in_a_sentence),
        cmocka_unit_test(a_visit_that_was_never_told_why_it_ended_has_not_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
