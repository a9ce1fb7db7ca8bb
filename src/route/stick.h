#ifndef LIMPET_ROUTE_STICK_H
#define LIMPET_ROUTE_STICK_H

/* Where was this client before? Asked before the ranking, of what the pool's `stick` says: a sealed cookie, or the id of a
 * session that a server gave out, which was learnt from its answer. No I/O; threads share one struct sticks. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "plan/plan.h"
#include "proto/head.h"
#include "seal/cookie.h"

#include <stdbool.h>
#include <stdint.h>

struct sticks; /* keys (never change) and the table of learnt ids (locks) */
MUST_CHECK struct sticks *sticks_new(const struct plan *plan);
void sticks_free(struct sticks *sticks);

/* Of cookies with our name so many are tried. */
#define STICK_COOKIES_TRIED 4

#define STICK_NOBODY UINT32_MAX

struct stick_answer {
    uint32_t server;      /* index in the pool, or STICK_NOBODY */
    enum stick_kind kind; /* who knew it */
    bool renew;           /* the cookie is good, but is to be issued again: an older key, or half of its time is over */
    unsigned refused;     /* cookies of ours by name that could not be opened */
    unsigned gone;        /* ... that name a server which the pool has not */
    bool unknown_session; /* the id of a session is there that leads nowhere */
};

/* The first of the pool's sticks that knows. A cookie that names a server which the pool has no more is as if it were not
 * there. A session's id is looked up among those that were learnt; else it may end with a dot and the name of its server,
 * the longest such name: "0A1B.app1". `bytes` are what `head` was read from; the times are now. */
struct stick_answer stick_find(struct sticks *sticks, const struct plan_pool *pool, const struct head *head,
                               struct span bytes, const struct endpoint *client, micros wall, micros steady);

/* The pool's cookie, or null. */
const struct plan_stick *stick_cookie(const struct plan_pool *pool);

/* Adds "limpet=...; Path=/; HttpOnly; SameSite=Lax[; Secure]", the value of a Set-Cookie field. SameSite=None is always Secure,
 * because browsers refuse it otherwise. Nothing is added if the names do not fit into a cookie. */
void stick_issue(struct sticks *sticks, const struct plan_pool *pool, const struct plan_server *server,
                 const struct endpoint *client, bool secure, micros wall, struct text *value);

/* What a server's answer gives out, one Set-Cookie value after the other; harmless if the pool learns no sessions. For
 * requests that carry the id in a cookie or in their query. An id that comes with Max-Age=0 has ended. True: one was learnt. */
bool stick_learn(struct sticks *sticks, const struct plan_pool *pool, uint32_t server, struct span set_cookie,
                 micros steady);

/* The same for any other field of the answer: one that bears the name under which requests carry the id in a field. */
bool stick_learn_field(struct sticks *sticks, const struct plan_pool *pool, uint32_t server, struct span name,
                       struct span value, micros steady);

/* A Cookie field's value without our cookie (all that have its very name), written to `kept`; its length, 0 if nothing is left.
 * The rest stays as it is, byte for byte. In `kept` there is room for as many bytes as the value has. */
size_t stick_hide(const struct plan_pool *pool, struct span value, uint8_t *kept);

#endif
