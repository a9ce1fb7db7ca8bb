#ifndef LIMPET_CONF_MACHINE_H
#define LIMPET_CONF_MACHINE_H

/* What the text takes for granted of the machine it is served on: folders of logs, workers and Unix sockets, users and
 * a group. Only whoever
 * gives conf_files.find wants to hear of it. */

#include "conf/build.h"

void machine_check(struct build *b, const struct node *root);

#endif
