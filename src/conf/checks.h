#ifndef LIMPET_CONF_CHECKS_H
#define LIMPET_CONF_CHECKS_H

/* Errors that only two places together make: dangling names, duplicates, combinations that can never work. */

#include "conf/build.h"

/* Resolves the pools of routes, then checks. Drafts may have holes where something was reported already. */
void checks_all(struct build *b, const struct node *root);

/* The value of a key of a listener, pool or server, or that map itself if it was not given. */
struct place checks_place(const struct node *map, const char *key);
/* Of its servers, which stand before its workers, there is one with an address. */
bool checks_has_addresses(const struct draft_pool *pool);
/* The nth key source of a pool, or the pool's name if none was given. */
struct place checks_key_place(const struct draft_pool *pool, size_t number);

#endif
