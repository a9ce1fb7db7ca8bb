#ifndef LIMPET_CONF_FLAGS_H
#define LIMPET_CONF_FLAGS_H

/* What the command line said, as the tree that a file with the same meaning would give: one listener and one pool, which
 * is named "default", or "app" if it has workers. So flags and files are checked by the same code, and mean the same. */

#include "conf/conf.h"
#include "yaml/node.h"

/* `sources` counts the texts that messages can name. The first makes a text that is one argument of its own. */
struct node *flags_argument(struct arena *arena, unsigned *sources, const char *flag, const char *argument);
struct node *flags_tree(const struct conf_flags *flags, struct arena *arena, unsigned *sources);

#endif
