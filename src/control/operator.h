#ifndef LIMPET_CONTROL_OPERATOR_H
#define LIMPET_CONTROL_OPERATOR_H

/* What the keeper does for the operator: it answers on the admin socket, and shows its figures at the address of the metrics,
 * if there is one. */

#include "control/admin.h"
#include "control/census.h"
#include "control/pins_view.h"
#include "control/status.h"

/* Embedded in the keeper; all zeros, but for `status`, `pins` and `breakers`, before operator_open(). */
struct operator
{
    struct status status;
    struct workers *workers;
    struct census census;
    struct pins_view pins;
    const struct breaker *breakers; /* of memcached servers */
    struct admin admin;
    struct admin figures;
    bool has_admin;
    bool has_figures;
};

/* `status` is filled in but for `workers` and `census`, and so are `pins` and `breakers`; what they name is there until operator_close(),
 * which ends `pins`, too. 0 or a negative errno, which was told; then operator_close() is still to be called. */
MUST_CHECK int operator_open(struct operator* operator, struct workers * workers, struct loop *loop);

/* Ends all clients, and removes the files of the sockets; twice is fine. */
void operator_close(struct operator* operator);

#endif
