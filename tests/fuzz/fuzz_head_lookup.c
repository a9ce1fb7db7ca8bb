#include "pieces.h"
#include "proto/head_lookup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(struct span part, struct span all)
{
    /* The path of "http://host" is a "/" of its own. */
    CHECK(span_is_inside(part, all) || span_equal(part, span_text("/")));
}

static bool has(struct span bytes, uint8_t byte)
{
    return bytes.length > 0 && memchr(bytes.data, byte, bytes.length) != NULL;
}

/* The segments and the slashes between them are the path again. */
static void check_segments(struct span path)
{
    size_t slash = 0;
    if (path.data == NULL || path.length == 0 || path.data[0] != '/')
        return;
    for (unsigned number = 1; slash < path.length; number++) {
        struct span segment = path_segment(path, number);
        CHECK(segment.data == path.data + slash + 1 && !has(segment, '/'));
        slash += 1 + segment.length;
        CHECK(slash <= path.length && (slash == path.length || path.data[slash] == '/'));
        if (slash == path.length)
            CHECK(path_segment(path, number + 1).data == NULL);
    }
}

/* Every parameter is found by its name: it, or one of the same name in front of it. */
static void check_parameters(struct span query)
{
    if (query.data == NULL)
        return;
    const uint8_t *end = query.data + query.length;
    for (const uint8_t *start = query.data; start < end;) {
        size_t left = (size_t)(end - start);
        const uint8_t *next = memchr(start, '&', left);
        size_t length = next != NULL ? (size_t)(next - start) : left;
        const uint8_t *equal = length > 0 ? memchr(start, '=', length) : NULL;
        struct span name = span_of(start, equal != NULL ? (size_t)(equal - start) : length);
        if (length > 0) {
            struct span value = query_parameter(query, name);
            CHECK(value.data != NULL && span_is_inside(value, query) && !has(value, '&'));
            CHECK(value.data <= start + length);
        }
        start += length + 1;
    }
}

static void check_fields(const struct head *head, struct span all)
{
    struct span name, value;
    uint32_t cursor = 0;
    unsigned count, fields = 0;
    while (head_next_field(head, all, &cursor, &name, &value)) {
        check_part(name, all);
        check_part(value, all);
        CHECK(cursor <= head->length - 2);
        CHECK(name.length > 0 && !has(name, '\n') && !has(name, ':') && !has(value, '\n'));
        struct span first = head_field(head, all, name, &count);
        CHECK(first.data != NULL && first.data <= value.data && count > 0);
        fields++;
    }
    CHECK(fields == head->field_count && fields <= HEAD_FIELDS_MAX);
}

static void look_everywhere(const struct head *head, struct span all)
{
    struct span cookie = head_cookie(head, all, span_text("a"));
    check_part(head_path(head, all), all);
    check_part(head_query(head, all), all);
    check_part(head_host(head, all), all);
    check_part(cookie, all);
    CHECK(!has(cookie, ';'));
    check_segments(head_path(head, all));
    check_parameters(head_query(head, all));
    check_fields(head, all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head head = {0};
    struct span all = span_of(data, size);
    if (head_read(&head, all).verdict == PARSE_DONE) {
        /* A copy that ends with the head: whoever looks behind it is seen by the address sanitizer. */
        uint8_t *copy = malloc(head.length);
        CHECK(copy != NULL);
        memcpy(copy, data, head.length);
        look_everywhere(&head, span_of(copy, head.length));
        free(copy);
    }
    check_segments(all);
    check_parameters(all);
    return 0;
}
