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
#define ONE_LEVEL                                                                                                      \
    "take it out: `listeners` and `pools` stand at the top; in a listener, `mode: http` decides for each request"
#define NO_DEFAULTS "take it out, and write what is in it at the top: `timeouts`, `limits` and `log` hold for all"
#define HOW_LONG "write `for: 7d`: so long the cookie counts; it is renewed when half of that is over"
#define LIMPETS_COOKIE                                                                                                 \
    "write `stick: {cookie: limpet}`: limpet sets and hides a cookie of its own; the word is its name"
#define SESSION_TABLE                                                                                                  \
    "write `stick: {session: \"cookie:NAME\"}` for an id that the server gives out, or `key` for what the client "     \
    "brings"

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
    {SECTION_ROOT, "http", ONE_LEVEL},
    {SECTION_ROOT, "stream", ONE_LEVEL},
    {SECTION_ROOT, "global", NO_DEFAULTS},
    {SECTION_ROOT, "defaults", NO_DEFAULTS},
    {SECTION_TIMEOUTS, "client", "write `idle`, for how long nothing may move"},
    {SECTION_TIMEOUTS, "keepalive", "write `idle`, which is also for the time between two requests"},
    {SECTION_TIMEOUTS, "keep-alive", "write `idle`, which is also for the time between two requests"},
    {SECTION_TIMEOUTS, "http-keep-alive", "write `idle`, which is also for the time between two requests"},
    {SECTION_TIMEOUTS, "server", "write `answer`, for the answer to begin; then `idle` holds"},
    {SECTION_TIMEOUTS, "response", "write `answer`, for the answer to begin; then `idle` holds"},
    {SECTION_TIMEOUTS, "read", "write `answer`, for the answer to begin; then `idle` holds"},
    {SECTION_TIMEOUTS, "proxy-read", "write `answer`, for the answer to begin; then `idle` holds"},
    {SECTION_TIMEOUTS, "request", "write `head`, for the head of a request to be complete"},
    {SECTION_TIMEOUTS, "http-request", "write `head`, for the head of a request to be complete"},
    {SECTION_TIMEOUTS, "header", "write `head`, for the head of a request to be complete"},
    {SECTION_TIMEOUTS, "send", "take it out: `idle` is for both directions"},
    {SECTION_TIMEOUTS, "body", "take it out: a body that comes more slowly than 5000 bytes in 10s is answered 408"},
    {SECTION_TIMEOUTS, "websocket", "write `tunnel`"},
    {SECTION_TIMEOUTS, "upgrade", "write `tunnel`"},
    {SECTION_ROUTE, "status", "write `answer: 404`, or for a redirect `redirect: {to: URL, status: 301}`"},
    {SECTION_ROUTE, "body", "write `answer: {status: 200, body: TEXT}`"},
    {SECTION_ROUTE, "url", "write `path: /...` for what a request asks for, or `redirect: URL` for where to send it"},
    {SECTION_POOL, "cookie", LIMPETS_COOKIE},
    {SECTION_POOL, "session", SESSION_TABLE},
    {SECTION_POOL, "stick-table", SESSION_TABLE},
    {SECTION_POOL, "stick-on", SESSION_TABLE},
    {SECTION_STICK, "name", "write `cookie: NAME`"},
    {SECTION_STICK, "expires", HOW_LONG},
    {SECTION_STICK, "ttl", HOW_LONG},
    {SECTION_STICK, "max-age", HOW_LONG},
    {SECTION_STICK, "max-life", HOW_LONG},
    {SECTION_STICK, "secure", "take it out: the cookie is Secure where the client speaks TLS, as its proxy says"},
    {SECTION_STICK, "httponly", "take it out: the cookie is always HttpOnly"},
    {SECTION_STICK, "http-only", "take it out: the cookie is always HttpOnly"},
    {SECTION_STICK, "path", "take it out: the cookie is for every path"},
    {SECTION_STICK, "domain", "take it out: the cookie is for the host that the client asked, and no other"},
    {SECTION_STICK, "secret", "write it at the top, `secret: FILE`: one for all pools"},
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
