#include "pieces.h"
#include "proto/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hello hello, pieced = {.alpn_length = 0};
    struct span all = span_of(data, size), shown;
    struct parse_result whole = hello_read(all, &hello), result = PARSE_RESULT_MORE;
    struct pieces pieces = pieces_of(all);
    while (result.verdict == PARSE_MORE && pieces_next(&pieces, &shown))
        result = hello_read(shown, &pieced);
    pieces_fini(&pieces);
    CHECK(whole.verdict == result.verdict && whole.used == result.used && whole.why == result.why);
    if (whole.verdict == PARSE_DONE) {
        CHECK(whole.used <= size && strlen(hello.sni) <= HELLO_NAME_MAX && strcmp(hello.sni, pieced.sni) == 0);
        CHECK(span_equal(span_of(hello.alpn, hello.alpn_length), span_of(pieced.alpn, pieced.alpn_length)));
    }
    return 0;
}
