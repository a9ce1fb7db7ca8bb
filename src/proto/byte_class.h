#ifndef LIMPET_PROTO_BYTE_CLASS_H
#define LIMPET_PROTO_BYTE_CLASS_H

/* What a byte may be part of in HTTP/1. */

#include "base/span.h"

#include <stdint.h>

enum {
    IN_TOKEN = 1,  /* RFC 9110 section 5.6.2: methods, field names, codings */
    IN_TARGET = 2, /* visible ASCII without '#' and '\', which servers cut off or turn into '/' */
    IN_VALUE = 4,  /* RFC 9110 section 5.5: visible, space, tab, 8-bit */
};

/* Defined in proto/head.c. */
extern const uint8_t byte_class[256];

/* RFC 9110 section 5.6.2; not empty. */
static inline bool is_token(struct span word)
{
    for (size_t i = 0; i < word.length; i++)
        if (!(byte_class[word.data[i]] & IN_TOKEN))
            return false;
    return word.length > 0;
}

/* Of a field's name, as servers fold names into variables (CGI, RFC 3875 section 4.1.18): without case, and every sign the
 * same, because some take X-User, X_User and X.User for one. */
static inline uint8_t byte_fold(uint8_t byte)
{
    uint8_t lower = byte_lower(byte);
    return (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ? lower : '-';
}

#endif
