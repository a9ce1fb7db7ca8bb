#include "carry/pipes.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

/* Room for 256 KiB: measured with 1 MB answers over loopback, 64 KiB costs a fifth more calls and 1 MiB gains nothing. A
 * machine that refuses keeps its 64 KiB. */
#define PIPE_SIZE (256 * 1024)

/* A user who has many pipes gets only tiny ones (pipe(7), pipe-user-pages-soft): copying is better than those. */
#define PIPE_SIZE_LEAST (64 * 1024)

void pipes_init(struct pipes *pipes, size_t most)
{
    assert(most <= PIPES_MOST);
    *pipes = (struct pipes){.most = most};
}

static void shut(struct pipe_pair *pair)
{
    close(pair->read_end);
    close(pair->write_end);
}

void pipes_fini(struct pipes *pipes)
{
    while (pipes->spare_count > 0)
        shut(pipes->spare[--pipes->spare_count]);
}

static bool open_pair(struct pipe_pair *pair)
{
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        return false;
    *pair = (struct pipe_pair){.read_end = ends[0], .write_end = ends[1]};
    int size = fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
    if (size < 0)
        size = fcntl(ends[1], F_GETPIPE_SZ);
    if (size >= PIPE_SIZE_LEAST)
        return true;
    shut(pair);
    return false;
}

struct pipe_pair *pipes_take(struct pipes *pipes)
{
    if (pipes->spare_count > 0)
        return pipes->spare[--pipes->spare_count];
    if (pipes->opened == pipes->most)
        return NULL;
    if (!open_pair(&pipes->pairs[pipes->opened])) {
        pipes->most = pipes->opened; /* asking again for every long run would cost more than it gains */
        return NULL;
    }
    return &pipes->pairs[pipes->opened++];
}

void pipes_return(struct pipes *pipes, struct pipe_pair *pair)
{
    /* A pipe with a dead connection's bytes in it must not be reused: its place gets a fresh one. */
    if (pair->filled > 0) {
        shut(pair);
        if (!open_pair(pair)) {
            /* Out of descriptors: the last opened pair cannot move, so this place stays closed for good. */
            pair->read_end = pair->write_end = -1;
            return;
        }
    }
    pipes->spare[pipes->spare_count++] = pair;
}
