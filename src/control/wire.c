#include "control/wire.h"

#include "io/fdpass.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HEADER offsetof(struct wire_message, text)

void wire_init(struct wire_message *message, enum wire_kind kind)
{
    memset(message, 0, HEADER);
    message->kind = kind;
    message->text[0] = '\0';
}

int wire_send_message(int channel, const struct wire_message *message, const int *fds, size_t count)
{
    assert(message->length <= WIRE_TEXT_MOST);
    return fdpass_send(channel, message, HEADER + message->length, fds, count);
}

int wire_send(int channel, enum wire_kind kind, uint32_t number, const int *fds, size_t count)
{
    struct wire_message message;
    wire_init(&message, kind);
    message.number = number;
    return wire_send_message(channel, &message, fds, count);
}

int wire_receive(int channel, struct wire_message *message, int fds[WIRE_FDS_MOST], size_t *count)
{
    ssize_t got = fdpass_receive(channel, message, HEADER + WIRE_TEXT_MOST, fds, WIRE_FDS_MOST, count);
    if (got >= (ssize_t)HEADER && (size_t)got == HEADER + message->length) {
        message->text[message->length] = '\0';
        return 1;
    }
    for (size_t i = 0; i < *count; i++)
        close(fds[i]);
    *count = 0;
    return got > 0 ? -EPROTO : (int)got;
}
