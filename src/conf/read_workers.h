#ifndef LIMPET_CONF_READ_WORKERS_H
#define LIMPET_CONF_READ_WORKERS_H

/* Readers of `workers`. `target` is a struct draft_pool, or a struct draft_workers and its parts. */

#include "conf/build.h"

void read_pool_workers(struct build *b, const struct schema_row *row, const struct node *value, void *target);

void read_workers_command(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_workers_count(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_workers_directory(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_workers_user(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_workers_environment(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_workers_node_message(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_workers_node_preload(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_workers_limits(struct build *b, const struct schema_row *row, const struct node *value, void *target);

/* Gives the workers of a pool their places behind the servers that have addresses, once all of it was read. */
void read_workers_slots(struct build *b, struct draft_pool *pool);

#endif
