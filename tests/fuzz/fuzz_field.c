#include "pieces.h"
#include "proto/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_of(data, size), name = span_text("a"), value, pieced_value = span_of(NULL, 0), shown;
    struct field_reader reader = {0}, pieced = {0};
    struct parse_result whole = field_read(&reader, all, name, &value), result = PARSE_RESULT_MORE;
    struct pieces pieces = pieces_of(all);
    while (result.verdict == PARSE_MORE && pieces_next(&pieces, &shown))
        result = field_read(&pieced, shown, name, &pieced_value);
    CHECK(whole.verdict == result.verdict && whole.used == result.used && whole.verdict != PARSE_BAD);
    CHECK(reader.position == pieced.position && reader.line_start == pieced.line_start);
    if (whole.verdict == PARSE_DONE) {
        CHECK(whole.used <= size && span_is_inside(value, all) && span_equal(value, pieced_value));
        CHECK(value.length == 0 || memchr(value.data, '\n', value.length) == NULL);
    }
    pieces_fini(&pieces);
    return 0;
}
