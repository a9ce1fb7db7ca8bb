#ifndef LIMPET_IO_STREAM_H
#define LIMPET_IO_STREAM_H

/* A stream is the one face of bytes: whoever carries them does not know what lies below. Today that is a plain TCP or
 * Unix socket. Bytes can be looked at without taking them: they stay in the kernel (MSG_PEEK). Who wants to look at more on
 * a Unix socket has them held here, to be given out first: the kernel lets nobody write on who has written some hundred times
 * and was not read.
 *
 * Edge-triggered: `readable` and `writable` say what is worth trying. Calls clear them when the kernel has nothing more;
 * stream_notice() sets them from events.
 *
 * Calls that move bytes return a count, 0 at the end of the stream, or a negative errno; -EAGAIN: wait. */

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/span.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream {
    struct loop_source source;
    struct stream_held *held; /* bytes taken from the kernel and not yet read; null: none */
    bool readable;
    bool writable;
    bool hung_up; /* the peer has ended its direction: read on until the end shows */
    bool broken;  /* ... and there is nobody left to write to: a TCP connection was reset */
    bool urgent;  /* TCP urgent data came: reading stops at its mark though more bytes are there (tcp(7)) */
    bool is_unix; /* closing one's end of such a socket looks the same as breaking it, and is no harm */
};

/* Takes over a connected (or connecting), non-blocking socket. */
void stream_init(struct stream *stream, int fd, bool is_unix, void (*ready)(struct loop_source *, uint32_t events));

/* Closes the socket, drops held bytes. `reset` makes a TCP peer see a reset instead of an orderly end. Twice is fine. */
void stream_close(struct stream *stream, bool reset);

static inline bool stream_is_open(const struct stream *stream)
{
    return stream->source.fd >= 0;
}

/* Notes what epoll said. */
static inline void stream_notice(struct stream *stream, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR))
        stream->readable = true;
    if (events & EPOLLPRI)
        stream->urgent = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        stream->writable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        stream->hung_up = true;
    if (events & (EPOLLHUP | EPOLLERR))
        stream->broken = !stream->is_unix;
}

/* Shows bytes at the front of the stream without taking them: as many as are there, at most `size`. *seen lies in
 * `scratch` or in the stream itself, and stays valid until the next call for this stream. Returns their count; 0 only at
 * the end of the stream with nothing before it. */
MUST_CHECK ssize_t stream_peek(struct stream *stream, uint8_t *scratch, size_t size, struct span *seen);

/* After a peek that did not show enough: true if bytes are held from now on, and another peek may show more at once. */
MUST_CHECK bool stream_hold(struct stream *stream, size_t size);

/* After a peek: do not wake up before `count` bytes are there (or the stream ends). 1 goes back to normal. A saving, not
 * a promise. */
void stream_want(struct stream *stream, size_t count);

/* Takes exactly the first `count` bytes off a stream that stream_peek() has shown. 0 or a negative errno. */
MUST_CHECK int stream_take(struct stream *stream, size_t count);

/* For whoever reads messages: shows what is at the front and has taken it out of the kernel, so stream_keep() must follow. What
 * is held already is shown with what has come since, at most `most` bytes in all; if nothing is held, one read goes to
 * `scratch`, which has `room`. Returns the number of bytes that are new, 0 at the end of the stream, or a negative
 * errno; *seen shows what is held in any case. */
MUST_CHECK ssize_t stream_fetch(struct stream *stream, uint8_t *scratch, size_t room, size_t most, struct span *seen);

/* The first `used` of the bytes that stream_fetch() has shown are done with; the others are held. 0 or -ENOMEM. */
MUST_CHECK int stream_keep(struct stream *stream, struct span seen, size_t used);

/* True if bytes are held, which no event will tell of. */
static inline bool stream_holds(const struct stream *stream)
{
    return stream->held != NULL;
}

/* The stream moves to another owner: `from` is as if closed, and its events go to `to`. `watched`: the loop knows it. 0 or a
 * negative errno; then the loop tells nobody. */
MUST_CHECK int stream_move(struct loop *loop, struct stream *from, struct stream *to, bool watched,
                           void (*ready)(struct loop_source *, uint32_t events));

MUST_CHECK ssize_t stream_read(struct stream *stream, void *bytes, size_t size);
MUST_CHECK ssize_t stream_write(struct stream *stream, const void *bytes, size_t size);
/* `count` pieces, at most STREAM_PIECES_MOST, with one call. */
#define STREAM_PIECES_MOST 8
MUST_CHECK ssize_t stream_write_pieces(struct stream *stream, const struct span *pieces, size_t count);

/* How many bytes were written and have not reached the peer yet; 0 if nobody can tell. */
size_t stream_unsent(const struct stream *stream);

/* Moves bytes to or from a pipe without copying them (splice(2)). A 0 may also mean that urgent data is in the way: only
 * stream_read() knows the end. */
MUST_CHECK ssize_t stream_splice_to_pipe(struct stream *stream, int pipe, size_t size);
MUST_CHECK ssize_t stream_splice_from_pipe(struct stream *stream, int pipe, size_t size);

/* Nothing more will be written: the peer sees the end. The other direction goes on. */
void stream_shutdown(struct stream *stream);

/* 0, or the error that a connect or a write left behind, as a negative errno. */
int stream_error(const struct stream *stream);

#endif
