#ifndef LIMPET_WORKER_TEAM_H
#define LIMPET_WORKER_TEAM_H

/* The workers whose slots one thread owns: their channels, and the way to them. A slot may have several processes for a
 * while (one that leaves, and one that takes its place): the newest that listens gets the connections.
 *
 * What only the keeper can do, binding and killing, is asked of it through `news`. */

#include "base/attr.h"
#include "io/loop.h"
#include "route/server.h"
#include "worker/channel.h"

#include <stdbool.h>

enum team_news {
    TEAM_SPOKE,   /* the worker has said its first word: `contract` */
    TEAM_ASKS,    /* it asks to listen, or says that it does: `line` */
    TEAM_LISTENS, /* it takes connections now: `doors` */
    TEAM_SILENT,  /* for so long that it is to be killed */
    TEAM_ENDED,   /* its channel has ended */
};

struct team_report {
    enum team_news news;
    uint32_t id; /* of the process */
    enum contract contract;
    uint64_t doors;
    const struct node_line *line;
};

struct team {
    struct loop *loop;
    struct server_states *states;
    const struct plan *plan;
    /* Somebody to be told of what happened, in this thread. */
    void (*report)(void *context, const struct team_report *report);
    /* A worker has begun to take connections: whoever waits for one may try again. */
    void (*opened)(void *context);
    /* A worker has given out the id of a session, or it has ended. */
    void (*session)(void *context, const struct plan_pool *pool, const struct plan_server *server, struct span id,
                    bool ended);
    void *context;
    struct list channels;
    bool stopped;
};

void team_init(struct team *team, struct loop *loop, struct server_states *states, const struct plan *plan);
/* Ends all channels. */
void team_stop(struct team *team);

/* A worker process is there; takes over the descriptors. */
void team_add(struct team *team, const struct channel_config *config);
/* ... has died. */
void team_remove(struct team *team, uint32_t id);
/* ... is to finish and go. */
void team_leave(struct team *team, uint32_t id);
void team_leave_all(struct team *team);
/* From now on a channel ends when its worker does: the keeper, who would tell, is gone. */
void team_go_alone(struct team *team);
/* Ends the processes by SIGTERM, where this user may. */
void team_end_processes(struct team *team);
/* What the keeper says to TEAM_ASKS: whether it may; that it is this door where it does, or does not any
 * more. */
void team_answer_listen(struct team *team, uint32_t id, unsigned door, const struct node_listen_answer *answer);
void team_listens(struct team *team, uint32_t id, unsigned door, bool listens);

/* Gives a connection to the worker in its slot. It is answered once, perhaps at once. */
void team_deliver(struct team *team, struct delivery *delivery);

/* For channels: finds another process of the slot for a delivery that its own does not take any more; false: none. */
bool team_redeliver(struct team *team, struct delivery *delivery, const struct channel *but);
/* For channels: this is how the process speaks; another channel to it is closed. */
void team_spoke(struct team *team, struct channel *speaker);
/* For channels: what the slot offers has changed. */
void team_update(struct team *team, const struct plan_server *server);

#endif
