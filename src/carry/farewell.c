#include "carry/farewell.h"

#include <errno.h>
#include <string.h>

/* Read and dropped in one turn. */
#define TURN_MOST FAREWELL_DROP_MOST

void farewell_start(struct farewell *farewell, struct stream *hearer, const char *words)
{
    *farewell = (struct farewell){.unsent = UINT32_MAX};
    if (words[0] != '\0' && stream_write(hearer, words, strlen(words)) < 0)
        return; /* then there is nobody to hear it */
    stream_shutdown(hearer);
}

enum farewell_answer farewell_run(struct farewell *farewell, struct stream *hearer)
{
    uint8_t dropped[4096];
    for (size_t turn = 0; turn < TURN_MOST; turn += sizeof(dropped)) {
        ssize_t got = stream_read(hearer, dropped, sizeof(dropped));
        if (got == -EAGAIN)
            return FAREWELL_WAIT;
        if (got <= 0)
            return FAREWELL_OVER;
        if (farewell->dropped < FAREWELL_DROP_MOST)
            farewell->dropped += (uint32_t)got;
        if (farewell->dropped >= FAREWELL_DROP_MOST && stream_unsent(hearer) == 0)
            return FAREWELL_OVER;
    }
    return FAREWELL_AGAIN;
}

bool farewell_is_heard_on(struct farewell *farewell, const struct stream *hearer)
{
    size_t unsent = stream_unsent(hearer);
    bool takes = unsent > 0 && unsent < farewell->unsent;
    farewell->unsent = unsent < UINT32_MAX ? (uint32_t)unsent : UINT32_MAX;
    return takes;
}
