#ifndef LIMPET_TESTS_UNIT_LOOPBACK_H
#define LIMPET_TESTS_UNIT_LOOPBACK_H

/* Sockets on loopback, and what a process has open: for rooms that talk to the kernel. */

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void loopback_must(int worked)
{
    if (!worked)
        abort();
}

/* A listening socket on a free port. */
static inline int loopback_listener(struct sockaddr_in *address)
{
    socklen_t length = sizeof(*address);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    loopback_must(fd >= 0 && bind(fd, (struct sockaddr *)address, length) == 0 && listen(fd, 64) == 0);
    loopback_must(getsockname(fd, (struct sockaddr *)address, &length) == 0);
    return fd;
}

static inline int loopback_connect(const struct sockaddr_in *address)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    loopback_must(fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* A TCP connection: what a client holds (blocking), and what was accepted (non-blocking). */
static inline void loopback_pair(int *client, int *accepted)
{
    struct sockaddr_in address;
    int listener = loopback_listener(&address);
    *client = loopback_connect(&address);
    *accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    loopback_must(*accepted >= 0);
    close(listener);
}

/* Closes so that the peer sees a reset. */
static inline void loopback_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

/* How many descriptors this process has open. */
static inline size_t loopback_open_count(void)
{
    size_t count = 0;
    DIR *all = opendir("/proc/self/fd");
    loopback_must(all != NULL);
    while (readdir(all))
        count++;
    closedir(all);
    return count;
}

#endif
