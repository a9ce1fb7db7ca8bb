#include "pieces.h"
#include "proto/head.h"
#include "proto/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct parse_result reading(struct head *head, struct span bytes);

static struct parse_result read_in_pieces(reading *read, struct head *head, struct span all)
{
    struct parse_result result = PARSE_RESULT_MORE;
    struct pieces pieces = pieces_of(all);
    struct span shown;
    while (result.verdict == PARSE_MORE && pieces_next(&pieces, &shown))
        result = read(head, shown);
    pieces_fini(&pieces);
    return result;
}

static bool begins_with(struct span all, const char *text)
{
    struct span beginning = span_text(text);
    return all.length >= beginning.length && span_equal(span_part(all, 0, beginning.length), beginning);
}

static void check_request_line(const struct head *head, struct span all)
{
    struct span method = head_method(head, all), target = head_target(head, all);
    CHECK(method.length > 0 && method.length <= HEAD_METHOD_MAX && span_is_inside(method, all));
    CHECK(target.length > 0 && span_is_inside(target, all));
    for (size_t i = 0; i < target.length; i++)
        CHECK(target.data[i] > ' ' && target.data[i] < 0x7f);
    CHECK(target_judge(method, target) == NULL);
    CHECK(head->field_count <= HEAD_FIELDS_MAX);
}

/* HTTP/2 is its whole preface, nothing less and nothing else. */
static void check_preface(enum parse_verdict verdict, struct span all)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct span whole = span_text(preface);
    if (begins_with(all, preface))
        CHECK(verdict == PARSE_NONE);
    else if (begins_with(all, "PRI * HTTP/2"))
        CHECK(verdict ==
              (all.length < whole.length && span_equal(all, span_part(whole, 0, all.length)) ? PARSE_MORE : PARSE_BAD));
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\v' || byte == '\f' || byte == '\r';
}

/* Whatever a lenient server takes for a space, a line with a version is no other protocol. */
static void check_spaces(enum parse_verdict verdict, struct span all)
{
    if (!begins_with(all, "GET") || all.length == 3 || !is_space(all.data[3]))
        return;
    for (size_t at = 3; at < all.length && (is_space(all.data[at]) || (all.data[at] > ' ' && all.data[at] < 0x7f));
         at++)
        if (begins_with(span_part(all, at, all.length - at), "HTTP/"))
            CHECK(verdict != PARSE_NONE && (verdict != PARSE_DONE || all.data[3] == ' '));
}

static struct parse_result read_both_ways(reading *read, struct head *whole, struct head *pieced, struct span all)
{
    struct parse_result result = read(whole, all), in_pieces = read_in_pieces(read, pieced, all);
    CHECK(result.verdict == in_pieces.verdict && result.used == in_pieces.used && result.why == in_pieces.why);
    CHECK(result.used <= all.length);
    return result;
}

static void check_request(struct span all)
{
    struct head head = {0}, pieced = {0};
    struct parse_result whole = read_both_ways(head_read, &head, &pieced, all);
    CHECK(head.is_http == pieced.is_http && head.position == pieced.position);
    CHECK(whole.verdict != PARSE_NONE || !head.is_http);
    CHECK(whole.verdict != PARSE_BAD || head.is_http);
    check_preface(whole.verdict, all);
    check_spaces(whole.verdict, all);
    if (whole.verdict == PARSE_DONE) {
        CHECK(head.is_http);
        check_request_line(&head, all);
        check_request_line(&pieced, span_part(all, 0, whole.used));
        struct head wins = {.target_wins = true};
        CHECK(head_read(&wins, all).verdict == PARSE_DONE && wins.length == head.length);
    }
}

static void check_answer(struct span all)
{
    struct head head = {0}, pieced = {0};
    struct parse_result whole = read_both_ways(head_read_answer, &head, &pieced, all);
    CHECK(whole.verdict != PARSE_NONE && head.status == pieced.status && head.reason_length == pieced.reason_length);
    if (whole.verdict != PARSE_DONE)
        return;
    CHECK(head.status >= 100 && head.status <= 599 && head.field_count <= HEAD_FIELDS_MAX);
    struct span words = head_reason(&head, all);
    CHECK(span_is_inside(words, span_part(all, 0, head.fields_start)) && words.data[words.length] == '\r');
}

static void check_trailers(struct span all)
{
    struct head head = {0}, pieced = {0};
    struct parse_result whole = read_both_ways(head_read_trailers, &head, &pieced, all);
    CHECK(whole.verdict != PARSE_NONE);
    if (whole.verdict == PARSE_DONE)
        CHECK(whole.used >= 2 && head.fields_start == 0 && memcmp(all.data + whole.used - 2, "\r\n", 2) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_of(data, size);
    check_request(all);
    check_answer(all);
    check_trailers(all);
    return 0;
}
