#ifndef LIMPET_CONF_TRAPS_H
#define LIMPET_CONF_TRAPS_H

/* Warnings: what is legal, and yet rarely what was meant. Asked only of a configuration without errors. */

#include "conf/build.h"

void traps_all(struct build *b, const struct node *root);

#endif
