#include "control/wire.h"

#include "io/fdpass.h"

#include <errno.h>
#include <unistd.h>

int wire_send(int channel, enum wire_kind kind, uint32_t number, const int *fds, size_t count)
{
    struct wire_message message = {kind, number};
    return fdpass_send(channel, &message, sizeof(message), fds, count);
}

int wire_receive(int channel, struct wire_message *message, int fds[WIRE_FDS_MOST], size_t *count)
{
    ssize_t got = fdpass_receive(channel, message, sizeof(*message), fds, WIRE_FDS_MOST, count);
    if (got == (ssize_t)sizeof(*message))
        return 1;
    for (size_t i = 0; i < *count; i++)
        close(fds[i]);
    *count = 0;
    return got > 0 ? -EPROTO : (int)got;
}
