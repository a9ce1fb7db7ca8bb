#include "control/admin_http.h"
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct parse_result read_in_pieces(struct admin_request *request, struct span all)
{
    struct parse_result result = admin_request_read(request, span_of(all.data, 0));
    struct pieces pieces = pieces_of(all);
    struct span shown;
    while (result.verdict == PARSE_MORE && pieces_next(&pieces, &shown))
        result = admin_request_read(request, shown);
    pieces_fini(&pieces);
    return result;
}

/* What was decoded is never longer than what was written, and a cut is told. */
static void check_parameter(const struct admin_request *request, struct span all, size_t room)
{
    char *buffer = malloc(room);
    struct text value;
    CHECK(buffer != NULL);
    text_init(&value, buffer, room);
    int wrong = admin_request_parameter(request, all, "server", &value);
    CHECK(value.length < room && value.length <= request->head.target_length);
    CHECK(memchr(value.data, '\0', value.length) == NULL);
    CHECK(wrong != 0 || !value.cut);
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct admin_request request = {0}, pieced = {0};
    struct span all = span_of(data, size < ADMIN_HEAD_MOST ? size : ADMIN_HEAD_MOST);
    struct parse_result whole = admin_request_read(&request, all);
    struct parse_result result = read_in_pieces(&pieced, all);
    CHECK(whole.verdict == result.verdict && whole.used == result.used && whole.why == result.why);
    CHECK(request.refusal == pieced.refusal && request.body == pieced.body && request.last == pieced.last);
    CHECK(whole.verdict != PARSE_NONE);
    CHECK(whole.verdict != PARSE_MORE || all.length < ADMIN_HEAD_MOST);
    CHECK((whole.verdict == PARSE_BAD) == (request.refusal >= 400));
    if (whole.verdict == PARSE_BAD)
        CHECK(request.last && whole.why != NULL);
    if (whole.verdict == PARSE_DONE) {
        CHECK(whole.used <= all.length && request.body <= ADMIN_BODY_MOST);
        check_parameter(&request, all, 1);
        check_parameter(&request, all, 16);
        check_parameter(&request, all, 4096);
    }
    return 0;
}
