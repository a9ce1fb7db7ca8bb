/* A worker of limpet: a small HTTP server that gets its connections from limpet and never listens itself.
 *
 *     cc -O2 -o worker worker.c
 *     limpet run -w 4 -l :8080 -- ./worker
 *
 * It answers every request with its place in the pool and with who limpet says the client is. One thread, one epoll. See
 * limpet-worker(7). */

#include <limpet/worker.h>

#include <sys/epoll.h>

#define HEAD_MOST 4096

/* What a client has. All of them are in one list, so that they are found when limpet is done with us. */
struct visitor {
    struct visitor *next, *previous;
    int fd;
    size_t used;
    char head[HEAD_MOST + 1];
    char client[LIMPET_ADDRESS_TEXT_SIZE];
};

static struct limpet_worker worker;
static struct visitor all = {.next = &all, .previous = &all};
static unsigned count;
static unsigned told; /* to limpet */
static int epoll;
static int draining;

/* Level-triggered: what was not read is told again. */
static int watch(int fd, struct visitor *visitor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = visitor};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Out of epoll first: limpet may still have its copy of the socket, and as long as anybody has one, epoll tells of it. */
static void leave(struct visitor *visitor)
{
    epoll_ctl(epoll, EPOLL_CTL_DEL, visitor->fd, NULL);
    visitor->previous->next = visitor->next;
    visitor->next->previous = visitor->previous;
    close(visitor->fd);
    free(visitor);
    count--;
}

/* Takes the connection first, and reads afterwards: what is not taken may go to another worker. */
static void enter(struct limpet_connection *connection)
{
    struct visitor *visitor = calloc(1, sizeof(*visitor));
    if (!visitor) {
        limpet_worker_refuse(&worker, connection);
        return;
    }
    if (limpet_worker_take(&worker, connection) < 0) {
        free(visitor);
        return;
    }
    visitor->fd = connection->fd;
    visitor->previous = &all;
    visitor->next = all.next;
    all.next->previous = visitor;
    all.next = visitor;
    count++;
    limpet_address_text(&connection->message.client, visitor->client);
    if (watch(visitor->fd, visitor) < 0)
        leave(visitor);
}

/* limpet is done with us. Who is between two requests can go; the others get their answer. */
static void drain(void)
{
    draining = 1;
    epoll_ctl(epoll, EPOLL_CTL_DEL, worker.fd, NULL);
    for (struct visitor *visitor = all.next, *next; visitor != &all; visitor = next) {
        next = visitor->next;
        if (visitor->used == 0)
            leave(visitor);
    }
}

/* Everything that is there. */
static void from_limpet(void)
{
    struct limpet_connection connection;
    int status;
    while ((status = limpet_worker_next(&worker, &connection)) == 1)
        enter(&connection);
    if (status != -EAGAIN)
        drain();
}

/* So little fits into the socket, or the client does not read. */
static int answer(struct visitor *visitor)
{
    char body[128], text[512];
    const char *slot = getenv("LIMPET_SLOT");
    int length = snprintf(body, sizeof(body), "worker %s, client %s\n", slot ? slot : "?", visitor->client);
    length =
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s\r\n%s",
                 length, draining ? "Connection: close\r\n" : "", body);
    return send(visitor->fd, text, (size_t)length, MSG_NOSIGNAL) == length ? 0 : -1;
}

/* A request ends with an empty line, for there are no bodies here. Several may have come at once. */
static int answer_all(struct visitor *visitor)
{
    char *end;
    while ((end = strstr(visitor->head, "\r\n\r\n")) != NULL) {
        if (strncmp(visitor->head, "GET ", 4) != 0 || answer(visitor) < 0)
            return -1;
        visitor->used -= (size_t)(end + 4 - visitor->head);
        memmove(visitor->head, end + 4, visitor->used + 1);
    }
    return visitor->used == HEAD_MOST || (draining && visitor->used == 0) ? -1 : 0;
}

static void from_client(struct visitor *visitor)
{
    ssize_t got = recv(visitor->fd, visitor->head + visitor->used, HEAD_MOST - visitor->used, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0) {
        visitor->used += (size_t)got;
        visitor->head[visitor->used] = '\0';
    }
    if (got <= 0 || answer_all(visitor) < 0)
        leave(visitor);
}

int main(void)
{
    if (limpet_worker_open(&worker) < 0) {
        fprintf(stderr, "worker: started by limpet alone: limpet run -w 4 -l :8080 -- ./worker\n");
        return 2;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    fcntl(worker.fd, F_SETFL, O_NONBLOCK);
    if (epoll < 0 || watch(worker.fd, NULL) < 0 || limpet_worker_ready(&worker) < 0) {
        perror("worker");
        return 1;
    }
    while (!draining || count > 0) {
        struct epoll_event events[64];
        int happened = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < happened; i++)
            if (events[i].data.ptr)
                from_client(events[i].data.ptr);
        /* Last, because at the end visitors leave who may be among the events. */
        for (int i = 0; i < happened; i++)
            if (!events[i].data.ptr)
                from_limpet();
        if (count != told && limpet_worker_live(&worker, count) == 0)
            told = count;
    }
    return 0;
}
