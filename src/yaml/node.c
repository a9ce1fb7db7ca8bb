#include "yaml/node.h"

struct node *node_new(struct arena *arena, enum node_kind kind, struct place at)
{
    struct node *node = arena_alloc(arena, sizeof(*node));
    node->kind = kind;
    node->at = at;
    node->weight = 1;
    return node;
}

struct node *node_new_text(struct arena *arena, const char *text, struct place at)
{
    struct node *node = node_new(arena, NODE_TEXT, at);
    node->text = span_text(text);
    return node;
}

void node_append(struct node *parent, struct node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
    parent->weight += child->weight;
}

void node_append_pair(struct node *map, struct node *key, struct node *value)
{
    value->key = key;
    node_append(map, value);
}

const struct node *node_find(const struct node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (const struct node *child = map->first; child; child = child->next)
        if (node_is(child->key, key))
            return child;
    return NULL;
}

const struct node *node_first_item(const struct node *node)
{
    return node->kind == NODE_LIST ? node->first : node;
}

const struct node *node_next_item(const struct node *list, const struct node *item)
{
    return list->kind == NODE_LIST ? item->next : NULL;
}

bool node_is(const struct node *node, const char *text)
{
    return node->kind == NODE_TEXT && span_equal(node->text, span_text(text));
}

bool node_is_null(const struct node *node)
{
    return node->kind == NODE_TEXT && !node->quoted &&
           (node->text.length == 0 || node_is(node, "~") || node_is(node, "null"));
}

const char *node_kind_name(const struct node *node)
{
    switch (node->kind) {
    case NODE_TEXT:
        return node_is_null(node) ? "nothing" : "text";
    case NODE_LIST:
        return "a list";
    case NODE_MAP:
        return "a map";
    }
    return "nothing";
}
