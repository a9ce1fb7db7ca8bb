/* The channel to a Node program: lines of the cluster protocol (worker/node_line.h) over a SOCK_STREAM socket.
 *
 * What we send are lines of some hundred bytes. The kernel takes each of them whole or not at all: a Unix stream socket makes
 * one buffer of a write that is smaller than half of its send buffer (unix_stream_sendmsg), and we never write two lines at
 * once. So no line is ever cut, not even by an engine that dies. A line with a descriptor is a write of its own: Node expects
 * one descriptor for each. */

#include "base/log.h"
#include "io/fdpass.h"
#include "worker/channel.h"
#include "worker/team.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Longest line of ours; only the answer to a listen() comes near it. */
#define LINE_MOST (NODE_DATA_MOST + 1024)

/* A longer line of the worker's is a message of the program itself, and skipped. */
#define INBOUND_SIZE 65536
/* The number of a listen answer has no meaning to anybody. */
#define NO_NUMBER 0

struct node_side {
    size_t length;
    bool skipping; /* a line that is too long */
    bool is_bun;
    char taken[4 * LINE_MOST]; /* lines that were taken back, but are not about connections */
    uint8_t inbound[INBOUND_SIZE];
};

static struct node_side *side_of(struct channel *channel)
{
    if (!channel->own) {
        struct node_side *side = malloc(sizeof(*side));
        if (!side)
            return NULL;
        memset(side, 0, offsetof(struct node_side, inbound));
        channel->own = side;
    }
    return channel->own;
}

static void fini(struct channel *channel)
{
    free(channel->own);
    channel->own = NULL;
}

/* ---- sending ------------------------------------------------------------------------------------------------------- */

static int put(struct channel *channel, const struct text *line, int fd)
{
    return fdpass_send(channel->source.fd, line->data, line->length, fd >= 0 ? &fd : NULL, fd >= 0 ? 1 : 0);
}

/* What a preloaded script is to know; null: nothing. */
static const struct delivery *told(const struct plan_workers *workers, const struct delivery *delivery)
{
    switch (workers->node_preload) {
    case NODE_PRELOAD_ALL:
        return delivery;
    case NODE_PRELOAD_REQUESTS:
        return delivery->requests ? delivery : NULL;
    case NODE_PRELOAD_OFF:
        break;
    }
    return NULL;
}

static int send_connection(struct channel *channel, const struct delivery *delivery, uint32_t number)
{
    char buffer[LINE_MOST];
    struct text line;
    text_init(&line, buffer, sizeof(buffer));
    const struct plan_workers *workers = channel->pool->workers;
    if (workers->node_message) {
        node_line_socket(&line, workers->node_message, number, told(workers, delivery));
    } else {
        char key[8];
        struct text name;
        text_init(&name, key, sizeof(key));
        text_add_format(&name, "d%u", delivery->door);
        node_line_connection(&line, key, number, told(workers, delivery));
    }
    return put(channel, &line, delivery->fd);
}

static int send_leave(struct channel *channel)
{
    char buffer[LINE_MOST];
    struct text line;
    text_init(&line, buffer, sizeof(buffer));
    node_line_leave(&line, ++channel->last_number);
    return put(channel, &line, -1);
}

/* A connection for nobody, as a fence and as a ping: the program has no server of this key, so Node refuses it by its number
 * and closes it. (Rejected for the ping: a line that announces a descriptor and has none, which Node answers by saying so.
 * When it is held up, it reads that line together with the next connection, and takes that one's descriptor for it.) */
static int send_nobody(struct channel *channel, uint32_t number)
{
    int ends[2];
    char buffer[LINE_MOST];
    struct text line;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    text_init(&line, buffer, sizeof(buffer));
    node_line_connection(&line, "nobody", number, NULL);
    int failure = put(channel, &line, ends[0]);
    close(ends[0]);
    close(ends[1]);
    return failure;
}

/* Small answers, which a worker that does not read has to wait for; it asks for few. */
static void say(struct channel *channel, const struct text *line)
{
    static struct log_limit limit;
    unsigned long skipped;
    if (put(channel, line, -1) != 0 && log_limit_pass(&limit, 10, &skipped))
        log_warning("%s/%s (process %d) did not take an answer", channel->pool->name, channel->server->name,
                    channel->process);
}

void channel_answer_listen(struct channel *channel, unsigned door, const struct node_listen_answer *given)
{
    char buffer[LINE_MOST];
    char key[8];
    struct text line;
    struct text name;
    struct node_listen_answer answer = *given;
    text_init(&name, key, sizeof(key));
    text_add_format(&name, "d%u", door);
    answer.key = key;
    text_init(&line, buffer, sizeof(buffer));
    node_line_listen_answer(&line, &answer, ++channel->last_number);
    say(channel, &line);
}

/* ---- what it says -------------------------------------------------------------------------------------------------- */

static struct flight *first_on_the_way(struct channel *channel)
{
    for (uint32_t i = 0; i < channel->flight_count; i++)
        if (!channel->flights[i].arrived)
            return &channel->flights[i];
    return NULL;
}

/* Descriptors are acknowledged in the order in which they were sent, without a number. A program that does not listen itself
 * says no more than this. */
static void arrived(struct channel *channel)
{
    struct flight *flight = channel->fence ? NULL : first_on_the_way(channel);
    if (!flight)
        return;
    if (!flight->ping && channel->pool->workers->node_message)
        channel_settle(channel, flight, DELIVERY_TAKEN);
    else
        flight->arrived = true;
}

static void not_arrived(struct channel *channel)
{
    if (channel->fence) {
        /* It has no descriptor free, or this answers the engine before us. */
        channel_fence_again(channel);
        return;
    }
    struct flight *flight = first_on_the_way(channel);
    if (flight)
        channel_settle(channel, flight, DELIVERY_LOST);
}

static void accepted(struct channel *channel, const struct node_line *line)
{
    if (channel->fence) {
        if (line->ack == channel->fence)
            channel_fence_passed(channel);
        return;
    }
    struct flight *flight = line->ack <= UINT32_MAX ? channel_find(channel, (uint32_t)line->ack) : NULL;
    if (flight && flight->arrived)
        channel_settle(channel, flight, line->accepted ? DELIVERY_TAKEN : DELIVERY_REFUSED);
}

/* From now on, and once more when what it said before about this door has come back from the keeper. */
static void closes(struct channel *channel, const struct node_line *line)
{
    unsigned door = node_line_door(line);
    if (door >= SERVER_DOORS)
        return;
    channel_set_doors(channel, channel->doors & ~(UINT64_C(1) << door));
    channel_asks(channel, line);
}

static void acknowledge(struct channel *channel, uint64_t seq)
{
    char buffer[LINE_MOST];
    struct text line;
    text_init(&line, buffer, sizeof(buffer));
    node_line_ack(&line, seq, ++channel->last_number);
    say(channel, &line);
}

/* Its next handle waits for this one's acknowledgement. The descriptor itself was closed by whoever read it. */
static void take_handle(struct channel *channel)
{
    char buffer[LINE_MOST];
    struct text line;
    text_init(&line, buffer, sizeof(buffer));
    node_line_handle_ack(&line);
    say(channel, &line);
}

/* A program that does not listen gets sockets as soon as it runs: Node keeps messages until somebody wants them. */
static void online(struct channel *channel)
{
    if (channel->pool->workers->node_message)
        channel_set_doors(channel, 1);
}

static void tell_of_bun(struct channel *channel)
{
    struct node_side *side = channel->own;
    if (!side->is_bun)
        log_error("pool %s: this is Bun, which opens its port itself and takes no connections from limpet: run the "
                  "program with node, or give each Bun a port of its own and write its address under `servers`",
                  channel->pool->name);
    side->is_bun = true;
}

static void understand(struct channel *channel, struct span bytes)
{
    struct node_line line;
    node_line_read(bytes, &line);
    switch (line.word) {
    case NODE_ONLINE:
        online(channel);
        break;
    case NODE_LISTEN:
    case NODE_LISTENING:
        channel_count_ask(channel);
        channel_asks(channel, &line);
        break;
    case NODE_CLOSE:
        channel_count_ask(channel);
        closes(channel, &line);
        break;
    case NODE_LEAVING:
        channel_count_ask(channel);
        acknowledge(channel, line.seq);
        break;
    case NODE_ARRIVED:
        arrived(channel);
        break;
    case NODE_NOT_ARRIVED:
        not_arrived(channel);
        break;
    case NODE_ACCEPTED:
        accepted(channel, &line);
        break;
    case NODE_SENDS_HANDLE:
        channel_count_ask(channel);
        take_handle(channel);
        break;
    case NODE_SESSION:
    case NODE_SESSION_ENDED:
        channel_session(channel, line.data, line.word == NODE_SESSION_ENDED);
        break;
    case NODE_BAD:
        /* Bun puts a byte in front that is no text. */
        if (bytes.length > 0 && bytes.data[0] == 0x02)
            tell_of_bun(channel);
        break;
    case NODE_OTHER:
        break;
    }
}

/* Too long for anything that Node itself says, but for a handle that the program sends with its message: that has to be
 * acknowledged, or Node would keep back everything behind it. */
static void give_up_line(struct channel *channel, struct node_side *side)
{
    static const char handle[] = "{\"cmd\":\"NODE_HANDLE\"";
    if (!side->skipping && memcmp(side->inbound, handle, strlen(handle)) == 0)
        take_handle(channel);
    side->skipping = true;
    side->length = 0;
}

static void understand_lines(struct channel *channel, struct node_side *side)
{
    uint8_t *start = side->inbound;
    uint8_t *end = start + side->length;
    for (uint8_t *newline; (newline = memchr(start, '\n', (size_t)(end - start))); start = newline + 1) {
        if (!side->skipping)
            understand(channel, span_of(start, (size_t)(newline - start)));
        side->skipping = false;
    }
    side->length = (size_t)(end - start);
    memmove(side->inbound, start, side->length);
    if (side->length == INBOUND_SIZE)
        give_up_line(channel, side);
}

/* Descriptors that come with what it says are none of ours: the kernel closes them, because nothing asks for them. */
static int read_lines(struct channel *channel)
{
    struct node_side *side = side_of(channel);
    if (!side)
        return -EAGAIN;
    ssize_t got = recv(channel->source.fd, side->inbound + side->length, INBOUND_SIZE - side->length, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOMEM ? -EAGAIN : 0;
    if (got == 0)
        return 0;
    side->length += (size_t)got;
    channel_heard(channel);
    understand_lines(channel, side);
    return 1;
}

/* ---- taking back ---------------------------------------------------------------------------------------------------- */

static bool is_connection(const char *line)
{
    return strstr(line, "\"newconn\"");
}

static uint32_t number_in(const char *line)
{
    static const char seq[] = "\"seq\":";
    const char *at = strstr(line, seq);
    return at ? (uint32_t)strtoul(at + strlen(seq), NULL, 10) : NO_NUMBER;
}

/* An answer to a listen(), or the word to leave: the worker gets it after all. */
static void keep_line(struct node_side *side, const char *line)
{
    size_t used = strlen(side->taken);
    if (used + strlen(line) + 1 < sizeof(side->taken))
        snprintf(side->taken + used, sizeof(side->taken) - used, "%s\n", line);
}

static int nothing_left(struct channel *channel, struct node_side *side)
{
    struct text kept = {.data = side->taken, .length = strlen(side->taken), .capacity = sizeof(side->taken)};
    if (kept.length > 0)
        say(channel, &kept);
    side->taken[0] = '\0';
    return -EAGAIN;
}

/* A connection is the last of what comes with one read, because its descriptor ends that. */
static uint32_t sort_lines(struct node_side *side, char *lines)
{
    uint32_t number = NO_NUMBER;
    for (char *line = lines, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (is_connection(line))
            number = number_in(line);
        else
            keep_line(side, line);
    }
    return number;
}

static int take_back(struct channel *channel, uint32_t *number)
{
    struct node_side *side = side_of(channel);
    /* Without numbers nobody could tell which ones are taken back. */
    if (!side || channel->pool->workers->node_message)
        return -EAGAIN;
    char lines[sizeof(side->taken)];
    ssize_t got = recv(channel->theirs, lines, sizeof(lines) - 1, MSG_DONTWAIT);
    if (got <= 0)
        return nothing_left(channel, side);
    lines[got] = '\0';
    *number = sort_lines(side, lines);
    return 1;
}

const struct channel_contract node_contract = {
    .contract = CONTRACT_NODE,
    .send = send_connection,
    .ping = send_nobody,
    .leave = send_leave,
    .read = read_lines,
    .take_back = take_back,
    .fence = send_nobody,
    .fini = fini,
};
