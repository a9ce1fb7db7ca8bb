#ifndef LIMPET_CONF_DUPLICATES_H
#define LIMPET_CONF_DUPLICATES_H

/* What may stand in a configuration only once: an address to listen on (that of the admin socket among them), a server's name
 * in its pool. A server's address under two names is legal, and warned of. All sort, so that 100,000 servers are no trouble. */

#include "conf/build.h"

void duplicates_of_binds(struct build *b, const struct node *root);
void duplicates_of_servers(struct build *b, const struct draft_pool *pool);

#endif
