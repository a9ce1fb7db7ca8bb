#ifndef LIMPET_SESSION_VISIT_H
#define LIMPET_SESSION_VISIT_H

/* A visit is what the log tells of: one per connection in tcp mode. It is filled in while the connection walks through
 * its steps, and becomes one line at its end. */

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/reason.h"
#include "base/text.h"
#include "plan/plan.h"
#include "route/decide.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a visit went to the server it went to. */
enum visit_choice {
    VISIT_NOWHERE,     /* to none */
    VISIT_HOME,        /* the first in its ranking */
    VISIT_NEXT_RANKED, /* a later one, because those passed over were not to be had */
    VISIT_LAST_RESORT, /* every server was resting, and this one was tried all the same */
    VISIT_COOKIE,      /* the client's cookie names it */
    VISIT_SESSION,     /* it gave out the session id that the client carries */
    VISIT_PIN,         /* the client's key is pinned to it */
    VISIT_ANSWERED,    /* limpet answered by itself: a redirect, a fixed answer */
};

/* Who told of the server. */
enum visit_choice visit_choice_of(enum stick_kind kind);

/* So many servers that were passed over are named. */
#define VISIT_PASSED_MOST 8

/* Servers that were not to be had, in the order of the walk. Few visits need it, so it is allocated when one does. */
struct visit_passed {
    uint32_t servers[VISIT_PASSED_MOST]; /* index in the pool */
    uint8_t errors[VISIT_PASSED_MOST];   /* the errno of the connect; 0: it was resting and was not asked */
    uint8_t count;
    bool more; /* than can be named */
};

/* Room for the id of a request: what a trusted proxy gave, or 32 hexadecimal digits. */
#define VISIT_ID_SIZE 129

/* At most so many bytes of each are shown. RFC 9110 section 9.1 gives methods no length; the longest registered one has
 * 17 (UPDATEREDIRECTREF). A name in the DNS has 253. */
#define VISIT_METHOD_MOST 32
#define VISIT_HOST_MOST 255
#define VISIT_PATH_MOST 2048

/* What the log tells of a request, besides what it tells of every visit. Made only if there is a log. */
struct visit_request {
    micros asked;    /* the server had the head of the request; 0: never */
    micros answered; /* the first byte of its answer came; 0: never */
    uint16_t status; /* that the client was answered with; 0: it was not */
    bool retried;    /* it was sent twice, because the first time nothing of an answer came */
    char id[VISIT_ID_SIZE];
    uint16_t method_length;
    uint16_t host_length;
    uint16_t path_length;
    uint8_t text[]; /* method, host and path, one behind the other */
};

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
    struct visit_passed *passed;      /* null: nobody was passed over; owned */
    struct visit_request *request;    /* null in tcp mode; owned */
    uint8_t *plain_key;               /* only if the plan says so; owned */
    uint32_t key_hash;
    uint16_t plain_key_length;
    int16_t source; /* index in the pool's keys; -1: spread */
    uint8_t choice; /* enum visit_choice */
    uint8_t reason; /* enum reason */
};

/* Room for the names of those that were passed over; longer lists are cut. */
#define VISIT_WHY_SIZE 2048

/* Room for one line, so that none is ever cut: VISIT_WHY_SIZE, six texts of at most 512 bytes (listener, pool, source, key,
 * server, detail) and those of a request (method, host, path, id), of which JSON may make six bytes each:
 * 6 * (2048 + 6 * 512 + 32 + 255 + 2048 + 128) = 45,498; and 3,654 for the short fields and all the names. */
#define VISIT_LINE_SIZE 49152

/* At most so many bytes of a plain key are shown. */
#define VISIT_PLAIN_KEY_MOST 512

/* A server was not to be had. `error` is the errno of its connect; 0: it was resting and was not asked. If memory is short
 * the line will not tell of it. */
void visit_pass(struct visit *visit, uint32_t server, int error);

/* What the log will tell of a request, with the rest at zero; each text is cut to its limit above. `path` comes without
 * its query, which may hold what no log should. Null without memory: the line then tells what it tells in tcp mode.
 * The visit owns it: visit_fini() frees it. */
struct visit_request *visit_request_new(struct span method, struct span host, struct span path);

/* Keeps the key itself for the line, if `log` wants it and there is one. */
void visit_note_key(struct visit *visit, const struct plan_log *log, const struct decision *decision);

/* Frees what a visit owns; twice is harmless. */
void visit_fini(struct visit *visit);

/* Writes the line, with its newline, as `log` says; what does not fit is cut. */
void visit_line(const struct visit *visit, const struct plan_log *log, uint64_t bytes_in, uint64_t bytes_out,
                struct text *line);

#endif
