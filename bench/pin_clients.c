/* Clients of whom limpet knows some already: a thousand of them in turn, or one who was never there before with each request.
 * All requests are of one length, and clients are told apart by X-Forwarded-For.
 *
 *   pin_clients PORT SIZE known|new kept|closed CONNECTIONS
 *
 * Request after request on so many connections, which are kept, or of which each serves one request. Each line on standard input
 * is answered with one line: requests, bytes, errors so far. After a line "p" nothing new is asked for, until a line "r". A line
 * "l" is answered with how long, in microseconds, half of the requests took since the last such line, and 99 of 100; the time
 * begins before the connection is made, where each request has its own. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096, KNOWN = 1000, READ = 65536, EVENTS = 256, TIMES = 1 << 20 };

static struct visit {
    uint64_t begun;
    size_t length; /* of the answer; 0 until known */
    size_t got;
    bool resting;
} visits[DESCRIPTORS];

static struct {
    unsigned long long requests, bytes, errors;
} total;

static uint32_t times[TIMES]; /* nanoseconds */
static size_t time_count;

static struct sockaddr_in proxy;
static const char *size;
static bool newcomers, closing, paused;
static int epoll, wanted, there; /* connections */

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "pin_clients: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Newcomers begin where nobody was before, in other processes neither: the clock is ahead of all that could be asked so far. */
static uint64_t next_number(void)
{
    static uint64_t next;

    if (next == 0)
        next = newcomers ? now() >> 13 : 1;
    return newcomers ? next++ : next++ % KNOWN;
}

static size_t write_request(char *text, size_t most)
{
    uint64_t n = next_number();
    unsigned parts[4];

    for (int i = 3; i >= 0; i--, n /= 150)
        parts[i] = i > 0 ? 100 + (unsigned)(n % 150) : 128 + (unsigned)(n % 72);
    return (size_t)snprintf(
        text, most,
        "GET /%s HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
        "Accept: text/html,application/xhtml+xml\r\nX-Forwarded-For: %u.%u.%u.%u\r\n%s\r\n",
        size, parts[0], parts[1], parts[2], parts[3], closing ? "Connection: close\r\n" : "");
}

static void ask(int fd)
{
    char request[512];
    size_t length = write_request(request, sizeof(request));

    visits[fd].got = 0;
    if (send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length)
        total.errors++;
}

static void enter(void)
{
    uint64_t begun = now();
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || fd >= DESCRIPTORS || connect(fd, (struct sockaddr *)&proxy, sizeof(proxy)) < 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
    visits[fd] = (struct visit){.begun = begun};
    there++;
    ask(fd);
}

static void enter_all(void)
{
    while (there < wanted)
        enter();
}

static void begin_again(int fd)
{
    visits[fd].resting = false;
    visits[fd].begun = now();
    ask(fd);
}

/* Heads come in one piece here. */
static size_t length_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n"), *field = strcasestr(answer, "\r\ncontent-length:");

    if (end == NULL || field == NULL || field > end || strncmp(answer, "HTTP/1.1 200", 12) != 0)
        return 0;
    return (size_t)(end + 4 - answer) + strtoul(field + strlen("\r\ncontent-length:"), NULL, 10);
}

static void answered(int fd)
{
    total.requests++;
    if (time_count < TIMES)
        times[time_count++] = (uint32_t)(now() - visits[fd].begun);
    visits[fd].resting = true;
    if (!closing && !paused)
        begin_again(fd);
}

/* The end of a connection; whoever still waited for an answer has none. */
static void part(int fd)
{
    if (!closing || !visits[fd].resting)
        total.errors++;
    visits[fd].resting = false;
    close(fd);
    there--;
    if (closing && !paused)
        enter_all();
}

static void hear(int fd)
{
    static char answer[READ + 1];
    struct visit *v = &visits[fd];
    ssize_t got = recv(fd, answer, READ, MSG_DONTWAIT);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        part(fd);
        return;
    }
    answer[got] = '\0';
    if (v->got == 0)
        v->length = length_of(answer);
    v->got += (size_t)got;
    total.bytes += (size_t)got;
    if (v->length == 0 || v->got > v->length)
        total.errors++;
    else if (v->got == v->length)
        answered(fd);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void tell_times(void)
{
    size_t half = time_count / 2, most = time_count * 99 / 100;

    qsort(times, time_count, sizeof(*times), ascending);
    printf("%.1f %.1f\n", times[half] / 1e3, times[most] / 1e3);
    fflush(stdout);
    time_count = 0;
}

static void go_on(void)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (visits[fd].resting && !closing)
            begin_again(fd);
    enter_all();
}

/* Lines come one by one: whoever sends one waits for the answer. False at their end. */
static bool obeyed(void)
{
    char line[64];
    bool was_paused = paused;

    if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
        return false;
    if (line[0] == 'l') {
        tell_times();
        return true;
    }
    paused = line[0] == 'p' || (paused && line[0] != 'r');
    printf("%llu %llu %llu\n", total.requests, total.bytes, total.errors);
    fflush(stdout);
    if (was_paused && !paused)
        go_on();
    return true;
}

int main(int count, char **words)
{
    static struct epoll_event events[EVENTS];

    if (count != 6)
        return 2;
    size = words[2];
    newcomers = strcmp(words[3], "new") == 0;
    closing = strcmp(words[4], "closed") == 0;
    proxy = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &(struct epoll_event){.events = EPOLLIN, .data.fd = STDIN_FILENO});
    wanted = atoi(words[5]);
    enter_all();
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != STDIN_FILENO)
                hear(events[i].data.fd);
            else if (!obeyed())
                return 0;
        }
    }
}
