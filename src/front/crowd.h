#ifndef LIMPET_FRONT_CROWD_H
#define LIMPET_FRONT_CROWD_H

/* Notices the commonest mistake in front of a sticky balancer: everybody comes through one proxy whose X-Forwarded-For is
 * not believed, or which sends another field than the one that counts, so everybody has one home. Each thread counts who
 * connects (majority vote over a window, one candidate); of a peer that makes up most of a window, a few first bytes are
 * sampled, and if they carry a forwarding field the operator is told what to add. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct crowd { /* of one listener in one thread; zeroed at first */
    struct endpoint candidate;
    uint32_t votes;          /* for the candidate, minus the others */
    uint32_t hits;           /* of the candidate since it became one */
    uint32_t count;          /* connections in this window */
    struct endpoint suspect; /* ENDPOINT_NONE: nobody */
    uint32_t suspect_hits;
};

/* Connections looked at together, so that a busy proxy is named within seconds and a handful of clients is not. */
#define CROWD_WINDOW 100

/* A connection whose key is the address of whoever brought it. True if its first bytes should be sampled. */
bool crowd_note(struct crowd *crowd, const struct endpoint *peer);

/* The sample of a suspect carried the forwarding field `sent`, which does not count: warns once in ten minutes.
 * `quiet_until` belongs to the listener and is shared by all threads (atomic). */
void crowd_warn(const struct crowd *crowd, const struct plan_listener *listener, enum client_from sent,
                micros *quiet_until, micros now);

#endif
