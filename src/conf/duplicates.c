#include "conf/duplicates.h"

#include <stdlib.h>

struct entry {
    const char *name;
    const struct address *address;
    const struct node *node;
    size_t number; /* in the order of the text */
};

static int by_address(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->address->length != b->address->length)
        return a->address->length < b->address->length ? -1 : 1;
    int order = memcmp(&a->address->storage, &b->address->storage, a->address->length);
    return order != 0 ? order : a->number < b->number ? -1 : 1;
}

static int by_name(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : a->number < b->number ? -1 : 1;
}

static bool same_address(const struct entry *a, const struct entry *b)
{
    return a->address->length == b->address->length &&
           memcmp(&a->address->storage, &b->address->storage, a->address->length) == 0;
}

static const char *first_one(struct build *b, const struct entry *entry)
{
    if (!entry->node->at.source || entry->node->at.source->is_flag)
        return "take one of them out";
    return arena_format(b->arena, "it stands in line %zu already; take one of them out", report_line(entry->node->at));
}

static void report_bind(struct build *b, const struct entry *last, const struct entry *entry)
{
    const struct source *source = last->node->at.source;
    if (last->node != b->admin)
        report_error(b->report, entry->node->at, first_one(b, last), "`%s` is bound twice", entry->address->text);
    else
        report_error(b->report, entry->node->at,
                     source->is_flag ? arena_format(b->arena, "%s says so; name another path", source->name)
                                     : first_one(b, last),
                     "`%s` is the admin socket already", entry->address->text);
}

static void report_binds(struct build *b, struct entry *entries, size_t count)
{
    qsort(entries, count, sizeof(*entries), by_address);
    for (size_t i = 1; i < count; i++) {
        const struct entry *last = &entries[i - 1], *entry = &entries[i];
        bool any_port = !address_is_unix(entry->address) && address_port(entry->address) == 0;
        if (same_address(last, entry) && !any_port)
            report_bind(b, last, entry);
    }
}

void duplicates_of_binds(struct build *b, const struct node *root)
{
    size_t count = 2; /* the admin socket and the metrics */
    for (const struct draft_listener *l = b->listeners; l; l = l->next)
        count += l->plan.bind_count;
    struct entry *entries = arena_alloc(b->arena, count * sizeof(*entries));
    count = 0;
    if (b->plan->admin && !b->plan->admin_optional) {
        entries[count] = (struct entry){b->plan->admin->text, b->plan->admin, b->admin, count};
        count++;
    }
    for (const struct draft_listener *l = b->listeners; l; l = l->next)
        for (size_t i = 0; i < l->plan.bind_count; i++, count++)
            entries[count] = (struct entry){l->plan.binds[i].text, &l->plan.binds[i], l->bind_nodes[i], count};
    if (b->plan->metrics) {
        entries[count] = (struct entry){b->plan->metrics->text, b->plan->metrics, node_find(root, "metrics"), count};
        count++;
    }
    report_binds(b, entries, count);
}

static void report_names(struct build *b, struct entry *entries, size_t count)
{
    qsort(entries, count, sizeof(*entries), by_name);
    for (size_t i = 1; i < count; i++)
        /* In a map, the same key twice was reported as such. */
        if (strcmp(entries[i - 1].name, entries[i].name) == 0 && !entries[i].node->key)
            report_error(b->report, entries[i].node->at, first_one(b, &entries[i - 1]), "two servers are named `%s`",
                         entries[i].name);
}

static void report_addresses(struct build *b, struct entry *entries, size_t count)
{
    qsort(entries, count, sizeof(*entries), by_address);
    for (size_t i = 1; i < count; i++)
        if (same_address(&entries[i - 1], &entries[i]) && strcmp(entries[i - 1].name, entries[i].name) != 0)
            report_warning(b->report, entries[i].node->at,
                           "if one of them is meant to have more clients, give it a `weight`",
                           "the servers `%s` and `%s` are the same address", entries[i - 1].name, entries[i].name);
}

void duplicates_of_servers(struct build *b, const struct draft_pool *pool)
{
    struct entry *entries = arena_alloc(b->arena, pool->plan.server_count * sizeof(*entries) + 1);
    size_t count = 0;
    for (size_t i = 0; i < pool->plan.server_count; i++) {
        const struct draft_server *server = &pool->servers[i];
        if (server->plan.address.length > 0 && server->plan.name && server->plan.name[0])
            entries[count++] = (struct entry){server->plan.name, &server->plan.address, server->node, i};
    }
    report_names(b, entries, count);
    report_addresses(b, entries, count);
}
