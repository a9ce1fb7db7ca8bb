#ifndef LIMPET_YAML_NODE_H
#define LIMPET_YAML_NODE_H

/* A configuration as a tree in which every node knows its place: from a file, or made of flags. Scalars are text; what
 * they mean is for the reader to say. Nodes belong to an arena. */

#include "yaml/report.h"

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool quoted;
    struct place at;
    struct span text;  /* NODE_TEXT; a NUL follows it */
    struct node *key;  /* of a value in a map: its key, a NODE_TEXT */
    struct node *next; /* in the same list or map */
    struct node *first, *last;
    size_t count;  /* children */
    size_t weight; /* itself and all below it; what an alias repeats counts again */
};

/* For trees that are made by hand. */
struct node *node_new(struct arena *arena, enum node_kind kind, struct place at);
struct node *node_new_text(struct arena *arena, const char *text, struct place at);
void node_append(struct node *parent, struct node *child);
void node_append_pair(struct node *map, struct node *key, struct node *value);

/* The value of a key, or null. */
const struct node *node_find(const struct node *map, const char *key);

/* A scalar stands for a list of one: the first and next item of either. */
const struct node *node_first_item(const struct node *node);
const struct node *node_next_item(const struct node *list, const struct node *item);

bool node_is(const struct node *node, const char *text);
/* Nothing was written, or YAML's words for nothing. */
bool node_is_null(const struct node *node);
const char *node_kind_name(const struct node *node);

#endif
