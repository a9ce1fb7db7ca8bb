/* The worker in C behind whoever hands connections over or relays them: each request gets the same small answer, and a
 * connection whose request says so ("Connection: close") is closed behind it.
 *
 * usage: c_worker         a worker of limpet (contract: limpet): connections come through the socket LIMPET_FD
 *        c_worker PORT    a server that listens on that port of 127.0.0.1 itself */

#include "../include/limpet/worker.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>

enum { REQUEST = 2048, EVENTS = 256, BODY = 128 };

static int epoll;
static char answers[2][512]; /* to who stays, to who leaves */
static size_t answer_sizes[2];

static void fail(const char *what)
{
    fprintf(stderr, "c_worker: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_answers(void)
{
    static const char *const fields[] = {"", "Connection: close\r\n"};

    for (int i = 0; i < 2; i++)
        answer_sizes[i] =
            (size_t)snprintf(answers[i], sizeof(answers[i]), "HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%0*d",
                             fields[i], BODY, BODY, 0);
}

static void watch(int fd, uint32_t how)
{
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = how, .data.fd = fd}) < 0)
        fail("epoll_ctl");
}

/* What became of a connection after what could be read of it. */
enum mood { WAITS, LEFT };

/* Requests come in one piece here, and nobody sends the next one early. */
static enum mood hear(int fd)
{
    char request[REQUEST + 1];
    ssize_t got = recv(fd, request, REQUEST, MSG_DONTWAIT);

    if (got < 0 && errno == EAGAIN)
        return WAITS;
    if (got > 0) {
        request[got] = '\0';
        int leaves = strstr(request, "\r\nConnection: close\r\n") != NULL;
        bool whole = got >= 4 && memcmp(request + got - 4, "\r\n\r\n", 4) == 0;

        if (whole && send(fd, answers[leaves], answer_sizes[leaves], MSG_NOSIGNAL) > 0 && !leaves)
            return WAITS;
    }
    close(fd); /* and out of epoll: limpet closed its copy when it heard that this one was taken */
    return LEFT;
}

/* The request is mostly there already: who leaves at once needs no place in epoll. */
static void welcome(int fd)
{
    if (hear(fd) == WAITS)
        watch(fd, EPOLLIN);
}

static void accept_all(int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        welcome(fd);
    }
}

static void say(int channel, uint8_t word, uint32_t number)
{
    struct limpet_answer answer = {.word = word, .number = number};

    if (send(channel, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
        exit(0);
}

/* One message and, if it came with one, the descriptor; false when there is none now. */
static bool next_message(int channel, struct limpet_message *message, int *fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec bytes = {.iov_base = message, .iov_len = sizeof(*message)};
    struct msghdr parts = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(channel, &parts, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got < 0 && errno == EAGAIN)
        return false;
    if (got < (ssize_t)sizeof(*message))
        exit(0); /* limpet is done with us, and so is the bench */
    struct cmsghdr *header = CMSG_FIRSTHDR(&parts);
    *fd = -1;
    if (header != NULL && header->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(header), sizeof(*fd));
    return true;
}

static void take_all(int channel)
{
    struct limpet_message message;
    int fd;

    while (next_message(channel, &message, &fd)) {
        if (message.word == LIMPET_PING)
            say(channel, LIMPET_PONG, message.number);
        if (message.word != LIMPET_CONNECTION || fd < 0)
            continue;
        say(channel, LIMPET_TAKEN, message.number);
        welcome(fd);
    }
}

static int listen_on(int port)
{
    struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(fd, 4096) < 0)
        fail("listen");
    return fd;
}

static int channel_to_limpet(void)
{
    const char *number = getenv("LIMPET_FD");

    if (number == NULL)
        fail("no port, and no LIMPET_FD: limpet did not start this");
    int fd = atoi(number);
    say(fd, LIMPET_READY, 0);
    return fd;
}

int main(int count, char **words)
{
    static struct epoll_event events[EVENTS];
    void (*more)(int) = count > 1 ? accept_all : take_all;

    write_answers();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int source = count > 1 ? listen_on(atoi(words[1])) : channel_to_limpet();
    watch(source, EPOLLIN);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == source)
                more(source);
            else
                hear(events[i].data.fd);
        }
    }
}
