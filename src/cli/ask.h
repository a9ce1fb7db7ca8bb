#ifndef LIMPET_CLI_ASK_H
#define LIMPET_CLI_ASK_H

/* Asks a running limpet over its admin socket, and waits for what takes a while. What goes wrong on the way is said
 * once, with what to do about it. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "cli/options.h"

#include <stdbool.h>
#include <stddef.h>

struct json_t; /* jansson's */

/* Whom to ask, for whom, and how long to wait: filled from options. */
struct ask {
    const char *command; /* "status", in messages */
    const char *admin;   /* as given, or null */
    struct address address;
    bool wait;
    bool limited; /* the wait has an end */
    micros most;  /* then: of this length */
    micros began; /* the wait; 0: not yet */
    micros pause; /* before the next look */
};

struct ask_answer {
    int status; /* of HTTP */
    char *text; /* the body, NUL-terminated */
    size_t length;
    struct json_t *json; /* the same, read: an object */
};

void ask_init(struct ask *ask, const struct options *options);

/* True if the option is one of ours and was taken: admin, wait, timeout. */
bool ask_take(struct ask *ask, enum option option, const char *value);

/* When all options are read. EXIT_FINE, or EXIT_USAGE once it was said what is wrong. */
MUST_CHECK int ask_ready(struct ask *ask, const struct options *options);

/* Adds a value of a parameter to the target of a request, percent-encoded. */
void ask_add_encoded(struct text *target, const char *value);

/* One request; any HTTP status is an answer. EXIT_FINE with an answer that ask_answer_fini() frees; or EXIT_FAILED with
 * nothing to free, once it was said who does not answer. */
MUST_CHECK int ask_for(const struct ask *ask, const char *method, const char *target, struct ask_answer *answer);
void ask_answer_fini(struct ask_answer *answer); /* twice is fine */

/* The whole status: an answer with an array "pools". As ask_for(). */
MUST_CHECK int ask_status(const struct ask *ask, struct ask_answer *answer);

/* What an answer that is no success says about itself. */
const char *ask_complaint(const struct ask_answer *answer);

/* Sleeps until the next look is worth it: soon at first, then once a second. False when the wait ran out. */
bool ask_again(struct ask *ask);

#endif
