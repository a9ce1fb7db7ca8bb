#include "control/pins_answer.h"

#include <errno.h>
#include <stdlib.h>

int pins_answer_pool(const struct pins_view *view, struct span name, const struct plan_pool **pool)
{
    for (size_t i = 0; i < view->plan->pool_count; i++) {
        *pool = &view->plan->pools[i];
        if (span_equal(span_text((*pool)->name), name))
            return pins_view_is_kept(*pool) ? 0 : -ENOTSUP;
    }
    *pool = NULL;
    return -ENOENT;
}

static void add_word(struct text *json, const char *before, const char *word)
{
    text_add(json, before);
    text_add_json(json, span_text(word));
}

static void add_number(struct text *json, const char *before, uint64_t number)
{
    text_add(json, before);
    text_add_unsigned(json, number);
}

static void write_counts(const struct plan_pool *pool, const size_t *counts, struct text *json)
{
    uint64_t all = 0;
    for (size_t i = 0; i < pool->server_count; i++)
        all += counts[i];
    add_word(json, "{\"pool\":", pool->name);
    add_number(json, ",\"pins\":", all);
    text_add(json, ",\"servers\":[");
    for (size_t i = 0; i < pool->server_count; i++) {
        add_word(json, i > 0 ? ",{\"server\":" : "{\"server\":", pool->servers[i].name);
        add_number(json, ",\"pins\":", counts[i]);
        text_add(json, "}");
    }
    text_add(json, "]}");
}

int pins_answer_counts(const struct pins_view *view, struct span name, struct text *json)
{
    const struct plan_pool *pool;
    int failure = pins_answer_pool(view, name, &pool);
    if (failure)
        return failure;
    size_t *counts = calloc(pool->server_count, sizeof(*counts));
    failure = counts ? pins_view_count(view, pool, counts) : -ENOMEM;
    if (!failure)
        write_counts(pool, counts, json);
    free(counts);
    return failure;
}

static void write_seen(const struct pin_seen *seen, const struct plan_stick *stick, struct text *json)
{
    add_word(json, "\"server\":", seen->server->name);
    add_number(json, ",\"made\":", seen->made);
    add_number(json, ",\"left\":", seen->left);
    text_add(json, stick->shared ? ",\"shared\":true" : ",\"shared\":false");
    add_word(json, ",\"what\":", stick->kind == STICK_SESSION ? "session" : "key");
}

int pins_answer_pin(const struct pins_view *view, struct span name, struct span key, struct text *json)
{
    const struct plan_pool *pool;
    struct pin_meaning list[PIN_MEANINGS_MOST];
    struct pin_seen seen;
    int failure = pins_answer_pool(view, name, &pool);
    size_t count = failure ? 0 : pins_view_meanings(view, pool, key, list), found = 0;
    if (count == 0)
        return failure ? failure : -E2BIG;
    add_word(json, "{\"pool\":", pool->name);
    text_add(json, ",\"key\":");
    text_add_json(json, key);
    for (size_t i = 0; i < count; i++) {
        if (!pins_view_find(view, pool, list[i].mark, &seen))
            continue;
        text_add(json, found == 0 ? ",\"pinned\":true," : found == 1 ? ",\"others\":[{" : "},{");
        write_seen(&seen, list[i].stick, json);
        found++;
    }
    text_add(json, found == 0 ? ",\"pinned\":false}" : found == 1 ? "}" : "}]}");
    return 0;
}
