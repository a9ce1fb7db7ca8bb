/* The server behind every proxy that is measured: cheap, constant, and never the one that waits. "GET /SIZE" is
 * answered with a body of SIZE bytes, at most 4 MiB; "GET /upgrade" with 101, and then what comes with its echo. A small answer to a
 * head that ends with "Connection: close" ends its connection.
 *
 * usage: answer PORT COUNT [FIELDS]: listens on COUNT ports of 127.0.0.1 from PORT on. FIELDS come in the head of every
 * answer, each with its CRLF. Each line of the standard input is answered with the number of connections accepted so far. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DESCRIPTORS = 65536, REQUEST = 2048, BODY = 4 << 20, HEAD = 512, EVENTS = 256, LISTENERS = 16 };

static struct visitor {
    size_t body;   /* of the answer that is on its way */
    size_t left;   /* of head and body */
    size_t used;   /* of a request that is not whole yet */
    char *request; /* only while it is not whole */
    bool upgraded;
} visitors[DESCRIPTORS];

static char body[BODY];
static const char *fields = "Content-Type: text/plain\r\n";
static unsigned long accepted;

/* RFC 6455 section 1.3: the answer to the one key that our client has. */
static const char UPGRADED[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static int listen_on(int port)
{
    struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(fd, 4096) < 0) {
        perror("answer");
        exit(1);
    }
    return fd;
}

static void welcome(int epoll, int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};

        accepted++;
        visitors[fd] = (struct visitor){0};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void part(int fd)
{
    free(visitors[fd].request);
    visitors[fd] = (struct visitor){0};
    close(fd);
}

static size_t head_of(size_t size, char head[HEAD])
{
    return (size_t)snprintf(head, HEAD, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", fields, size);
}

/* Sends what is left, until the socket takes no more. */
static void reply(int fd)
{
    struct visitor *v = &visitors[fd];
    char head[HEAD];
    size_t head_size = head_of(v->body, head);

    while (v->left > 0) {
        size_t of_head = v->left > v->body ? v->left - v->body : 0;
        size_t of_body = v->left - of_head;
        struct iovec parts[2] = {{.iov_base = head + head_size - of_head, .iov_len = of_head},
                                 {.iov_base = body, .iov_len = of_body}};
        ssize_t sent = writev(fd, parts, 2);

        if (sent < 0)
            return;
        v->left -= (size_t)sent;
    }
}

/* What is this small is taken whole. */
static void say(int fd, const char *bytes, size_t size)
{
    if (send(fd, bytes, size, 0) != (ssize_t)size)
        abort();
}

/* Whoever wants no other answer says so at the end of his head. */
static bool is_last(const char *request, size_t size)
{
    static const char end[] = "\r\nConnection: close\r\n\r\n";
    size_t length = sizeof(end) - 1;

    return size > length && memcmp(request + size - length, end, length) == 0;
}

static void answer(int fd, const char *request, size_t size)
{
    struct visitor *v = &visitors[fd];
    char head[HEAD];

    if (strncmp(request, "GET /upgrade ", 13) == 0) {
        v->upgraded = true;
        say(fd, UPGRADED, sizeof(UPGRADED) - 1);
        return;
    }
    v->body = strncmp(request, "GET /", 5) == 0 ? strtoul(request + 5, NULL, 10) : 0;
    if (v->body > BODY)
        v->body = BODY;
    v->left = head_of(v->body, head) + v->body;
    reply(fd);
    if (is_last(request, size) && v->left == 0)
        shutdown(fd, SHUT_WR);
}

/* Keeps the beginning of a request; the rest comes later. */
static void keep(struct visitor *v, const char *bytes, size_t size)
{
    if (v->request == NULL)
        v->request = malloc(REQUEST);
    if (v->request == NULL)
        abort();
    memcpy(v->request, bytes, size);
    v->used = size;
}

/* Clients do not pipeline: a request ends where the bytes end. */
static void hear(int fd)
{
    struct visitor *v = &visitors[fd];
    char bytes[REQUEST + 1];

    memcpy(bytes, v->request == NULL ? "" : v->request, v->used);
    ssize_t got = recv(fd, bytes + v->used, REQUEST - v->used, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        part(fd);
        return;
    }
    if (v->upgraded) {
        say(fd, bytes, (size_t)got);
        return;
    }
    size_t size = v->used + (size_t)got;
    bytes[size] = '\0';
    v->used = 0;
    if (size >= 4 && memcmp(bytes + size - 4, "\r\n\r\n", 4) == 0)
        answer(fd, bytes, size);
    else
        keep(v, bytes, size);
}

/* Whoever does not ask has no standard input, which epoll refuses. */
static void tell(int epoll)
{
    char line[64];

    if (read(STDIN_FILENO, line, sizeof(line)) <= 0) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        return;
    }
    printf("%lu\n", accepted);
    fflush(stdout);
}

int main(int count, char **words)
{
    static struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0), last_listener = -1;

    if (count < 3 || atoi(words[2]) < 1 || atoi(words[2]) > LISTENERS)
        return 2;
    if (count > 3)
        fields = words[3];
    signal(SIGPIPE, SIG_IGN);
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &(struct epoll_event){.events = EPOLLIN, .data.fd = STDIN_FILENO});
    memset(body, 'x', sizeof(body));
    for (int i = 0; i < atoi(words[2]); i++) {
        last_listener = listen_on(atoi(words[1]) + i);
        epoll_ctl(epoll, EPOLL_CTL_ADD, last_listener,
                  &(struct epoll_event){.events = EPOLLIN, .data.fd = last_listener});
    }
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;

            if (fd == STDIN_FILENO) {
                tell(epoll);
                continue;
            }
            if (fd <= last_listener) {
                welcome(epoll, fd);
                continue;
            }
            if (visitors[fd].left > 0)
                reply(fd);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                hear(fd);
        }
    }
}
