#include "carry/links.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct links_of_server {
    struct list idle; /* the one that was used last is the last */
    uint32_t count;
};

#define SWEEP_EVERY (LINKS_IDLE_MOST / 4)

static struct link *link_of(struct list *link)
{
    return container_of(link, struct link, grave.link);
}

static void free_link(struct loop_grave *grave)
{
    free(container_of(grave, struct link, grave));
}

static void leave_list(struct links *links, struct link *link)
{
    if (link->user || list_is_empty(&link->grave.link))
        return;
    list_remove(&link->grave.link);
    links->all[link->server].count--;
}

void link_bury(struct links *links, struct link *link)
{
    leave_list(links, link);
    link->closed = true;
    loop_bury(links->loop, &link->grave, free_link);
}

void link_close(struct links *links, struct link *link, bool reset)
{
    if (link->closed)
        return;
    stream_close(&link->stream, reset);
    link_bury(links, link);
}

/* ---- those that grow old -------------------------------------------------------------------------------------------- */

/* The ones that were idle for longest stand in front. */
static bool sweep_server(struct links *links, struct links_of_server *server)
{
    while (!list_is_empty(&server->idle)) {
        struct link *oldest = link_of(server->idle.next);
        if (links->loop->now < oldest->since + LINKS_IDLE_MOST)
            return true;
        link_close(links, oldest, false);
    }
    return false;
}

static void sweep(struct timer *timer)
{
    struct links *links = container_of(timer, struct links, sweep);
    bool left = false;
    for (size_t i = 0; i < links->count; i++)
        left |= sweep_server(links, &links->all[i]);
    if (left && timer_set(&links->loop->timers, timer, links->loop->now + SWEEP_EVERY) != 0)
        return; /* the next one that falls idle tries again */
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */

int links_init(struct links *links, struct loop *loop, size_t count)
{
    *links = (struct links){.loop = loop, .count = count, .all = calloc(count, sizeof(*links->all))};
    timer_init(&links->sweep, sweep);
    for (size_t i = 0; links->all && i < count; i++)
        list_init(&links->all[i].idle);
    return links->all ? 0 : -ENOMEM;
}

bool links_shed(struct links *links)
{
    bool any = false;
    for (size_t i = 0; links->all && i < links->count; i++)
        for (; !list_is_empty(&links->all[i].idle); any = true)
            link_close(links, link_of(links->all[i].idle.next), false);
    return any;
}

void links_fini(struct links *links)
{
    if (!links->all)
        return;
    (void)!links_shed(links);
    timer_clear(&links->loop->timers, &links->sweep); /* it may be set though none is left: the last one was taken */
    free(links->all);
    links->all = NULL;
}

/* The events of an idle one that only says it may be written to mean nothing. */
static bool says_something(uint32_t events)
{
    return events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR);
}

static void ready(struct loop_source *source, uint32_t events)
{
    struct link *link = container_of(source, struct link, stream.source);
    stream_notice(&link->stream, events);
    if (link->user)
        link->user->ready(link->user);
    else if (says_something(events))
        link_close(link->home, link, false);
}

struct link *link_new(struct links *links, uint32_t server, int fd, bool is_unix, struct link_user *user)
{
    struct link *link = calloc(1, sizeof(*link));
    if (!link) {
        close(fd);
        return NULL;
    }
    link->home = links;
    stream_init(&link->stream, fd, is_unix, ready);
    list_init(&link->grave.link);
    link->server = server;
    link->patience = LINKS_IDLE_MOST;
    link->user = user;
    if (loop_add(links->loop, &link->stream.source, LOOP_BOTH) == 0)
        return link;
    link_close(links, link, false);
    return NULL;
}

/* Whatever stands behind the answer belongs to nobody. */
static bool is_quiet(struct stream *stream)
{
    struct span seen;
    uint8_t byte;
    if (stream->hung_up || stream_holds(stream))
        return false;
    if (stream->readable && stream_peek(stream, &byte, 1, &seen) != -EAGAIN)
        return false;
    stream->readable = false;
    return true;
}

struct link *links_take(struct links *links, uint32_t server, unsigned door, uint32_t generation, bool look,
                        struct link_user *user)
{
    struct links_of_server *its = &links->all[server];
    struct list *previous;
    for (struct list *at = its->idle.previous; at != &its->idle; at = previous) {
        struct link *link = link_of(at);
        previous = at->previous;
        if (link->generation != generation || links->loop->now >= link->since + link->patience) {
            link_close(links, link, false);
            continue;
        }
        if (link->door != door)
            continue;
        link->stream.readable |= look;
        if (look && !is_quiet(&link->stream)) {
            link_close(links, link, false);
            continue;
        }
        leave_list(links, link);
        link->user = user;
        return link;
    }
    return NULL;
}

void link_release(struct links *links, struct link *link)
{
    struct links_of_server *its = &links->all[link->server];
    if (!is_quiet(&link->stream) || its->count >= LINKS_IDLE_COUNT) {
        link_close(links, link, false);
        return;
    }
    link->user = NULL;
    link->since = links->loop->now;
    list_append(&its->idle, &link->grave.link);
    its->count++;
    if (!timer_is_set(&links->sweep) &&
        timer_set(&links->loop->timers, &links->sweep, links->loop->now + SWEEP_EVERY) != 0)
        return; /* then it stays until its server ends it */
}
