#include "conf/sharing.h"

#include "conf/checks.h"
#include "conf/networks.h"
#include "conf/reach.h"

static void warn(struct build *b, struct place at, const struct draft_listener *listener, struct draft_pool *pool)
{
    pool->warned = true;
    report_warning(
        b->report, at,
        "write `mode: auto`, which decides for each request of a trusted peer; or see that the proxy uses no "
        "connection for two clients: in nginx no `keepalive` in `upstream` (from 1.29.7 on `keepalive 0`), "
        "in HAProxy `http-reuse never`",
        "`mode: tcp` decides once for each connection: when the proxy in front of `%s` keeps connections, "
        "many clients share one, and its first request decides for all",
        listener->plan.name);
}

static bool is_of_request(enum key_kind kind)
{
    return kind == KEY_HEADER || kind == KEY_COOKIE || kind == KEY_QUERY || kind == KEY_PATH ||
           kind == KEY_PATH_SEGMENT;
}

static void warn_of_request(struct build *b, const struct draft_listener *listener, struct draft_pool *pool)
{
    const struct plan_listener *l = &listener->plan;
    bool behind_proxy = !networks_is_none(&l->trust) && (listener->trust_given || reach_is_local(l));
    for (size_t i = 0; behind_proxy && !pool->warned && i < pool->plan.key_count; i++)
        if (is_of_request(pool->plan.keys[i].kind))
            warn(b, checks_key_place(pool, i), listener, pool);
}

/* Where the file says that clients are named by a proxy; null if it does not. Loopback alone says nothing, it is
 * trusted everywhere. Who sends PROXY headers or prefixes opens a connection for each client, and need not write fields
 * as well. */
static const struct node *proxy_node(const struct draft_listener *listener)
{
    const struct plan_listener *l = &listener->plan;
    if (networks_is_none(&l->trust) || l->client_from == CLIENT_FROM_NONE)
        return NULL;
    const struct node *client_from = node_find(listener->node, "client-from");
    if (client_from)
        return client_from;
    bool by_fields = l->proxy_protocol == PROXY_PROTOCOL_OFF && l->unwrap == UNWRAP_OFF;
    return by_fields && l->trust.network_count > 0 ? node_find(listener->node, "trust") : NULL;
}

static void warn_of_client(struct build *b, struct draft_listener *listener, struct draft_pool *pool)
{
    const struct node *proxy = proxy_node(listener);
    for (size_t i = 0; proxy && !pool->warned && !listener->warned && i < pool->plan.key_count; i++) {
        enum key_kind kind = pool->plan.keys[i].kind;
        if (kind == KEY_CLIENT || kind == KEY_CLIENT_NETWORK) {
            listener->warned = true;
            warn(b, proxy->at, listener, pool);
        }
    }
}

void sharing_warn(struct build *b, struct draft_listener *listener)
{
    if (listener->plan.mode != MODE_TCP)
        return;
    for (const struct draft_route *route = listener->routes; route; route = route->next)
        /* TLS that is passed through shows no request. */
        if (!route->plan.sni) {
            warn_of_request(b, listener, route->target);
            warn_of_client(b, listener, route->target);
        }
}
