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

struct node *flags_tree(const struct conf_flags *flags, struct arena *arena, unsigned *sources)
{
    const struct flags f = {arena, sources};
    const struct place nowhere = {NULL, PLACE_NOWHERE, 0};
    struct node *root = node_new(arena, NODE_MAP, nowhere);
    struct node *listener = node_new(arena, NODE_MAP, nowhere);
    struct node *pool = node_new(arena, NODE_MAP, nowhere);
    struct node *pools = node_new(arena, NODE_MAP, nowhere);
    struct node *servers = node_new(arena, NODE_LIST, nowhere);

    struct node *binds = list_of(&f, "--listen", flags->listen, flags->listen_count);
    struct node *keys = list_of(&f, "--key", flags->keys, flags->key_count);
    struct node *trust = list_of(&f, "--trust", flags->trust, flags->trust_count);
    for (size_t i = 0; i < flags->server_count; i++)
        node_append(servers, server_of(&f, flags->servers[i]));
    if (binds)
        put(&f, listener, "bind", binds);
    if (flags->mode)
        put(&f, listener, "mode", quoted(&f, flags->mode, argument_place(&f, "--mode", flags->mode)));
    if (trust)
        put(&f, listener, "trust", trust);
    if (keys)
        put(&f, pool, "key", keys);
    put(&f, listener, "pool", quoted(&f, "default", nowhere));
    put(&f, pool, "servers", servers);
    put(&f, pools, "default", pool);
    if (flags->seed)
        put(&f, root, "seed", quoted(&f, flags->seed, argument_place(&f, "--seed", flags->seed)));
    put(&f, root, "listeners", listener);
    put(&f, root, "pools", pools);
    return root;
}
