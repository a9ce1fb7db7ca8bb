#include "control/operator.h"

#include "base/log.h"
#include "control/metrics.h"
#include "control/pins_answer.h"
#include "control/pins_orders.h"
#include "control/powers.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Whoever asks for figures runs as somebody else, as a rule, and can change nothing. */
#define FIGURES_MODE 0666

/* ---- what may be asked ----------------------------------------------------------------------------------------------- */

static void write_status(void *context, struct text *json)
{
    const struct operator* operator= context;
    status_write(&operator->status, json);
}

static void write_metrics(void *context, struct text *text)
{
    const struct operator* operator= context;
    metrics_write(&operator->status, text);
}

static const char *not_alive(void *context)
{
    const struct operator* operator= context;
    return status_not_alive(&operator->status);
}

static const char *not_ready(void *context)
{
    const struct operator* operator= context;
    return status_not_ready(&operator->status);
}

/* "app/2"; names of pools and servers may have slashes, too. */
static const struct plan_server *find_server(const struct plan *plan, struct span name, const struct plan_pool **of)
{
    for (size_t i = 0; i < plan->pool_count; i++) {
        const struct plan_pool *pool = *of = &plan->pools[i];
        size_t length = strlen(pool->name);
        if (name.length <= length || memcmp(name.data, pool->name, length) != 0 || name.data[length] != '/')
            continue;
        struct span rest = span_part(name, length + 1, name.length - length - 1);
        for (size_t j = 0; j < pool->server_count; j++)
            if (span_equal(rest, span_text(pool->servers[j].name)))
                return &pool->servers[j];
    }
    return NULL;
}

static int drain(void *context, struct span name, bool on)
{
    const struct operator* operator= context;
    struct server_states *states = operator->workers->states;
    const struct plan_pool *pool;
    const struct plan_server *server = find_server(operator->status.plan, name, &pool);
    if (!server)
        return -ENOENT;
    if (server_is_draining(states, server->number) != on)
        log_notice("%.*s %s", (int)name.length, (const char *)name.data,
                   on ? "gets no new clients" : "gets clients again");
    server_set_draining(states, server->number, on);
    return 0;
}

static int write_pins(void *context, struct span pool, struct text *json)
{
    const struct operator* operator= context;
    return pins_answer_counts(&operator->pins, pool, json);
}

static int write_pin(void *context, struct span pool, struct span key, struct text *json)
{
    const struct operator* operator= context;
    return pins_answer_pin(&operator->pins, pool, key, json);
}

static struct pins_orders pins_orders(const struct operator* operator)
{
    return (struct pins_orders){
        .view = &operator->pins,
        .states = operator->workers->states,
        .breakers = operator->breakers,
        .engine = operator->workers->engine,
    };
}

static int unpin(void *context, struct span pool, struct span key, struct unpinned *unpinned)
{
    struct pins_orders orders = pins_orders(context);
    return pins_orders_key(&orders, pool, key, unpinned);
}

static int unpin_server(void *context, struct span name, struct unpinned *unpinned)
{
    struct pins_orders orders = pins_orders(context);
    const struct plan_pool *pool;
    const struct plan_server *server = find_server(orders.view->plan, name, &pool);
    return server ? pins_orders_server(&orders, pool, server, unpinned) : -ENOENT;
}

static int reload(void *context)
{
    struct operator* operator= context;
    return workers_reload(operator->workers);
}

static const struct admin_calls calls = {.status = write_status,
                                         .drain = drain,
                                         .pins = write_pins,
                                         .pin = write_pin,
                                         .unpin = unpin,
                                         .unpin_server = unpin_server,
                                         .reload = reload,
                                         .metrics = write_metrics,
                                         .not_alive = not_alive,
                                         .not_ready = not_ready};

/* ---- where ----------------------------------------------------------------------------------------------------------- */

static void complain_of_admin(const struct plan *plan, int failure)
{
    const char *group = plan->admin_group ? plan->admin_group : "";
    if (plan->admin_optional)
        log_notice(
            "no admin socket at %s: %s; `limpet status` and its like do not reach this limpet (--admin names another "
            "place)",
            plan->admin->text, failure == -EADDRINUSE ? "another limpet has it" : strerror(-failure));
    else if (failure == -ENOENT)
        log_error("admin: there is no group `%s`", group);
    else
        log_error("admin: %s: %s", plan->admin->text, posts_advice(plan->admin, failure));
}

static int serve(struct operator* operator, struct admin * admin, struct loop *loop, int fd, bool figures_only)
{
    const struct admin_house house = {.calls = &calls, .context = operator, .figures_only = figures_only };
    int failure = fd < 0 ? fd : admin_init(admin, loop, fd, &house);
    if (fd >= 0 && failure)
        close(fd);
    return failure;
}

static int open_admin(struct operator* operator, struct loop * loop)
{
    const struct plan *plan = operator->status.plan;
    if (!plan->admin)
        return 0;
    int fd = powers_admin_listen(plan->admin, plan->admin_group);
    int failure = serve(operator, & operator->admin, loop, fd, false);
    operator->has_admin = !failure;
    if (failure)
        complain_of_admin(plan, failure);
    return plan->admin_optional ? 0 : failure;
}

static int open_figures(struct operator* operator, struct loop * loop)
{
    const struct address *address = operator->status.plan->metrics;
    if (!address)
        return 0;
    int fd = powers_probe(address);
    if (fd == 0)
        fd = powers_listen(address, false, FIGURES_MODE);
    int failure = serve(operator, & operator->figures, loop, fd, true);
    operator->has_figures = !failure;
    if (failure)
        log_error("metrics: %s: cannot listen: %s", address->text, posts_advice(address, failure));
    return failure;
}

int operator_open(struct operator* operator, struct workers * workers, struct loop *loop)
{
    operator->workers = workers;
    operator->status.workers = workers;
    operator->status.census = & operator->census;
    int failure = open_admin(operator, loop);
    return failure ? failure : open_figures(operator, loop);
}

void operator_close(struct operator* operator)
{
    if (operator->has_admin) {
        admin_fini(&operator->admin);
        powers_unlink(operator->status.plan->admin);
    }
    if (operator->has_figures) {
        admin_fini(&operator->figures);
        powers_unlink(operator->status.plan->metrics);
    }
    operator->has_admin = operator->has_figures = false;
    census_fini(&operator->census);
    pins_view_fini(&operator->pins);
}
