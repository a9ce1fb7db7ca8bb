#include "conf/advice.h"

#include "base/attr.h"
#include "conf/suggest.h"

#define EVERYWHERE SECTION_COUNT
#define NO_CHECKS                                                                                                      \
    "take it out: servers are watched by their connects; one that fails rests, and its clients go to the next-ranked"
#define NO_LIMIT "take it out: there is no limit per server; `limits` bound the clients"
#define NO_ALGORITHM "take it out: the ranking decides, and `key` says what tells one client from another"
#define NO_COOKIE                                                                                                      \
    "every client stays with its home, which `key` decides; write `stick: {cookie: limpet}` into the pool for a "      \
    "cookie "                                                                                                          \
    "that holds it even when servers come"

static const struct row {
    enum section section;
    const char *key;
    const char *advice;
} rows[] = {
    {SECTION_LISTENER, "port", "write `bind: \":PORT\"`"},
    {SECTION_SERVER, "port", "write it into `address: \"HOST:PORT\"`"},
    {SECTION_SERVER, "url", "write `address: \"HOST:PORT\"`, without a scheme and a path"},
    {SECTION_SERVER, "uri", "write `address: \"HOST:PORT\"`, without a scheme and a path"},
    {SECTION_SERVER, "backup", "take it out: every server has its share, and where one fails the next-ranked steps in"},
    {SECTION_SERVER, "down", "take the server out of the list while it is down: only its own clients move"},
    {SECTION_SERVER, "maxconn", NO_LIMIT},
    {SECTION_SERVER, "max-conns", NO_LIMIT},
    {SECTION_SERVER, "max-connections", NO_LIMIT},
    {SECTION_SERVER, "limits", NO_LIMIT},
    {SECTION_SERVER, "max-fails", NO_CHECKS},
    {SECTION_SERVER, "fail-timeout", NO_CHECKS},
    {SECTION_SERVER, "check", NO_CHECKS},
    {EVERYWHERE, "health-check", NO_CHECKS},
    {EVERYWHERE, "health-checks", NO_CHECKS},
    {EVERYWHERE, "healthcheck", NO_CHECKS},
    {EVERYWHERE, "health", NO_CHECKS},
    {EVERYWHERE, "algorithm", NO_ALGORITHM},
    {EVERYWHERE, "strategy", NO_ALGORITHM},
    {EVERYWHERE, "sticky-cookie", NO_COOKIE},
    {EVERYWHERE, "sticky-sessions", NO_COOKIE},
};

const char *advice_find(enum section section, struct span key)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if ((rows[i].section == section || rows[i].section == EVERYWHERE) && suggest_is_same(key, rows[i].key))
            return rows[i].advice;
    return NULL;
}
