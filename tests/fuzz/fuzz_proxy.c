#include "pieces.h"
#include "proto/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct parse_result read_in_pieces(struct proxy_header *header, struct span all)
{
    struct parse_result result = PARSE_RESULT_MORE;
    struct pieces pieces = pieces_of(all);
    struct span shown;
    while (result.verdict == PARSE_MORE && pieces_next(&pieces, &shown))
        result = proxy_read(shown, header);
    pieces_fini(&pieces);
    return result;
}

static bool is_same(const struct proxy_header *a, const struct proxy_header *b)
{
    return a->known == b->known && endpoint_equal(&a->source, &b->source) &&
           endpoint_equal(&a->destination, &b->destination);
}

/* What was understood can be said again, in both versions. */
static void write_and_read_again(const struct proxy_header *header)
{
    uint8_t v1[PROXY_V1_MAX], v2[PROXY_V2_MAX];
    struct proxy_header again;
    size_t length = proxy_write_v1(v1, &header->source, &header->destination);
    struct parse_result result = proxy_read(span_of(v1, length), &again);
    CHECK(result.verdict == PARSE_DONE && result.used == length);
    CHECK(!header->known || is_same(header, &again));
    length = proxy_write_v2(v2, &header->source, &header->destination);
    result = proxy_read(span_of(v2, length), &again);
    CHECK(result.verdict == PARSE_DONE && result.used == length);
    CHECK(!header->known || is_same(header, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header header, pieced;
    struct span all = span_of(data, size);
    struct parse_result whole = proxy_read(all, &header);
    struct parse_result result = read_in_pieces(&pieced, all);
    CHECK(whole.verdict == result.verdict && whole.used == result.used && whole.why == result.why);
    if (whole.verdict == PARSE_DONE) {
        CHECK(whole.used <= size && is_same(&header, &pieced));
        write_and_read_again(&header);
    }
    return 0;
}
