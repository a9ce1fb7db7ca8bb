#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void text_init(struct text *t, char *buffer, size_t capacity)
{
    assert(capacity > 0);
    *t = (struct text){.data = buffer, .capacity = capacity};
    buffer[0] = '\0';
}

void text_add_format(struct text *t, const char *format, ...)
{
    size_t room = t->capacity - t->length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(t->data + t->length, room, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    if ((size_t)length >= room) {
        t->cut = true;
        length = (int)room - 1;
    }
    t->length += (size_t)length;
}

void text_add_unsigned(struct text *t, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_add_bytes(t, digits + at, sizeof(digits) - at);
}

static const char hex_digits[] = "0123456789abcdef";

void text_add_hex(struct text *t, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++) {
        text_add_char(t, hex_digits[bytes[i] >> 4]);
        text_add_char(t, hex_digits[bytes[i] & 15]);
    }
}

void text_add_escaped(struct text *t, struct span bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        uint8_t byte = bytes.data[i];
        if (byte > ' ' && byte < 0x7f && byte != '"' && byte != '\\') {
            text_add_char(t, (char)byte);
        } else {
            text_add(t, "\\x");
            text_add_hex(t, &byte, 1);
        }
    }
}

/* Length of the valid UTF-8 sequence that starts here (RFC 3629 section 4), 0 if there is none. */
static size_t utf8_sequence(const uint8_t *b, size_t left)
{
    size_t length = b[0] < 0x80 ? 1 : b[0] >= 0xc2 && b[0] <= 0xdf ? 2 : (b[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (length == 1)
        return 1;
    if ((length == 4 && (b[0] < 0xf0 || b[0] > 0xf4)) || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xf0 && b[1] < 0x90);
    bool surrogate = b[0] == 0xed && b[1] > 0x9f;
    bool too_high = b[0] == 0xf4 && b[1] > 0x8f;
    return overlong || surrogate || too_high ? 0 : length;
}

void text_add_json(struct text *t, struct span bytes)
{
    text_add_char(t, '"');
    for (size_t i = 0; i < bytes.length;) {
        uint8_t byte = bytes.data[i];
        size_t length = utf8_sequence(bytes.data + i, bytes.length - i);
        if (byte == '"' || byte == '\\') {
            text_add_char(t, '\\');
            text_add_char(t, (char)byte);
        } else if (length == 0 || byte < ' ' || byte == 0x7f) {
            text_add(t, "\\u00");
            text_add_hex(t, &byte, 1);
        } else {
            text_add_bytes(t, bytes.data + i, length);
        }
        i += length > 0 ? length : 1;
    }
    text_add_char(t, '"');
}

void text_add_label(struct text *t, struct span bytes)
{
    text_add_char(t, '"');
    for (size_t i = 0; i < bytes.length;) {
        uint8_t byte = bytes.data[i];
        size_t length = utf8_sequence(bytes.data + i, bytes.length - i);
        if (byte == '\n')
            text_add(t, "\\n");
        else if (length == 0)
            text_add(t, "\xef\xbf\xbd");
        else {
            if (byte == '"' || byte == '\\')
                text_add_char(t, '\\');
            text_add_bytes(t, bytes.data + i, length);
        }
        i += length > 0 ? length : 1;
    }
    text_add_char(t, '"');
}
