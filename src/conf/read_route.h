#ifndef LIMPET_CONF_READ_ROUTE_H
#define LIMPET_CONF_READ_ROUTE_H

/* Readers of the keys of a route, its redirect and its answer. `target` is a struct draft_route. */

#include "conf/build.h"

void read_route_sni(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_host(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_path(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_method(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_header(struct build *b, const struct schema_row *row, const struct node *value, void *target);

void read_route_pool(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_redirect(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_redirect_to(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_redirect_status(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_answer(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_answer_status(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_answer_body(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_route_answer_type(struct build *b, const struct schema_row *row, const struct node *value, void *target);

/* Reports a route that leads nowhere, or to two places. */
void read_route_end(struct build *b, struct draft_route *route);

#endif
