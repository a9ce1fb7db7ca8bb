#ifndef LIMPET_ROUTE_STICK_H
#define LIMPET_ROUTE_STICK_H

/* Where was this client before? What a request itself tells, as the pool's `stick` wants it: a sealed cookie, or the id of a
 * session that a server gave out; and what an answer gives out. Who else knows about ids and keys is for pins/pins to say. Pure:
 * no I/O, no state but keys. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "plan/plan.h"
#include "proto/head.h"
#include "seal/cookie.h"

#include <stdbool.h>
#include <stdint.h>

struct sticks; /* keys; never change, so threads share them */
MUST_CHECK struct sticks *sticks_new(const struct plan *plan);
void sticks_free(struct sticks *sticks);

/* Of cookies with our name so many are tried. */
#define STICK_COOKIES_TRIED 4

#define STICK_NOBODY UINT32_MAX

struct stick_answer {
    uint32_t server;  /* index in the pool, or STICK_NOBODY */
    bool renew;       /* the cookie is good, but is to be issued again: an older key, or half of its time is over */
    unsigned refused; /* cookies of ours by name that could not be opened */
    unsigned gone;    /* ... that name a server which the pool has not */
};

/* What it takes to look into one request. */
struct stick_request {
    const struct plan_pool *pool;
    const struct head *head; /* null: there is none */
    struct span bytes;       /* that it was read from */
    const struct endpoint *client;
};

/* Looks for a cookie that opens and names a server which the pool has: true, and answer->server and ->renew are set. Those that do
 * not open are counted in answer->refused either way. */
bool stick_find_cookie(const struct sticks *sticks, const struct stick_request *request, const struct plan_stick *stick,
                       micros wall, struct stick_answer *answer);

/* The id of the session that the request belongs to; empty: none. */
struct span stick_session_id(const struct stick_request *request, const struct plan_stick *stick);

/* An id may end with a dot and the name of its server, the longest such name: "0A1B.app1". Or STICK_NOBODY. */
uint32_t stick_server_in_id(const struct plan_pool *pool, struct span id);

/* The pool's cookie, or null. */
const struct plan_stick *stick_cookie(const struct plan_pool *pool);

/* Adds "limpet=...; Path=/; HttpOnly; SameSite=Lax[; Secure]", the value of a Set-Cookie field. SameSite=None is always Secure,
 * because browsers refuse it otherwise. Nothing is added if the names do not fit into a cookie. */
void stick_issue(const struct sticks *sticks, const struct plan_pool *pool, const struct plan_server *server,
                 const struct endpoint *client, bool secure, micros wall, struct text *value);

/* An id that an answer gives out, or takes back. */
struct stick_gift {
    const struct plan_stick *stick;
    struct span id; /* not empty */
    bool ended;     /* it came with Max-Age=0 */
};

/* Those in the value of a Set-Cookie field, for requests that carry the id in a cookie or in their query. How many. */
size_t stick_gifts(const struct plan_pool *pool, struct span set_cookie, struct stick_gift gifts[PLAN_STICKS_MOST]);

/* The same for any other field: one that bears the name under which requests carry the id in a field. */
size_t stick_gifts_in_field(const struct plan_pool *pool, struct span name, struct span value,
                            struct stick_gift gifts[PLAN_STICKS_MOST]);

/* A Cookie field's value without our cookie (all that have its very name), written to `kept`; its length, 0 if nothing is left.
 * The rest stays as it is, byte for byte. In `kept` there is room for as many bytes as the value has. */
size_t stick_hide(const struct plan_pool *pool, struct span value, uint8_t *kept);

#endif
