#include "proto/head_lookup.h"

#include "proto/cut.h"
#include "proto/target.h"

#include <assert.h>

struct span head_path(const struct head *head, struct span bytes)
{
    return target_path(head_target(head, bytes));
}

struct span head_query(const struct head *head, struct span bytes)
{
    return target_query(head_target(head, bytes));
}

struct span head_host(const struct head *head, struct span bytes)
{
    unsigned count;
    struct span host = target_host(head_target(head, bytes));
    return host.data != NULL ? host : head_field(head, bytes, span_text("host"), &count);
}

bool head_next_field(const struct head *head, struct span bytes, uint32_t *cursor, struct span *name,
                     struct span *value)
{
    assert(head->length > 0 && bytes.length >= head->length);
    uint32_t at = *cursor == 0 ? head->fields_start : *cursor;
    struct span line = cut_before(span_part(bytes, at, head->length - at), '\r');
    if (line.length == 0)
        return false;
    *cursor = at + (uint32_t)line.length + 2;
    *name = cut_before(line, ':');
    *value = span_trim(cut_behind(line, ':'));
    return true;
}

struct span head_field(const struct head *head, struct span bytes, struct span name, unsigned *count)
{
    struct span first = span_of(NULL, 0), field, value;
    uint32_t cursor = 0;
    *count = 0;
    while (head_next_field(head, bytes, &cursor, &field, &value))
        if (span_equal_nocase(field, name) && (*count)++ == 0)
            first = value;
    return first;
}

/* The value of the first "name=value" in a list; without "=" the value is empty, but there, if `bare` is allowed. */
static struct span find_pair(struct span list, uint8_t separator, struct span name, bool bare)
{
    while (list.data != NULL) {
        struct span pair = cut_before(list, separator);
        struct span trimmed = separator == ';' ? span_trim(pair) : pair;
        struct span value = cut_behind(trimmed, '=');
        if (value.data == NULL && bare && trimmed.length > 0)
            value = span_part(trimmed, trimmed.length, 0);
        if (value.data != NULL && span_equal(cut_before(trimmed, '='), name))
            return value;
        list = cut_behind(list, separator);
    }
    return span_of(NULL, 0);
}

struct span head_cookie(const struct head *head, struct span bytes, struct span name)
{
    struct span field, value;
    uint32_t cursor = 0;
    while (head_next_field(head, bytes, &cursor, &field, &value)) {
        if (!span_equal_nocase(field, span_text("cookie")))
            continue;
        struct span found = find_pair(value, ';', name, false);
        if (found.data != NULL)
            return found;
    }
    return span_of(NULL, 0);
}

struct span query_parameter(struct span query, struct span name)
{
    return find_pair(query, '&', name, true);
}

struct span path_segment(struct span path, unsigned number)
{
    assert(number > 0);
    for (; number > 0 && path.data != NULL; number--)
        path = cut_behind(path, '/');
    return cut_before(path, '/');
}
