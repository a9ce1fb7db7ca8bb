#include "carry/farewell.h"

#include <errno.h>
#include <string.h>

void farewell_start(struct farewell *farewell, struct stream *client, const char *words)
{
    *farewell = (struct farewell){0};
    if (words[0] != '\0' && stream_write(client, words, strlen(words)) < 0)
        return; /* then there is nobody to hear it */
    stream_shutdown(client);
}

bool farewell_is_over(struct farewell *farewell, struct stream *client)
{
    uint8_t dropped[4096];
    while (farewell->dropped < FAREWELL_DROP_MOST) {
        ssize_t got = stream_read(client, dropped, sizeof(dropped));
        if (got == -EAGAIN)
            return false;
        if (got <= 0)
            return true;
        farewell->dropped += (size_t)got;
    }
    return stream_unsent(client) == 0;
}
