#include "pieces.h"
#include "proto/chunked.h"
#include "proto/cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A body as read: the data of all chunks in `data`, which has room for all input. */
struct body {
    enum chunked_verdict verdict;
    size_t used, length;
    const char *why;
    uint8_t *data;
};

static struct body body_for(struct span all)
{
    struct body body = {.verdict = CHUNKED_MORE, .data = malloc(all.length + 1)};
    CHECK(body.data != NULL);
    return body;
}

static bool is_under_way(const struct body *body)
{
    return body->verdict == CHUNKED_MORE || body->verdict == CHUNKED_DATA;
}

/* Reads what `shown` has beyond body->used. */
static void read_on(struct chunked *chunked, struct body *body, struct span shown)
{
    do {
        struct span rest = span_part(shown, body->used, shown.length - body->used);
        struct chunked_result result = chunked_read(chunked, rest);
        CHECK(result.used <= rest.length);
        CHECK(result.verdict != CHUNKED_MORE || result.used == rest.length);
        CHECK((result.verdict == CHUNKED_BAD) == (result.why != NULL));
        CHECK((result.verdict == CHUNKED_DATA) == (result.data.length > 0));
        if (result.verdict == CHUNKED_DATA) {
            CHECK(span_is_inside(result.data, rest) &&
                  result.data.data + result.data.length == rest.data + result.used);
            memcpy(body->data + body->length, result.data.data, result.data.length);
            body->length += result.data.length;
        }
        body->verdict = result.verdict;
        body->why = result.why;
        body->used += result.used;
    } while (body->verdict == CHUNKED_DATA);
}

static struct body read_in_pieces(struct span all)
{
    struct chunked chunked = {0};
    struct body body = body_for(all);
    struct pieces pieces = pieces_of(all);
    struct span shown;
    while (is_under_way(&body) && pieces_next(&pieces, &shown))
        read_on(&chunked, &body, shown);
    pieces_fini(&pieces);
    return body;
}

/* The rules once more, for bodies without extensions: how far the data of whole chunks goes. Null data: not of that kind. */
static struct span next_plain_chunk(struct span *rest)
{
    struct span line = cut_before(*rest, '\r');
    char digits[16] = {0};
    if (line.length == 0 || line.length > 15 || line.length + 2 > rest->length || rest->data[line.length + 1] != '\n')
        return span_of(NULL, 0);
    memcpy(digits, line.data, line.length);
    if (strspn(digits, "0123456789abcdefABCDEF") != line.length)
        return span_of(NULL, 0);
    unsigned long long length = strtoull(digits, NULL, 16);
    *rest = span_part(*rest, line.length + 2, rest->length - line.length - 2);
    if (length > rest->length)
        return span_of(NULL, 0);
    return span_part(*rest, 0, length);
}

static void check_against_rules(const struct body *body, struct span all)
{
    struct span rest = all, chunk;
    size_t length = 0;
    while ((chunk = next_plain_chunk(&rest)).data != NULL) {
        CHECK(length + chunk.length <= body->length && memcmp(body->data + length, chunk.data, chunk.length) == 0);
        length += chunk.length;
        if (chunk.length == 0) {
            CHECK(body->verdict == CHUNKED_LAST && body->used == (size_t)(rest.data - all.data) &&
                  body->length == length);
            return;
        }
        rest = span_part(rest, chunk.length, rest.length - chunk.length);
        if (rest.length < 2 || memcmp(rest.data, "\r\n", 2) != 0) {
            CHECK(body->length == length && body->verdict != CHUNKED_LAST);
            return;
        }
        rest = span_part(rest, 2, rest.length - 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_of(data, size);
    struct chunked chunked = {0};
    struct body whole = body_for(all);
    read_on(&chunked, &whole, all);
    struct body pieced = read_in_pieces(all);
    if (size > 0) {
        CHECK(whole.verdict == pieced.verdict && whole.used == pieced.used && whole.why == pieced.why);
        CHECK(whole.length == pieced.length && memcmp(whole.data, pieced.data, whole.length) == 0);
    }
    check_against_rules(&whole, all);
    free(whole.data);
    free(pieced.data);
    return 0;
}
