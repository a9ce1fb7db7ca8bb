#include "control/status.h"

#include "control/census.h"
#include "pins/breaker.h"
#include "route/pin_table.h"

#include <stdlib.h>
#include <unistd.h>

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

void status_each_address(const struct status *status, void (*call)(void *context, const struct address *address),
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

/* ---- servers -------------------------------------------------------------------------------------------------------- */

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

static void add_live(struct text *json, int live)
{
    if (live >= 0)
        text_add_format(json, ",\"live\":%d", live);
    else
        text_add(json, ",\"live\":null");
}

static void add_worker(const struct status *status, const struct slot *slot, struct text *json)
{
    struct server_figures figures;
    const struct worker *worker = slot->current;
    server_figures(status->states, slot->server->number, &figures);
    text_add(json, "\"kind\":\"worker\",");
    add_words(json, "state", slot_state_text(slot_state(slot)));
    if (worker)
        text_add_format(json, ",\"process\":%d", (int)worker->pid);
    else
        text_add(json, ",\"process\":null");
    text_add_format(json, ",\"starts\":%u", slot->starts);
    if (worker)
        add_seconds(json, "since", clock_steady() - worker->started);
    add_live(json, census_live(status->census, status, slot->server));
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
    text_add_format(json, ",\"weight\":%u,\"live\":%u", server->weight, figures.live + figures.requests);
}

/* Pins to it that are as old count no more. */
static void add_unpinned(const struct status *status, const struct plan_server *server, struct text *json)
{
    uint32_t unpinned = server_unpinned(status->states, server->number);
    if (unpinned > 0)
        add_seconds(json, "unpinned", clock_wall() - unpinned * (micros)SECOND_IN_MICROS);
}

static void add_server(const struct status *status, const struct plan_server *server, struct text *json)
{
    const struct slot *slot = workers_slot(status->workers, server);
    text_add_char(json, '{');
    add_words(json, "name", server->name);
    text_add(json, server_is_draining(status->states, server->number) ? ",\"draining\":true," : ",\"draining\":false,");
    if (slot)
        add_worker(status, slot, json);
    else
        add_server_with_address(status, server, json);
    add_unpinned(status, server, json);
    text_add_char(json, '}');
}

static void add_pool(const struct status *status, const struct plan_pool *pool, struct text *json)
{
    text_add_char(json, '{');
    add_words(json, "name", pool->name);
    text_add(json, ",\"servers\":[");
    for (size_t i = 0; i < pool->server_count; i++) {
        text_add(json, i > 0 ? "," : "");
        add_server(status, &pool->servers[i], json);
    }
    text_add(json, "]}");
}

/* ---- pins ----------------------------------------------------------------------------------------------------------- */

/* What an engine wrote may be anything. */
static micros since(const struct breaker *breaker)
{
    micros passed;
    if (__builtin_sub_overflow(clock_steady(), __atomic_load_n(&breaker->since, __ATOMIC_ACQUIRE), &passed))
        return 0;
    return passed > 0 ? passed : 0;
}

struct status_memcached status_memcached(const struct status *status, size_t number)
{
    struct status_memcached seen = {.state = "new", .since = -1};
    const struct breaker *breaker = status->breakers ? &status->breakers[number] : NULL;
    if (!breaker)
        return seen;
    seen.failures = __atomic_load_n(&breaker->failures, __ATOMIC_ACQUIRE);
    enum breaker_state state = breaker_state(breaker);
    if (state == BREAKER_NEW)
        return seen;
    seen.answers = state == BREAKER_CLOSED;
    seen.state = seen.answers ? "answers" : "does not answer";
    seen.since = since(breaker);
    return seen;
}

size_t status_pins(const struct status *status)
{
    return status->pins ? pin_memory_count(status->pins, status->plan->pins.most) : 0;
}

static void add_memcached(const struct status *status, size_t number, struct text *json)
{
    struct status_memcached seen = status_memcached(status, number);
    text_add_char(json, '{');
    add_words(json, "address", status->plan->memcached[number].text);
    text_add_char(json, ',');
    add_words(json, "state", seen.state);
    if (seen.since >= 0)
        add_seconds(json, "since", seen.since);
    else
        text_add(json, ",\"since\":null");
    text_add_format(json, ",\"failures\":%u}", seen.failures);
}

static void add_pins(const struct status *status, struct text *json)
{
    text_add(json, "],\"memcached\":[");
    for (size_t i = 0; i < status->plan->memcached_count; i++) {
        text_add(json, i > 0 ? "," : "");
        add_memcached(status, i, json);
    }
    if (status->pins)
        text_add_format(json, "],\"pins\":{\"most\":%u,\"used\":%zu}", status->plan->pins.most, status_pins(status));
    else
        text_add(json, "],\"pins\":null");
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

uint64_t status_counter(const struct status *status, enum counter counter)
{
    uint64_t sum = 0;
    for (size_t thread = 0; thread < status->plan->threads; thread++)
        sum += counter_read(&status->counters[thread], counter);
    return sum;
}

uint64_t status_ended(const struct status *status, enum reason reason)
{
    uint64_t sum = 0;
    for (size_t thread = 0; thread < status->plan->threads; thread++)
        sum += counter_read_ended(&status->counters[thread], reason);
    return sum;
}

uint64_t status_gauge(const struct status *status, enum gauge gauge)
{
    uint64_t sum = 0;
    for (size_t thread = 0; thread < status->plan->threads; thread++)
        sum += gauge_read(&status->counters[thread], gauge);
    return sum;
}

const char *status_not_alive(const struct status *status)
{
    if (status->engine->ready)
        return NULL;
    return status->engine->was_ready ? "no engine" : "starting";
}

static bool takes_connections(const struct status *status, const struct plan_pool *pool)
{
    for (size_t i = 0; i < pool->server_count; i++) {
        struct server_figures figures;
        server_figures(status->states, pool->servers[i].number, &figures);
        if (figures.doors != 0)
            return true;
    }
    return false;
}

const char *status_not_ready(const struct status *status)
{
    const char *not_alive = status_not_alive(status);
    if (*status->draining)
        return "draining";
    for (size_t i = 0; i < status->plan->pool_count && !not_alive; i++)
        if (!takes_connections(status, &status->plan->pools[i]))
            return "no worker takes connections";
    return not_alive;
}

static void add_count(struct text *json, const char *name, uint64_t count)
{
    text_add_format(json, "\"%s\":", name);
    text_add_unsigned(json, count);
}

static void add_counts(const struct status *status, struct text *json)
{
    for (enum gauge gauge = 0; gauge < GAUGE_COUNT; gauge++) {
        text_add_char(json, ',');
        add_count(json, gauge_text(gauge), status_gauge(status, gauge));
    }
    text_add(json, ",\"counters\":{");
    for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
        text_add(json, counter > 0 ? "," : "");
        add_count(json, counter_text(counter), status_counter(status, counter));
    }
    text_add(json, "},\"visits\":{");
    for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
        text_add(json, reason > REASON_NONE + 1 ? "," : "");
        add_count(json, reason_text(reason), status_ended(status, reason));
    }
    text_add_char(json, '}');
}

static void add_head(const struct status *status, struct text *json)
{
    text_add_char(json, '{');
    add_words(json, "version", status->version);
    text_add_format(json, ",\"process\":%d", (int)getpid());
    if (status->engine->pid > 0)
        text_add_format(json, ",\"engine\":%d,", (int)status->engine->pid);
    else
        text_add(json, ",\"engine\":null,");
    add_words(json, "state", *status->draining ? "draining" : "serving");
    text_add(json, status_not_ready(status) ? ",\"ready\":false" : ",\"ready\":true");
    text_add(json, status->workers->reloading ? ",\"reloading\":true" : ",\"reloading\":false");
    text_add(json, status->workers->reload_failed ? ",\"reload_failed\":true" : ",\"reload_failed\":false");
    add_seconds(json, "uptime", clock_steady() - status->began);
    add_counts(status, json);
    text_add(json, ",\"listening\":[");
    status_each_address(status, add_address, json);
    add_pins(status, json);
    text_add(json, ",\"pools\":[");
}

void status_write(const struct status *status, struct text *json)
{
    census_take(status->census, status, 0);
    add_head(status, json);
    for (size_t i = 0; i < status->plan->pool_count; i++) {
        text_add(json, i > 0 ? "," : "");
        add_pool(status, &status->plan->pools[i], json);
    }
    text_add(json, "]}");
}
