#include "conf/workers.h"

#include "conf/checks.h"
#include "conf/npm.h"
#include "conf/routes.h"
#include "conf/values.h"

#include <errno.h>

#define ADD_BIND(b) ((b)->from_flags ? "add `-l :8080`" : "add `bind: \":8080\"`")

/* ---- listeners ----------------------------------------------------------------------------------------------------- */

static bool any_workers(const struct draft_listener *listener)
{
    for (const struct draft_route *route = listener->routes; route; route = route->next)
        if (route->target && route->target->workers)
            return true;
    return false;
}

static void report_unbound(struct build *b, const struct draft_listener *listener)
{
    report_error(b->report, listener->node->at,
                 any_workers(listener)
                     ? arena_format(b->arena,
                                    "%s: only a listener whose one route, without conditions, leads to "
                                    "workers can do without",
                                    ADD_BIND(b))
                     : ADD_BIND(b),
                 "this listener has no `bind`");
}

/* The Node programs that listen themselves are asked where; others have no words for it. */
static const char *silent_about_places(const struct plan_workers *workers)
{
    if (workers->contract == CONTRACT_LIMPET)
        return "workers of the contract `limpet` do not say where to listen";
    return workers->node_message ? "workers that get a `node-message` do not listen themselves" : NULL;
}

static void check_alone(struct build *b, struct draft_listener *listener, struct draft_pool *pool)
{
    const char *silent = silent_about_places(&pool->workers->plan);
    if (silent)
        report_error(b->report, listener->node->at, ADD_BIND(b), "%s, and this listener has no `bind`", silent);
    else if (pool->unbound)
        report_error(b->report, listener->node->at, "give it a `bind`, or take it out",
                     "the listener in line %zu listens where the workers of `%s` do already",
                     report_line(pool->unbound->node->at), pool->plan.name);
    pool->unbound = listener;
    listener->plan.name = arena_format(b->arena, "the listen() of %s", pool->plan.name);
}

void workers_check_listener(struct build *b, struct draft_listener *listener)
{
    const struct draft_route *route = listener->routes;
    bool alone = route && !route->next && routes_takes_all(route);
    if (listener->plan.bind_count > 0 || listener->broken)
        return;
    if (alone && !route->target)
        return; /* it leads to nothing that there is: that was reported, and may be all that is wrong */
    if (alone && route->target->workers)
        check_alone(b, listener, route->target);
    else
        report_unbound(b, listener);
}

/* ---- pools --------------------------------------------------------------------------------------------------------- */

static void check_contract(struct build *b, struct draft_workers *workers)
{
    struct plan_workers *plan = &workers->plan;
    const char *key = plan->node_message                       ? "node-message"
                      : plan->node_preload == NODE_PRELOAD_ALL ? "node-preload"
                                                               : NULL;
    if (key && plan->contract == CONTRACT_LIMPET)
        report_error(b->report, checks_place(workers->node, key),
                     arena_format(b->arena, "take `%s` out, or `contract: limpet`", key),
                     "`%s` is for Node programs, which do not speak the contract `limpet`", key);
    else if (plan->node_message)
        plan->contract = CONTRACT_NODE;
}

static void check_names(struct build *b, const struct draft_pool *pool)
{
    for (size_t i = 0; i < pool->plan.server_count; i++) {
        const struct draft_server *server = &pool->servers[i];
        uint64_t number;
        if (server->plan.slot == 0 && server->plan.name &&
            values_number(span_text(server->plan.name), &number) == VALUE_FINE && number >= 1 &&
            number <= pool->workers->plan.count)
            report_error(b->report, server->node->at,
                         arena_format(b->arena, "give it another name, such as `server-%s`", server->plan.name),
                         "the name `%s` is that of a worker of this pool", server->plan.name);
    }
}

/* Where all connections are the clients' own there is nothing to tell that nobody asked for; but sessions may be learnt of. */
static void settle_preload(const struct draft_pool *pool, struct plan_workers *plan)
{
    bool needed = (pool->requests || plan_learns_sessions(&pool->plan)) && plan->contract != CONTRACT_LIMPET;
    if (plan->node_preload == NODE_PRELOAD_REQUESTS && !needed)
        plan->node_preload = NODE_PRELOAD_OFF;
}

void workers_check_pool(struct build *b, struct draft_pool *pool)
{
    if (!pool->workers)
        return;
    check_contract(b, pool->workers);
    settle_preload(pool, &pool->workers->plan);
    check_names(b, pool);
    if (!pool->used)
        report_error(
            b->report, pool->name->at,
            arena_format(b->arena, "add a listener that leads to it: `- {pool: %s}`, or take it out", pool->plan.name),
            "no route leads to the pool `%s`, so its workers would have nothing to do", pool->plan.name);
}

/* ---- warnings ------------------------------------------------------------------------------------------------------ */

static void warn_of_sending(struct build *b, const struct draft_pool *pool)
{
    const char *key = pool->plan.send_proxy != SEND_PROXY_OFF     ? "send-proxy"
                      : pool->plan.send_prefix != SEND_PREFIX_OFF ? "send-prefix"
                                                                  : NULL;
    bool alone = pool->plan.server_count == pool->workers->plan.count;
    if (key)
        report_warning(b->report, checks_place(pool->node, key),
                       alone ? arena_format(b->arena, "take it out; Node workers learn the client with `node-preload`")
                             : "Node workers learn the client with `node-preload`, others by their contract",
                       "`%s` is not for workers: they get the client's own socket%s", key,
                       alone ? "" : "; it holds for the servers with an address");
}

static struct place command_place(const struct draft_workers *workers)
{
    const struct node *command = node_find(workers->node, "command");
    const struct node *word = command ? node_first_item(command) : NULL;
    return word ? word->at : workers->node->at;
}

/* Of the package in the directory where they start; empty if there is none. */
static struct span package_of(struct build *b, const struct plan_workers *workers)
{
    struct span text = span_of(NULL, 0);
    const char *path =
        workers->directory ? arena_format(b->arena, "%s/package.json", workers->directory) : "package.json";
    return b->files->read(b->files->context, path, &text) == 0 ? text : span_of(NULL, 0);
}

static void warn_of_program(struct build *b, const struct draft_workers *workers)
{
    const char *const *command = workers->plan.command;
    const char *manager = npm_manager(command);
    if (manager)
        report_warning(b->report, command_place(workers), npm_advice(b->arena, command, package_of(b, &workers->plan)),
                       "%s starts the program without the channel to limpet: no connection would get through",
                       report_quote(b->report, span_text(manager)));
    else if (npm_is_bun(command) && workers->plan.contract != CONTRACT_LIMPET)
        report_warning(b->report, command_place(workers),
                       "run it with node, or start it yourself and list its address under `servers`",
                       "Bun binds the port itself, and takes no connections from anybody");
}

void workers_warn(struct build *b, const struct draft_pool *pool)
{
    if (!pool->workers)
        return;
    warn_of_sending(b, pool);
    warn_of_program(b, pool->workers);
}
