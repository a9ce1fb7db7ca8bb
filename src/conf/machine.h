#ifndef LIMPET_CONF_MACHINE_H
#define LIMPET_CONF_MACHINE_H

/* What the text takes for granted of the machine it is served on: folders of logs and Unix sockets, a user. Only whoever
 * gives conf_files.find wants to hear of it. */

#include "conf/build.h"

void machine_check(struct build *b, const struct node *root);

#endif
