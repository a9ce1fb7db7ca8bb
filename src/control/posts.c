#include "control/posts.h"

#include "base/log.h"
#include "control/powers.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *posts_advice(const struct address *address, int failure)
{
    bool is_unix = address_is_unix(address);
    switch (failure) {
    case -EADDRINUSE:
        return is_unix ? "another program listens there already"
                       : "port in use: another program listens there already (`ss -ltnp` shows which)";
    case -EADDRNOTAVAIL:
        return "no interface of this machine has this address (`ip -br addr` shows which there are)";
    case -EACCES:
        return !is_unix && address_port(address) < 1024 ? "ports below 1024 need root or CAP_NET_BIND_SERVICE"
                                                        : "not permitted";
    case -ENOENT:
        return "the directory does not exist";
    case -EEXIST:
        return "a file that is no socket is in the way";
    default:
        return strerror(-failure);
    }
}

static int complain(const struct address *address, int failure)
{
    log_error("%s: cannot listen: %s", address->text, posts_advice(address, failure));
    return failure;
}

/* The post before this one that has its port, if there is one: ":80" also covers "127.0.0.1:80". */
static const struct post *same_port(const struct posts *posts, const struct post *post)
{
    for (const struct post *other = posts->all; other < post; other++)
        if (!address_is_unix(post->address) && address_port(other->address) == address_port(post->address))
            return other;
    return NULL;
}

/* Threads share a port by one socket each (SO_REUSEPORT), which also hides a port that somebody else has: so it is probed
 * first, with one plain socket. */
int post_open(struct post *post, const struct plan *plan, unsigned unix_mode)
{
    bool share = plan->threads > 1 && !address_is_unix(post->address);
    size_t count = share ? plan->threads : 1;
    assert(count <= WIRE_FDS_MOST);
    int failure = powers_probe(post->address);
    while (!failure && post->count < count) {
        int fd = powers_listen(post->address, share, unix_mode);
        if (fd < 0)
            return fd;
        post->fds[post->count++] = fd;
    }
    return failure;
}

static int open_post(const struct posts *posts, struct post *post, const struct plan *plan)
{
    const struct address *address = post->address;
    int failure = post_open(post, plan, plan->listeners[post->listener].unix_mode);
    const struct post *other = failure == -EADDRINUSE ? same_port(posts, post) : NULL;
    if (!other)
        return failure ? complain(address, failure) : 0;
    log_error("%s: cannot listen: port in use, and `bind` has %s, which may cover it", address->text,
              other->address->text);
    return failure;
}

int posts_open(struct posts *posts, const struct plan *plan)
{
    size_t most = 0;
    for (size_t i = 0; i < plan->listener_count; i++)
        most += plan->listeners[i].bind_count;
    *posts = (struct posts){.all = calloc(most + 1, sizeof(*posts->all))}; /* workers may be the only ones to listen */
    if (!posts->all)
        return -ENOMEM;
    for (size_t i = 0; i < plan->listener_count; i++) {
        const struct plan_listener *listener = &plan->listeners[i];
        for (size_t j = 0; j < listener->bind_count; j++) {
            struct post *post = &posts->all[posts->count++];
            *post = (struct post){.listener = i, .address = &listener->binds[j]};
            int failure = open_post(posts, post, plan);
            if (failure)
                return failure;
        }
    }
    return 0;
}

/* The kernel counts interfaces up from 1; none gets this index but by request. */
#define NO_INTERFACE INT_MAX

/* Whoever was let in between an engine's last accept and its close would be reset by the close. So from now on the socket
 * listens on no interface (socket(7), SO_BINDTODEVICE, here by index): the kernel refuses newcomers, as it will once the
 * socket is closed, and finishes the handshakes that are under way. (Rejected: a socket filter that drops each SYN: for
 * ordinary users the kernel may have no room for it.) Before Linux 5.7 this takes root; then those microseconds stay. */
static void let_nobody_in(int fd)
{
    int index = NO_INTERFACE;
    (void)setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index));
}

void post_close(struct post *post)
{
    /* A file that we did not bind belongs to somebody else. */
    if (post->count > 0)
        powers_unlink(post->address);
    for (size_t i = 0; i < post->count; i++) {
        if (!address_is_unix(post->address))
            let_nobody_in(post->fds[i]);
        close(post->fds[i]);
    }
    post->count = 0;
}

void posts_close(struct posts *posts)
{
    for (size_t i = 0; i < posts->count; i++)
        post_close(&posts->all[i]);
    free(posts->all);
    *posts = (struct posts){0};
}
