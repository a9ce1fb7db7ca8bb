#ifndef LIMPET_CARRY_PIPES_H
#define LIMPET_CARRY_PIPES_H

/* Pipes for splice(2), kept by a thread. A relay has one only while bytes are in it; an idle one has none. */

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* Pipes that one thread may have at once, if there are descriptors enough. Each is two descriptors, which are set aside when the descriptors for
 * connections are counted. When all are taken, bytes are copied instead. */
#define PIPES_MOST 32

struct pipe_pair {
    int read_end;
    int write_end;
    size_t filled; /* bytes in it */
};

struct pipes {
    struct pipe_pair pairs[PIPES_MOST];
    struct pipe_pair *spare[PIPES_MOST]; /* open and empty */
    size_t most;
    size_t opened;
    size_t spare_count;
};

/* `most` of them, at most PIPES_MOST; 0 is fine. */
void pipes_init(struct pipes *pipes, size_t most);
void pipes_fini(struct pipes *pipes);

/* An empty pipe, or null if there is none left. */
MUST_CHECK struct pipe_pair *pipes_take(struct pipes *pipes);

/* Gives a pipe back; what is still in it is dropped. */
void pipes_return(struct pipes *pipes, struct pipe_pair *pair);

#endif
