#include "session/step.h"

#include <stdlib.h>

static void woken(struct homing *homing)
{
    struct connection *c = homing->owner;
    connection_walk(c);
}

enum step connection_remember(struct connection *c, const struct decision *decision)
{
    struct homing *homing = c->homing = malloc(sizeof(*homing));
    if (!homing)
        return connection_end(c, REASON_NO_MEMORY);
    bool done = homing_begin(homing, c->context, decision, &c->visit.client, &c->pick, woken) == HOMING_DONE;
    homing->owner = c;
    if (done)
        return STEP_PICK;
    return connection_watch(c) == 0 ? STEP_STICK : connection_end(c, REASON_NO_MEMORY);
}

/* For as long as memcached may take, or a worker's report, which is not for ever. */
enum step step_stick(struct connection *c)
{
    if (c->client.broken)
        return connection_end(c, REASON_CLIENT_GONE);
    return homing_waits(c->homing) ? STEP_WAIT : STEP_PICK;
}

void connection_arrived(struct connection *c)
{
    if (c->homing)
        homing_arrived(c->homing, connection_server_index(c));
    connection_drop_homing(c);
}

void connection_drop_homing(struct connection *c)
{
    if (!c->homing)
        return;
    homing_give_up(c->homing);
    free(c->homing);
    c->homing = NULL;
}
