#ifndef LIMPET_SEAL_COOKIE_H
#define LIMPET_SEAL_COOKIE_H

/* The affinity cookie: it tells a frontend which server knows the client, and nobody else anything. Sealed with
 * XChaCha20-Poly1305 under keys that are derived from the secret; pool, name of the cookie and version are bound to it as
 * associated data. The text is URL-safe base64 without padding, in its canonical form only.
 *
 * What cannot be opened, whatever the reason, is as if it were not there. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/span.h"
#include "seal/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The keys of one secret; immutable, so threads share them. */
struct cookie_keys {
    size_t count;
    uint8_t all[SECRET_LINES_MOST][SECRET_SIZE];
};

/* Clocks of frontends may differ by so much. */
#define COOKIE_SKEW (300 * (micros)SECOND_IN_MICROS)

/* Longest name of a server that fits, and longest text. */
#define COOKIE_SERVER_MOST 127
#define COOKIE_TEXT_MOST 320

struct cookie_scope {
    struct span pool;
    struct span name;              /* of the cookie */
    const struct endpoint *client; /* bound to this address (without its port); null: to none */
};

struct cookie_content {
    uint8_t server_length;
    char server[COOKIE_SERVER_MOST]; /* its name */
    micros issued;                   /* wall clock, whole seconds */
};

/* Writes the text and its length; `text` has room for COOKIE_TEXT_MOST. 0, or -E2BIG for a name that is too long. */
MUST_CHECK int cookie_seal(const struct cookie_keys *keys, const struct cookie_scope *scope,
                           const struct cookie_content *content, char *text, size_t *length);

enum cookie_verdict {
    COOKIE_FRESH,   /* opened, sealed with the first key */
    COOKIE_OLD_KEY, /* opened with another one: to be issued again */
    COOKIE_BAD,     /* not ours, broken, of another scope, or sealed with a key that is gone */
    COOKIE_EXPIRED, /* ours, but older than `lifetime`, or from more than COOKIE_SKEW in the future */
};

/* `now`: wall clock. *content is set only for the first two. */
MUST_CHECK enum cookie_verdict cookie_open(const struct cookie_keys *keys, const struct cookie_scope *scope,
                                           struct span text, micros lifetime, micros now,
                                           struct cookie_content *content);

#endif
