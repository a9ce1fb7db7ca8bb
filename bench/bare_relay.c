/* The floor: what a relay costs that only copies. One thread, epoll, a peer for every descriptor, and no logic at all:
 * one server, a blocking connect, no deadlines, no log, and the memory of a pair is never given back.
 *
 * usage: bare_relay PORT SERVER_PORT, both on 127.0.0.1 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS = 65536, CHUNK = 16384, EVENTS = 256, QUIETLY = MSG_NOSIGNAL | MSG_DONTWAIT };

/* What was read from this descriptor and its peer would not take yet. */
static struct end {
    int peer;
    bool ended;
    size_t from, to;
    char *held;
} ends[DESCRIPTORS];

static char chunk[CHUNK];

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void watch(int epoll, int fd, int peer)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};

    ends[fd] = (struct end){.peer = peer, .held = ends[fd].held};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void welcome(int epoll, int listener, const struct sockaddr_in *server)
{
    int client;

    while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof(*server)) < 0)
            abort();
        watch(epoll, client, fd);
        watch(epoll, fd, client);
    }
}

static bool part(int fd)
{
    int peer = ends[fd].peer;

    close(fd);
    close(peer);
    ends[fd].peer = ends[peer].peer = 0;
    return false;
}

static bool holds(const struct end *e)
{
    return e->from < e->to;
}

/* Sends what is held; true when nothing is left of it. */
static bool flush(int fd)
{
    struct end *e = &ends[fd];
    ssize_t sent = holds(e) ? send(e->peer, e->held + e->from, e->to - e->from, QUIETLY) : 0;

    if (sent < 0)
        return errno == EAGAIN ? false : part(fd);
    e->from += (size_t)sent;
    return !holds(e);
}

static void hold(struct end *e, size_t sent, size_t got)
{
    if (e->held == NULL)
        e->held = malloc(CHUNK);
    if (e->held == NULL)
        abort();
    memcpy(e->held, chunk + sent, got - sent);
    e->from = 0;
    e->to = got - sent;
}

/* Copies until there is no more or the peer takes no more. A short read is the end of what there is. */
static void copy(int fd)
{
    struct end *e = &ends[fd];
    ssize_t got = CHUNK;

    while (got == CHUNK && flush(fd) && !e->ended) {
        got = recv(fd, chunk, CHUNK, MSG_DONTWAIT);
        if (got == 0) {
            e->ended = true;
            if (ends[e->peer].ended)
                part(fd);
            else
                shutdown(e->peer, SHUT_WR);
            return;
        }
        if (got < 0) {
            if (errno != EAGAIN)
                part(fd);
            return;
        }
        ssize_t sent = send(e->peer, chunk, (size_t)got, QUIETLY);
        if (sent < 0 && errno != EAGAIN) {
            part(fd);
            return;
        }
        if (sent < got)
            hold(e, sent < 0 ? 0 : (size_t)sent, (size_t)got);
    }
}

/* Edge-triggered descriptors report that they are writable with every news: it matters only to who waits for it. */
static void serve(int fd, uint32_t news)
{
    if (ends[fd].peer != 0 && (news & ~(uint32_t)EPOLLOUT))
        copy(fd);
    if (ends[fd].peer != 0 && holds(&ends[ends[fd].peer]))
        copy(ends[fd].peer);
}

int main(int count, char **words)
{
    static struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (count != 3)
        return 2;
    struct sockaddr_in here = loopback(words[1]), server = loopback(words[2]);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(listener, 4096) < 0)
        return 1;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener)
                welcome(epoll, listener, &server);
            else
                serve(events[i].data.fd, events[i].events);
        }
    }
}
