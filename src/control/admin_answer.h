#ifndef LIMPET_CONTROL_ADMIN_ANSWER_H
#define LIMPET_CONTROL_ADMIN_ANSWER_H

/* What the admin socket can be asked, and what it answers. The routes are a table: dispatch, 405 and the list that
 * `GET /` shows all read it. Every answer is JSON; an error is {"error":"..."}. */

#include "base/attr.h"
#include "base/span.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct admin_request;

/* Done by whoever runs the workers; `context` is the owner's. Calls come one at a time and must not wait. */
struct admin_calls {
    /* Writes the whole status as a JSON object. Called again with more room when it was cut, so it changes nothing. */
    void (*status)(void *context, struct text *json);
    /* `server` is "POOL/NAME". 0 also when it was so before; -ENOENT: no such server; -ENOTSUP: it cannot be drained;
     * another negative errno: not now. */
    int (*drain)(void *context, struct span server, bool drain);
    /* Begins to replace all workers. 0: begun; -EALREADY: it was begun before; -ENOTSUP: there are none. */
    int (*reload)(void *context);
};

/* No status is longer: 100,000 servers take about 30 MiB. */
#define ADMIN_ANSWER_MOST (64UL << 20)

struct admin_answer {
    int status;        /* of HTTP */
    const char *allow; /* with 405: what is allowed */
    bool only_head;    /* to HEAD */
    char *body;        /* ours */
    size_t length;     /* of the body */
};

/* Carries out a request that was read, from its bytes. 0, or -ENOMEM when there is no memory even for a refusal; then
 * nothing is to be freed. */
MUST_CHECK int admin_answer_make(struct admin_answer *answer, const struct admin_calls *calls, void *context,
                                 const struct admin_request *request, struct span bytes);
MUST_CHECK int admin_answer_refuse(struct admin_answer *answer, int status, const char *why);
void admin_answer_fini(struct admin_answer *answer); /* twice is fine */

/* The head of the answer, up to the empty line; `last`: the connection ends with it. */
#define ADMIN_ANSWER_HEAD_SIZE 320
void admin_answer_head(const struct admin_answer *answer, bool last, struct text *head);

#endif
