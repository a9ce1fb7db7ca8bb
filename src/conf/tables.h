#ifndef LIMPET_CONF_TABLES_H
#define LIMPET_CONF_TABLES_H

/* What has to fit together where pins are kept, here or in memcached; and the traps around it. */

#include "conf/build.h"

/* Errors; and whose pins are shared, which only the whole file says. */
void tables_check(struct build *b, const struct node *root, struct draft_pool *pool);

/* Warnings, once everything is checked, and right as far as it goes. */
void tables_warn(struct build *b, const struct node *root);

#endif
