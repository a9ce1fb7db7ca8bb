#include "why/shared.h"

#include "base/clock.h"
#include "control/powers.h"
#include "proto/memcached.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of the one command that is sent. */
#define OPAQUE 1

/* A line, and a value with its end. */
#define REPLY_MOST 2048

static void take_value(struct way *way, const struct pins_shared *names, const struct plan_pool *pool, struct span key,
                       struct span value)
{
    struct way_there *there = &way->there;
    struct pin_scope scope = {.pool = span_text(pool->name), .key = key};
    struct sealed_content content;
    there->state = WAY_THERE_JUNK;
    if (!pin_open(&names->keys, &scope, value, &content))
        return;
    there->made = (clock_wall() - content.time) / SECOND_IN_MICROS;
    there->state = content.server_length == 0 ? WAY_THERE_UNPINNED : WAY_THERE_STRANGER;
    memcpy(there->name, content.server, content.server_length);
    there->name[content.server_length] = '\0';
    for (uint32_t i = 0; i < pool->server_count && content.server_length > 0; i++)
        if (strcmp(pool->servers[i].name, there->name) == 0) {
            there->server = i;
            there->state = WAY_THERE_PINNED;
        }
}

/* 0, or a negative errno; -EAGAIN: it took too long. */
static int hear(int fd, uint8_t *bytes, struct memcached_reply *reply)
{
    size_t length = 0;
    for (;;) {
        ssize_t got = recv(fd, bytes + length, REPLY_MOST - length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -ECONNRESET;
        length += (size_t)got;
        struct parse_result result = memcached_read(span_of(bytes, length), reply);
        if (result.verdict == PARSE_DONE)
            return 0;
        if (result.verdict != PARSE_MORE || length == REPLY_MOST)
            return -EBADMSG;
    }
}

static int converse(int fd, struct span key, uint8_t *bytes, struct memcached_reply *reply)
{
    char command[PINS_KEY_SIZE + 64];
    struct text text;
    text_init(&text, command, sizeof(command));
    memcached_write_get(&text, key, 0, OPAQUE);
    if (send(fd, text.data, text.length, MSG_NOSIGNAL) != (ssize_t)text.length)
        return -errno;
    int failure = hear(fd, bytes, reply);
    bool is_ours = !failure && reply->has_opaque && reply->opaque == OPAQUE &&
                   (reply->word == MEMCACHED_VALUE || reply->word == MEMCACHED_NONE);
    return failure ? failure : is_ours ? 0 : -EBADMSG;
}

void shared_ask(struct way *way, const struct pins_shared *names, const struct plan_pool *pool)
{
    const struct address *address = &names->plan->memcached[pins_memcached_of(names, way->mark)];
    char text[PINS_KEY_SIZE];
    uint8_t bytes[REPLY_MOST];
    struct memcached_reply reply = {.word = MEMCACHED_NONE};
    struct span key = span_of(text, pins_key_text(way->mark, text));
    way->there = (struct way_there){.state = WAY_THERE_FREE, .address = address->text, .server = PIN_NO_SERVER};
    int fd = powers_connect(address, SHARED_PATIENCE_SECONDS);
    int failure = fd < 0 ? fd : converse(fd, key, bytes, &reply);
    if (fd >= 0)
        close(fd);
    way->there.error = failure == -EINPROGRESS || failure == -EAGAIN ? -ETIMEDOUT : failure;
    if (failure)
        way->there.state = failure == -EBADMSG ? WAY_THERE_STRANGE : WAY_THERE_AWAY;
    else if (reply.word == MEMCACHED_VALUE)
        take_value(way, names, pool, key, reply.value);
}
