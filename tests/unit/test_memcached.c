#include "proto/memcached.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *written(struct text *text)
{
    return text->data;
}

static void commands_are_one_line_and_perhaps_a_value(void **state)
{
    char buffer[256];
    struct text text;
    text_init(&text, buffer, sizeof(buffer));
    memcached_write_get(&text, span_text("limpet:1"), 3600, 7);
    assert_string_equal(written(&text), "mg limpet:1 v c O7 T3600\r\n");
    text_init(&text, buffer, sizeof(buffer));
    memcached_write_get(&text, span_text("limpet:1"), 0, UINT32_MAX);
    assert_string_equal(written(&text), "mg limpet:1 v c O4294967295\r\n");
    struct memcached_store store = {.mode = MEMCACHED_ADD, .seconds = 60, .opaque = 8, .value = span_text("abc")};
    text_init(&text, buffer, sizeof(buffer));
    memcached_write_store(&text, span_text("k"), &store);
    assert_string_equal(written(&text), "ms k 3 T60 O8 ME\r\nabc\r\n");
    store.mode = MEMCACHED_REPLACE;
    store.number = UINT64_MAX;
    text_init(&text, buffer, sizeof(buffer));
    memcached_write_store(&text, span_text("k"), &store);
    assert_string_equal(written(&text), "ms k 3 T60 O8 C18446744073709551615\r\nabc\r\n");
    store.mode = MEMCACHED_SET;
    text_init(&text, buffer, sizeof(buffer));
    memcached_write_store(&text, span_text("k"), &store);
    assert_string_equal(written(&text), "ms k 3 T60 O8\r\nabc\r\n");
}

static enum parse_verdict read_all(const char *bytes, struct memcached_reply *reply)
{
    struct parse_result result = memcached_read(span_text(bytes), reply);
    if (result.verdict == PARSE_DONE)
        assert_int_equal(result.used, strlen(bytes));
    assert_true(result.verdict != PARSE_BAD || result.why);
    return result.verdict;
}

static void each_reply_has_its_word(void **state)
{
    static const struct {
        const char *bytes;
        enum memcached_word word;
    } rows[] = {
        {"EN O5\r\n", MEMCACHED_NONE},    {"HD O5\r\n", MEMCACHED_STORED}, {"NS O5\r\n", MEMCACHED_KEPT},
        {"EX O5\r\n", MEMCACHED_CHANGED}, {"NF O5\r\n", MEMCACHED_GONE},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct memcached_reply reply;
        assert_int_equal(read_all(rows[i].bytes, &reply), PARSE_DONE);
        assert_int_equal(reply.word, rows[i].word);
        assert_true(reply.has_opaque);
        assert_int_equal(reply.opaque, 5);
    }
}

static void a_value_comes_with_its_number(void **state)
{
    struct memcached_reply reply;
    assert_int_equal(read_all("VA 3 c42 t60 klimpet:1 O9\r\na\r\n\r\n", &reply), PARSE_DONE);
    assert_int_equal(reply.word, MEMCACHED_VALUE);
    assert_int_equal(reply.number, 42);
    assert_int_equal(reply.opaque, 9);
    assert_true(span_equal(reply.value, span_text("a\r\n")));
    assert_int_equal(read_all("VA 0 O9\r\n\r\n", &reply), PARSE_DONE);
    assert_int_equal(reply.value.length, 0);
    assert_int_equal(reply.number, 0);
}

static void errors_are_refusals(void **state)
{
    static const char *const rows[] = {"ERROR\r\n", "SERVER_ERROR out of memory storing object\r\n",
                                       "CLIENT_ERROR bad data chunk\r\n"};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct memcached_reply reply;
        assert_int_equal(read_all(rows[i], &reply), PARSE_DONE);
        assert_int_equal(reply.word, MEMCACHED_REFUSED);
        assert_false(reply.has_opaque);
    }
}

static void what_memcached_never_says_is_bad(void **state)
{
    static const char *const rows[] = {
        "\n",
        "\r\n",
        "EN O5\n",
        "en O5\r\n",
        "EN  O5\r\n",
        "EN O\r\n",
        "EN O-1\r\n",
        "EN Ox\r\n",
        "EN O4294967296\r\n",
        "EN O1 O1\r\n",
        "VA\r\n",
        "VA x O1\r\n",
        "VA -1 O1\r\n",
        "VA 0x1 O1\r\n",
        "VA 2147483648 O1\r\n",
        "VA 513 O1\r\n",
        "VA 3 O1\r\nabcd\r\n",
        "VA 3 O1\r\nabc\n",
        "VA 3 c18446744073709551616\r\n",
        "VALUE k 0 3\r\n",
        "END\r\n",
        "MN\r\n",
        "ERRORS\r\n",
        "HDO5\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct memcached_reply reply;
        assert_int_equal(read_all(rows[i], &reply), PARSE_BAD);
    }
}

static void a_line_that_never_ends_is_not_waited_for(void **state)
{
    char line[600];
    struct memcached_reply reply;
    memset(line, 'A', sizeof(line));
    assert_int_equal(memcached_read(span_of(line, 511), &reply).verdict, PARSE_MORE);
    assert_int_equal(memcached_read(span_of(line, 512), &reply).verdict, PARSE_BAD);
}

static void every_piece_of_a_reply_is_waited_for(void **state)
{
    static const char whole[] = "VA 3 c42 O9\r\nabc\r\nEN O10\r\n";
    size_t first = strlen("VA 3 c42 O9\r\nabc\r\n");
    for (size_t length = 0; length < first; length++) {
        struct memcached_reply reply;
        assert_int_equal(memcached_read(span_of(whole, length), &reply).verdict, PARSE_MORE);
    }
    for (size_t length = first; length <= strlen(whole); length++) {
        struct memcached_reply reply;
        struct parse_result result = memcached_read(span_of(whole, length), &reply);
        assert_int_equal(result.verdict, PARSE_DONE);
        assert_int_equal(result.used, first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_one_line_and_perhaps_a_value),
        cmocka_unit_test(each_reply_has_its_word),
        cmocka_unit_test(a_value_comes_with_its_number),
        cmocka_unit_test(errors_are_refusals),
        cmocka_unit_test(what_memcached_never_says_is_bad),
        cmocka_unit_test(a_line_that_never_ends_is_not_waited_for),
        cmocka_unit_test(every_piece_of_a_reply_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
