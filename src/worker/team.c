#include "worker/team.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

void team_init(struct team *team, struct loop *loop, struct server_states *states, const struct plan *plan)
{
    *team = (struct team){.loop = loop, .states = states, .plan = plan};
    list_init(&team->channels);
}

/* The channels of a process: two, as long as nobody knows how it speaks. `from` is the last one found, or null. */
static struct channel *next_channel(struct team *team, uint32_t id, const struct channel *from)
{
    const struct list *start = from ? &from->link : &team->channels;
    for (struct list *link = start->next; link != &team->channels; link = link->next) {
        struct channel *channel = container_of(link, struct channel, link);
        if (channel->id == id)
            return channel;
    }
    return NULL;
}

/* The newest process of a slot that takes connections from there. */
static struct channel *find_taker(struct team *team, size_t server, unsigned door, const struct channel *but)
{
    struct channel *found = NULL;
    for (struct list *link = team->channels.next; link != &team->channels; link = link->next) {
        struct channel *channel = container_of(link, struct channel, link);
        if (but != NULL && channel == but)
            continue;
        if (channel->server->number == server && channel_takes(channel, door) && (!found || channel->id > found->id))
            found = channel;
    }
    return found;
}

void team_update(struct team *team, const struct plan_server *server)
{
    uint64_t doors = 0;
    for (struct list *link = team->channels.next; link != &team->channels; link = link->next) {
        struct channel *channel = container_of(link, struct channel, link);
        for (unsigned door = 0; channel->server->number == server->number && door < SERVER_DOORS; door++)
            if (channel_takes(channel, door))
                doors |= UINT64_C(1) << door;
    }
    struct server_figures before;
    server_figures(team->states, server->number, &before);
    server_set_doors(team->states, server->number, doors);
    if (doors & ~before.doors)
        team->opened(team->context);
}

void team_add(struct team *team, const struct channel_config *config)
{
    struct channel *channel = channel_new(config);
    if (!channel)
        return; /* without memory: the keeper sees a worker that never speaks */
    list_append(&team->channels, &channel->link);
    team_update(team, channel->server);
}

/* For each channel of a process; a call may take that channel, and only that one, out of the list. */
static void for_each(struct team *team, uint32_t id, void (*call)(struct channel *channel))
{
    for (struct list *link = team->channels.next, *next; link != &team->channels; link = next) {
        struct channel *channel = container_of(link, struct channel, link);
        next = link->next;
        if (channel->id == id || id == 0)
            call(channel);
    }
}

void team_remove(struct team *team, uint32_t id)
{
    for_each(team, id, channel_end);
}

void team_leave(struct team *team, uint32_t id)
{
    for_each(team, id, channel_leave);
}

void team_leave_all(struct team *team)
{
    for_each(team, 0, channel_leave);
}

static void drop_theirs(struct channel *channel)
{
    if (channel->theirs >= 0)
        close(channel->theirs);
    channel->theirs = -1;
}

void team_go_alone(struct team *team)
{
    for_each(team, 0, drop_theirs);
}

static void end_process(struct channel *channel)
{
    if (kill(-channel->process, SIGTERM) < 0)
        (void)kill(channel->process, SIGTERM);
}

void team_end_processes(struct team *team)
{
    for_each(team, 0, end_process);
}

void team_stop(struct team *team)
{
    team->stopped = true;
    for_each(team, 0, channel_end);
}

void team_spoke(struct team *team, struct channel *speaker)
{
    for (struct channel *other = next_channel(team, speaker->id, NULL); other;
         other = next_channel(team, speaker->id, other))
        if (other != speaker) {
            channel_end(other);
            return;
        }
}

void team_answer_listen(struct team *team, uint32_t id, unsigned door, const struct node_listen_answer *answer)
{
    struct channel *channel = next_channel(team, id, NULL);
    if (channel && channel->contract->contract == CONTRACT_NODE)
        channel_answer_listen(channel, door, answer);
}

void team_listens(struct team *team, uint32_t id, unsigned door, bool listens)
{
    uint64_t bit = UINT64_C(1) << door;
    struct channel *channel = next_channel(team, id, NULL);
    if (channel)
        channel_set_doors(channel, listens ? channel->doors | bit : channel->doors & ~bit);
}

bool team_redeliver(struct team *team, struct delivery *delivery, const struct channel *but)
{
    struct channel *channel = team->stopped ? NULL : find_taker(team, delivery->server, delivery->door, but);
    if (channel)
        channel_deliver(channel, delivery);
    return channel;
}

void team_deliver(struct team *team, struct delivery *delivery)
{
    if (team_redeliver(team, delivery, NULL))
        return;
    delivery->answer = DELIVERY_GONE;
    delivery->answered(delivery);
}
