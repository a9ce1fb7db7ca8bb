/* The client in front of every proxy that is measured: sends "GET /SIZE", waits for the whole answer, sends the next.
 * Bodies are dropped in the kernel (MSG_TRUNC), so that big answers cost the client next to nothing.
 *
 *   load PORT SIZE keep CONNECTIONS         request after request on each
 *   load PORT SIZE hold CONNECTIONS         one request on each, then silence
 *   load PORT SIZE visit VISITS MESSAGES    one connection after another, with so many requests on each
 *   load PORT SIZE once CONNECTIONS [VISITS]
 *       so many at a time with one request each ("Connection: close"), until the other side closes; each client has an
 *       address of its own in X-Forwarded-For
 *
 * All end with their standard input. Each line there is answered with one line of what happened so far: requests,
 * bytes, errors. `hold`, `visit` and a `once` with VISITS print one unasked when they are through. After a line "p"
 * `keep` and `once` ask for nothing new, until a line "r". */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS = 65536, FIRST_READ = 65536, DROP = 1 << 20, EVENTS = 256 };

/* The length of an answer is read from the first one on a connection; all that follow are equal. */
static struct visit {
    size_t length; /* of each answer; 0 until known */
    size_t got;    /* of the current answer */
    bool resting;
} visits[DESCRIPTORS];
static int highest; /* descriptor of a visit */
static bool paused;

static struct {
    unsigned long long requests, bytes, errors;
} total;

static struct sockaddr_in proxy;
static const char *size;
static char request[256];
static size_t request_size;

static void tell(void)
{
    printf("%llu %llu %llu\n", total.requests, total.bytes, total.errors);
    fflush(stdout);
}

static void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void ask(int fd)
{
    visits[fd].got = 0;
    if (send(fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
        total.errors++;
}

static int enter(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&proxy, sizeof(proxy)) < 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    visits[fd] = (struct visit){0};
    if (fd > highest)
        highest = fd;
    ask(fd);
    return fd;
}

/* Zero while the head is not whole; heads come in one piece here, so this asks for them again from the start. */
static size_t length_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n"), *field = strcasestr(answer, "\r\ncontent-length:");

    if (end == NULL || field == NULL || field > end)
        return 0;
    return (size_t)(end + 4 - answer) + strtoul(field + strlen("\r\ncontent-length:"), NULL, 10);
}

static ssize_t first_read(int fd)
{
    static char answer[FIRST_READ + 1];
    ssize_t got = recv(fd, answer, FIRST_READ, 0);

    if (got > 0) {
        answer[got] = '\0';
        visits[fd].length = length_of(answer);
        if (visits[fd].length == 0) {
            total.errors++;
            return 0;
        }
    }
    return got;
}

enum progress { WAITS, ANSWERED, GONE };

static enum progress hear(int fd, int flags)
{
    struct visit *v = &visits[fd];

    while (v->got < v->length || v->length == 0) {
        ssize_t got = v->length == 0 ? first_read(fd) : recv(fd, NULL, DROP, MSG_TRUNC | flags);

        if (got < 0 && errno == EAGAIN)
            return WAITS;
        if (got <= 0)
            return GONE;
        total.bytes += (size_t)got;
        v->got += (size_t)got;
    }
    if (v->got != v->length)
        total.errors++;
    total.requests++;
    return ANSWERED;
}

/* One connection at a time, everything blocking. */
static void visit_all(int count, int messages)
{
    for (int i = 0; i < count; i++) {
        int fd = enter();
        enum progress p = hear(fd, 0);

        for (int n = 1; n < messages && p == ANSWERED; n++) {
            ask(fd);
            p = hear(fd, 0);
        }
        if (p != ANSWERED)
            total.errors++;
        close(fd);
    }
    tell();
}

static void enter_all(int epoll, int count)
{
    for (int i = 0; i < count; i++) {
        int fd = enter();

        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
    }
}

static void news(int epoll, int fd, bool hold, int *holding)
{
    enum progress p = visits[fd].resting ? GONE : hear(fd, MSG_DONTWAIT);

    if (p == GONE) {
        total.errors++;
        epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    } else if (p == ANSWERED && hold) {
        visits[fd].resting = true;
        *holding += 1;
    } else if (p == ANSWERED && paused) {
        visits[fd].resting = true;
    } else if (p == ANSWERED) {
        ask(fd);
    }
}

/* Who rests is who was answered during the pause. */
static void ask_again(void)
{
    for (int fd = 0; fd <= highest; fd++)
        if (visits[fd].resting) {
            visits[fd].resting = false;
            ask(fd);
        }
}

/* A million clients, and all their requests are of one length. */
static void name_next_client(void)
{
    static unsigned next;
    unsigned n = next++;

    request_size = (size_t)snprintf(request, sizeof(request),
                                    "GET /%s HTTP/1.1\r\nHost: localhost\r\n"
                                    "X-Forwarded-For: 10.%u.%u.%u\r\nConnection: close\r\n\r\n",
                                    size, 100 + n / 10000 % 100, 100 + n / 100 % 100, 100 + n % 100);
}

static void enter_once(int epoll)
{
    name_next_client();
    int fd = enter();
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
}

/* True when the connection is over: the whole answer, then the end. */
static bool hear_out(int fd)
{
    enum progress p = visits[fd].resting ? ANSWERED : hear(fd, MSG_DONTWAIT);
    char byte;

    if (p == WAITS)
        return false;
    if (p == ANSWERED) {
        visits[fd].resting = true;
        ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return false;
        p = got == 0 ? ANSWERED : GONE;
    }
    if (p == GONE)
        total.errors++;
    close(fd);
    return true;
}

enum wish { WISH_END, WISH_GO_ON, WISH_ASK_AGAIN };

/* Lines come one by one: whoever sends one waits for the answer. */
static enum wish listening(void)
{
    char line[64];
    bool was_paused = paused;

    if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
        return WISH_END;
    paused = line[0] == 'p' || (paused && line[0] != 'r');
    tell();
    return was_paused && !paused ? WISH_ASK_AGAIN : WISH_GO_ON;
}

static void run(int count, bool hold)
{
    static struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0), holding = 0;

    enter_all(epoll, count);
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &(struct epoll_event){.events = EPOLLIN, .data.fd = STDIN_FILENO});
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1), before = holding;

        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != STDIN_FILENO) {
                news(epoll, events[i].data.fd, hold, &holding);
                continue;
            }
            enum wish wish = listening();
            if (wish == WISH_END)
                return;
            if (wish == WISH_ASK_AGAIN)
                ask_again();
        }
        if (holding != before && holding == count)
            tell();
    }
}

/* `left` connections are still to be begun; below zero there is no end to them. */
static void run_once(int count, long left)
{
    static struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0), under_way = 0;

    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &(struct epoll_event){.events = EPOLLIN, .data.fd = STDIN_FILENO});
    for (;;) {
        for (; under_way < count && left != 0 && !paused; under_way++, left--)
            enter_once(epoll);
        if (under_way == 0 && left == 0)
            break;
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != STDIN_FILENO)
                under_way -= hear_out(events[i].data.fd) ? 1 : 0;
            else if (listening() == WISH_END)
                return;
        }
    }
    tell();
}

int main(int count, char **words)
{
    if (count < 5)
        return 2;
    size = words[2];
    proxy = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    request_size = (size_t)snprintf(request, sizeof(request), "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", size);
    if (strcmp(words[3], "visit") == 0 && count == 6)
        visit_all(atoi(words[4]), atoi(words[5]));
    else if (strcmp(words[3], "once") == 0)
        run_once(atoi(words[4]), count > 5 ? atol(words[5]) : -1);
    else
        run(atoi(words[4]), strcmp(words[3], "hold") == 0);
    return 0;
}
