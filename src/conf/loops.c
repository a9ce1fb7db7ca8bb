#include "conf/loops.h"

/* Pairs of a bind and a server that are compared for one listener; a bigger configuration is not searched to the end. */
#define PAIRS_MAX 1000000

static bool is_nowhere(const struct endpoint *e)
{
    static const uint8_t zeros[16];
    return memcmp(e->ip, zeros, sizeof(zeros)) == 0 || (endpoint_is_ip4(e) && memcmp(e->ip + 12, zeros, 4) == 0);
}

/* Whoever listens everywhere does so on loopback; which other addresses are this machine's, only the machine knows. */
static bool is_loopback(const struct endpoint *e)
{
    return endpoint_is_ip4(e) ? e->ip[12] == 127 : memcmp(e->ip, (const uint8_t[16]){[15] = 1}, sizeof(e->ip)) == 0;
}

static bool reaches(const struct address *server, const struct address *bind)
{
    if (address_is_unix(server) || address_is_unix(bind))
        return strcmp(server->text, bind->text) == 0;
    struct endpoint to = endpoint_from_sockaddr((const struct sockaddr *)&server->storage);
    struct endpoint at = endpoint_from_sockaddr((const struct sockaddr *)&bind->storage);
    if (to.port != at.port)
        return false;
    /* 0.0.0.0 takes no IPv6. */
    return endpoint_equal(&to, &at) ||
           (is_nowhere(&at) && is_loopback(&to) && (endpoint_is_ip4(&to) || !endpoint_is_ip4(&at)));
}

void loops_find(struct build *b, const struct draft_listener *listener)
{
    size_t pairs = 0;
    for (const struct draft_route *r = listener->routes; r; r = r->next)
        for (size_t i = 0; r->target && i < r->target->plan.server_count; i++)
            for (size_t j = 0; j < listener->plan.bind_count && pairs < PAIRS_MAX; j++, pairs++) {
                const struct draft_server *server = &r->target->servers[i];
                if (server->plan.slot == 0 && reaches(&server->plan.address, &listener->plan.binds[j]))
                    report_error(
                        b->report, server->node->at, "write where the server itself listens",
                        "this server is limpet's own listener `%s`: connections would come in again, in a circle",
                        listener->plan.binds[j].text);
            }
}
