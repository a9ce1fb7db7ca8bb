#include "proto/chunked.h"

#include "proto/byte_class.h"

#include <assert.h>

enum {
    DIGITS_MAX = 15, /* so that no size overflows */
    EXTENSION_MAX = 1024,
    EXTENSIONS_MAX = 16384,
};

enum state {
    STATE_SIZE,
    STATE_SIZE_LF,
    STATE_NAME_FIRST, /* chunk-ext = *( ";" name [ "=" value ] ) */
    STATE_NAME,
    STATE_VALUE_FIRST,
    STATE_VALUE,
    STATE_QUOTATION,
    STATE_QUOTED_PAIR,
    STATE_QUOTATION_END,
    STATE_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_LAST,
};

/* The value of a hexadecimal digit and 1; 0: it is none. */
static const uint8_t digit_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static const char *read_size(struct chunked *chunked, uint8_t byte)
{
    uint8_t value = digit_values[byte];
    if (value > 0) {
        chunked->left = chunked->left << 4 | (value - 1u);
        return chunked->digits++ < DIGITS_MAX ? NULL : "chunk size of more than 15 digits";
    }
    if (chunked->digits == 0 || (byte != '\r' && byte != ';'))
        return "chunk size is no hexadecimal number";
    chunked->extension = 0;
    chunked->state = byte == ';' ? STATE_NAME_FIRST : STATE_SIZE_LF;
    return NULL;
}

static const char *read_size_lf(struct chunked *chunked, uint8_t byte)
{
    if (byte != '\n')
        return "chunk size does not end with CRLF";
    chunked->state = chunked->left > 0 ? STATE_DATA : STATE_LAST;
    return NULL;
}

/* Behind a name or a value. */
static const char *end_extension(struct chunked *chunked, uint8_t byte)
{
    if (byte != ';' && byte != '\r')
        return "malformed chunk extension";
    chunked->state = byte == ';' ? STATE_NAME_FIRST : STATE_SIZE_LF;
    return NULL;
}

static const char *read_extension(struct chunked *chunked, uint8_t byte)
{
    static const char malformed[] = "malformed chunk extension";
    bool in_token = byte_class[byte] & IN_TOKEN;
    switch ((enum state)chunked->state) {
    case STATE_NAME_FIRST:
        chunked->state = STATE_NAME;
        return in_token ? NULL : malformed;
    case STATE_NAME:
        if (byte == '=')
            chunked->state = STATE_VALUE_FIRST;
        return in_token || byte == '=' ? NULL : end_extension(chunked, byte);
    case STATE_VALUE_FIRST:
        chunked->state = byte == '"' ? STATE_QUOTATION : STATE_VALUE;
        return in_token || byte == '"' ? NULL : malformed;
    case STATE_VALUE:
        return in_token ? NULL : end_extension(chunked, byte);
    case STATE_QUOTATION:
        if (byte == '"' || byte == '\\')
            chunked->state = byte == '"' ? STATE_QUOTATION_END : STATE_QUOTED_PAIR;
        return byte_class[byte] & IN_VALUE ? NULL : malformed;
    case STATE_QUOTED_PAIR:
        chunked->state = STATE_QUOTATION;
        return byte_class[byte] & IN_VALUE ? NULL : malformed;
    default:
        return end_extension(chunked, byte);
    }
}

/* Whatever it is, it counts, so that the limits hold for every byte behind a size. */
static const char *count_extension(struct chunked *chunked, uint8_t byte)
{
    if (++chunked->extension > EXTENSION_MAX || ++chunked->extensions > EXTENSIONS_MAX)
        return "chunk extensions are too long";
    return read_extension(chunked, byte);
}

static const char *read_behind_data(struct chunked *chunked, uint8_t byte)
{
    bool at_cr = chunked->state == STATE_DATA_CR;
    if (byte != (at_cr ? '\r' : '\n'))
        return "chunk does not end with CRLF";
    chunked->digits = 0;
    chunked->state = at_cr ? STATE_DATA_LF : STATE_SIZE;
    return NULL;
}

/* One byte that is no data. */
static const char *read_byte(struct chunked *chunked, uint8_t byte)
{
    switch ((enum state)chunked->state) {
    case STATE_SIZE:
        return read_size(chunked, byte);
    case STATE_SIZE_LF:
        return read_size_lf(chunked, byte);
    case STATE_DATA_CR:
    case STATE_DATA_LF:
        return read_behind_data(chunked, byte);
    default:
        return count_extension(chunked, byte);
    }
}

static struct chunked_result take_data(struct chunked *chunked, struct span bytes, size_t at)
{
    size_t there = bytes.length - at;
    size_t length = chunked->left < there ? (size_t)chunked->left : there;
    chunked->left -= length;
    if (chunked->left == 0)
        chunked->state = STATE_DATA_CR;
    return (struct chunked_result){.verdict = CHUNKED_DATA, .used = at + length, .data = span_part(bytes, at, length)};
}

struct chunked_result chunked_read(struct chunked *chunked, struct span bytes)
{
    assert(chunked->state <= STATE_LAST);
    size_t at = 0;
    while (chunked->state != STATE_LAST && at < bytes.length) {
        if (chunked->state == STATE_DATA)
            return take_data(chunked, bytes, at);
        const char *why = read_byte(chunked, bytes.data[at]);
        if (why != NULL)
            return (struct chunked_result){.verdict = CHUNKED_BAD, .used = at, .why = why};
        at++;
    }
    return (struct chunked_result){.verdict = chunked->state == STATE_LAST ? CHUNKED_LAST : CHUNKED_MORE, .used = at};
}
