#ifndef LIMPET_CONTROL_PINS_ANSWER_H
#define LIMPET_CONTROL_PINS_ANSWER_H

/* What the admin socket tells of pins, as JSON. Each answers 0; -ENOENT: there is no such pool; -ENOTSUP: it keeps no pins;
 * -E2BIG: the key is longer than what can be remembered; -ENOMEM. */

#include "base/attr.h"
#include "base/text.h"
#include "control/pins_view.h"

/* The pool of this name. */
MUST_CHECK int pins_answer_pool(const struct pins_view *view, struct span name, const struct plan_pool **pool);

/* {"pool","pins","servers":[{"server","pins"}]}, for GET /v1/pins. */
MUST_CHECK int pins_answer_counts(const struct pins_view *view, struct span pool, struct text *json);

/* {"pool","key","pinned":true,"server","made","left","shared","what"} or {"pool","key","pinned":false}, for GET /v1/pin. What else
 * the key means, as the id of a session perhaps, follows in "others". */
MUST_CHECK int pins_answer_pin(const struct pins_view *view, struct span pool, struct span key, struct text *json);

#endif
