#ifndef LIMPET_YAML_YAML_H
#define LIMPET_YAML_YAML_H

/* YAML text as a tree of nodes. Of YAML it takes what a configuration needs: one document of maps, lists and text, with
 * simple aliases. Duplicate keys, tags, a second document and deep nesting are errors. */

#include "yaml/node.h"

#define YAML_SIZE_MAX ((size_t)4 << 20)
#define YAML_DEPTH_MAX 16
/* What aliases may multiply a file to; a map of 200,000 servers has 400,000 nodes. */
#define YAML_WEIGHT_MAX 2000000
#define YAML_ANCHORS_MAX 100
#define YAML_BRACKETS_MAX 1000

/* Null after an error, which was reported, and for a text without content. The nodes belong to the arena. */
MUST_CHECK struct node *yaml_read(const struct source *source, struct arena *arena, struct report *report);

#endif
