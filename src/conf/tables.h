#ifndef LIMPET_CONF_TABLES_H
#define LIMPET_CONF_TABLES_H

/* Traps around the tables of pins, here and in memcached. */

#include "conf/build.h"

/* Whose pins are shared, once `memcached` is known too; and what is missing for it. */
void tables_check(struct build *b, const struct node *root, struct draft_pool *pool);

/* Once everything is checked, and right as far as it goes. */
void tables_warn(struct build *b, const struct node *root);

#endif
