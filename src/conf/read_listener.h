#ifndef LIMPET_CONF_READ_LISTENER_H
#define LIMPET_CONF_READ_LISTENER_H

/* Readers of `listeners`. `target` is the build or a struct draft_listener. */

#include "conf/build.h"

void read_listeners(struct build *b, const struct schema_row *row, const struct node *value, void *target);

void read_listener_bind(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_listener_upgrade(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_listener_trust(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_listener_client_from(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_listener_unwrap(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_listener_pool(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_listener_routes(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_listener_limits(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_listener_unix_mode(struct build *b, const struct schema_row *row, const struct node *value, void *target);

#endif
