#include "session/context.h"

#include "base/log.h"
#include "session/http.h"
#include "session/visit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_SIZE (4 * VISIT_LINE_SIZE)

int context_init(struct context *context, const struct share *share, unsigned number)
{
    memset(context, 0, sizeof(*context));
    context->share = share;
    context->counters = &share->counters[number];
    list_init(&context->members);
    list_init(&context->waiters);
    context->serial = (uint64_t)number << 48; /* room for 2^48 connections before two threads' numbers could meet */
    carry_kit_init(&context->kit, context->counters, share->pipes_per_thread);
    int failure = loop_init(&context->loop);
    if (failure)
        return failure;
    team_init(&context->team, &context->loop, share->states, share->plan);
    context->log = malloc(LOG_SIZE);
    context->crowds = calloc(share->plan->listener_count, sizeof(*context->crowds));
    if (!context->log || !context->crowds)
        return -ENOMEM;
    if (share->pins) {
        failure = pins_room_new(&context->loop, share->pins, context->counters, number == 0, &context->pins);
        if (failure)
            return failure;
    }
    return http_room_new(context, &context->http);
}

void context_fini(struct context *context)
{
    http_room_free(context->http);
    context->http = NULL;
    pins_room_free(context->pins);
    context->pins = NULL;
    carry_kit_fini(&context->kit);
    loop_fini(&context->loop);
    free(context->crowds);
    free(context->log);
    context->log = NULL;
}

void context_look_quiet(struct context *context)
{
    if (context->draining && context->quiet)
        context->quiet(context);
}

void context_enter(struct context *context, struct member *member, const struct member_kind *kind)
{
    member->kind = kind;
    list_append(&context->members, &member->grave.link);
    context->member_count++;
    gauge_set(context->counters, GAUGE_CONNECTIONS, context->member_count);
    context->undecided++;
}

void context_decided(struct context *context)
{
    context->undecided--;
    context_look_quiet(context);
}

void context_leave(struct context *context, struct member *member, bool decided)
{
    list_remove(&member->grave.link);
    context->member_count--;
    gauge_set(context->counters, GAUGE_CONNECTIONS, context->member_count);
    context->undecided -= decided ? 0 : 1;
    context_look_quiet(context);
}

static struct member *member_of(struct list *link)
{
    return container_of(link, struct member, grave.link);
}

void context_stop_members(struct context *context, enum reason reason)
{
    while (!list_is_empty(&context->members)) {
        struct member *member = member_of(context->members.next);
        member->kind->stop(member, reason);
    }
}

void context_wake(struct context *context)
{
    /* Those that find nobody wait on a list that is new. */
    struct list waiting;
    list_init(&waiting);
    list_splice(&waiting, &context->waiters);
    while (!list_is_empty(&waiting)) {
        struct waiter *waiter = container_of(waiting.next, struct waiter, link);
        list_remove(&waiter->link);
        waiter->wake(waiter);
    }
}

/* Whoever goes while he is told takes only himself off the list. */
static void tell_members(struct context *context)
{
    struct list *next;
    for (struct list *link = context->members.next; link != &context->members; link = next) {
        struct member *member = member_of(link);
        next = link->next;
        if (member->kind->drain)
            member->kind->drain(member);
    }
}

void context_drain(struct context *context)
{
    bool first = !context->draining;
    context->draining = true;
    if (first)
        tell_members(context);
    context_look_quiet(context);
}

void context_log(struct context *context, const char *line, size_t length)
{
    if (length > LOG_SIZE - context->log_length)
        context_flush_log(context);
    memcpy(context->log + context->log_length, line, length);
    context->log_length += length;
}

static uint64_t count_lines(const char *lines, size_t length)
{
    uint64_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += lines[i] == '\n';
    return count;
}

/* A log that loses lines must not do so in silence; but it is never waited for. */
static void lose_lines(struct context *context, int failure)
{
    static struct log_limit limit;
    unsigned long skipped;
    counter_add(context->counters, COUNTER_LOG_LINES_DROPPED, count_lines(context->log, context->log_length));
    if (log_limit_pass(&limit, 60, &skipped))
        log_warning("the access log loses lines: %s",
                    failure == -EAGAIN ? "its reader is too slow" : strerror(-failure));
}

void context_flush_log(struct context *context)
{
    if (context->log_length == 0)
        return;
    int failure = sink_write(context->share->access, context->log, context->log_length);
    if (failure)
        lose_lines(context, failure);
    context->log_length = 0;
}
