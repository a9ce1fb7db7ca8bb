#include "io/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Bytes of a Unix socket that somebody wanted to look at first. */
struct stream_held {
    size_t start;
    size_t length;
    size_t capacity;
    uint8_t bytes[];
};

void stream_init(struct stream *stream, int fd, bool is_unix, void (*ready)(struct loop_source *, uint32_t events))
{
    *stream = (struct stream){.is_unix = is_unix};
    loop_source_init(&stream->source, fd, ready);
}

void stream_close(struct stream *stream, bool reset)
{
    if (!stream_is_open(stream))
        return;
    if (reset) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(stream->source.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    loop_ignore(&stream->source);
    close(stream->source.fd);
    stream->source.fd = -1;
    free(stream->held);
    stream->held = NULL;
}

/* A short answer means that there is nothing more, so that one call is saved; not so when the end is already known to
 * stand behind the bytes, or where a read stops at marks: TCP's urgent one, and on Unix sockets passed descriptors. */
static bool short_means_empty(const struct stream *stream)
{
    return !stream->hung_up && !stream->urgent && !stream->is_unix;
}

/* What a receiving call answered. */
static ssize_t received(struct stream *stream, ssize_t got, size_t asked)
{
    if (got < 0) {
        stream->readable = errno != EAGAIN && stream->readable;
        return -errno;
    }
    if ((size_t)got < asked && got > 0 && short_means_empty(stream))
        stream->readable = false;
    return got;
}

static ssize_t sent(struct stream *stream, ssize_t put, size_t asked)
{
    if (put < 0) {
        stream->writable = errno != EAGAIN && stream->writable;
        return -errno;
    }
    if ((size_t)put < asked)
        stream->writable = false;
    return put;
}

#define RETRY(result, call)                                                                                            \
    do                                                                                                                 \
        (result) = (call);                                                                                             \
    while ((result) < 0 && errno == EINTR)

/* Grown to `size` at once: it lives only until the first bytes have told who the client is. */
static bool make_room(struct stream *stream, size_t size)
{
    if (stream->held && stream->held->capacity >= size)
        return true;
    struct stream_held *held = realloc(stream->held, sizeof(*held) + size);
    if (!held)
        return false;
    if (!stream->held)
        held->start = held->length = 0;
    held->capacity = size;
    stream->held = held;
    return true;
}

static ssize_t peek_held(struct stream *stream, size_t size, struct span *seen)
{
    if (!make_room(stream, size))
        return -ENOMEM;
    struct stream_held *held = stream->held;
    memmove(held->bytes, held->bytes + held->start, held->length);
    held->start = 0;

    ssize_t got = 0;
    bool ended = false;
    while (held->length < size) {
        RETRY(got, recv(stream->source.fd, held->bytes + held->length, size - held->length, 0));
        if (got <= 0)
            break;
        held->length += (size_t)got;
    }
    ended = got == 0 && held->length < size;
    stream->readable = ended || held->length == size;
    stream->hung_up |= ended;
    *seen = span_of(held->bytes, held->length);
    if (got < 0 && (errno != EAGAIN || held->length == 0))
        return -errno;
    return (ssize_t)held->length;
}

ssize_t stream_peek(struct stream *stream, uint8_t *scratch, size_t size, struct span *seen)
{
    if (stream->held)
        return peek_held(stream, size, seen);
    ssize_t got;
    RETRY(got, recv(stream->source.fd, scratch, size, MSG_PEEK));
    *seen = span_of(scratch, got > 0 ? (size_t)got : 0);
    return got < 0 ? -errno : got;
}

bool stream_hold(struct stream *stream, size_t size)
{
    return stream->is_unix && !stream->held && make_room(stream, size);
}

void stream_want(struct stream *stream, size_t count)
{
    int least = (int)count;
    if (!stream->is_unix)
        setsockopt(stream->source.fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least));
}

static void take_held(struct stream *stream, size_t count)
{
    struct stream_held *held = stream->held;
    held->start += count;
    held->length -= count;
    if (held->length > 0)
        return;
    free(held);
    stream->held = NULL;
}

int stream_take(struct stream *stream, size_t count)
{
    if (stream->held) {
        assert(count <= stream->held->length);
        take_held(stream, count);
        return 0;
    }
    while (count > 0) {
        /* Nearly always a PROXY header or a prefix of some ten bytes: one call. */
        uint8_t dropped[512];
        ssize_t got;
        RETRY(got, recv(stream->source.fd, dropped, count < sizeof(dropped) ? count : sizeof(dropped), 0));
        if (got <= 0)
            return got == 0 ? -EPROTO : -errno;
        count -= (size_t)got;
    }
    return 0;
}

/* ---- messages ------------------------------------------------------------------------------------------------------- */

/* Messages that come in pieces are short, as a rule: room for them doubles as they grow. */
#define FETCH_FIRST 512

static bool make_room_for(struct stream *stream, size_t length, size_t most)
{
    size_t size = FETCH_FIRST;
    while (size < length && size < most)
        size *= 2;
    return make_room(stream, size < most ? size : most);
}

static ssize_t fetch_more(struct stream *stream, size_t most, struct span *seen)
{
    struct stream_held *held = stream->held;
    ssize_t got = -EAGAIN;
    memmove(held->bytes, held->bytes + held->start, held->length);
    held->start = 0;
    if (stream->readable && held->length < most) {
        if (!make_room_for(stream, held->length + held->length / 2 + 1, most))
            return -ENOMEM;
        held = stream->held;
        size_t room = held->capacity - held->length;
        RETRY(got, recv(stream->source.fd, held->bytes + held->length, room, 0));
        got = received(stream, got, room);
        held->length += got > 0 ? (size_t)got : 0;
    }
    *seen = span_of(held->bytes, held->length);
    return got;
}

ssize_t stream_fetch(struct stream *stream, uint8_t *scratch, size_t room, size_t most, struct span *seen)
{
    if (stream->held)
        return fetch_more(stream, most, seen);
    ssize_t got;
    RETRY(got, recv(stream->source.fd, scratch, room, 0));
    *seen = span_of(scratch, got > 0 ? (size_t)got : 0);
    return received(stream, got, room);
}

int stream_keep(struct stream *stream, struct span seen, size_t used)
{
    assert(used <= seen.length);
    if (stream->held) {
        take_held(stream, used);
        return 0;
    }
    if (used == seen.length)
        return 0;
    size_t rest = seen.length - used;
    if (!make_room_for(stream, rest, rest > FETCH_FIRST ? rest : FETCH_FIRST))
        return -ENOMEM;
    memcpy(stream->held->bytes, seen.data + used, rest);
    stream->held->length = rest;
    return 0;
}

int stream_move(struct loop *loop, struct stream *from, struct stream *to, bool watched,
                void (*ready)(struct loop_source *, uint32_t events))
{
    *to = *from;
    loop_source_init(&to->source, from->source.fd, ready);
    loop_ignore(&from->source);
    from->source.fd = -1;
    from->held = NULL;
    return watched ? loop_move(loop, &to->source) : 0;
}

ssize_t stream_read(struct stream *stream, void *bytes, size_t size)
{
    if (stream->held) {
        size_t count = stream->held->length < size ? stream->held->length : size;
        memcpy(bytes, stream->held->bytes + stream->held->start, count);
        take_held(stream, count);
        if (count > 0)
            return (ssize_t)count;
    }
    ssize_t got;
    RETRY(got, recv(stream->source.fd, bytes, size, 0));
    return received(stream, got, size);
}

ssize_t stream_write(struct stream *stream, const void *bytes, size_t size)
{
    ssize_t put;
    RETRY(put, send(stream->source.fd, bytes, size, MSG_NOSIGNAL));
    return sent(stream, put, size);
}

ssize_t stream_write_pieces(struct stream *stream, const struct span *pieces, size_t count)
{
    struct iovec parts[STREAM_PIECES_MOST];
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    size_t size = 0;
    assert(count <= STREAM_PIECES_MOST);
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct iovec){.iov_base = (void *)pieces[i].data, .iov_len = pieces[i].length};
        size += pieces[i].length;
    }
    ssize_t put;
    RETRY(put, sendmsg(stream->source.fd, &message, MSG_NOSIGNAL));
    return sent(stream, put, size);
}

size_t stream_unsent(const struct stream *stream)
{
    int unsent = 0;
    return ioctl(stream->source.fd, SIOCOUTQ, &unsent) == 0 && unsent > 0 ? (size_t)unsent : 0;
}

ssize_t stream_splice_to_pipe(struct stream *stream, int pipe, size_t size)
{
    assert(!stream->held);
    ssize_t got;
    RETRY(got, splice(stream->source.fd, NULL, pipe, NULL, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE));
    /* A short count may only mean that the pipe has no slot left, so it says nothing about the socket. */
    return received(stream, got, got > 0 ? (size_t)got : size);
}

ssize_t stream_splice_from_pipe(struct stream *stream, int pipe, size_t size)
{
    ssize_t put;
    RETRY(put, splice(pipe, NULL, stream->source.fd, NULL, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE));
    return sent(stream, put, size);
}

void stream_shutdown(struct stream *stream)
{
    shutdown(stream->source.fd, SHUT_WR);
}

int stream_error(const struct stream *stream)
{
    int error = 0;
    socklen_t length = sizeof(error);
    if (getsockopt(stream->source.fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return -errno;
    return -error;
}
