#include "control/metrics.h"

#include "control/census.h"
#include "control/status.h"

#include <assert.h>

/* Readers come every few seconds at most, but anybody may be one who reaches the address: the kernel is not asked for the
 * clients of workers at every request. */
#define CENSUS_AGE ((micros)SECOND_IN_MICROS)

enum type { COUNTER_TYPE, GAUGE_TYPE };

/* Begins a family. Helps are ours: they hold neither backslashes nor line ends, which would have to be escaped. */
static void begin(struct text *text, const char *name, enum type type, const char *help)
{
    text_add_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type == COUNTER_TYPE ? "counter" : "gauge");
}

static void add_label(struct text *text, const char *before, const char *name, const char *value)
{
    text_add(text, before);
    text_add(text, name);
    text_add_char(text, '=');
    text_add_label(text, span_text(value));
}

static void add_value(struct text *text, uint64_t value)
{
    text_add_char(text, ' ');
    text_add_unsigned(text, value);
    text_add_char(text, '\n');
}

/* ---- what is counted by the threads ---------------------------------------------------------------------------------- */

static void add_counters(const struct status *status, struct text *text)
{
    for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
        char name[64];
        struct text whole;
        text_init(&whole, name, sizeof(name));
        text_add_format(&whole, "limpet_%s_total", counter_text(counter));
        begin(text, name, COUNTER_TYPE, counter_help(counter));
        text_add(text, name);
        add_value(text, status_counter(status, counter));
    }
}

static void add_gauges(const struct status *status, struct text *text)
{
    for (enum gauge gauge = 0; gauge < GAUGE_COUNT; gauge++) {
        char name[64];
        struct text whole;
        text_init(&whole, name, sizeof(name));
        text_add_format(&whole, "limpet_%s", gauge_text(gauge));
        begin(text, name, GAUGE_TYPE, gauge_help(gauge));
        text_add(text, name);
        add_value(text, status_gauge(status, gauge));
    }
}

static void add_visits(const struct status *status, const char *name, struct text *text)
{
    for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
        text_add(text, name);
        add_label(text, "{", "reason", reason_text(reason));
        text_add_char(text, '}');
        add_value(text, status_ended(status, reason));
    }
}

/* ---- of limpet as a whole -------------------------------------------------------------------------------------------- */

static void add_plain(const char *name, uint64_t value, struct text *text)
{
    text_add(text, name);
    add_value(text, value);
}

static void add_build(const struct status *status, const char *name, struct text *text)
{
    text_add(text, name);
    add_label(text, "{", "version", status->version);
    text_add(text, "} 1\n");
}

static void add_start_time(const struct status *status, const char *name, struct text *text)
{
    text_add_format(text, "%s %lld.%03lld\n", name, (long long)(status->began_wall / SECOND_IN_MICROS),
                    (long long)(status->began_wall % SECOND_IN_MICROS / MILLIS_IN_MICROS));
}

static void add_ready(const struct status *status, const char *name, struct text *text)
{
    add_plain(name, status_not_ready(status) == NULL, text);
}

static void add_draining(const struct status *status, const char *name, struct text *text)
{
    add_plain(name, *status->draining, text);
}

static void add_engine_up(const struct status *status, const char *name, struct text *text)
{
    add_plain(name, status_not_alive(status) == NULL, text);
}

static void add_engine_starts(const struct status *status, const char *name, struct text *text)
{
    add_plain(name, status->engine->generation, text);
}

static void add_threads(const struct status *status, const char *name, struct text *text)
{
    add_plain(name, status->plan->threads, text);
}

static void add_room(const struct status *status, const char *name, struct text *text)
{
    add_plain(name, status->room, text);
}

/* ---- of pins --------------------------------------------------------------------------------------------------------- */

static void add_memcached_up(const struct status *status, const char *name, struct text *text)
{
    for (size_t i = 0; i < status->plan->memcached_count; i++) {
        text_add(text, name);
        add_label(text, "{", "server", status->plan->memcached[i].text);
        text_add_char(text, '}');
        add_value(text, status_memcached(status, i).answers);
    }
}

static void add_pins(const struct status *status, const char *name, struct text *text)
{
    add_plain(name, status_pins(status), text);
}

static void add_pins_limit(const struct status *status, const char *name, struct text *text)
{
    add_plain(name, status->pins ? status->plan->pins.most : 0, text);
}

/* ---- of workers ------------------------------------------------------------------------------------------------------ */

static bool has_workers(const struct plan_pool *pool)
{
    return pool->server_count > 0 && pool->servers[pool->server_count - 1].slot != 0;
}

static void count_states(const struct status *status, const struct plan_pool *pool, uint64_t counts[SLOT_STATE_COUNT])
{
    for (size_t i = 0; i < pool->server_count; i++) {
        const struct slot *slot = workers_slot(status->workers, &pool->servers[i]);
        if (slot)
            counts[slot_state(slot)]++;
    }
}

/* All states of each pool, also those in which no worker is: whoever waits for one to appear needs its nought. */
static void add_workers(const struct status *status, const char *name, struct text *text)
{
    for (size_t i = 0; i < status->plan->pool_count; i++) {
        const struct plan_pool *pool = &status->plan->pools[i];
        uint64_t counts[SLOT_STATE_COUNT] = {0};
        if (!has_workers(pool))
            continue;
        count_states(status, pool, counts);
        for (enum slot_state state = 0; state < SLOT_STATE_COUNT; state++) {
            text_add(text, name);
            add_label(text, "{", "pool", pool->name);
            add_label(text, ",", "state", slot_state_text(state));
            text_add_char(text, '}');
            add_value(text, counts[state]);
        }
    }
}

/* ---- of each server -------------------------------------------------------------------------------------------------- */

struct view {
    const struct status *status;
    const struct plan_server *server;
    const struct slot *slot; /* null: it has an address */
    struct server_figures figures;
};

/* The value of each, -1 where there is none. */
static int64_t server_up(const struct view *view)
{
    if (view->slot)
        return view->figures.doors != 0;
    return server_condition(view->status->states, view->server->number, clock_steady()) == SERVER_UP;
}

static int64_t server_draining(const struct view *view)
{
    return server_is_draining(view->status->states, view->server->number);
}

static int64_t server_weight(const struct view *view)
{
    return (int64_t)view->server->weight;
}

static int64_t server_live(const struct view *view)
{
    return census_live(view->status->census, view->status, view->server);
}

static int64_t server_handed_over(const struct view *view)
{
    return view->slot ? (int64_t)view->figures.handed_over : -1;
}

static int64_t server_refused(const struct view *view)
{
    return view->slot ? (int64_t)view->figures.refused : -1;
}

static int64_t server_waiting(const struct view *view)
{
    return view->slot ? (int64_t)view->figures.in_flight + view->figures.queued : -1;
}

static int64_t server_starts(const struct view *view)
{
    return view->slot ? (int64_t)view->slot->starts : -1;
}

static void add_server(const struct view *view, const char *pool, const char *name, int64_t value, struct text *text)
{
    if (value < 0)
        return;
    text_add(text, name);
    add_label(text, "{", "pool", pool);
    add_label(text, ",", "server", view->server->name);
    text_add_char(text, '}');
    add_value(text, (uint64_t)value);
}

static void add_servers(const struct status *status, const char *name, int64_t (*value)(const struct view *view),
                        struct text *text)
{
    for (size_t i = 0; i < status->plan->pool_count; i++) {
        const struct plan_pool *pool = &status->plan->pools[i];
        for (size_t j = 0; j < pool->server_count; j++) {
            struct view view = {.status = status, .server = &pool->servers[j]};
            view.slot = workers_slot(status->workers, view.server);
            server_figures(status->states, view.server->number, &view.figures);
            add_server(&view, pool->name, name, value(&view), text);
        }
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------------- */

/* One of the two writes the samples. */
static const struct family {
    const char *name;
    enum type type;
    const char *labels;
    const char *help;
    void (*add)(const struct status *status, const char *name, struct text *text);
    int64_t (*server)(const struct view *view);
} families[] = {
    {"limpet_build_info", GAUGE_TYPE, "{version}", "Always 1; the label says which version runs.", add_build, NULL},
    {"process_start_time_seconds", GAUGE_TYPE, "", "When limpet was started, in seconds since 1970.", add_start_time,
     NULL},
    {"limpet_ready", GAUGE_TYPE, "", "1 if newcomers are welcome, as /readyz says.", add_ready, NULL},
    {"limpet_draining", GAUGE_TYPE, "", "1 while limpet takes no newcomers before its end.", add_draining, NULL},
    {"limpet_engine_up", GAUGE_TYPE, "", "1 while there is an engine that has begun to accept.", add_engine_up, NULL},
    {"limpet_engine_starts_total", COUNTER_TYPE, "", "Engines that were started: more than one, and one has died.",
     add_engine_starts, NULL},
    {"limpet_threads", GAUGE_TYPE, "", "Threads of the engine.", add_threads, NULL},
    {"limpet_connections_limit", GAUGE_TYPE, "",
     "Connections that there is room for at once: what `limits` says, or fewer if open files are.", add_room, NULL},
    {"limpet_visits_total", COUNTER_TYPE, "{reason}",
     "Visits that ended, by reason: connections, or in http mode requests.", add_visits, NULL},
    {"limpet_memcached_up", GAUGE_TYPE, "{server}",
     "1 while the memcached server answers; 0 also before it is asked for the first time.", add_memcached_up, NULL},
    {"limpet_pins", GAUGE_TYPE, "",
     "Pins that are kept here: of keys, and of sessions. Those that ran out go as others need their place.", add_pins,
     NULL},
    {"limpet_pins_limit", GAUGE_TYPE, "", "Pins that are kept here at most; 0 where no pool keeps any.", add_pins_limit,
     NULL},
    {"limpet_workers", GAUGE_TYPE, "{pool,state}", "Workers of a pool in each state.", add_workers, NULL},
    {"limpet_server_up", GAUGE_TYPE, "{pool,server}",
     "1 if the server is to be had: an address that did not fail lately, or a worker that takes connections.", NULL,
     server_up},
    {"limpet_server_draining", GAUGE_TYPE, "{pool,server}", "1 while the server gets no new clients.", NULL,
     server_draining},
    {"limpet_server_weight", GAUGE_TYPE, "{pool,server}", "The weight of the server.", NULL, server_weight},
    {"limpet_server_live", GAUGE_TYPE, "{pool,server}",
     "Connections or requests that the server has now, where that is known.", NULL, server_live},
    {"limpet_server_handed_over_total", COUNTER_TYPE, "{pool,server}", "Connections that the worker has taken.", NULL,
     server_handed_over},
    {"limpet_server_refused_total", COUNTER_TYPE, "{pool,server}", "Connections that the worker has refused.", NULL,
     server_refused},
    {"limpet_server_waiting", GAUGE_TYPE, "{pool,server}", "Connections that the worker has not yet taken.", NULL,
     server_waiting},
    {"limpet_server_starts_total", COUNTER_TYPE, "{pool,server}", "Processes that were started for the worker.", NULL,
     server_starts},
};

void metrics_write(const struct status *status, struct text *text)
{
    census_take(status->census, status, CENSUS_AGE);
    for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
        const struct family *family = &families[i];
        begin(text, family->name, family->type, family->help);
        if (family->server)
            add_servers(status, family->name, family->server, text);
        else
            family->add(status, family->name, text);
    }
    add_gauges(status, text);
    add_counters(status, text);
}

size_t metrics_count(void)
{
    return ARRAY_LENGTH(families);
}

const char *metrics_name(size_t number)
{
    assert(number < metrics_count());
    return families[number].name;
}

const char *metrics_labels(size_t number)
{
    assert(number < metrics_count());
    return families[number].labels;
}

const char *metrics_help(size_t number)
{
    assert(number < metrics_count());
    return families[number].help;
}
