/* The channel to a worker that speaks limpet's own contract (limpet/worker.h): one message, one packet. */

#include "io/fdpass.h"
#include "worker/channel.h"

#include <limpet/worker.h>
#include <sys/socket.h>
#include <unistd.h>

/* Answers that are read with one system call. */
#define ANSWERS_AT_ONCE CHANNEL_FLIGHTS

static void fini(struct channel *channel)
{
    (void)channel;
}

/* ---- sending ------------------------------------------------------------------------------------------------------- */

static struct limpet_address address_of(const struct endpoint *endpoint)
{
    struct limpet_address address = {.port = endpoint->port, .kind = endpoint->kind};
    memcpy(address.ip, endpoint->ip, sizeof(address.ip));
    return address;
}

_Static_assert((int)LIMPET_ADDRESS_NONE == (int)ENDPOINT_NONE && (int)LIMPET_ADDRESS_IP == (int)ENDPOINT_IP &&
                   (int)LIMPET_ADDRESS_UNIX == (int)ENDPOINT_UNIX,
               "an endpoint's kind is told as it is");

static int send_connection(struct channel *channel, const struct delivery *delivery, uint32_t number)
{
    struct limpet_message message = {
        .version = LIMPET_WORKER_VERSION,
        .word = LIMPET_CONNECTION,
        .flags = (uint16_t)((delivery->pair ? LIMPET_PAIR : 0) | (delivery->tls ? LIMPET_TLS : 0)),
        .number = number,
        .readable = delivery->readable,
    };
    if (!delivery->requests) { /* else each of them is somebody else's, and says so itself */
        message.key = delivery->key;
        message.client = address_of(&delivery->client);
        message.peer = address_of(&delivery->peer);
    }
    return fdpass_send(channel->source.fd, &message, sizeof(message), &delivery->fd, 1);
}

static int send_ping(struct channel *channel, uint32_t number)
{
    struct limpet_message message = {.version = LIMPET_WORKER_VERSION, .word = LIMPET_PING, .number = number};
    return fdpass_send(channel->source.fd, &message, sizeof(message), NULL, 0);
}

/* The worker sees the end of its channel; what it answers still arrives. */
static int send_leave(struct channel *channel)
{
    return shutdown(channel->source.fd, SHUT_WR) < 0 ? -errno : 0;
}

/* ---- what it says -------------------------------------------------------------------------------------------------- */

static void settle(struct channel *channel, const struct limpet_answer *answer, enum delivery_answer how, bool ping)
{
    struct flight *flight = channel_find(channel, answer->number);
    if (flight && flight->ping == ping)
        channel_settle(channel, flight, how);
}

static void understand(struct channel *channel, const struct limpet_answer *answer)
{
    switch (answer->word) {
    case LIMPET_READY:
        channel_set_doors(channel, 1);
        break;
    case LIMPET_TAKEN:
        settle(channel, answer, DELIVERY_TAKEN, false);
        break;
    case LIMPET_REFUSED:
        settle(channel, answer, DELIVERY_REFUSED, false);
        break;
    case LIMPET_PONG:
        settle(channel, answer, DELIVERY_TAKEN, true);
        break;
    case LIMPET_LIVE:
        channel_set_live(channel, answer->number);
        break;
    default:
        break; /* of a later version */
    }
}

/* Answers have no descriptors; one that has is read without them, and the kernel closes them. */
static int read_answers(struct channel *channel)
{
    struct limpet_answer answers[ANSWERS_AT_ONCE];
    struct iovec parts[ANSWERS_AT_ONCE];
    struct mmsghdr messages[ANSWERS_AT_ONCE] = {0};
    for (size_t i = 0; i < ANSWERS_AT_ONCE; i++) {
        parts[i] = (struct iovec){&answers[i], sizeof(answers[i])};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(channel->source.fd, messages, ANSWERS_AT_ONCE, 0, NULL);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOMEM || errno == ENOBUFS ? -EAGAIN : 0;
    for (int i = 0; i < count; i++) {
        if (messages[i].msg_len == 0)
            return 0;
        channel_heard(channel);
        if (messages[i].msg_len == sizeof(answers[i]) && !(messages[i].msg_hdr.msg_flags & MSG_TRUNC))
            understand(channel, &answers[i]);
    }
    return count > 0;
}

/* ---- taking back --------------------------------------------------------------------------------------------------- */

static int take_back(struct channel *channel, uint32_t *number)
{
    struct limpet_message message;
    if (recv(channel->theirs, &message, sizeof(message), MSG_DONTWAIT) != (ssize_t)sizeof(message))
        return -EAGAIN;
    *number = message.number;
    return 1;
}

const struct channel_contract packet_contract = {
    .contract = CONTRACT_LIMPET,
    .send = send_connection,
    .ping = send_ping,
    .leave = send_leave,
    .read = read_answers,
    .take_back = take_back,
    .fini = fini,
};
