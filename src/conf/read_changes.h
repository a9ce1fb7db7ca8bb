#ifndef LIMPET_CONF_READ_CHANGES_H
#define LIMPET_CONF_READ_CHANGES_H

/* Readers of `request-headers` and `response-headers`. `target` is a struct draft_route, and below those keys a struct
 * draft_changes. */

#include "conf/build.h"

void read_changes_request(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_changes_response(struct build *b, const struct schema_row *row, const struct node *value, void *target);

void read_changes_remove(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_changes_set(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_changes_add(struct build *b, const struct schema_row *row, const struct node *value, void *target);

#endif
