#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    struct arena *arena = arena_new();
    unsigned char *all[100];
    assert_non_null(arena);
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
        all[i] = arena_alloc(arena, i);
        assert_int_equal((uintptr_t)all[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < i; j++)
            assert_int_equal(all[i][j], 0);
        memset(all[i], (int)i, i);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(all[i][j], i);
    arena_free(arena);
}

static void a_text_is_a_terminated_copy(void **state)
{
    struct arena *arena = arena_new();
    char original[] = {'o', 'n', 'c', 'e', '!'};
    char *copy = arena_text(arena, span_of(original, 4));
    original[0] = 'X';
    assert_string_equal(copy, "once");
    assert_string_equal(arena_text(arena, span_of(NULL, 0)), "");
    arena_free(arena);
}

static void a_formatted_text_has_any_length(void **state)
{
    struct arena *arena = arena_new();
    assert_string_equal(arena_format(arena, "%s:%d", "[::1]", 80), "[::1]:80");
    assert_string_equal(arena_format(arena, "%s", ""), "");
    assert_int_equal(strlen(arena_format(arena, "%5000d", 7)), 5000);
    arena_free(arena);
}

static void no_arena_may_be_freed(void **state)
{
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(a_text_is_a_terminated_copy),
        cmocka_unit_test(a_formatted_text_has_any_length),
        cmocka_unit_test(no_arena_may_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
