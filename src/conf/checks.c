#include "conf/checks.h"

#include "conf/duplicates.h"
#include "conf/loops.h"
#include "conf/modes.h"
#include "conf/networks.h"
#include "conf/routes.h"
#include "conf/suggest.h"
#include "conf/tables.h"
#include "conf/workers.h"

#include <stdlib.h>

struct place checks_place(const struct node *map, const char *key)
{
    const struct node *value = node_find(map, key);
    return value ? value->at : map->key ? map->key->at : map->at;
}

bool checks_has_addresses(const struct draft_pool *pool)
{
    return pool->plan.server_count > 0 && pool->servers[0].plan.slot == 0;
}

struct place checks_key_place(const struct draft_pool *pool, size_t number)
{
    if (!pool->keys->at.source)
        return pool->name->at;
    const struct node *item = node_first_item(pool->keys);
    while (number-- > 0)
        item = node_next_item(pool->keys, item);
    return item->at;
}

static int by_name(const void *left, const void *right)
{
    const struct draft_pool *a = *(const struct draft_pool *const *)left, *b = *(const struct draft_pool *const *)right;
    return strcmp(a->plan.name, b->plan.name);
}

static void sort_pools(struct build *b)
{
    size_t count = 0;
    b->pools_by_name = arena_alloc(b->arena, b->plan->pool_count * sizeof(struct draft_pool *) + 1);
    for (struct draft_pool *pool = b->pools; pool; pool = pool->next)
        b->pools_by_name[count++] = pool;
    qsort(b->pools_by_name, count, sizeof(struct draft_pool *), by_name);
}

static struct draft_pool *find_pool(struct build *b, struct span name)
{
    const struct draft_pool wanted = {.plan.name = arena_text(b->arena, name)};
    const struct draft_pool *key = &wanted;
    struct draft_pool **found =
        bsearch(&key, b->pools_by_name, b->plan->pool_count, sizeof(struct draft_pool *), by_name);
    return found ? *found : NULL;
}

/* More pools than this are not searched for a likely one; reading a big broken file must stay quick. */
#define SUGGESTED_AMONG_MAX 1000

static const char *pool_help(struct build *b, struct span name)
{
    struct suggest s;
    if (report_is_full(b->report))
        return NULL;
    suggest_init(&s, name);
    const char *all = "there are:";
    size_t count = 0;
    for (const struct draft_pool *pool = b->pools; pool && count < SUGGESTED_AMONG_MAX; pool = pool->next, count++) {
        suggest_try(&s, pool->plan.name);
        if (count < 10)
            all = arena_format(b->arena, "%s%s %s", all, count > 0 ? "," : "", pool->plan.name);
    }
    if (s.best)
        return arena_format(b->arena, "did you mean `%s`?", s.best);
    return count > 10 ? arena_format(b->arena, "%s, ...", all) : all;
}

static void resolve_route(struct build *b, const struct draft_listener *listener, struct draft_route *route)
{
    if (!route->pool)
        return;
    struct draft_pool *pool = find_pool(b, route->pool->text);
    /* Without any pool that is what was reported, and enough. */
    if (!pool && !b->pools)
        return;
    if (!pool) {
        report_error(b->report, route->pool->at, pool_help(b, route->pool->text), "there is no pool %s",
                     report_quote(b->report, route->pool->text));
        return;
    }
    pool->used = true;
    pool->unwrapped |= listener->plan.unwrap != UNWRAP_OFF;
    pool->requests |= listener->plan.mode != MODE_TCP;
    route->target = pool;
    route->plan.pool = pool->index;
}

static void check_routes(struct build *b, struct draft_listener *listener)
{
    const struct node *routes = node_find(listener->node, "routes");
    if (!listener->broken && !listener->routes && !routes && !node_find(listener->node, "pool"))
        report_error(b->report, listener->node->at,
                     b->pools ? arena_format(b->arena, "add `pool: %s`", b->pools->plan.name) : "add `pool: NAME`",
                     "this listener leads to no pool");
    if (listener->pool && routes) {
        report_error(b->report, listener->pool->key->at, "write it as the last of the routes: `- {pool: NAME}`",
                     "`pool` and `routes` exclude each other");
        return;
    }
    for (struct draft_route *route = listener->routes; route; route = route->next) {
        resolve_route(b, listener, route);
        routes_check(b, listener, route);
    }
}

static void check_trust(struct build *b, const struct draft_listener *listener)
{
    const struct plan_listener *l = &listener->plan;
    if (!networks_is_none(&l->trust))
        return;
    const char *help = "write the networks that may say who the client is under `trust`";
    if (l->unwrap != UNWRAP_OFF)
        report_error(b->report, checks_place(listener->node, "unwrap"), help,
                     "nothing is ever unwrapped: `trust` believes nobody");
    if (l->proxy_protocol == PROXY_PROTOCOL_REQUIRE)
        report_error(b->report, checks_place(listener->node, "proxy-protocol"), help,
                     "no connection can come in: a PROXY header is required, and `trust` believes nobody");
}

static void check_pool(struct build *b, const struct draft_pool *pool)
{
    const struct place at = checks_place(pool->node, "send-prefix");
    if (!pool->used || pool->unwrapped)
        return;
    if (pool->plan.send_prefix == SEND_PREFIX_UNWRAPPED)
        report_error(b->report, at, "add `unwrap` to the listener, or send ipv4 or ipv6",
                     "no listener that leads to this pool unwraps anything");
    for (size_t i = 0; i < pool->plan.key_count; i++)
        if (pool->plan.keys[i].kind == KEY_UNWRAPPED)
            report_error(b->report, checks_key_place(pool, i),
                         "add `unwrap` to the listener, or take another key source",
                         "the key source `unwrapped` is never present: no listener that leads to this pool unwraps");
}

/* Which modes the listeners have that lead to the pool. */
static bool only_requests_come(const struct build *b, const struct draft_pool *pool)
{
    for (const struct draft_listener *l = b->listeners; l; l = l->next)
        for (const struct draft_route *r = l->routes; r; r = r->next)
            if (r->target == pool && l->plan.mode != MODE_HTTP)
                return false;
    return pool->used;
}

static void check_keys_of_requests(struct build *b, const struct draft_pool *pool)
{
    for (size_t i = 0; i < pool->plan.key_count && only_requests_come(b, pool); i++) {
        enum key_kind kind = pool->plan.keys[i].kind;
        if (kind == KEY_SNI || kind == KEY_ALPN)
            report_error(b->report, checks_key_place(pool, i), "take `host` or another key of requests",
                         "the key source `%s` is never present: with `mode: http` no TLS is passed through",
                         pool->plan.keys[i].text);
    }
}

static void check_secret(struct build *b, const struct node *root, const struct draft_pool *pool)
{
    if (pool->cookie && !node_find(root, "secret"))
        report_error(b->report, pool->cookie->at,
                     "make one with `limpet secret --append FILE`, and add `secret: FILE` at the top",
                     "there is no `secret` to seal the cookie of `stick` with");
}

void checks_all(struct build *b, const struct node *root)
{
    sort_pools(b);
    duplicates_of_binds(b, root);
    for (struct draft_listener *listener = b->listeners; listener; listener = listener->next) {
        check_routes(b, listener);
        workers_check_listener(b, listener);
        modes_check(b, listener);
        check_trust(b, listener);
        loops_find(b, listener);
    }
    for (struct draft_pool *pool = b->pools; pool; pool = pool->next) {
        check_pool(b, pool);
        check_keys_of_requests(b, pool);
        check_secret(b, root, pool);
        tables_check(b, root, pool);
        duplicates_of_servers(b, pool);
        workers_check_pool(b, pool);
    }
}
