#ifndef LIMPET_WORKER_H
#define LIMPET_WORKER_H

/* How a program becomes a worker of limpet, in C. Nothing has to be linked: all of it is in this file. limpet-worker(7)
 * tells the whole story, in any language.
 *
 * limpet starts the program with the number of a socket in the environment variable LIMPET_FD. It is one end of a Unix
 * socket of type SOCK_SEQPACKET, which keeps messages apart. The worker says once that it is ready. From then on each
 * message brings one connection: a descriptor (unix(7), SCM_RIGHTS) and a fixed header that tells who the client is. No
 * byte of the connection has been read, unless limpet was told to take something off its front. The worker answers each
 * connection with its number: taken, or refused (limpet then gives it to the next worker). It has to answer before it
 * reads the first byte. When limpet is done with the worker, the socket ends; the worker finishes what it has and exits.
 *
 *     struct limpet_worker worker;
 *     if (limpet_worker_open(&worker) != 0)
 *         ... not started by limpet ...
 *     limpet_worker_ready(&worker);
 *     struct limpet_connection connection;
 *     while (limpet_worker_next(&worker, &connection) == 1)
 *         if (limpet_worker_take(&worker, &connection) == 0)
 *             serve(connection.fd);
 *
 * Functions return 0 or more when all went well, else a negative errno. All numbers are in the byte order of the machine,
 * which both sides share. It is C99 and C++11, and needs what POSIX has and Linux. One thread at a time may use a worker. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIMPET_WORKER_VERSION 1

/* From limpet: limpet_message.word */
#define LIMPET_CONNECTION 1 /* with one descriptor */
#define LIMPET_PING 2       /* are you there? answered by LIMPET_PONG with the same number */

/* limpet_message.flags */
#define LIMPET_TLS 1  /* the client speaks TLS, which limpet or a proxy in front (PROXY header) has taken off */
#define LIMPET_PAIR 2 /* the descriptor is one end of a socketpair, not the client's own socket */

/* To limpet: limpet_answer.word */
#define LIMPET_READY 1   /* once, at the start; number is 0 */
#define LIMPET_TAKEN 2   /* the connection of this number is ours now */
#define LIMPET_REFUSED 3 /* ... is not: give it to somebody else */
#define LIMPET_PONG 4
#define LIMPET_LIVE 5 /* number: how many connections we have; may be said at any time, and need not be said */

/* An end of a connection. IPv4 addresses are IPv4-mapped IPv6 ones (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2). */
#define LIMPET_ADDRESS_NONE 0 /* not known */
#define LIMPET_ADDRESS_IP 1
#define LIMPET_ADDRESS_UNIX 2 /* somebody on a Unix socket */
struct limpet_address {
    uint8_t ip[16];
    uint16_t port; /* 0: not known */
    uint8_t kind;  /* LIMPET_ADDRESS_* */
    uint8_t zero;
};

/* What limpet sends: 64 bytes. A later version may append to it; what is here stays. */
struct limpet_message {
    uint8_t version; /* LIMPET_WORKER_VERSION */
    uint8_t word;    /* LIMPET_CONNECTION, LIMPET_PING; ignore others */
    uint16_t flags;
    uint32_t number;   /* for the answer */
    uint64_t key;      /* keyed hash of what tells the client apart: the same client has the same one */
    uint32_t readable; /* so many bytes are known to be there to read; there may be more */
    uint32_t zero;
    struct limpet_address client; /* whom a trusted proxy, a PROXY header or a prefix named; else the peer */
    struct limpet_address peer;   /* who connected to limpet */
};

/* What the worker sends: 8 bytes. */
struct limpet_answer {
    uint32_t number;
    uint8_t word; /* LIMPET_READY, ... */
    uint8_t zero[3];
};

/* ---- helper -------------------------------------------------------------------------------------------------------- */

struct limpet_worker {
    int fd; /* may be polled: readable means that limpet_worker_next() has something */
};

struct limpet_connection {
    int fd; /* non-blocking, close-on-exec; the worker's once it has taken it */
    struct limpet_message message;
};

/* Room for limpet_address_text(), with the NUL. */
#define LIMPET_ADDRESS_TEXT_SIZE 64

/* Becomes a worker: takes the socket that LIMPET_FD names, and the variable out of the environment, so that children get
 * neither. -ENOENT: not started by limpet; -EINVAL, -EBADF, -ENOTSOCK, -EPROTOTYPE: the variable says something else. */
static inline int limpet_worker_open(struct limpet_worker *worker);

/* Says that connections may come. */
static inline int limpet_worker_ready(struct limpet_worker *worker);

/* Waits for the next connection, which then has to be taken or refused. 1: here it is. 0: limpet is done with this worker
 * (drain): finish what there is, and exit. -EAGAIN: nothing now, if the socket was made non-blocking (fcntl(2)).
 * Everything else that limpet may send is dealt with. */
static inline int limpet_worker_next(struct limpet_worker *worker, struct limpet_connection *connection);

/* Before the first read. 0: the connection is ours; its descriptor too. Negative: limpet could not be told, so it may give
 * the connection to somebody else: the descriptor is closed. */
static inline int limpet_worker_take(struct limpet_worker *worker, struct limpet_connection *connection);

/* Instead of limpet_worker_take(): somebody else shall serve it. The descriptor is closed. */
static inline int limpet_worker_refuse(struct limpet_worker *worker, struct limpet_connection *connection);

/* Tells how many connections this worker has; `limpet status` shows it. -EAGAIN: not now; say it later or never. */
static inline int limpet_worker_live(struct limpet_worker *worker, uint32_t count);

/* Is no worker any more. What limpet has sent and nobody read goes to other workers. Twice is fine. Not for a child that was
 * forked: it closes `fd` alone. */
static inline void limpet_worker_close(struct limpet_worker *worker);

/* Writes "203.0.113.9:4711", "[2001:db8::1]:4711", "unix" or "-" (not known), without a port that is not known. Returns
 * the text. */
static inline const char *limpet_address_text(const struct limpet_address *address,
                                              char text[LIMPET_ADDRESS_TEXT_SIZE]);

/* ---- how ----------------------------------------------------------------------------------------------------------- */

/* One connection brings one descriptor. There is room for more so that surplus ones are seen and closed, not leaked. */
#define LIMPET_WORKER_DESCRIPTORS 16

union limpet_worker_control {
    struct cmsghdr header; /* for its alignment */
    char space[CMSG_SPACE(sizeof(int) * LIMPET_WORKER_DESCRIPTORS)];
};

#if defined(__STRICT_ANSI__) && !defined(__cplusplus)
/* With -std=c99 or c11 the C library hides it. */
extern int unsetenv(const char *name);
#endif

/* A number that is written as such, else -EINVAL. */
static inline int limpet_worker_number(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number > INT_MAX)
        return -EINVAL;
    return (int)number;
}

/* The descriptor that a variable names; the variable goes. */
static inline int limpet_worker_variable(const char *name)
{
    const char *text = getenv(name);
    int fd = text ? limpet_worker_number(text) : -ENOENT;
    unsetenv(name);
    return fd;
}

static inline int limpet_worker_close_on_exec(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    return flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0 ? -errno : 0;
}

/* As long as limpet does not know how a program speaks, it also offers what Node programs look for. A child that is one
 * would speak there. */
static inline void limpet_worker_forget_node(void)
{
    int fd = limpet_worker_variable("NODE_CHANNEL_FD");
    if (fd >= 0)
        limpet_worker_close_on_exec(fd);
    unsetenv("NODE_CHANNEL_SERIALIZATION_MODE");
    unsetenv("NODE_UNIQUE_ID");
}

static inline int limpet_worker_check(int fd)
{
    int type = 0;
    socklen_t length = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
        return -errno;
    return type == SOCK_SEQPACKET ? 0 : -EPROTOTYPE;
}

static inline int limpet_worker_open(struct limpet_worker *worker)
{
    worker->fd = -1;
    int fd = limpet_worker_variable("LIMPET_FD");
    if (fd < 0)
        return fd;
    int status = limpet_worker_check(fd);
    if (status == 0)
        status = limpet_worker_close_on_exec(fd);
    if (status < 0)
        return status;
    limpet_worker_forget_node();
    worker->fd = fd;
    return 0;
}

/* Waits for room where it has to, also on a non-blocking socket: limpet must learn what became of a connection. There
 * always is room for as much as limpet lets be under way. */
static inline int limpet_worker_answer(struct limpet_worker *worker, uint8_t word, uint32_t number, int flags)
{
    struct limpet_answer answer;
    memset(&answer, 0, sizeof(answer));
    answer.number = number;
    answer.word = word;
    while (send(worker->fd, &answer, sizeof(answer), MSG_NOSIGNAL | flags) < 0) {
        struct pollfd room;
        room.fd = worker->fd;
        room.events = POLLOUT;
        room.revents = 0;
        if (errno == EAGAIN && !(flags & MSG_DONTWAIT))
            poll(&room, 1, -1);
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

static inline int limpet_worker_ready(struct limpet_worker *worker)
{
    return limpet_worker_answer(worker, LIMPET_READY, 0, 0);
}

/* Gives the first descriptor that came with a message, or -1, and closes the others. */
static inline int limpet_worker_descriptor(struct msghdr *message)
{
    int first = -1;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
            if (first < 0)
                first = fd;
            else
                close(fd);
        }
    }
    return first;
}

/* One message, whatever it is; the length of what arrived of it. */
static inline ssize_t limpet_worker_receive(struct limpet_worker *worker, struct limpet_connection *connection)
{
    union limpet_worker_control control;
    struct iovec bytes;
    struct msghdr message;
    ssize_t length;
    bytes.iov_base = &connection->message;
    bytes.iov_len = sizeof(connection->message);
    do {
        memset(&connection->message, 0, sizeof(connection->message));
        memset(&message, 0, sizeof(message));
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        length = recvmsg(worker->fd, &message, MSG_CMSG_CLOEXEC);
        /* ECONNRESET is told once when limpet died with answers unread; what it had sent before is still there. */
    } while (length < 0 && (errno == EINTR || errno == ECONNRESET));
    connection->fd = -1;
    if (length < 0)
        return -errno;
    connection->fd = limpet_worker_descriptor(&message);
    return length;
}

static inline void limpet_worker_drop(struct limpet_connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}

/* What is no connection, or is one that came without its descriptor, because our table of descriptors is full. A failure
 * to answer is no news: the next call to receive sees the end. */
static inline void limpet_worker_other(struct limpet_worker *worker, struct limpet_connection *connection)
{
    limpet_worker_drop(connection);
    if (connection->message.word == LIMPET_CONNECTION)
        limpet_worker_answer(worker, LIMPET_REFUSED, connection->message.number, 0);
    else if (connection->message.word == LIMPET_PING)
        limpet_worker_answer(worker, LIMPET_PONG, connection->message.number, 0);
}

static inline int limpet_worker_next(struct limpet_worker *worker, struct limpet_connection *connection)
{
    for (;;) {
        ssize_t length = limpet_worker_receive(worker, connection);
        if (length <= 0) {
            limpet_worker_drop(connection);
            return (int)length;
        }
        if ((size_t)length < sizeof(connection->message))
            limpet_worker_drop(connection); /* not limpet's */
        else if (connection->message.word == LIMPET_CONNECTION && connection->fd >= 0)
            return 1;
        else
            limpet_worker_other(worker, connection);
    }
}

static inline int limpet_worker_take(struct limpet_worker *worker, struct limpet_connection *connection)
{
    int status = limpet_worker_answer(worker, LIMPET_TAKEN, connection->message.number, 0);
    if (status < 0)
        limpet_worker_drop(connection);
    return status;
}

static inline int limpet_worker_refuse(struct limpet_worker *worker, struct limpet_connection *connection)
{
    limpet_worker_drop(connection);
    return limpet_worker_answer(worker, LIMPET_REFUSED, connection->message.number, 0);
}

static inline int limpet_worker_live(struct limpet_worker *worker, uint32_t count)
{
    return limpet_worker_answer(worker, LIMPET_LIVE, count, MSG_DONTWAIT);
}

static inline void limpet_worker_close(struct limpet_worker *worker)
{
    if (worker->fd >= 0) {
        shutdown(worker->fd, SHUT_RDWR); /* limpet holds this end, too, and would not see it closed */
        close(worker->fd);
    }
    worker->fd = -1;
}

static inline const char *limpet_address_text(const struct limpet_address *address, char text[LIMPET_ADDRESS_TEXT_SIZE])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    int is_ip4 = memcmp(address->ip, mapped, sizeof(mapped)) == 0;
    char ip[INET6_ADDRSTRLEN] = "";
    inet_ntop(is_ip4 ? AF_INET : AF_INET6, address->ip + (is_ip4 ? sizeof(mapped) : 0), ip, sizeof(ip));
    if (address->kind != LIMPET_ADDRESS_IP)
        snprintf(text, LIMPET_ADDRESS_TEXT_SIZE, "%s", address->kind == LIMPET_ADDRESS_UNIX ? "unix" : "-");
    else if (address->port == 0)
        snprintf(text, LIMPET_ADDRESS_TEXT_SIZE, "%s", ip);
    else if (is_ip4)
        snprintf(text, LIMPET_ADDRESS_TEXT_SIZE, "%s:%u", ip, (unsigned)address->port);
    else
        snprintf(text, LIMPET_ADDRESS_TEXT_SIZE, "[%s]:%u", ip, (unsigned)address->port);
    return text;
}

#ifdef __cplusplus
}
#endif

#endif
