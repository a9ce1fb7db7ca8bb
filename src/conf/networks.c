#include "conf/networks.h"

#include "conf/read.h"
#include "yaml/yaml.h"

#include <assert.h>

/* Grows by doubling; what it outgrows stays in the arena. */
struct networks {
    struct network *items;
    size_t count;
    size_t capacity;
    const struct node *none; /* the word, if it is there */
};

static const char *const private_networks[] = {
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10",
};

static void add(struct build *b, struct networks *n, const struct network *network)
{
    if (n->count == n->capacity) {
        size_t capacity = n->capacity ? n->capacity * 2 : 16;
        struct network *items = arena_alloc(b->arena, capacity * sizeof(*items));
        if (n->count > 0)
            memcpy(items, n->items, n->count * sizeof(*items));
        n->items = items;
        n->capacity = capacity;
    }
    n->items[n->count++] = *network;
}

static void add_private(struct build *b, struct networks *n)
{
    for (size_t i = 0; i < ARRAY_LENGTH(private_networks); i++) {
        struct network network;
        const char *wrong = network_parse(span_text(private_networks[i]), &network);
        assert(!wrong);
        if (!wrong)
            add(b, n, &network);
    }
}

static const char *near_word(struct build *b, struct span text)
{
    static const char *const words[] = {"loopback", "private", "none", NULL};
    static const char *const theirs[] = {"localhost", NULL};
    const char *near = read_near_word(b, text, words);
    return !near && read_near_word(b, text, theirs) ? "did you mean `loopback`?" : near;
}

static const char *network_help(struct build *b, struct span text, const struct network *n, const char *wrong)
{
    const uint8_t *slash = text.length > 0 ? memchr(text.data, '/', text.length) : NULL;
    if (strstr(wrong, "behind the prefix") && slash) {
        struct endpoint e = endpoint_from_ip6(n->ip, 0);
        char address[ENDPOINT_TEXT_SIZE];
        endpoint_text(&e, address);
        return arena_format(b->arena, "did you mean the network `%s%.*s`, or the address without `%.*s`?", address,
                            (int)(text.length - (size_t)(slash - text.data)), slash,
                            (int)(text.length - (size_t)(slash - text.data)), slash);
    }
    if (span_equal_nocase(text, span_text("all")) || span_equal_nocase(text, span_text("any")) ||
        span_equal(text, span_text("*")))
        return "to believe everyone, write [\"0.0.0.0/0\", \"::/0\"]; then everyone can choose a server";
    const char *near = near_word(b, text);
    return near ? near : "write loopback, private, none, an address, a network such as 192.0.2.0/24, or \"file:PATH\"";
}

static void add_network(struct build *b, struct networks *n, struct place at, struct span text)
{
    struct network network;
    const char *wrong = network_parse(text, &network);
    if (wrong)
        report_error(b->report, at, network_help(b, text, &network, wrong), "%s is no network: %s",
                     report_quote(b->report, text), wrong);
    else
        add(b, n, &network);
}

/* A line of a file: a network and perhaps a comment. */
static void add_line(struct build *b, struct networks *n, const struct source *source, size_t start, size_t length)
{
    struct span line = span_part(source->text, start, length);
    const uint8_t *comment = length > 0 ? memchr(line.data, '#', length) : NULL;
    if (comment)
        line.length = (size_t)(comment - line.data);
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    line = span_trim(line);
    if (line.length > 0)
        add_network(b, n, (struct place){source, (size_t)(line.data - source->text.data), line.length}, line);
}

static void add_file(struct build *b, struct networks *n, const struct node *item)
{
    struct span path = span_part(item->text, strlen("file:"), item->text.length - strlen("file:"));
    if (path.length == 0) {
        report_error(b->report, item->at, "write \"file:PATH\", such as \"file:proxies.txt\"",
                     "the path is missing behind `file:`");
        return;
    }
    struct source *source = arena_alloc(b->arena, sizeof(*source));
    *source = (struct source){.name = read_path(b, path), .number = ++b->sources};
    int failure = b->files->read(b->files->context, source->name, &source->text);
    if (failure < 0) {
        report_error(b->report, item->at,
                     b->from_flags ? "is the path right?"
                                   : "is the path right? Relative ones start at the directory of this file",
                     "cannot read `%s`: %s", source->name, read_failure_text(failure));
        return;
    }
    if (source->text.length > YAML_SIZE_MAX) {
        report_error(b->report, item->at, "a file of networks has at most 4 MiB", "`%s` is too big", source->name);
        return;
    }
    struct span text = source->text;
    for (size_t start = 0, length; start < text.length; start += length + 1) {
        const uint8_t *end = memchr(text.data + start, '\n', text.length - start);
        length = end ? (size_t)(end - text.data) - start : text.length - start;
        add_line(b, n, source, start, length);
    }
}

static void add_item(struct build *b, struct networks *n, struct plan_trust *trust, const struct node *item)
{
    if (item->kind != NODE_TEXT)
        report_error(b->report, item->at, "write loopback, private, none, or a network in quotes",
                     "a network is wanted here, but this is %s", node_kind_name(item));
    else if (node_is(item, "loopback"))
        trust->loopback = true;
    else if (node_is(item, "private"))
        add_private(b, n);
    else if (node_is(item, "none"))
        n->none = item;
    else if (item->text.length >= 5 && memcmp(item->text.data, "file:", 5) == 0)
        add_file(b, n, item);
    else
        add_network(b, n, item->at, item->text);
}

void networks_read(struct build *b, const struct node *value, struct plan_trust *trust)
{
    struct networks n = {0};
    size_t items = 0;
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item), items++)
        add_item(b, &n, trust, item);
    if (items == 0)
        report_error(b->report, value->at, "write `none` if nobody is trusted", "this list is empty");
    if (n.none && items > 1)
        report_error(b->report, n.none->at, "take `none` out, or the others", "`none` stands alone");
    trust->networks = n.items;
    trust->network_count = n.count;
}

bool networks_is_none(const struct plan_trust *trust)
{
    return !trust->loopback && trust->network_count == 0;
}

static bool is_in(const char *words, const struct endpoint *endpoint)
{
    struct network network;
    const char *wrong = network_parse(span_text(words), &network);
    assert(!wrong);
    return !wrong && network_contains(&network, endpoint);
}

bool networks_is_near(const struct endpoint *endpoint)
{
    bool near = endpoint->kind == ENDPOINT_UNIX || is_in("127.0.0.0/8", endpoint) || is_in("::1", endpoint);
    for (size_t i = 0; i < ARRAY_LENGTH(private_networks); i++)
        near |= is_in(private_networks[i], endpoint);
    return near;
}
