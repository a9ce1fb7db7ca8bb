#include "demo/caller.h"

#include "demo/house.h"
#include "route/connect.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void hang_up(struct demo_caller *caller)
{
    if (caller->source.fd < 0)
        return;
    loop_ignore(&caller->source);
    close(caller->source.fd);
    caller->source.fd = -1;
}

static void end(struct demo_caller *caller)
{
    caller->bytes[caller->length] = '\0';
    const char *field = strstr(caller->bytes, DEMO_SERVER_FIELD);
    hang_up(caller);
    caller->answered(caller, field ? field[strlen(DEMO_SERVER_FIELD)] : '\0');
}

/* False when the connection is over. */
static bool listen_on(struct demo_caller *caller)
{
    for (;;) {
        size_t room = sizeof(caller->bytes) - 1 - caller->length;
        ssize_t count = recv(caller->source.fd, caller->bytes + caller->length, room, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return true;
        if (count <= 0)
            return false;
        caller->length += (size_t)count;
    }
}

static void caller_ready(struct loop_source *source, uint32_t events)
{
    struct demo_caller *caller = container_of(source, struct demo_caller, source);
    if (!caller->asked && events & EPOLLOUT) {
        ssize_t sent = send(source->fd, caller->question, caller->question_length, MSG_NOSIGNAL);
        caller->asked = sent == (ssize_t)caller->question_length;
        if (!caller->asked) {
            end(caller);
            return;
        }
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) && !listen_on(caller))
        end(caller);
}

void demo_caller_init(struct demo_caller *caller, struct loop *loop, const char *name,
                      void (*answered)(struct demo_caller *, char))
{
    *caller = (struct demo_caller){.loop = loop, .answered = answered};
    loop_source_init(&caller->source, -1, caller_ready);
    caller->question_length =
        (size_t)snprintf(caller->question, sizeof(caller->question),
                         "GET / HTTP/1.1\r\nHost: demo\r\nX-Forwarded-For: %s\r\n" DEMO_CLIENT_FIELD
                         ": yes\r\nConnection: close\r\n\r\n",
                         name);
}

void demo_caller_fini(struct demo_caller *caller)
{
    hang_up(caller);
}

bool demo_caller_is_busy(const struct demo_caller *caller)
{
    return caller->source.fd >= 0;
}

int demo_caller_ask(struct demo_caller *caller, const struct address *limpet)
{
    assert(!demo_caller_is_busy(caller));
    int fd, error;
    enum connect_verdict verdict = connect_start(limpet, &fd, &error);
    if (verdict != CONNECT_DONE && verdict != CONNECT_WAITING)
        return -error;
    caller->asked = false;
    caller->length = 0;
    caller->began = clock_steady();
    caller->deadline = caller->began + DEMO_CALLER_WAIT;
    loop_source_init(&caller->source, fd, caller_ready);
    int failure = loop_add(caller->loop, &caller->source, LOOP_BOTH);
    if (failure)
        hang_up(caller);
    return failure;
}

void demo_caller_tick(struct demo_caller *caller, micros now)
{
    if (demo_caller_is_busy(caller) && now > caller->deadline)
        end(caller);
}
