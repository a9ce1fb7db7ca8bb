#ifndef LIMPET_SESSION_VISIT_H
#define LIMPET_SESSION_VISIT_H

/* A visit is what the log tells of: one per connection in tcp mode. It is filled in while the connection walks through
 * its steps, and becomes one line at its end. */

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/reason.h"
#include "base/text.h"
#include "plan/plan.h"
#include "route/pick.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a visit went to the server it went to. */
enum visit_choice {
    VISIT_NOWHERE,     /* to none */
    VISIT_HOME,        /* the first in its ranking */
    VISIT_NEXT_RANKED, /* a later one, because those passed over were not to be had */
    VISIT_LAST_RESORT, /* every server was resting, and this one was tried all the same */
};

/* The home that rests, and each one that was tried. */
#define VISIT_PASSED_MOST (1 + PICK_TRIES_MAX)

struct visit {
    micros accepted;  /* steady */
    micros decided;   /* key and pool were known; 0: never */
    micros connected; /* to the server; 0: never */
    struct endpoint peer;
    struct endpoint client;
    const struct plan_listener *listener;
    const struct plan_pool *pool;     /* null: none */
    const struct plan_server *server; /* null: none */
    const char *detail;               /* what was wrong with the first bytes, a static text; null: nothing */
    char *plain_key;                  /* only if the plan says so; owned */
    /* Servers that were not to be had, in the order of the walk: their index in the pool, and the errno of the connect; 0
     * for one that was resting and was not asked. */
    uint32_t passed[VISIT_PASSED_MOST];
    uint8_t passed_errors[VISIT_PASSED_MOST];
    uint32_t key_hash;
    int16_t source; /* index in the pool's keys; -1: spread */
    uint8_t passed_count;
    uint8_t choice; /* enum visit_choice */
    uint8_t reason; /* enum reason */
};

/* Room for one line, so that none is ever cut: short fields, and ten texts of at most 512 bytes (listener, pool, source,
 * key, server, detail, and those passed over), of which JSON may make six bytes each. */
#define VISIT_LINE_SIZE 32768

/* At most so many bytes of a plain key are shown. */
#define VISIT_PLAIN_KEY_MOST 512

/* Writes the line, with its newline, as `log` says; what does not fit is cut. */
void visit_line(const struct visit *visit, const struct plan_log *log, uint64_t bytes_in, uint64_t bytes_out,
                struct text *line);

#endif
