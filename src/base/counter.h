#ifndef LIMPET_BASE_COUNTER_H
#define LIMPET_BASE_COUNTER_H

/* What is counted. Each thread has its own block, so counting is an add to memory that nobody else writes; whoever reads
 * sums the blocks. Reading is only ever approximate while threads run. The blocks outlive an engine: counters only grow,
 * gauges are what is there now. */

#include "base/reason.h"

#include <stdint.h>

/*      name                      help */
#define COUNTER_TABLE(X)                                                                                               \
    X(CONNECTIONS_ACCEPTED, "connections_accepted", "Connections accepted.")                                           \
    X(CONNECTIONS_REFUSED, "connections_refused", "Connections closed at once because a limit was reached.")           \
    X(ACCEPT_PAUSES, "accept_pauses", "Times a listener paused because descriptors, memory or `limits` ran out.")      \
    X(CONNECTS, "connects", "Connections opened to servers.")                                                          \
    X(CONNECT_FAILURES, "connect_failures", "Connections to servers that failed or timed out.")                        \
    X(HANDED_OVER, "handed_over", "Connections handed to workers.")                                                    \
    X(REQUESTS, "requests", "HTTP requests whose head was read, in http mode.")                                        \
    X(REQUESTS_REFUSED, "requests_refused", "HTTP requests that were malformed, ambiguous or beyond a limit.")         \
    X(ANSWERS_1XX, "answers_1xx", "Interim answers that clients got.")                                                 \
    X(ANSWERS_2XX, "answers_2xx", "Answers that clients got with a status from 200 to 299.")                           \
    X(ANSWERS_3XX, "answers_3xx", "Answers that clients got with a status from 300 to 399.")                           \
    X(ANSWERS_4XX, "answers_4xx", "Answers that clients got with a status from 400 to 499.")                           \
    X(ANSWERS_5XX, "answers_5xx", "Answers that clients got with a status from 500 to 599.")                           \
    X(UPGRADES, "upgrades", "Connections that changed to another protocol, such as WebSockets.")                       \
    X(SERVER_REUSES, "server_reuses", "Requests sent on a server connection that had been used before.")               \
    X(RETRIES, "retries", "Requests sent once more, because nothing of an answer came the first time.")                \
    X(COOKIES_ISSUED, "cookies_issued", "Affinity cookies given to clients.")                                          \
    X(COOKIES_REFUSED, "cookies_refused",                                                                              \
      "Affinity cookies that were forged, broken, expired or of a key that is gone.")                                  \
    X(SESSIONS_LEARNT, "sessions_learnt", "Session ids learnt from the answers of servers.")                           \
    X(PINS_CLAIMED, "pins_claimed", "Keys that were pinned to a server because none was known for them.")              \
    X(PINS_MOVED, "pins_moved", "Pins that were moved to another server because theirs was not to be had.")            \
    X(PINS_OBEYED, "pins_obeyed", "Pins that another frontend had made otherwise, and that count here since.")         \
    X(PINS_STRANGE, "pins_strange", "Values in memcached that are no pins of ours, or name unknown servers.")          \
    X(PINS_LOST, "pins_lost", "Pins that could not be kept for want of memory.")                                       \
    X(PIN_QUERIES, "pin_queries", "Questions to memcached about pins.")                                                \
    X(PIN_FAILURES, "pin_failures", "Questions to memcached that were not answered in time, or could not be asked.")   \
    X(NEXT_RANKED, "next_ranked", "Visits that went to another server than their home.")                               \
    X(BYTES_IN, "bytes_in", "Bytes from clients to servers.")                                                          \
    X(BYTES_OUT, "bytes_out", "Bytes from servers to clients.")                                                        \
    X(SPLICES, "splices", "Calls of splice(2) that moved bytes.")                                                      \
    X(LOG_LINES_DROPPED, "log_lines_dropped", "Log lines dropped because the log did not take them.")

enum counter {
#define X(name, text, help) COUNTER_##name,
    COUNTER_TABLE(X)
#undef X
        COUNTER_COUNT
};

/*      name              name               help */
#define GAUGE_TABLE(X) X(CONNECTIONS, "connections", "Connections of clients that are open.")

enum gauge {
#define X(name, text, help) GAUGE_##name,
    GAUGE_TABLE(X)
#undef X
        GAUGE_COUNT
};

/* Whole cache lines: in memory that begins with one, no two threads' blocks meet. */
#define COUNTERS_LINE (64 / sizeof(uint64_t))

struct counters {
    uint64_t value[COUNTER_COUNT];
    uint64_t ended[REASON_COUNT]; /* visits, by the reason of their end */
    uint64_t gauge[GAUGE_COUNT];
    uint64_t unused[COUNTERS_LINE - (COUNTER_COUNT + REASON_COUNT + GAUGE_COUNT) % COUNTERS_LINE];
};

/* Without the limpet_ in front and the _total behind; and a sentence. */
const char *counter_text(enum counter counter);
const char *counter_help(enum counter counter);
const char *gauge_text(enum gauge gauge);
const char *gauge_help(enum gauge gauge);

/* Relaxed and unlocked: one writer, and readers accept any recent value. */
static inline void counter_grow(uint64_t *value, uint64_t amount)
{
    __atomic_store_n(value, __atomic_load_n(value, __ATOMIC_RELAXED) + amount, __ATOMIC_RELAXED);
}

static inline void counter_add(struct counters *c, enum counter counter, uint64_t amount)
{
    counter_grow(&c->value[counter], amount);
}

static inline uint64_t counter_read(const struct counters *c, enum counter counter)
{
    return __atomic_load_n(&c->value[counter], __ATOMIC_RELAXED);
}

/* A visit has ended; each is counted once. */
static inline void counter_ended(struct counters *c, enum reason reason)
{
    counter_grow(&c->ended[reason], 1);
}

static inline uint64_t counter_read_ended(const struct counters *c, enum reason reason)
{
    return __atomic_load_n(&c->ended[reason], __ATOMIC_RELAXED);
}

static inline void gauge_set(struct counters *c, enum gauge gauge, uint64_t value)
{
    __atomic_store_n(&c->gauge[gauge], value, __ATOMIC_RELAXED);
}

static inline uint64_t gauge_read(const struct counters *c, enum gauge gauge)
{
    return __atomic_load_n(&c->gauge[gauge], __ATOMIC_RELAXED);
}

#endif
