#include "conf/read_pool.h"

#include "conf/key_source.h"
#include "conf/read.h"
#include "conf/read_workers.h"
#include "conf/suggest.h"
#include "conf/values.h"

static void add_pool(struct build *b, const struct node *map)
{
    struct draft_pool *draft = arena_alloc(b->arena, sizeof(*draft));
    draft->node = map;
    draft->name = map->key;
    draft->plan.name = (const char *)map->key->text.data;
    if (b->last_pool)
        b->last_pool->next = draft;
    else
        b->pools = draft;
    b->last_pool = draft;
    draft->index = b->plan->pool_count++;
    if (!read_name(b, map->key, "pool"))
        return;
    unsigned errors = b->report->out->errors;
    schema_fill(b, SECTION_POOL, map, draft);
    read_workers_slots(b, draft);
    if (draft->plan.server_count == 0 && errors == b->report->out->errors)
        report_error(b->report, map->key->at,
                     "add `servers: [\"127.0.0.1:3000\"]`, or `workers: {command: [node, app.js]}`",
                     "the pool `%s` has no servers", draft->plan.name);
}

void read_pools(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (value->kind != NODE_MAP) {
        report_error(b->report, value->at, "write `NAME: {servers: [...]}` for each pool",
                     "`pools` is a map of names, but this is %s", node_kind_name(value));
        return;
    }
    if (value->count == 0)
        report_error(b->report, value->at, "add `app: {servers: [\"127.0.0.1:3000\"]}`", "there is no pool");
    for (const struct node *pool = value->first; pool; pool = pool->next) {
        if (pool->kind == NODE_MAP)
            add_pool(b, pool);
        else
            report_error(b->report, pool->at, "write `NAME: {servers: [...]}`", "a pool is a map, but this is %s",
                         node_kind_name(pool));
    }
}

static bool read_key(struct build *b, const struct node *item, struct plan_key *key)
{
    if (item->kind != NODE_TEXT) {
        /* `- header: X-User` is a map to YAML. */
        const struct node *value = item->kind == NODE_MAP && item->count == 1 ? item->first : NULL;
        bool meant = value && value->kind == NODE_TEXT && value->text.length < 100;
        report_error(b->report, item->at,
                     meant ? arena_format(b->arena, "put it in quotes, without a space: \"%s:%s\"",
                                          (const char *)value->key->text.data, (const char *)value->text.data)
                           : "write a key source, such as client or \"header:X-User\"",
                     "a key source is text, but this is %s", node_kind_name(item));
        return false;
    }
    const char *wrong = key_source_parse(item->text, b->arena, key);
    if (wrong && item->at.source && item->at.source->is_flag)
        report_error(b->report, item->at, key_source_help(item->text, b->arena), "%s", wrong);
    else if (wrong)
        report_error(b->report, item->at, key_source_help(item->text, b->arena), "%s: %s",
                     report_quote(b->report, item->text), wrong);
    return !wrong;
}

void read_pool_key(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_pool *draft = target;
    size_t count = value->kind == NODE_LIST ? value->count : 1;
    struct plan_key *keys = arena_alloc(b->arena, count * sizeof(*keys) + 1);
    if (count == 0)
        report_error(b->report, value->at, "take `key` out for the client's address, or write a source",
                     "this list is empty");
    size_t good = 0;
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item))
        good += read_key(b, item, &keys[good]);
    draft->keys = value;
    draft->plan.keys = keys;
    draft->plan.key_count = good;
}

static void read_server_map(struct build *b, const struct node *item, bool in_list, struct draft_server *server)
{
    const struct node *name = node_find(item, "name");
    unsigned errors = b->report->out->errors;
    schema_fill(b, SECTION_SERVER, item, server);
    if (!node_find(item, "address") && errors == b->report->out->errors)
        report_error(b->report, item->at, "add `address: \"HOST:PORT\"`", "this server has no `address`");
    if (name && !in_list)
        report_error(b->report, name->key->at, "take it out", "this server's name is its key, `%s`",
                     (const char *)item->key->text.data);
}

/* Text or a map, with its name as the key of a map, in a list, or from its address. */
static void read_server(struct build *b, const struct schema_row *row, const struct node *item, bool in_list,
                        struct draft_server *server)
{
    server->node = item;
    server->plan.weight = 1;
    if (!in_list && read_name(b, item->key, "server"))
        server->plan.name = (const char *)item->key->text.data;
    if (item->kind == NODE_MAP)
        read_server_map(b, item, in_list, server);
    else if (node_is_null(item))
        report_error(b->report, item->at, "write \"HOST:PORT\"", "this server has no address");
    else
        read_server_address(b, row, item, server);
    if (!server->plan.name)
        server->plan.name = server->plan.address.text;
}

void read_pool_servers(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_pool *draft = target;
    bool is_map = value->kind == NODE_MAP;
    size_t count = value->kind == NODE_TEXT ? 1 : value->count;
    draft->servers = arena_alloc(b->arena, count * sizeof(*draft->servers) + 1);
    draft->plan.server_count = count;
    if (count == 0)
        report_error(b->report, value->at,
                     is_map ? "write `servers: {a: \"127.0.0.1:3000\"}`" : "write `servers: [\"127.0.0.1:3000\"]`",
                     "the pool `%s` is empty", draft->plan.name);
    const struct node *item = is_map ? value->first : node_first_item(value);
    for (size_t i = 0; item; item = is_map ? item->next : node_next_item(value, item))
        read_server(b, row, item, !is_map, &draft->servers[i++]);
}

void read_server_name(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (read_is_text(b, row, value) && read_name(b, value, "server"))
        ((struct draft_server *)target)->plan.name = (const char *)value->text.data;
}

/* `a=10.0.0.1:80 weight=2` on the command line is a server named "weight". */
static bool is_stray_weight(const struct node *value)
{
    const struct source *source = value->at.source;
    uint64_t number;
    return source && source->is_flag && value->kind == NODE_TEXT && source->text.length > strlen("weight=") &&
           memcmp(source->text.data, "weight=", strlen("weight=")) == 0 &&
           values_number(value->text, &number) == VALUE_FINE;
}

/* What stands behind the last comma of `a=10.0.0.1:80,wieght=2`; empty if there is none. A path may have commas. */
static struct span stray_attribute(const struct node *value)
{
    const struct source *source = value->at.source;
    if (!source || !source->is_flag || value->kind != NODE_TEXT || strstr((const char *)source->text.data, "unix:"))
        return span_of(NULL, 0);
    const uint8_t *comma = memrchr(source->text.data, ',', source->text.length);
    size_t from = comma ? (size_t)(comma - source->text.data) + 1 : source->text.length;
    struct span rest = span_part(source->text, from, source->text.length - from);
    return rest.length >= strlen("weight=") && memcmp(rest.data, "weight=", strlen("weight=")) == 0 ? span_of(NULL, 0)
                                                                                                    : rest;
}

static void report_attribute(struct build *b, const struct node *value, struct span attribute)
{
    struct suggest s;
    const uint8_t *equal = memchr(attribute.data, '=', attribute.length);
    size_t length = equal ? (size_t)(equal - attribute.data) : attribute.length;
    suggest_init(&s, span_part(attribute, 0, length));
    suggest_try(&s, "weight");
    report_error(b->report, value->at,
                 s.best ? arena_format(b->arena, "did you mean `,weight%.*s`?", (int)(attribute.length - length),
                                       attribute.data + length)
                        : "a server is [name=]ADDR[,weight=N], and each one is a word of its own",
                 "a server has nothing that is called %s", report_quote(b->report, span_part(attribute, 0, length)));
}

void read_server_address(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_server *server = target;
    if (is_stray_weight(value)) {
        report_error(b->report, value->at, "a weight is joined by a comma: `ADDR,weight=2`", "this is no server");
        return;
    }
    struct span attribute = stray_attribute(value);
    if (attribute.length > 0) {
        report_attribute(b, value, attribute);
        return;
    }
    /* What went wrong was reported, so the plan is not made. */
    if (!read_address(b, value, false, &server->plan.address))
        server->plan.address.text[0] = '\0';
}
