#ifndef LIMPET_CONF_READ_STICK_H
#define LIMPET_CONF_READ_STICK_H

/* Readers of `stick`. `target` is a struct draft_pool, and below that key a struct draft_stick. */

#include "conf/build.h"

void read_stick(struct build *b, const struct schema_row *row, const struct node *value, void *target);

void read_stick_cookie(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_stick_table(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_stick_session(struct build *b, const struct schema_row *row, const struct node *value, void *target);

#endif
