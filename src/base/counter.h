#ifndef LIMPET_BASE_COUNTER_H
#define LIMPET_BASE_COUNTER_H

/* What is counted. Each thread has its own block, so counting is an add to memory that nobody else writes; whoever reads
 * sums the blocks. Reading is only ever approximate while threads run. */

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
    X(ANSWERS_3XX, "answers_3xx", "... from 300 to 399.")                                                              \
    X(ANSWERS_4XX, "answers_4xx", "... from 400 to 499.")                                                              \
    X(ANSWERS_5XX, "answers_5xx", "... from 500 to 599.")                                                              \
    X(UPGRADES, "upgrades", "Connections that changed to another protocol, such as WebSockets.")                       \
    X(SERVER_REUSES, "server_reuses", "Requests sent on a server connection that had been used before.")               \
    X(RETRIES, "retries", "Requests sent once more, because nothing of an answer came the first time.")                \
    X(COOKIES_ISSUED, "cookies_issued", "Affinity cookies given to clients.")                                          \
    X(COOKIES_REFUSED, "cookies_refused",                                                                              \
      "Affinity cookies that were forged, broken, expired or of a key that is gone.")                                  \
    X(SESSIONS_LEARNT, "sessions_learnt", "Session ids learnt from the answers of servers.")                           \
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

struct counters {
    uint64_t value[COUNTER_COUNT];
};

const char *counter_text(enum counter counter);
const char *counter_help(enum counter counter);

static inline void counter_add(struct counters *c, enum counter counter, uint64_t amount)
{
    /* Relaxed and unlocked: one writer, and readers accept any recent value. */
    __atomic_store_n(&c->value[counter], __atomic_load_n(&c->value[counter], __ATOMIC_RELAXED) + amount,
                     __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const struct counters *c, enum counter counter)
{
    return __atomic_load_n(&c->value[counter], __ATOMIC_RELAXED);
}

#endif
