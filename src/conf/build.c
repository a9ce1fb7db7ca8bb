#include "conf/build.h"

#include "conf/checks.h"
#include "conf/machine.h"
#include "conf/read_root.h"
#include "conf/traps.h"

static void report_missing(struct build *b, const struct node *root, const char *key, const char *help)
{
    if (!node_find(root, key) && !schema_is_meant(b, SECTION_ROOT, root, key))
        report_error(b->report, (struct place){root->at.source, PLACE_NOWHERE, 0}, help, "there are no `%s`", key);
}

static struct plan_listener *copy_listeners(const struct build *b)
{
    struct plan_listener *copies = arena_alloc(b->arena, b->plan->listener_count * sizeof(*copies));
    size_t count = 0;
    for (const struct draft_listener *draft = b->listeners; draft; draft = draft->next) {
        struct plan_route *routes = arena_alloc(b->arena, draft->route_count * sizeof(*routes));
        size_t route_count = 0;
        for (const struct draft_route *route = draft->routes; route; route = route->next)
            routes[route_count++] = route->plan;
        copies[count] = draft->plan;
        copies[count].routes = routes;
        copies[count++].route_count = route_count;
    }
    return copies;
}

static bool leads_to(const struct draft_listener *listener, const struct draft_pool *pool)
{
    for (const struct draft_route *route = listener->routes; route; route = route->next)
        if (route->target == pool)
            return true;
    return false;
}

/* Which listeners lead to a pool of workers, and whose rules hold for what the workers themselves open. */
static void find_listeners(const struct build *b, const struct draft_pool *draft, struct plan_pool *pool)
{
    bool found = false;
    size_t index = 0;
    for (const struct draft_listener *l = b->listeners; l; l = l->next, index++) {
        if (!leads_to(l, draft))
            continue;
        pool->bound |= l->plan.bind_count > 0;
        if (l == draft->unbound || (!draft->unbound && !found))
            pool->app_listener = index;
        found = true;
    }
}

static struct plan_pool *copy_pools(const struct build *b)
{
    struct plan_pool *copies = arena_alloc(b->arena, b->plan->pool_count * sizeof(*copies));
    for (const struct draft_pool *draft = b->pools; draft; draft = draft->next) {
        struct plan_server *servers = arena_alloc(b->arena, draft->plan.server_count * sizeof(*servers));
        for (size_t i = 0; i < draft->plan.server_count; i++) {
            servers[i] = draft->servers[i].plan;
            servers[i].number = b->plan->server_count++;
            if (servers[i].name == draft->servers[i].plan.address.text)
                servers[i].name = servers[i].address.text;
        }
        copies[draft->index] = draft->plan;
        copies[draft->index].servers = servers;
        if (!draft->workers)
            continue;
        b->plan->worker_count += draft->workers->plan.count;
        find_listeners(b, draft, &copies[draft->index]);
    }
    return copies;
}

struct plan *build_plan(struct build *b, const struct node *root)
{
    b->plan = arena_alloc(b->arena, sizeof(*b->plan));
    b->plan->arena = b->arena;
    if (root->kind != NODE_MAP) {
        report_error(b->report, root->at, "write `listeners:` and `pools:` with what belongs to them",
                     "a configuration is a map, but this is %s", node_kind_name(root));
        return NULL;
    }
    read_root_defaults(b);
    schema_fill(b, SECTION_ROOT, root, b->plan);
    read_root_admin_socket(b, root);
    report_missing(b, root, "listeners", "add `listeners: [{bind: \":8080\", pool: app}]`");
    report_missing(b, root, "pools", "add `pools: {app: {servers: [\"127.0.0.1:3000\"]}}`");
    checks_all(b, root);
    machine_check(b, root);
    if (b->report->out->errors > 0)
        return NULL;
    traps_all(b, root);
    b->plan->listeners = copy_listeners(b);
    b->plan->pools = copy_pools(b);
    return b->plan;
}
