#ifndef LIMPET_CONTROL_ADMIN_ANSWER_H
#define LIMPET_CONTROL_ADMIN_ANSWER_H

/* What the admin socket can be asked, and what it answers. The routes are a table: dispatch, 405 and the list that
 * `GET /` shows all read it. Answers are JSON, an error is {"error":"..."}; but what other programs read is as they want
 * it: /metrics, /healthz and /readyz. Those three change nothing, and may be had elsewhere, too, where there is nothing
 * else. */

#include "base/attr.h"
#include "base/span.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct admin_request;
struct unpinned;

/* Done by whoever runs the workers; `context` is the owner's. Calls come one at a time and must not wait. */
struct admin_calls {
    /* Writes the whole status as a JSON object. Called again with more room when it was cut, so it changes nothing. */
    void (*status)(void *context, struct text *json);
    /* `server` is "POOL/NAME". 0 also when it was so before; -ENOENT: no such server; -ENOTSUP: it cannot be drained;
     * another negative errno: not now. */
    int (*drain)(void *context, struct span server, bool drain);
    /* Write what is known of the pins of a pool, and of one key in it, as control/pins_answer.h says; called again with more
     * room, as `status`. */
    int (*pins)(void *context, struct span pool, struct text *json);
    int (*pin)(void *context, struct span pool, struct span key, struct text *json);
    /* Unpin a key in one pool, or in all if `pool` is empty; or all that are pinned to a server, "POOL/NAME". 0 or a negative
     * errno, as control/pins_orders.h says; -ENOENT: no such pool, no such server. */
    int (*unpin)(void *context, struct span pool, struct span key, struct unpinned *unpinned);
    int (*unpin_server)(void *context, struct span server, struct unpinned *unpinned);
    /* Begins to replace all workers. 0: begun; -EALREADY: it was begun before; -ENOTSUP: there are none. */
    int (*reload)(void *context);
    /* Writes all figures, as control/metrics.h says; called again with more room, as `status`. */
    void (*metrics)(void *context, struct text *text);
    /* Null if limpet lives, and if newcomers are welcome; otherwise why not, a static text. */
    const char *(*not_alive)(void *context);
    const char *(*not_ready)(void *context);
};

/* No status is longer: 100,000 servers take about 30 MiB. */
#define ADMIN_ANSWER_MOST (64UL << 20)

struct admin_answer {
    int status;        /* of HTTP */
    const char *type;  /* of the body, as Content-Type has it */
    const char *allow; /* with 405: what is allowed */
    bool only_head;    /* to HEAD */
    char *body;        /* ours */
    size_t length;     /* of the body */
};

/* Whom a request has reached. */
struct admin_house {
    const struct admin_calls *calls;
    void *context;
    bool figures_only; /* there is nothing but /metrics, /healthz and /readyz; only their calls are needed */
};

/* Carries out a request that was read, from its bytes. 0, or -ENOMEM when there is no memory even for a refusal; then
 * nothing is to be freed. */
MUST_CHECK int admin_answer_make(struct admin_answer *answer, const struct admin_house *house,
                                 const struct admin_request *request, struct span bytes);
MUST_CHECK int admin_answer_refuse(struct admin_answer *answer, int status, const char *why);
void admin_answer_fini(struct admin_answer *answer); /* twice is fine */

/* The head of the answer, up to the empty line; `last`: the connection ends with it. `date` as clock_date() writes it. */
#define ADMIN_ANSWER_HEAD_SIZE 320
void admin_answer_head(const struct admin_answer *answer, const char *date, bool last, struct text *head);

#endif
