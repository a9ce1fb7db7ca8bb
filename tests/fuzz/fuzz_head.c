#include "pieces.h"
#include "proto/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct parse_result read_in_pieces(struct head *head, struct span all)
{
    struct parse_result result = PARSE_RESULT_MORE;
    struct pieces pieces = pieces_of(all);
    struct span shown;
    while (result.verdict == PARSE_MORE && pieces_next(&pieces, &shown))
        result = head_read(head, shown);
    pieces_fini(&pieces);
    return result;
}

static void check_part(struct span part, struct span all)
{
    /* The path of "http://host" is a "/" of its own. */
    CHECK(span_is_inside(part, all) || span_equal(part, span_text("/")));
}

static void look_everywhere(const struct head *head, struct span all)
{
    struct span name, value;
    uint32_t cursor = 0;
    unsigned count, fields = 0;
    CHECK(head_method(head, all).length > 0 && head_target(head, all).length > 0);
    check_part(head_method(head, all), all);
    check_part(head_target(head, all), all);
    check_part(head_path(head, all), all);
    check_part(head_query(head, all), all);
    check_part(head_host(head, all), all);
    check_part(host_without_port(head_host(head, all)), all);
    for (unsigned i = 1; i < 4; i++)
        check_part(path_segment(head_path(head, all), i), all);
    check_part(query_parameter(head_query(head, all), span_text("a")), all);
    check_part(head_cookie(head, all, span_text("a")), all);
    while (head_next_field(head, all, &cursor, &name, &value)) {
        check_part(name, all);
        check_part(value, all);
        CHECK(name.length > 0 && memchr(name.data, '\n', name.length) == NULL);
        CHECK(value.length == 0 || memchr(value.data, '\n', value.length) == NULL);
        CHECK(head_field(head, all, name, &count).data != NULL && count > 0);
        fields++;
    }
    CHECK(fields == head->field_count && fields <= HEAD_FIELDS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head head = {0}, pieced = {0};
    struct span all = span_of(data, size);
    struct parse_result whole = head_read(&head, all);
    struct parse_result result = read_in_pieces(&pieced, all);
    CHECK(whole.verdict == result.verdict && whole.used == result.used && whole.why == result.why);
    CHECK(head.is_http == pieced.is_http && head.position == pieced.position);
    CHECK(whole.verdict != PARSE_NONE || !head.is_http);
    if (whole.verdict == PARSE_DONE) {
        CHECK(whole.used <= size && head.is_http);
        look_everywhere(&head, all);
        look_everywhere(&pieced, span_part(all, 0, whole.used));
    }
    /* The little languages inside, fed with anything. */
    check_part(query_parameter(all, span_text("a")), all);
    check_part(path_segment(all, 2), all);
    check_part(host_without_port(all), all);
    return 0;
}
