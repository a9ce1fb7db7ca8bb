#ifndef LIMPET_CONF_READ_POOL_H
#define LIMPET_CONF_READ_POOL_H

/* Readers of `pools`. `target` is the build, a struct draft_pool or a struct draft_server. */

#include "conf/build.h"

void read_pools(struct build *b, const struct schema_row *row, const struct node *value, void *target);

void read_pool_key(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_pool_servers(struct build *b, const struct schema_row *row, const struct node *value, void *target);

void read_server_name(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_server_address(struct build *b, const struct schema_row *row, const struct node *value, void *target);

#endif
