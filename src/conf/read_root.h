#ifndef LIMPET_CONF_READ_ROOT_H
#define LIMPET_CONF_READ_ROOT_H

/* Readers of the keys at the top of the file. `target` is the plan, or its part. */

#include "conf/build.h"

void read_root_seed(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_threads(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_user(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_admin(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_secret(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_memcached(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_pins(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_pins_file(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_metrics(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_pages(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_timeouts(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_limits(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_log(struct build *b, const struct schema_row *row, const struct node *value, void *target);
void read_root_log_keys(struct build *b, const struct schema_row *row, const struct node *value, void *target);

/* What holds when nothing is written. */
void read_root_defaults(struct build *b);

/* Puts `--admin` above what is written, and the fallback below it; then the socket is known. */
void read_root_admin_socket(struct build *b, const struct node *root);

#endif
