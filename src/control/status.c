#include "control/status.h"

#include "control/live.h"

#include <stdlib.h>
#include <unistd.h>

/* More ports than these are not counted on. */
#define PORTS_MOST 256

static void add_words(struct text *json, const char *name, const char *words)
{
    text_add_format(json, "\"%s\":", name);
    text_add_json(json, span_text(words));
}

static void add_seconds(struct text *json, const char *name, micros time)
{
    text_add_format(json, ",\"%s\":%lld.%03lld", name, (long long)(time / SECOND_IN_MICROS),
                    (long long)(time % SECOND_IN_MICROS / MILLIS_IN_MICROS));
}

static void add_millis(struct text *json, const char *name, uint64_t time)
{
    text_add_format(json, "\"%s\":%llu.%03llu", name, (unsigned long long)(time / MILLIS_IN_MICROS),
                    (unsigned long long)(time % MILLIS_IN_MICROS));
}

/* ---- listening ------------------------------------------------------------------------------------------------------ */

static void for_each_address(const struct status *status, void (*call)(void *context, const struct address *address),
                             void *context)
{
    for (size_t i = 0; i < status->posts->count; i++)
        call(context, status->posts->all[i].address);
    for (unsigned door = 1; door < SERVER_DOORS; door++)
        if (status->workers->doors.all[door])
            call(context, &status->workers->doors.all[door]->address);
}

static void add_address(void *context, const struct address *address)
{
    struct text *json = context;
    if (json->length > 0 && json->data[json->length - 1] != '[')
        text_add_char(json, ',');
    text_add_json(json, span_text(address->text));
}

struct ports {
    uint16_t all[PORTS_MOST];
    size_t count;
};

static void add_port(void *context, const struct address *address)
{
    struct ports *ports = context;
    if (!address_is_unix(address) && ports->count < PORTS_MOST)
        ports->all[ports->count++] = address_port(address);
}

/* ---- servers -------------------------------------------------------------------------------------------------------- */

static const struct slot *slot_of(const struct workers *workers, const struct plan_server *server)
{
    for (size_t i = 0; i < workers->slot_count; i++)
        if (workers->slots[i].server == server)
            return &workers->slots[i];
    return NULL;
}

static void add_answer_times(struct text *json, const struct server_figures *figures)
{
    text_add(json, ",\"answer_ms\":");
    if (figures->handed_over + figures->refused == 0) {
        text_add(json, "null");
        return;
    }
    text_add_char(json, '{');
    add_millis(json, "last", figures->answer_last);
    text_add_char(json, ',');
    add_millis(json, "mean", figures->answer_mean);
    text_add_char(json, ',');
    add_millis(json, "worst", figures->answer_worst);
    text_add_char(json, '}');
}

/* What the worker tells of itself counts more than what the kernel sees: its connections may be of another kind. */
static void add_live(struct text *json, const struct server_figures *figures, const struct live *live,
                     const struct worker *worker)
{
    int count = figures->live_told ? (int)figures->live : worker && live ? live_count(live, worker->pid) : -1;
    if (count >= 0)
        text_add_format(json, ",\"live\":%d", count);
    else
        text_add(json, ",\"live\":null");
}

static void add_worker(const struct status *status, const struct slot *slot, const struct live *live, struct text *json)
{
    struct server_figures figures;
    const struct worker *worker = slot->current;
    server_figures(status->states, slot->server->number, &figures);
    text_add(json, "\"kind\":\"worker\",");
    add_words(json, "state", worker_state_text(slot));
    if (worker)
        text_add_format(json, ",\"process\":%d", (int)worker->pid);
    else
        text_add(json, ",\"process\":null");
    text_add_format(json, ",\"starts\":%u", slot->starts);
    if (worker)
        add_seconds(json, "since", clock_steady() - worker->started);
    add_live(json, &figures, live, worker);
    text_add_format(json, ",\"in_flight\":%u,\"queued\":%u,\"handed_over\":%llu,\"refused\":%llu", figures.in_flight,
                    figures.queued, (unsigned long long)figures.handed_over, (unsigned long long)figures.refused);
    add_answer_times(json, &figures);
}

static void add_server_with_address(const struct status *status, const struct plan_server *server, struct text *json)
{
    struct server_figures figures;
    server_figures(status->states, server->number, &figures);
    bool up = server_condition(status->states, server->number, clock_steady()) == SERVER_UP;
    bool draining = server_is_draining(status->states, server->number);
    text_add(json, "\"kind\":\"address\",");
    add_words(json, "address", server->address.text);
    text_add_char(json, ',');
    add_words(json, "state", draining ? "draining" : up ? "up" : "resting");
    text_add_format(json, ",\"weight\":%u,\"live\":%u", server->weight, figures.live);
}

static void add_server(const struct status *status, const struct plan_server *server, const struct live *live,
                       struct text *json)
{
    const struct slot *slot = slot_of(status->workers, server);
    text_add_char(json, '{');
    add_words(json, "name", server->name);
    text_add(json, server_is_draining(status->states, server->number) ? ",\"draining\":true," : ",\"draining\":false,");
    if (slot)
        add_worker(status, slot, live, json);
    else
        add_server_with_address(status, server, json);
    text_add_char(json, '}');
}

static void add_pool(const struct status *status, const struct plan_pool *pool, const struct live *live,
                     struct text *json)
{
    text_add_char(json, '{');
    add_words(json, "name", pool->name);
    text_add(json, ",\"servers\":[");
    for (size_t i = 0; i < pool->server_count; i++) {
        text_add(json, i > 0 ? "," : "");
        add_server(status, &pool->servers[i], live, json);
    }
    text_add(json, "]}");
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static void add_head(const struct status *status, struct text *json)
{
    text_add_char(json, '{');
    add_words(json, "version", status->version);
    text_add_format(json, ",\"process\":%d", (int)getpid());
    if (status->engine->pid > 0)
        text_add_format(json, ",\"engine\":%d,", (int)status->engine->pid);
    else
        text_add(json, ",\"engine\":null,");
    add_words(json, "state", status->draining ? "draining" : "serving");
    text_add(json, status->workers->reloading ? ",\"reloading\":true" : ",\"reloading\":false");
    text_add(json, status->workers->reload_failed ? ",\"reload_failed\":true" : ",\"reload_failed\":false");
    add_seconds(json, "uptime", clock_steady() - status->began);
    text_add(json, ",\"listening\":[");
    for_each_address(status, add_address, json);
    text_add(json, "],\"pools\":[");
}

void status_write(const struct status *status, struct text *json)
{
    struct ports ports = {.count = 0};
    struct live live;
    for_each_address(status, add_port, &ports);
    bool seen = status->plan->worker_count > 0 && live_look(&live, ports.all, ports.count) == 0;
    add_head(status, json);
    for (size_t i = 0; i < status->plan->pool_count; i++) {
        text_add(json, i > 0 ? "," : "");
        add_pool(status, &status->plan->pools[i], seen ? &live : NULL, json);
    }
    text_add(json, "]}");
    if (seen)
        live_fini(&live);
}
