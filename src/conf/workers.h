#ifndef LIMPET_CONF_WORKERS_H
#define LIMPET_CONF_WORKERS_H

/* What has to fit together where a pool has workers: listeners without an address of their own, names of servers beside
 * the workers' slots, programs that take no connections from anybody. */

#include "conf/build.h"

/* After the listener's routes were resolved. Reports a listener that has nowhere to listen; one that listens where its
 * workers do is remembered in their pool, and gets its name. */
void workers_check_listener(struct build *b, struct draft_listener *listener);

/* Errors, once all listeners were seen; then warnings, when there was no error. */
void workers_check_pool(struct build *b, struct draft_pool *pool);
void workers_warn(struct build *b, const struct draft_pool *pool);

#endif
