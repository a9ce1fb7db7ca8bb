/* Chunked bodies on their way: what goes on is ours, whatever was written. */

#include "carry/chunks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Passes `bytes` on in pieces of this size, as a stream would show them: what was not used is shown again. */
static enum chunks_verdict pass(struct chunks *chunks, const char *bytes, size_t step, char *out, size_t *used)
{
    uint8_t room[4096 + CHUNKS_ROOM];
    size_t length = strlen(bytes), shown = 0;
    enum chunks_verdict verdict = CHUNKS_MORE;
    *out = '\0';
    *used = 0;
    while (verdict == CHUNKS_MORE && shown < length) {
        shown = shown + step < length ? shown + step : length;
        struct chunks_result result = chunks_pass(chunks, span_of(bytes + *used, shown - *used), room);
        strncat(out, (const char *)result.out.data, result.out.length);
        verdict = result.verdict;
        *used += result.used;
        assert_true(*used <= shown);
    }
    return verdict;
}

static void data_goes_on_in_chunks_of_our_own(void **state)
{
    struct chunks chunks = {0};
    char out[4096];
    size_t used;
    const char *in = "3;a=\"b\"\r\nabc\r\n0002 \r\nde\r\n";
    assert_int_equal(pass(&chunks, "3;a=\"b\"\r\nabc\r\n0002\r\nde\r\n0\r\n\r\nGET", 1000, out, &used), CHUNKS_DONE);
    assert_string_equal(out, "5\r\nabcde\r\n0\r\n\r\n");
    assert_int_equal(chunks.data, 5);
    assert_int_equal(used, strlen("3;a=\"b\"\r\nabc\r\n0002\r\nde\r\n0\r\n\r\n")); /* what follows is not ours */
    chunks = (struct chunks){0};
    assert_int_equal(pass(&chunks, in, 1000, out, &used), CHUNKS_BAD); /* a space behind a size */
}

static void any_split_gives_the_same_data(void **state)
{
    const char *in = "5\r\nhello\r\n1;x\r\n \r\n5\r\nworld\r\n0\r\nX-A: b\r\nContent-Length: 3\r\n\r\n";
    for (size_t step = 1; step < strlen(in); step++) {
        struct chunks chunks = {.plain = true};
        char out[4096];
        size_t used;
        assert_int_equal(pass(&chunks, in, step, out, &used), CHUNKS_DONE);
        assert_string_equal(out, "hello world");
        assert_int_equal(used, strlen(in));
    }
}

static void trailers_go_on_that_may(void **state)
{
    struct chunks chunks = {0};
    char out[4096];
    size_t used;
    assert_int_equal(
        pass(&chunks, "0\r\nX-Sum: 1\r\nContent-Length: 3\r\nHost: a\r\nETag: \"x\"\r\n\r\n", 7, out, &used),
        CHUNKS_DONE);
    assert_string_equal(out, "0\r\nX-Sum: 1\r\nETag: \"x\"\r\n\r\n");
}

static void what_breaks_the_rules_goes_no_further(void **state)
{
    static const char *const cases[] = {
        "x\r\n", "3\r\nabcd\r\n", "3\nabc\r\n", "-1\r\n", "0\r\nfolded: a\r\n b\r\n\r\n", "0\r\nno colon\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct chunks chunks = {0};
        char out[4096];
        size_t used;
        assert_int_equal(pass(&chunks, cases[i], 1, out, &used), CHUNKS_BAD);
        assert_null(strstr(out, "0\r\n\r\n")); /* it must not look complete */
    }
}

static void endless_trailers_are_refused(void **state)
{
    struct chunks chunks = {0};
    static uint8_t many[CHUNKS_TRAILERS_MOST + 16], room[sizeof(many) + CHUNKS_ROOM];
    memset(many, 'a', sizeof(many));
    static const char begin[] = "0\r\nX: ";
    for (size_t i = 0; begin[i]; i++)
        many[i] = (uint8_t)begin[i];
    assert_int_equal(chunks_pass(&chunks, span_of(many, sizeof(many)), room).verdict, CHUNKS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_goes_on_in_chunks_of_our_own), cmocka_unit_test(any_split_gives_the_same_data),
        cmocka_unit_test(trailers_go_on_that_may),           cmocka_unit_test(what_breaks_the_rules_goes_no_further),
        cmocka_unit_test(endless_trailers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
