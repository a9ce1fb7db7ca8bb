#ifndef LIMPET_CONF_SHARING_H
#define LIMPET_CONF_SHARING_H

/* Warns of proxies in front that send many clients over one connection, of which `mode: tcp` asks only once who it is.
 * What the proxy does nobody can see from here; that the key comes from its requests shows that there is one. */

#include "conf/build.h"

void sharing_warn(struct build *b, struct draft_listener *listener);

#endif
