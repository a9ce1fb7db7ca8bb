/* The clients in front of every HTTP proxy that is measured: heads such as a proxy further out would send, each request that
 * of the next of a thousand clients (X-Forwarded-For), whatever connection it goes over. Bodies are dropped in the kernel.
 *
 *   browse PORT SIZE keep CONNECTIONS        request after request on each
 *   browse PORT SIZE rest CONNECTIONS        one request on each, some at a time, then silence
 *   browse PORT SIZE upgrade CONNECTIONS     each becomes a WebSocket that carries one message and its echo, then silence
 *   browse PORT SIZE pace CONNECTIONS RATE SECONDS
 *       so many requests a second, whether the earlier ones were answered or not; says when it is through how many there
 *       were, and after how many microseconds half of them and 99 of 100 had their answers, counted from when they were due
 *
 * All but `pace` end with their standard input. Each line there is answered with one line of what happened so far: requests,
 * bytes, errors. `rest` and `upgrade` print one unasked when all are silent. After a line "p" `keep` asks for nothing new,
 * until a line "r". */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    DESCRIPTORS = 65536,
    CLIENTS = 1000,
    HEAD = 512,
    FIRST_READ = 65536,
    DROP = 1 << 20,
    EVENTS = 256,
    AT_A_TIME = 64
};

#define SECOND UINT64_C(1000000000) /* nanoseconds */

static const char MESSAGE[] = "\x81\x85\x01\x02\x03\x04igohn"; /* "hello", masked; RFC 6455 section 5 */
static const char UPGRADE[] = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"; /* RFC 6455 section 1.3 */

/* The length of an answer is read from the first one on a connection; all that follow are equal. */
static struct visit {
    size_t length; /* of each answer; 0 until known */
    size_t got;    /* of the current answer */
    uint64_t due;  /* pace: when it was to be asked for */
    bool resting;
    bool upgraded;
} visits[DESCRIPTORS];
static int highest; /* descriptor of a visit */

static struct request {
    char text[HEAD];
    size_t size;
} requests[CLIENTS];

static struct {
    unsigned long long requests, bytes, errors;
} total;

static struct sockaddr_in proxy;

static void tell(void)
{
    printf("%llu %llu %llu\n", total.requests, total.bytes, total.errors);
    fflush(stdout);
}

static void fail(const char *what)
{
    fprintf(stderr, "browse: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void prepare(const char *size, const char *more)
{
    for (unsigned n = 0; n < CLIENTS; n++)
        requests[n].size =
            (size_t)snprintf(requests[n].text, HEAD,
                             "GET /%s HTTP/1.1\r\nHost: www.example.org\r\n"
                             "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
                             "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
                             "X-Forwarded-For: 198.51.%u.%u\r\n%s\r\n",
                             size, 100 + n / 100, 100 + n % 100, more);
}

static void ask(int fd)
{
    static unsigned next;
    const struct request *r = &requests[next++ % CLIENTS];

    visits[fd].got = 0;
    if (send(fd, r->text, r->size, MSG_NOSIGNAL) != (ssize_t)r->size)
        total.errors++;
}

static int enter(int epoll)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&proxy, sizeof(proxy)) < 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    visits[fd] = (struct visit){0};
    if (fd > highest)
        highest = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
    return fd;
}

/* Zero for an answer that nobody wants; heads come in one piece here. */
static size_t length_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n"), *field = strcasestr(answer, "\r\ncontent-length:");

    if (end == NULL)
        return 0;
    if (strncmp(answer, "HTTP/1.1 101", 12) == 0)
        return (size_t)(end + 4 - answer);
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0 || field == NULL || field > end)
        return 0;
    return (size_t)(end + 4 - answer) + strtoul(field + strlen("\r\ncontent-length:"), NULL, 10);
}

static ssize_t first_read(int fd)
{
    static char answer[FIRST_READ + 1];
    ssize_t got = recv(fd, answer, FIRST_READ, MSG_DONTWAIT);

    if (got > 0) {
        answer[got] = '\0';
        visits[fd].length = length_of(answer);
        if (visits[fd].length == 0)
            return 0;
    }
    return got;
}

enum progress { WAITS, ANSWERED, GONE };

static enum progress hear(int fd)
{
    struct visit *v = &visits[fd];

    while (v->got < v->length || v->length == 0) {
        ssize_t got = v->length == 0 ? first_read(fd) : recv(fd, NULL, DROP, MSG_TRUNC | MSG_DONTWAIT);

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

/* Whoever rests hears nothing but the end. */
static enum progress news(int epoll, int fd)
{
    enum progress p = visits[fd].resting ? GONE : hear(fd);

    if (p == GONE) {
        total.errors++;
        epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
    }
    return p;
}

static bool paused;

static void ask_again(void)
{
    for (int fd = 0; fd <= highest; fd++)
        if (visits[fd].resting) {
            visits[fd].resting = false;
            ask(fd);
        }
}

/* Lines come one by one: whoever sends one waits for the answer. False at their end. */
static bool obeyed(void)
{
    char line[64];
    bool was_paused = paused;

    if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
        return false;
    paused = line[0] == 'p' || (paused && line[0] != 'r');
    tell();
    if (was_paused && !paused)
        ask_again();
    return true;
}

static int watch_orders(void)
{
    int epoll = epoll_create1(0);

    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &(struct epoll_event){.events = EPOLLIN, .data.fd = STDIN_FILENO});
    return epoll;
}

static void keep(int count)
{
    static struct epoll_event events[EVENTS];
    int epoll = watch_orders();

    for (int i = 0; i < count; i++)
        ask(enter(epoll));
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;

            if (fd == STDIN_FILENO) {
                if (!obeyed())
                    return;
            } else if (news(epoll, fd) == ANSWERED) {
                visits[fd].resting = paused;
                if (!paused)
                    ask(fd);
            }
        }
    }
}

/* True when the connection has begun to rest, with its answer or with the echo behind it; or when it has failed. */
static bool came_to_rest(int epoll, int fd, bool upgrade)
{
    struct visit *v = &visits[fd];
    enum progress p = news(epoll, fd);

    if (p != ANSWERED)
        return p == GONE;
    v->resting = !upgrade || v->upgraded;
    if (!v->resting) {
        *v = (struct visit){.upgraded = true, .length = sizeof(MESSAGE) - 1};
        if (send(fd, MESSAGE, sizeof(MESSAGE) - 1, MSG_NOSIGNAL) < 0)
            total.errors++;
    }
    return v->resting;
}

static void rest(int count, bool upgrade)
{
    static struct epoll_event events[EVENTS];
    int epoll = watch_orders(), entered = 0, resting = 0;

    for (;;) {
        for (; entered < count && entered - resting < AT_A_TIME; entered++)
            ask(enter(epoll));
        int ready = epoll_wait(epoll, events, EVENTS, -1), before = resting;

        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != STDIN_FILENO)
                resting += came_to_rest(epoll, events[i].data.fd, upgrade) ? 1 : 0;
            else if (!obeyed())
                return;
        }
        if (resting != before && resting == count)
            tell();
    }
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* Requests come as those of people who do not know each other: between two of them anything from nothing to twice the mean,
 * the same in every run. */
static struct schedule {
    uint64_t due; /* the next request */
    uint64_t mean;
    uint32_t random;
} schedule;

static uint64_t take_due(void)
{
    uint64_t due = schedule.due;

    schedule.random = schedule.random * 1664525 + 1013904223;
    schedule.due += 2 * schedule.mean * (schedule.random >> 16) / 65536;
    return due;
}

/* Connections that have nothing under way: who has waited longest is first. */
static struct queue {
    int fds[DESCRIPTORS];
    unsigned head, tail;
} idle;

static void ask_what_is_due(uint64_t until)
{
    uint64_t t = now();

    while (idle.head != idle.tail && schedule.due <= t && schedule.due < until) {
        int fd = idle.fds[idle.head++ % DESCRIPTORS];
        visits[fd].due = take_due();
        ask(fd);
    }
}

/* Sleeps no longer than until the next request is due, if it can be sent then. */
static int wait_for_news(int epoll, struct epoll_event *events)
{
    uint64_t t = now(), left = schedule.due > t ? schedule.due - t : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / SECOND), .tv_nsec = (long)(left % SECOND)};

    return epoll_pwait2(epoll, events, EVENTS, idle.head == idle.tail ? NULL : &timeout, NULL);
}

/* Nanoseconds that requests took; those that were not due at any time do not count. */
static struct {
    uint32_t *all;
    size_t count, most;
} latencies;

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void report(void)
{
    size_t half = latencies.count / 2, most = latencies.count * 99 / 100;

    qsort(latencies.all, latencies.count, sizeof(*latencies.all), ascending);
    printf("%zu %.1f %.1f %llu\n", latencies.count, latencies.all[half] / 1e3, latencies.all[most] / 1e3, total.errors);
}

static void take_answers(int epoll)
{
    static struct epoll_event events[EVENTS];
    int ready = wait_for_news(epoll, events);
    uint64_t t = now();

    for (int i = 0; i < ready; i++) {
        int fd = events[i].data.fd;
        enum progress p = hear(fd);

        if (p == GONE)
            fail("a connection has ended");
        if (p == WAITS)
            continue;
        if (visits[fd].due != 0 && latencies.count < latencies.most)
            latencies.all[latencies.count++] = (uint32_t)(t - visits[fd].due);
        idle.fds[idle.tail++ % DESCRIPTORS] = fd;
    }
}

/* First one request over each connection that nobody counts, so that all are there. */
static void pace(unsigned count, unsigned rate, unsigned seconds)
{
    int epoll = epoll_create1(0);

    latencies.most = (size_t)rate * seconds * 2;
    latencies.all = calloc(latencies.most, sizeof(*latencies.all));
    if (latencies.all == NULL)
        fail("memory");
    prctl(PR_SET_TIMERSLACK, 1UL);
    schedule = (struct schedule){.due = UINT64_MAX, .mean = SECOND / rate};
    for (unsigned i = 0; i < count; i++)
        ask(enter(epoll));
    while (idle.tail - idle.head != count)
        take_answers(epoll);
    schedule.due = now();
    uint64_t until = schedule.due + seconds * SECOND;
    while (now() < until || idle.tail - idle.head != count) {
        ask_what_is_due(until);
        take_answers(epoll);
    }
    report();
}

int main(int count, char **words)
{
    if (count < 5)
        return 2;
    const char *what = words[3];
    bool upgrade = strcmp(what, "upgrade") == 0;
    int connections = atoi(words[4]);

    proxy = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    prepare(upgrade ? "upgrade" : words[2], upgrade ? UPGRADE : "");
    if (strcmp(what, "keep") == 0)
        keep(connections);
    else if (upgrade || strcmp(what, "rest") == 0)
        rest(connections, upgrade);
    else if (strcmp(what, "pace") == 0 && count == 7)
        pace((unsigned)connections, (unsigned)atoi(words[5]), (unsigned)atoi(words[6]));
    else
        return 2;
    return 0;
}
