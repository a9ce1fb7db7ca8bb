#ifndef LIMPET_CONF_ROUTES_H
#define LIMPET_CONF_ROUTES_H

/* Routes beside each other: the first that matches takes a visit, so one below it may get nothing. */

#include "conf/build.h"

/* Whoever comes goes to a pool: nothing is asked, and nothing answered. */
bool routes_takes_all(const struct draft_route *route);

/* Reports a route to which nothing ever comes. */
void routes_check(struct build *b, const struct draft_listener *listener, const struct draft_route *route);

#endif
