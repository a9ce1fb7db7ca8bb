#ifndef LIMPET_PLAN_DESCRIBE_H
#define LIMPET_PLAN_DESCRIBE_H

/* Parts of a plan in words, for `limpet check` and `limpet why`. What somebody wrote into his configuration is shown as it
 * is: it was judged when it was read, and holds no control characters. */

#include "base/text.h"
#include "plan/plan.h"

/* "host www.example.org or *.example.net, path /api/..., method GET or POST, with X-User"; nothing if there are none. */
void describe_conditions(const struct plan_route *route, struct text *text);

/* What the route answers by itself: "308 to the same URL with https", "410", "200, 13 bytes of text/plain". */
void describe_answer(const struct plan_route *route, struct text *text);

/* "removes X-C, sets X-A, adds X-B"; nothing if there are none. */
void describe_changes(const struct plan_changes *changes, struct text *text);

#endif
