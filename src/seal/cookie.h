#ifndef LIMPET_SEAL_COOKIE_H
#define LIMPET_SEAL_COOKIE_H

/* The affinity cookie: it tells a frontend which server knows the client, and nobody else anything. Sealed (seal/sealed.h)
 * under keys that are derived from the secret; pool, name of the cookie and version are bound to it. The text is URL-safe
 * base64 without padding, in its canonical form only.
 *
 *   key     = crypto_kdf(line of the secret, id 1, context SECRET_FOR_COOKIES, 32 bytes)
 *   cookie  = base64url(sealed bytes; their time is when the cookie was issued)
 *   binding = version | length of the pool's name, 1 byte | it | length of the cookie's name, 1 byte | it | 0 if it is
 *             bound to no client, 1 and the 16 bytes of the client's address, or 2 for a client without one
 *
 * Frozen; tests/vectors/cookie.tsv and tests/model/cookie.py prove it.
 *
 * What cannot be opened, whatever the reason, is as if it were not there. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/span.h"
#include "seal/sealed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From the text of a secret that was judged good; an empty one as sealed_keys_make() says. */
static inline void cookie_keys_make(struct sealed_keys *keys, struct span secret)
{
    sealed_keys_make(keys, secret, SECRET_FOR_COOKIES);
}

/* Clocks of frontends may differ by so much. */
#define COOKIE_SKEW (300 * (micros)SECOND_IN_MICROS)

/* Longest names of a pool and of a cookie, and longest text. */
#define COOKIE_SCOPE_MOST 255
#define COOKIE_TEXT_MOST 320

struct cookie_scope {
    struct span pool;
    struct span name;              /* of the cookie */
    const struct endpoint *client; /* bound to this address (without its port); null: to none */
};

/* Writes the text and its length; `text` has room for COOKIE_TEXT_MOST; there is no NUL. 0, or -E2BIG for a name
 * that is too long. */
MUST_CHECK int cookie_seal(const struct sealed_keys *keys, const struct cookie_scope *scope,
                           const struct sealed_content *content, char *text, size_t *length);

enum cookie_verdict {
    COOKIE_FRESH,   /* opened, sealed with the first key */
    COOKIE_OLD_KEY, /* opened with another one: to be issued again */
    COOKIE_BAD,     /* not ours, broken, of another scope, or sealed with a key that is gone */
    COOKIE_EXPIRED, /* ours, but older than `lifetime`, or from more than COOKIE_SKEW in the future */
};

/* `now`: wall clock. *content is set only for the first two. */
MUST_CHECK enum cookie_verdict cookie_open(const struct sealed_keys *keys, const struct cookie_scope *scope,
                                           struct span text, micros lifetime, micros now,
                                           struct sealed_content *content);

#endif
