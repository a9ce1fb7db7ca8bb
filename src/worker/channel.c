#include "worker/channel.h"

#include "base/log.h"
#include "worker/team.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* When the kernel has too many descriptors under way for this user, others will be received soon; and a worker that has more
 * unread than its socket holds will read. */
#define FULL_PAUSE (2 * (micros)MILLIS_IN_MICROS)
#define FENCE_PAUSE (100 * (micros)MILLIS_IN_MICROS)

static void pump(struct channel *channel);

static micros now_of(const struct channel *channel)
{
    return channel->team->loop->now;
}

/* Never 0, which means that there is none. */
static uint32_t next_number(struct channel *channel)
{
    if (++channel->last_number == 0)
        channel->last_number = 1;
    return channel->last_number;
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

static void answer(struct delivery *delivery, enum delivery_answer how)
{
    delivery->answer = (uint8_t)how;
    delivery->answered(delivery);
}

/* One that its process gives back is for another process of the same slot, if there is one: it is home there, too. */
static void give_back(struct channel *channel, struct delivery *delivery, enum delivery_answer how)
{
    bool again = how == DELIVERY_GONE || (how != DELIVERY_TAKEN && channel->leaving);
    if (!again || !team_redeliver(channel->team, delivery, channel))
        answer(delivery, how);
}

static void count_waiting(const struct channel *channel)
{
    if (!channel->leaving)
        server_count_waiting(channel->team->states, channel->server->number, channel->queued, channel->flight_count);
}

struct flight *channel_find(struct channel *channel, uint32_t number)
{
    for (uint32_t i = 0; i < channel->flight_count; i++)
        if (channel->flights[i].number == number)
            return &channel->flights[i];
    return NULL;
}

static struct delivery *remove_flight(struct channel *channel, struct flight *flight)
{
    struct delivery *delivery = flight->delivery;
    size_t behind = (size_t)(channel->flights + channel->flight_count - (flight + 1));
    memmove(flight, flight + 1, behind * sizeof(*flight));
    channel->flight_count--;
    return delivery;
}

void channel_settle(struct channel *channel, struct flight *flight, enum delivery_answer how)
{
    bool ping = flight->ping;
    micros waited = clock_steady() - flight->sent;
    struct delivery *delivery = remove_flight(channel, flight);
    if (!ping) {
        channel->answered = now_of(channel);
        server_count_answer(channel->team->states, channel->server->number, how == DELIVERY_TAKEN, waited);
    }
    if (delivery)
        give_back(channel, delivery, how);
}

static bool is_unwanted(const struct delivery *delivery)
{
    return __atomic_load_n(&delivery->unwanted, __ATOMIC_RELAXED);
}

/* A connection waits, or no other fits into the window, and it is long since it answered one. Whoever takes none is no home,
 * even if he says that he is there. */
static bool takes_none(const struct channel *channel)
{
    bool full = channel->flight_count >= CHANNEL_WINDOW;
    for (uint32_t i = 0; i < channel->flight_count; i++) {
        const struct flight *flight = &channel->flights[i];
        if (!flight->delivery || (is_unwanted(flight->delivery) && !full))
            continue;
        micros since = flight->sent > channel->answered ? flight->sent : channel->answered;
        return now_of(channel) - since >= CHANNEL_SILENT_AFTER;
    }
    return false;
}

/* ---- health -------------------------------------------------------------------------------------------------------- */

static void name_of(const struct channel *channel, char *name, size_t size)
{
    struct text text;
    text_init(&text, name, size);
    text_add_format(&text, "%s/%s (process %d)", channel->pool->name, channel->server->name, channel->process);
}

static void set_busy(struct channel *channel, bool busy)
{
    if (channel->busy == busy)
        return;
    channel->busy = busy;
    server_set_busy(channel->team->states, channel->server->number, busy);
}

static void note_first_word(struct channel *channel)
{
    if (channel->spoken)
        return;
    channel->spoken = true;
    if (!channel->ending) /* else both go, and whoever ends them has the list in hand */
        team_spoke(channel->team, channel);
    channel->team->report(
        channel->team->context,
        &(struct team_report){.news = TEAM_SPOKE, .id = channel->id, .contract = channel->contract->contract});
}

void channel_heard(struct channel *channel)
{
    channel->heard = now_of(channel);
    note_first_word(channel);
}

static void come_back(struct channel *channel)
{
    if (!channel->silent || channel->heard != now_of(channel) || takes_none(channel))
        return;
    char name[128];
    name_of(channel, name, sizeof(name));
    log_notice("%s answers again: its clients come home", name);
    channel->silent = false;
    channel->kill_asked = false;
    set_busy(channel, false);
    team_update(channel->team, channel->server);
}

static void empty_queue(struct channel *channel, enum delivery_answer how)
{
    struct list waiting;
    list_init(&waiting);
    list_splice(&waiting, &channel->queue);
    channel->queued = 0;
    while (!list_is_empty(&waiting)) {
        struct delivery *delivery = container_of(waiting.next, struct delivery, mail.link);
        list_remove(&delivery->mail.link);
        give_back(channel, delivery, how);
    }
}

/* What it has not read it will never see. Before the fence these are clients of another engine, whom nobody else could be
 * given: they wait until it hears. */
static void take_back(struct channel *channel)
{
    uint32_t number;
    if (channel->fence)
        return;
    while (channel->theirs >= 0 && channel->contract->take_back(channel, &number) == 1) {
        struct flight *flight = number ? channel_find(channel, number) : NULL;
        if (flight)
            channel_settle(channel, flight, DELIVERY_SILENT);
    }
}

static void fall_silent(struct channel *channel)
{
    char name[128];
    name_of(channel, name, sizeof(name));
    log_warning("%s has not answered for %d s: its clients go to their next-ranked", name,
                (int)(CHANNEL_SILENT_AFTER / SECOND_IN_MICROS));
    channel->silent = true;
    team_update(channel->team, channel->server); /* first: nothing of what comes back may come here again */
    take_back(channel);
    empty_queue(channel, DELIVERY_SILENT);
}

static void ask_to_kill(struct channel *channel)
{
    micros patience = channel->pool->workers->kill_silent;
    if (channel->kill_asked || patience == 0 || now_of(channel) - channel->heard < patience)
        return;
    channel->kill_asked = true;
    channel->team->report(channel->team->context, &(struct team_report){.news = TEAM_SILENT, .id = channel->id});
}

static void set_timer(struct channel *channel, micros pause)
{
    /* Without memory for a timer the next connection sets it. */
    (void)!timer_set(&channel->team->loop->timers, &channel->timer, now_of(channel) + pause);
}

static bool is_asked(const struct channel *channel)
{
    for (uint32_t i = 0; i < channel->flight_count; i++)
        if (channel->flights[i].ping)
            return true;
    return false;
}

/* One that only starts may be busy with that for long. */
static bool may_ping(const struct channel *channel)
{
    return channel->doors != 0 && !channel->leaving && channel->fence == 0 && channel->flight_count < CHANNEL_FLIGHTS &&
           !is_asked(channel) && now_of(channel) - channel->heard >= CHANNEL_PING_EVERY;
}

/* The answer also tells that a silent one hears again. */
static void ping(struct channel *channel)
{
    uint32_t number = next_number(channel);
    if (channel->contract->ping(channel, number) == 0)
        channel->flights[channel->flight_count++] =
            (struct flight){.sent = now_of(channel), .number = number, .ping = true};
}

/* Since when it owes an answer; TIMER_NEVER: it owes none. */
static micros owes_since(const struct channel *channel)
{
    if (channel->fence)
        return channel->fence_sent;
    return channel->flight_count > 0 ? channel->flights[0].sent : TIMER_NEVER;
}

/* One that thinks about a connection for long, but answers others, is busy with it and not silent. */
static void look_after(struct channel *channel)
{
    micros now = now_of(channel);
    micros since = owes_since(channel);
    micros unheard = now - (since > channel->heard ? since : channel->heard);
    set_busy(channel, since != TIMER_NEVER && now - since >= CHANNEL_BUSY_AFTER);
    bool silent = since != TIMER_NEVER && (unheard >= CHANNEL_SILENT_AFTER || takes_none(channel));
    if (silent && !channel->silent)
        fall_silent(channel);
    if (channel->silent && !channel->leaving)
        ask_to_kill(channel);
    if (may_ping(channel))
        ping(channel);
}

static void send_fence(struct channel *channel)
{
    if (!channel->fence_due)
        return;
    channel->fence = next_number(channel);
    channel->fence_sent = now_of(channel);
    channel->fence_due = channel->contract->fence(channel, channel->fence) != 0;
}

/* It would fill the log, and keep the keeper from everybody else. */
static void pause_if_it_asks_too_much(struct channel *channel)
{
    if (channel->asks < CHANNEL_ASKS_MOST || channel->paused || channel->gone)
        return;
    loop_forget(channel->team->loop, &channel->source);
    channel->paused = true;
}

static void go_on_reading(struct channel *channel)
{
    if (now_of(channel) - channel->asks_since < CHANNEL_PING_EVERY / 4)
        return;
    channel->asks = 0;
    channel->asks_since = now_of(channel);
    if (channel->paused)
        channel->paused = loop_add(channel->team->loop, &channel->source, LOOP_READ) != 0;
}

void channel_session(struct channel *channel, const char *id, bool ended)
{
    struct team *team = channel->team;
    if (++channel->reports % CHANNEL_REPORTS_OF_AN_ASK == 0)
        channel_count_ask(channel);
    if (team->session)
        team->session(team->context, channel->pool, channel->server, span_text(id), ended);
}

void channel_count_ask(struct channel *channel)
{
    channel->asks++;
}

/* Who has given up does not wait here, with his descriptor, until others have been answered. */
static void let_unwanted_go(struct channel *channel)
{
    for (struct list *link = channel->queue.next, *next; link != &channel->queue; link = next) {
        struct delivery *delivery = container_of(link, struct delivery, mail.link);
        next = link->next;
        if (!is_unwanted(delivery))
            continue;
        list_remove(link);
        channel->queued--;
        answer(delivery, DELIVERY_GONE);
    }
}

static void tick(struct timer *timer)
{
    struct channel *channel = container_of(timer, struct channel, timer);
    if (channel->gone)
        return;
    go_on_reading(channel);
    send_fence(channel);
    let_unwanted_go(channel);
    pump(channel);
    look_after(channel);
    if (!timer_is_set(&channel->timer))
        set_timer(channel, CHANNEL_PING_EVERY / 4);
}

/* ---- sending ------------------------------------------------------------------------------------------------------- */

static bool may_send(const struct channel *channel)
{
    return !channel->gone && !channel->silent && channel->fence == 0 && channel->flight_count < CHANNEL_WINDOW &&
           !list_is_empty(&channel->queue);
}

/* The first of the queue. False if it has to wait. */
static bool send_one(struct channel *channel)
{
    struct delivery *delivery = container_of(channel->queue.next, struct delivery, mail.link);
    if (is_unwanted(delivery)) {
        list_remove(&delivery->mail.link);
        channel->queued--;
        answer(delivery, DELIVERY_GONE);
        return true;
    }
    uint32_t number = next_number(channel);
    int failure = channel->contract->send(channel, delivery, number);
    if (failure == -EAGAIN || failure == -ETOOMANYREFS || failure == -ENOMEM || failure == -ENOBUFS) {
        set_timer(channel, FULL_PAUSE);
        return false;
    }
    list_remove(&delivery->mail.link);
    channel->queued--;
    if (!failure) {
        channel->flights[channel->flight_count++] =
            (struct flight){.sent = now_of(channel), .number = number, .delivery = delivery};
        return true;
    }
    /* It is dead, and the keeper will say so soon. Until then nothing that another one gives back may come here. */
    channel->deaf = true;
    team_update(channel->team, channel->server);
    give_back(channel, delivery, DELIVERY_GONE);
    return true;
}

static void pump(struct channel *channel)
{
    while (may_send(channel) && send_one(channel))
        continue;
    count_waiting(channel);
}

bool channel_takes(const struct channel *channel, unsigned door)
{
    return !channel->gone && !channel->leaving && !channel->silent && !channel->deaf && channel->doors >> door & 1;
}

void channel_deliver(struct channel *channel, struct delivery *delivery)
{
    list_init(&delivery->mail.link);
    list_append(&channel->queue, &delivery->mail.link);
    channel->queued++;
    pump(channel);
}

void channel_leave(struct channel *channel)
{
    if (channel->gone || channel->leaving)
        return;
    channel->leaving = true;
    server_next_generation(channel->team->states, channel->server->number);
    team_update(channel->team, channel->server);
    empty_queue(channel, DELIVERY_GONE);
    if (channel->contract->leave(channel) != 0)
        log_debug("a worker was not told to leave");
    count_waiting(channel);
}

/* ---- what the worker says ------------------------------------------------------------------------------------------ */

void channel_set_doors(struct channel *channel, uint64_t doors)
{
    if (channel->doors == doors)
        return;
    if (channel->doors == 0 && !channel->leaving)
        server_set_began(channel->team->states, channel->server->number, (uint32_t)(clock_wall() / SECOND_IN_MICROS));
    channel->doors = doors;
    team_update(channel->team, channel->server);
    channel->team->report(channel->team->context,
                          &(struct team_report){.news = TEAM_LISTENS, .id = channel->id, .doors = doors});
}

void channel_set_live(struct channel *channel, uint32_t count)
{
    if (!channel->leaving)
        server_set_live(channel->team->states, channel->server->number, count);
}

void channel_asks(struct channel *channel, const struct node_line *line)
{
    channel->team->report(channel->team->context,
                          &(struct team_report){.news = TEAM_ASKS, .id = channel->id, .line = line});
}

void channel_fence_again(struct channel *channel)
{
    channel->fence_due = true;
    set_timer(channel, FENCE_PAUSE);
}

void channel_fence_passed(struct channel *channel)
{
    channel->fence = 0;
    channel->fence_due = false;
}

static void end_of_channel(struct channel *channel)
{
    struct team *team = channel->team;
    uint32_t id = channel->id;
    channel_end(channel);
    team->report(team->context, &(struct team_report){.news = TEAM_ENDED, .id = id});
}

static void ready(struct loop_source *source, uint32_t events)
{
    struct channel *channel = container_of(source, struct channel, source);
    (void)events;
    if (channel->contract->read(channel) == 0) {
        end_of_channel(channel);
        return;
    }
    come_back(channel);
    pump(channel);
    look_after(channel);
    count_waiting(channel);
    pause_if_it_asks_too_much(channel);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void bury(struct loop_grave *grave)
{
    free(container_of(grave, struct channel, grave));
}

struct channel *channel_new(const struct channel_config *config)
{
    struct channel *channel = calloc(1, sizeof(*channel));
    if (!channel) {
        close(config->ours);
        close(config->theirs);
        return NULL;
    }
    channel->team = config->team;
    channel->contract = config->contract == CONTRACT_NODE ? &node_contract : &packet_contract;
    channel->pool = config->pool;
    channel->server = config->server;
    channel->id = config->id;
    channel->process = config->process;
    channel->theirs = config->theirs;
    channel->last_number = config->first_number;
    channel->doors = config->doors;
    channel->spoken = config->adopted;
    channel->heard = config->adopted ? now_of(channel) : 0;
    list_init(&channel->link);
    list_init(&channel->queue);
    timer_init(&channel->timer, tick);
    loop_source_init(&channel->source, config->ours, ready);
    if (loop_add(channel->team->loop, &channel->source, LOOP_READ) != 0) {
        close(config->ours);
        close(config->theirs);
        free(channel);
        return NULL;
    }
    channel->fence_due = config->adopted && channel->contract->fence;
    send_fence(channel);
    set_timer(channel, CHANNEL_PING_EVERY / 4);
    return channel;
}

/* Far more than a socket holds; a child of the worker's may have the channel, too, and speak on. */
#define LAST_READS 256

static void lose_flights(struct channel *channel)
{
    while (channel->flight_count > 0) {
        struct delivery *delivery = remove_flight(channel, &channel->flights[0]);
        if (delivery)
            give_back(channel, delivery, DELIVERY_GONE);
    }
}

void channel_end(struct channel *channel)
{
    if (channel->gone)
        return;
    /* The last that it said may be that it has taken a connection: nobody else may get that one. */
    channel->ending = true;
    for (int i = 0; i < LAST_READS && channel->contract->read(channel) == 1; i++)
        continue;
    channel->gone = true;
    struct loop *loop = channel->team->loop;
    timer_clear(&loop->timers, &channel->timer);
    loop_forget(loop, &channel->source); /* the keeper has this end, too */
    loop_ignore(&channel->source);
    close(channel->source.fd);
    if (channel->theirs >= 0)
        close(channel->theirs);
    channel->theirs = -1;
    team_update(channel->team, channel->server);
    lose_flights(channel);
    empty_queue(channel, DELIVERY_GONE);
    count_waiting(channel);
    set_busy(channel, false);
    channel->contract->fini(channel);
    list_remove(&channel->link);
    loop_bury(loop, &channel->grave, bury);
}
