#include "conf/traps.h"

#include "conf/checks.h"
#include "conf/given_out.h"
#include "conf/networks.h"
#include "conf/reach.h"
#include "conf/sharing.h"
#include "conf/tables.h"
#include "conf/workers.h"

/* Networks as wide as these are no network of somebody's own: 0.0.0.0/0, 2000::/3. The widest that may be are
 * 10.0.0.0/8 and fc00::/7. */
#define WIDE_IP4_BITS (96 + 7)
#define WIDE_IP6_BITS 6

static bool is_wide(const struct network *n)
{
    struct endpoint e = endpoint_from_ip6(n->ip, 0);
    return endpoint_is_ip4(&e) && n->bits >= 96 ? n->bits <= WIDE_IP4_BITS : n->bits <= WIDE_IP6_BITS;
}

/* True if `trust` believes some process of this machine. */
static bool believes_local(const struct plan_trust *trust)
{
    struct endpoint e = endpoint_from_ip4((const uint8_t[]){127, 0, 0, 1}, 0);
    struct endpoint e6 = endpoint_from_ip6((const uint8_t[16]){[15] = 1}, 0);
    bool believed = trust->loopback;
    for (size_t i = 0; i < trust->network_count; i++)
        believed |= network_contains(&trust->networks[i], &e) || network_contains(&trust->networks[i], &e6);
    return believed;
}

static void warn_of_trust(struct build *b, const struct draft_listener *listener)
{
    const struct plan_listener *l = &listener->plan;
    const struct place at = checks_place(listener->node, "trust");
    for (size_t i = 0; i < l->trust.network_count; i++)
        if (is_wide(&l->trust.networks[i])) {
            report_warning(b->report, at, "name only the networks of your own proxies",
                           "`trust` believes nearly everyone: any client can name the address it wants to have, and so "
                           "choose its server");
            break;
        }
    if (!networks_is_none(&l->trust) && listener->trust_given && reach_is_local(l) && !believes_local(&l->trust))
        report_warning(b->report, at, "add `loopback` to `trust`",
                       "only this machine can connect to `%s`, and `trust` does not believe it: all clients of a proxy "
                       "in front are taken for one",
                       l->name);
    if (!networks_is_none(&l->trust))
        return;
    if (node_find(listener->node, "client-from") && l->client_from != CLIENT_FROM_NONE)
        report_warning(b->report, checks_place(listener->node, "client-from"),
                       "write the networks of your proxies under `trust`, or take `client-from` out",
                       "`client-from` does nothing: `trust` believes nobody");
    if (l->proxy_protocol == PROXY_PROTOCOL_ACCEPT)
        report_warning(b->report, checks_place(listener->node, "proxy-protocol"),
                       "write the networks of your proxies under `trust`, or take `proxy-protocol` out",
                       "no PROXY header is ever accepted: `trust` believes nobody");
}

/* A prefix or a PROXY header comes from another machine, as a rule, and loopback is all that `trust` has by itself. */
static void warn_of_forgotten_trust(struct build *b, const struct draft_listener *listener)
{
    const struct plan_listener *l = &listener->plan;
    const char *key = l->unwrap != UNWRAP_OFF                       ? "unwrap"
                      : l->proxy_protocol == PROXY_PROTOCOL_REQUIRE ? "proxy-protocol"
                                                                    : NULL;
    if (key && !listener->trust_given && !reach_is_local(l))
        report_warning(b->report, checks_place(listener->node, key),
                       "write the networks that it comes from under `trust`",
                       "`%s` ends every connection that is not from this machine: there is no `trust`", key);
}

static void warn_of_unused(struct build *b, const struct draft_pool *pool)
{
    if (!pool->used)
        report_warning(b->report, pool->name->at, "name it in a route, or take it out",
                       "no route leads to the pool `%s`", pool->plan.name);
}

/* What becomes of a client whose first request lacks the key with this number. */
static const char *without_key(struct build *b, const struct draft_pool *pool, size_t number)
{
    const char *decides = "the peer's address decides (`no-key: spread`)";
    if (number + 1 < pool->plan.key_count)
        decides = arena_format(b->arena, "the next source (`%s`) decides", pool->plan.keys[number + 1].text);
    else if (pool->plan.no_key == NO_KEY_END)
        return "it is ended (`no-key: end`), and the client is never given one";
    return arena_format(b->arena, "%s, and the client may move to another server when it has", decides);
}

/* Does `stick` learn it? Then its coming late does no harm. */
static bool is_learnt(const struct draft_pool *pool, const struct plan_key *key)
{
    for (size_t i = 0; i < pool->plan.stick_count; i++) {
        const struct plan_stick *stick = &pool->plan.sticks[i];
        if (stick->kind == STICK_SESSION && stick->where.kind == key->kind && strcmp(stick->where.name, key->name) == 0)
            return true;
    }
    return false;
}

static const char *given_out_help(struct build *b, const struct plan_key *key)
{
    if (key->kind == KEY_FIELD)
        return "take a key that the first request has already, such as client or a header of your own";
    if (key->kind == KEY_QUERY)
        return "take a key that the first request has already, such as client; `stick: {cookie: limpet}` remembers "
               "where browsers were";
    return arena_format(
        b->arena,
        "write `stick: {session: \"%s\"}`, which learns the id from the server that gives it out, beside "
        "a key that the first request has already, such as client",
        key->text);
}

static void warn_of_given_out(struct build *b, const struct draft_pool *pool)
{
    for (size_t i = 0; i < pool->plan.key_count; i++)
        if (given_out(&pool->plan.keys[i]) && !is_learnt(pool, &pool->plan.keys[i]))
            report_warning(b->report, checks_key_place(pool, i), given_out_help(b, &pool->plan.keys[i]),
                           "`%s` can only appear after first contact: the first request has none, so %s",
                           pool->plan.keys[i].text, without_key(b, pool, i));
}

#define BOTH_KINDS "write `send-prefix: ipv6`, which holds addresses of both kinds, or `send-proxy: v2` instead"
#define NO_ADDRESS "write `send-proxy: v2` instead, which can say that there is no address"

/* Which clients of this listener have no address that the prefix could hold; null: none, as far as can be seen. */
static const char *prefix_trap(struct build *b, const struct plan_listener *l, bool ip4, const char **help)
{
    bool named = l->unwrap == UNWRAP_IP6 || l->proxy_protocol == PROXY_PROTOCOL_REQUIRE;
    const struct address *ip6_bind = reach_ip6(l), *unix_bind = named ? NULL : reach_unix(l);
    *help = BOTH_KINDS;
    if (ip4 && l->unwrap == UNWRAP_IP6)
        return arena_format(b->arena, "the IPv6 addresses that `%s` unwraps do not fit into 4 bytes", l->name);
    if (ip4 && ip6_bind)
        return arena_format(b->arena, "the address of a client that comes to `%s` over IPv6 does not fit into 4 bytes",
                            ip6_bind->text);
    *help = NO_ADDRESS;
    return unix_bind ? arena_format(b->arena, "a client on `%s` has no address, if no field names one", unix_bind->text)
                     : NULL;
}

static void warn_of_prefix(struct build *b, const struct plan_listener *l, struct draft_pool *pool)
{
    const char *help;
    bool ip4 = pool->plan.send_prefix == SEND_PREFIX_IP4;
    if ((!ip4 && pool->plan.send_prefix != SEND_PREFIX_IP6) || l->unwrap == UNWRAP_IP4 || pool->prefix_warned ||
        !checks_has_addresses(pool))
        return;
    const char *trap = prefix_trap(b, l, ip4, &help);
    pool->prefix_warned = trap != NULL;
    if (trap)
        report_warning(b->report, checks_place(pool->node, "send-prefix"), help, "%s: the servers see %s", trap,
                       ip4 ? "0.0.0.0" : "::");
}

static void warn_of_unix_mode(struct build *b, const struct draft_listener *listener)
{
    const struct node *mode = node_find(listener->node, "unix-mode");
    bool chosen_by_workers = listener->plan.bind_count == 0;
    if (mode && !chosen_by_workers && !reach_unix(&listener->plan))
        report_warning(b->report, mode->key->at, "take it out, or bind a \"unix:PATH\" too",
                       "`unix-mode` does nothing: this listener has no Unix socket");
}

/* What each server connection begins with belongs to one client. */
static void warn_of_sending(struct build *b, const struct draft_listener *l, struct draft_pool *pool)
{
    const char *key = pool->plan.send_proxy != SEND_PROXY_OFF     ? "send-proxy"
                      : pool->plan.send_prefix != SEND_PREFIX_OFF ? "send-prefix"
                                                                  : NULL;
    if (!key || pool->reuse_warned || (l->plan.mode != MODE_HTTP && !l->plan.per_request))
        return;
    pool->reuse_warned = true;
    report_warning(b->report, checks_place(pool->node, key),
                   "take it out: requests carry the client's address in X-Forwarded-For and Forwarded",
                   "with `%s` every request of `%s` opens a connection of its own to its server", key, l->plan.name);
}

/* Both cookies have the path /, and are sealed for one pool alone. */
static void warn_of_same_cookie(struct build *b, const struct draft_listener *l)
{
    for (const struct draft_route *r = l->routes; r; r = r->next)
        for (const struct draft_route *other = l->routes; r->target && r->target->cookie && other != r;
             other = other->next) {
            struct draft_pool *pool = r->target, *first = other->target;
            bool same = first && first != pool && first->cookie && span_equal(first->cookie->text, pool->cookie->text);
            bool hosts_part_them = r->plan.host_count > 0 && other->plan.host_count > 0;
            if (same && !hosts_part_them && !pool->cookie_warned) {
                pool->cookie_warned = true;
                report_warning(b->report, pool->cookie->at, "give it another name",
                               "the pool `%s` sets a cookie of this name, too: a client of both loses one with each "
                               "answer of the other",
                               first->plan.name);
            }
        }
}

static void warn_of_listener(struct build *b, struct draft_listener *listener)
{
    warn_of_trust(b, listener);
    warn_of_forgotten_trust(b, listener);
    warn_of_unix_mode(b, listener);
    sharing_warn(b, listener);
    for (const struct draft_route *r = listener->routes; r; r = r->next)
        if (r->target) {
            warn_of_prefix(b, &listener->plan, r->target);
            warn_of_sending(b, listener, r->target);
        }
    warn_of_same_cookie(b, listener);
}

void traps_all(struct build *b, const struct node *root)
{
    if (!b->plan->seed_given)
        report_warning(b->report, (struct place){b->listeners->node->at.source, PLACE_NOWHERE, 0},
                       b->from_flags ? "add `--seed SOME-WORDS`, the same on every frontend, and never change it"
                                     : "add `seed: SOME-WORDS`, the same on every frontend, and never change it",
                       "there is no %sseed%s: everyone who knows limpet can work out which key leads to which server",
                       b->from_flags ? "--" : "`", b->from_flags ? "" : "`");
    for (struct draft_listener *l = b->listeners; l; l = l->next)
        warn_of_listener(b, l);
    for (const struct draft_pool *pool = b->pools; pool; pool = pool->next) {
        warn_of_unused(b, pool);
        warn_of_given_out(b, pool);
        workers_warn(b, pool);
    }
    tables_warn(b, root);
}
