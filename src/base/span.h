#ifndef LIMPET_BASE_SPAN_H
#define LIMPET_BASE_SPAN_H

/* A span is a view of bytes that somebody else owns. It is not terminated; an empty one may have a null pointer. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *data;
    size_t length;
};

static inline struct span span_of(const void *data, size_t length)
{
    return (struct span){.data = data, .length = length};
}

static inline struct span span_text(const char *text)
{
    return span_of(text, strlen(text));
}

/* Bytes [from, from + length) of a span; the caller has checked that they are inside. */
static inline struct span span_part(struct span s, size_t from, size_t length)
{
    return span_of(s.data + from, length);
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* ASCII lower case of one byte; bytes above 0x7f stay as they are. */
static inline uint8_t byte_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

/* ASCII case is ignored, as in field names (RFC 9110 section 5.1). */
static inline bool span_equal_nocase(struct span a, struct span b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (byte_lower(a.data[i]) != byte_lower(b.data[i]))
            return false;
    return true;
}

/* Without the spaces and tabs at both ends (RFC 9110 section 5.6.3, OWS). */
static inline struct span span_trim(struct span s)
{
    while (s.length > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = span_of(s.data + 1, s.length - 1);
    while (s.length > 0 && (s.data[s.length - 1] == ' ' || s.data[s.length - 1] == '\t'))
        s.length--;
    return s;
}

#endif
