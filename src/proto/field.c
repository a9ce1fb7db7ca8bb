#include "proto/field.h"

#include <assert.h>

/* "Name: value"; SIP allows spaces in front of the colon (RFC 3261 section 7.3.1). A line that begins with a space
 * continues the one before and has no name. */
static bool split_line(struct span line, struct span name, struct span *value)
{
    const uint8_t *colon = memchr(line.data, ':', line.length);
    if (colon == NULL || line.data[0] == ' ' || line.data[0] == '\t')
        return false;
    size_t at = (size_t)(colon - line.data);
    *value = span_trim(span_part(line, at + 1, line.length - at - 1));
    return span_equal_nocase(span_trim(span_part(line, 0, at)), name);
}

struct parse_result field_read(struct field_reader *reader, struct span bytes, struct span name, struct span *value)
{
    assert(bytes.length <= UINT32_MAX);
    for (;;) {
        uint32_t at = reader->position;
        while (at < bytes.length && bytes.data[at] != '\n' && bytes.data[at] != '\0')
            at++;
        reader->position = at;
        if (at == bytes.length)
            return PARSE_RESULT_MORE;
        struct span line = span_part(bytes, reader->line_start, at - reader->line_start);
        if (line.length > 0 && line.data[line.length - 1] == '\r')
            line.length--;
        if (bytes.data[at] == '\0' || line.length == 0)
            return PARSE_RESULT_NONE;
        if (split_line(line, name, value))
            return PARSE_RESULT_DONE(at + 1);
        reader->position = at + 1;
        reader->line_start = at + 1;
    }
}
