#ifndef LIMPET_CONF_NETWORKS_H
#define LIMPET_CONF_NETWORKS_H

/* `trust`: words, addresses, networks and files of networks. */

#include "conf/build.h"

/* Reports whatever is wrong. `value` is text or a list. */
void networks_read(struct build *b, const struct node *value, struct plan_trust *trust);

/* True if it believes nobody. */
bool networks_is_none(const struct plan_trust *trust);

/* True for a Unix socket, this machine, and what `private` means. */
bool networks_is_near(const struct endpoint *endpoint);

#endif
