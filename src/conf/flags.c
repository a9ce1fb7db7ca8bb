#include "conf/flags.h"

struct flags {
    struct arena *arena;
    unsigned *sources;
};

/* A place that is one argument: `--key "heade:X"`. */
static struct place argument_place(const struct flags *f, const char *flag, const char *argument)
{
    struct source *source = arena_alloc(f->arena, sizeof(*source));
    source->name = arena_format(f->arena, "%s \"%s\"", flag, argument);
    source->text = span_text(argument);
    source->is_flag = true;
    source->number = (*f->sources)++;
    return (struct place){source, 0, source->text.length};
}

static struct node *quoted(const struct flags *f, const char *text, struct place at)
{
    struct node *node = node_new_text(f->arena, arena_text(f->arena, span_text(text)), at);
    node->quoted = true; /* the shell's words are never YAML's null */
    return node;
}

static void put(const struct flags *f, struct node *map, const char *key, struct node *value)
{
    node_append_pair(map, node_new_text(f->arena, key, value->at), value);
}

/* All arguments of a flag as a list; null when there was none. */
static struct node *list_of(const struct flags *f, const char *flag, const char *const *arguments, size_t count)
{
    struct node *list = NULL;
    for (size_t i = 0; i < count; i++) {
        struct place at = argument_place(f, flag, arguments[i]);
        if (!list)
            list = node_new(f->arena, NODE_LIST, at);
        node_append(list, quoted(f, arguments[i], at));
    }
    return list;
}

static struct span cut_off(struct span *text, size_t at)
{
    struct span rest = span_of(text->data + at, text->length - at);
    text->length = at;
    return rest;
}

/* [name=]ADDR[,weight=N]. A path of a Unix socket may have commas and equal signs: only the last `,weight=` counts, and
 * a name ends before "unix:" begins. */
static struct node *server_of(const struct flags *f, const char *argument)
{
    static const char weight[] = ",weight=";
    struct place at = argument_place(f, "SERVER", argument);
    struct node *map = node_new(f->arena, NODE_MAP, at);
    struct span address = span_text(argument);
    const char *comma = NULL;
    for (const char *next = argument; (next = strstr(next, weight)); next++)
        comma = next;
    if (comma) {
        struct span rest = cut_off(&address, (size_t)(comma - argument));
        put(f, map, "weight", quoted(f, (const char *)rest.data + strlen(weight), at));
    }
    const uint8_t *equal = address.length > 0 ? memchr(address.data, '=', address.length) : NULL;
    if (equal && strncmp(argument, "unix:", 5) != 0) {
        struct span name = address;
        address = cut_off(&name, (size_t)(equal - name.data));
        address = span_part(address, 1, address.length - 1);
        put(f, map, "name", quoted(f, arena_text(f->arena, name), at));
    }
    put(f, map, "address", quoted(f, arena_text(f->arena, address), at));
    return map;
}

/* A flag that has one value, or none at all when that is null. */
static void put_flag(const struct flags *f, struct node *map, const char *key, const char *flag, const char *value)
{
    if (value)
        put(f, map, key, quoted(f, value, argument_place(f, flag, value)));
}

static struct node *servers_of(const struct flags *f, const struct conf_flags *flags)
{
    const struct place nowhere = {NULL, PLACE_NOWHERE, 0};
    struct node *servers = node_new(f->arena, NODE_LIST, nowhere);
    for (size_t i = 0; i < flags->server_count; i++)
        node_append(servers, server_of(f, flags->servers[i]));
    return servers;
}

static struct node *workers_of(const struct flags *f, const struct conf_flags *flags)
{
    const struct place nowhere = {NULL, PLACE_NOWHERE, 0};
    struct node *workers = node_new(f->arena, NODE_MAP, nowhere);
    put(f, workers, "command", list_of(f, "COMMAND", flags->command, flags->command_count));
    put_flag(f, workers, "count", "--workers", flags->workers);
    put_flag(f, workers, "contract", "--contract", flags->contract);
    put_flag(f, workers, "node-message", "--node-message", flags->node_message);
    if (flags->node_preload)
        put(f, workers, "node-preload", quoted(f, "true", nowhere));
    return workers;
}

struct node *flags_argument(struct arena *arena, unsigned *sources, const char *flag, const char *argument)
{
    const struct flags f = {arena, sources};
    return quoted(&f, argument, argument_place(&f, flag, argument));
}

struct node *flags_tree(const struct conf_flags *flags, struct arena *arena, unsigned *sources)
{
    const struct flags f = {arena, sources};
    const struct place nowhere = {NULL, PLACE_NOWHERE, 0};
    const char *name = flags->run ? "app" : "default";
    struct node *root = node_new(arena, NODE_MAP, nowhere);
    struct node *listener = node_new(arena, NODE_MAP, nowhere);
    struct node *pool = node_new(arena, NODE_MAP, nowhere);
    struct node *pools = node_new(arena, NODE_MAP, nowhere);

    struct node *binds = list_of(&f, "--listen", flags->listen, flags->listen_count);
    struct node *keys = list_of(&f, "--key", flags->keys, flags->key_count);
    struct node *trust = list_of(&f, "--trust", flags->trust, flags->trust_count);
    struct node *home = flags->run ? workers_of(&f, flags) : servers_of(&f, flags);
    if (binds)
        put(&f, listener, "bind", binds);
    put_flag(&f, listener, "mode", "--mode", flags->mode);
    if (trust)
        put(&f, listener, "trust", trust);
    if (keys)
        put(&f, pool, "key", keys);
    put(&f, listener, "pool", quoted(&f, name, nowhere));
    put(&f, pool, flags->run ? "workers" : "servers", home);
    put(&f, pools, name, pool);
    put_flag(&f, root, "seed", "--seed", flags->seed);
    put(&f, root, "listeners", listener);
    put(&f, root, "pools", pools);
    return root;
}
