#include "yaml/excerpt.h"

/* So many columns of a line are shown before and behind the caret. */
#define BEFORE_MAX 40
#define BEHIND_MAX 60

size_t excerpt_utf8(struct span bytes)
{
    if (bytes.length == 0)
        return 0;
    const uint8_t *c = bytes.data;
    if (c[0] < 0x80)
        return 1;
    size_t length = c[0] >= 0xc2 && c[0] <= 0xdf   ? 2
                    : c[0] >= 0xe0 && c[0] <= 0xef ? 3
                    : c[0] >= 0xf0 && c[0] <= 0xf4 ? 4
                                                   : 0;
    if (length == 0 || length > bytes.length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    /* No overlong forms, no surrogates, nothing above U+10FFFF. */
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) ||
        (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return length;
}

/* Characters that a terminal obeys rather than shows: C1 controls, zero-width and direction marks, the BOM. */
static bool is_hidden(const uint8_t *c, size_t length)
{
    if (length == 2)
        return c[0] == 0xc2 && c[1] < 0xa0;
    if (length != 3)
        return false;
    if (c[0] == 0xe2 && c[1] == 0x80)
        return (c[2] >= 0x8b && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae);
    if (c[0] == 0xe2 && c[1] == 0x81)
        return c[2] >= 0xa0 && c[2] <= 0xaf;
    return c[0] == 0xef && c[1] == 0xbb && c[2] == 0xbf;
}

/* Adds the character in front; gives the bytes it has and the columns it takes. */
static size_t add_character(struct text *t, struct span bytes, size_t *columns)
{
    uint8_t c = bytes.data[0];
    size_t length = excerpt_utf8(bytes);
    if (c == '\t') {
        text_add(t, "\\t");
        *columns = 2;
        return 1;
    }
    if (length == 0 || c < ' ' || c == 0x7f || is_hidden(bytes.data, length)) {
        text_add_format(t, "\\x%02x", c);
        *columns = 4;
        return 1;
    }
    text_add_bytes(t, bytes.data, length);
    *columns = 1;
    return length;
}

size_t excerpt_safe(struct text *t, struct span bytes)
{
    size_t all = 0;
    for (size_t at = 0, columns; at < bytes.length; all += columns)
        at += add_character(t, span_part(bytes, at, bytes.length - at), &columns);
    return all;
}

static size_t line_start(struct span text, size_t offset)
{
    while (offset > 0 && text.data[offset - 1] != '\n')
        offset--;
    return offset;
}

static size_t line_end(struct span text, size_t offset)
{
    while (offset < text.length && text.data[offset] != '\n')
        offset++;
    return offset > 0 && offset <= text.length && text.data[offset - 1] == '\r' ? offset - 1 : offset;
}

struct excerpt_position excerpt_position(struct span text, size_t offset)
{
    struct excerpt_position position = {.line = 1, .column = 1};
    size_t start = 0;
    for (const uint8_t *found; start < offset && (found = memchr(text.data + start, '\n', offset - start));) {
        start = (size_t)(found - text.data) + 1;
        position.line++;
    }
    for (size_t at = start; at < offset; at++)
        position.column += (text.data[at] & 0xc0) != 0x80;
    return position;
}

/* Does not begin or end inside a UTF-8 character. */
static size_t align_back(struct span text, size_t at, size_t least)
{
    while (at > least && (text.data[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static void add_repeated(struct text *t, char c, size_t count)
{
    while (count-- > 0)
        text_add_char(t, c);
}

void excerpt_add(struct text *t, struct span text, size_t offset, size_t length)
{
    size_t start = line_start(text, offset), end = line_end(text, offset);
    if (end < offset)
        end = offset;
    size_t from = offset - start > BEFORE_MAX ? align_back(text, offset - BEFORE_MAX, start) : start;
    size_t to = end - offset > BEHIND_MAX ? align_back(text, offset + BEHIND_MAX, offset) : end;
    if (length > to - offset)
        length = to - offset;

    text_add_format(t, "%5zu | %s", excerpt_position(text, offset).line, from > start ? "..." : "");
    size_t before = (from > start ? 3 : 0) + excerpt_safe(t, span_part(text, from, offset - from));
    size_t below = excerpt_safe(t, span_part(text, offset, length));
    excerpt_safe(t, span_part(text, offset + length, to - offset - length));
    text_add(t, to < end ? "...\n      | " : "\n      | ");
    add_repeated(t, ' ', before);
    text_add_char(t, '^');
    add_repeated(t, '~', below > 1 ? below - 1 : 0);
    text_add(t, "\n");
}
