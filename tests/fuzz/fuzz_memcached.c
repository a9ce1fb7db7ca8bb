#include "pieces.h"
#include "proto/memcached.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same bytes in pieces are the same reply, and nothing in it lies outside them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_of(data, size), shown;
    struct memcached_reply at_once, reply;
    struct parse_result whole = memcached_read(all, &at_once), result = PARSE_RESULT_MORE;
    struct pieces pieces = pieces_of(all);
    while (result.verdict == PARSE_MORE && pieces_next(&pieces, &shown)) {
        result = memcached_read(shown, &reply);
        CHECK(result.verdict != PARSE_NONE && result.used <= shown.length);
        CHECK(result.verdict != PARSE_MORE || shown.length < 512 + MEMCACHED_VALUE_MOST + 2);
        CHECK((result.verdict == PARSE_BAD) == (result.why != NULL));
        if (result.verdict == PARSE_DONE && reply.word == MEMCACHED_VALUE)
            CHECK(reply.value.length <= MEMCACHED_VALUE_MOST && reply.value.data >= shown.data &&
                  reply.value.data + reply.value.length + 2 == shown.data + result.used);
    }
    CHECK(size == 0 || result.verdict == whole.verdict);
    if (result.verdict == PARSE_DONE && size > 0)
        CHECK(result.used == whole.used && reply.word == at_once.word && reply.opaque == at_once.opaque &&
              reply.number == at_once.number && reply.has_opaque == at_once.has_opaque);
    pieces_fini(&pieces);
    return 0;
}
