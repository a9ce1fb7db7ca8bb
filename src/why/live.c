#include "why/live.h"

#include "base/text.h"
#include "why/shared.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for a key and the name of a pool of which every byte is escaped. */
#define TARGET_SIZE 16384

#define OTHER_CONFIGURATION                                                                                            \
    "The limpet that runs there has another configuration: name its file with -c, or another limpet with --admin.\n"

/* ---- pins ------------------------------------------------------------------------------------------------------------ */

static void add_escaped(struct text *target, struct span bytes)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < bytes.length; i++) {
        if (bytes.data[i] != '\0' && strchr(plain, bytes.data[i]))
            text_add_char(target, (char)bytes.data[i]);
        else
            text_add_format(target, "%%%02X", bytes.data[i]);
    }
}

/* The key, or the id, as the admin socket takes it. */
static struct span words_of(const struct explanation *e, const struct way *way, char buffer[ENDPOINT_TEXT_SIZE])
{
    return way->stick->kind == STICK_SESSION ? way->thing : explain_key(e, buffer);
}

static uint32_t server_named(const struct plan_pool *pool, const char *name)
{
    for (uint32_t i = 0; name && i < pool->server_count; i++)
        if (strcmp(pool->servers[i].name, name) == 0)
            return i;
    return PIN_NO_SERVER;
}

/* A key may be pinned, and the id of a session that reads the same: *pin is the one that was meant. */
static bool take_pin(struct way *way, const struct plan_pool *pool, const json_t *pin)
{
    const char *what = json_string_value(json_object_get(pin, "what"));
    if (!what || strcmp(what, way->stick->kind == STICK_SESSION ? "session" : "key") != 0)
        return false;
    way->here.pinned = true;
    way->here.server = server_named(pool, json_string_value(json_object_get(pin, "server")));
    way->here.made = json_integer_value(json_object_get(pin, "made"));
    way->here.left = json_integer_value(json_object_get(pin, "left"));
    return true;
}

static void take_answer(struct way *way, const struct plan_pool *pool, const json_t *answer)
{
    size_t i;
    const json_t *other;
    way->here = (struct way_here){.asked = true, .server = PIN_NO_SERVER};
    if (!json_is_true(json_object_get(answer, "pinned")) || take_pin(way, pool, answer))
        return;
    json_array_foreach(json_object_get(answer, "others"), i, other)
    {
        if (take_pin(way, pool, other))
            return;
    }
}

static int refuse(const struct ask *ask, const struct ask_answer *answer)
{
    bool other = answer->status == 404 || answer->status == 409;
    fprintf(stderr, "limpet why: %s: %s\n%s", ask->address.text, ask_complaint(answer),
            other ? OTHER_CONFIGURATION : "");
    return EXIT_FAILED;
}

static int ask_limpet(const struct explanation *e, struct way *way, const struct ask *ask)
{
    char buffer[TARGET_SIZE], address[ENDPOINT_TEXT_SIZE];
    struct text target;
    struct ask_answer answer;
    text_init(&target, buffer, sizeof(buffer));
    text_add(&target, "/v1/pin?pool=");
    add_escaped(&target, span_text(e->decision.pool->name));
    text_add(&target, "&key=");
    add_escaped(&target, words_of(e, way, address));
    int status = ask_for(ask, "GET", target.data, &answer);
    if (status != EXIT_FINE)
        return status;
    if (answer.status == 200)
        take_answer(way, e->decision.pool, answer.json);
    else if (answer.status != 400) /* what it does not take as a key, such as a NUL, it knows nothing of for us */
        status = refuse(ask, &answer);
    ask_answer_fini(&answer);
    return status;
}

/* ---- servers --------------------------------------------------------------------------------------------------------- */

static int say_other(const struct ask *ask, const char *what, const char *name)
{
    fprintf(stderr, "limpet why: %s: there is no %s %s\n%s", ask->address.text, what, name, OTHER_CONFIGURATION);
    return EXIT_FAILED;
}

static const json_t *named(const json_t *list, const char *name)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *own = json_string_value(json_object_get(item, "name"));
        if (own && strcmp(own, name) == 0)
            return item;
    }
    return NULL;
}

static void take_server(struct explain_server *server, const json_t *told)
{
    const char *state = json_string_value(json_object_get(told, "state"));
    if (state)
        snprintf(server->state, sizeof(server->state), "%s", state);
    server->draining = json_is_true(json_object_get(told, "draining"));
    const json_t *unpinned = json_object_get(told, "unpinned");
    server->unpinned = unpinned ? json_number_value(unpinned) : -1;
}

static int take_servers(struct explanation *e, const struct ask *ask, const json_t *status)
{
    const struct plan_pool *pool = e->decision.pool;
    const json_t *told = named(json_object_get(status, "pools"), pool->name);
    if (!told)
        return say_other(ask, "pool", pool->name);
    e->servers = calloc(pool->server_count, sizeof(*e->servers));
    for (size_t i = 0; e->servers && i < pool->server_count; i++)
        take_server(&e->servers[i], named(json_object_get(told, "servers"), pool->servers[i].name));
    return EXIT_FINE;
}

static int ask_servers(struct explanation *e, const struct ask *ask)
{
    struct ask_answer answer;
    int status = ask_status(ask, &answer);
    if (status != EXIT_FINE)
        return status;
    if (e->entry_count > 0)
        status = take_servers(e, ask, answer.json);
    ask_answer_fini(&answer);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------- */

/* `limpet unpin --server` is for one frontend: in memcached its pins stand as before. */
static void forget_unpinned(const struct explanation *e, struct way_there *there)
{
    double unpinned = e->servers && there->state == WAY_THERE_PINNED ? e->servers[there->server].unpinned : -1;
    if (unpinned >= 0 && (double)there->made + 1 > unpinned)
        there->state = WAY_THERE_VOID;
}

/* What the running limpet would do: what it knows counts at once, and what it does not know memcached may. */
static void judge(struct way *way)
{
    bool shared = way->there.state == WAY_THERE_PINNED;
    if (way->here.pinned && way->here.server != PIN_NO_SERVER)
        way->server = way->here.server;
    else if (shared)
        way->server = way->there.server;
    else if (!way->by_itself)
        way->server = PIN_NO_SERVER;
    way->state = way->server == PIN_NO_SERVER ? WAY_NOBODY : WAY_KNOWS;
}

int live_ask(struct explanation *e, const struct ask *ask)
{
    int failure = ask_servers(e, ask);
    if (failure != EXIT_FINE)
        return failure;
    for (size_t i = 0; i < e->ways.count; i++) {
        struct way *way = &e->ways.all[i];
        if (way->has_mark) {
            int status = ask_limpet(e, way, ask);
            if (status != EXIT_FINE)
                return status;
            if (way->stick->shared)
                shared_ask(way, &e->names, e->decision.pool);
            forget_unpinned(e, &way->there);
            if (way->here.asked || way->there.state == WAY_THERE_PINNED)
                judge(way);
        }
        if (way->state == WAY_KNOWS)
            break;
    }
    e->ways.live = true;
    return EXIT_FINE;
}
