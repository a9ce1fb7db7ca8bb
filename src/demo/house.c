#include "demo/house.h"

#include "base/text.h"
#include "control/powers.h"
#include "proto/cut.h"
#include "proto/head_lookup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* More at once is not a demo any more. */
#define CALLS_MOST 256
#define HEAD_MOST 4096

/* Somebody is asking. */
struct call {
    struct loop_source source;
    struct loop_grave grave;
    struct list link;
    struct demo_house *house;
    struct head head;
    size_t length;
    uint8_t bytes[HEAD_MOST];
};

static void call_free(struct loop_grave *grave)
{
    free(container_of(grave, struct call, grave));
}

static void call_end(struct call *call)
{
    loop_ignore(&call->source);
    close(call->source.fd);
    list_remove(&call->link);
    call->house->call_count--;
    loop_bury(call->house->loop, &call->grave, call_free);
}

/* What the asker says who he is; only an address is shown, never text that he chose. */
static bool name_asker(const struct call *call, char who[ENDPOINT_TEXT_SIZE])
{
    unsigned count;
    struct endpoint address;
    struct span bytes = span_of(call->bytes, call->length);
    struct span value = head_field(&call->head, bytes, span_text("x-forwarded-for"), &count);
    if (count != 1 || !endpoint_parse(span_trim(cut_before(value, ',')), &address)) /* limpet itself stands behind */
        return false;
    address.port = 0;
    endpoint_text(&address, who);
    return true;
}

static void answer(struct call *call)
{
    unsigned ours;
    char who[ENDPOINT_TEXT_SIZE];
    char body[160];
    char all[512];
    struct span bytes = span_of(call->bytes, call->length);
    bool named = name_asker(call, who);
    if (!named)
        snprintf(who, sizeof(who), "you");
    head_field(&call->head, bytes, span_text(DEMO_CLIENT_FIELD), &ours);
    int length = snprintf(body, sizeof(body), "Hello%s%s, your home is server %c.\n", named ? " " : "",
                          named ? who : "", call->house->name);
    int whole = snprintf(all, sizeof(all),
                         "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n" DEMO_SERVER_FIELD
                         "%c\r\nConnection: close\r\n\r\n%s",
                         length, call->house->name, body);
    /* A fresh socket takes so few bytes at once, or else the asker is gone. */
    if (send(call->source.fd, all, (size_t)whole, MSG_NOSIGNAL) == whole && ours == 0)
        call->house->guest(call->house, who);
}

static void call_ready(struct loop_source *source, uint32_t events)
{
    struct call *call = container_of(source, struct call, source);
    ssize_t count = recv(source->fd, call->bytes + call->length, sizeof(call->bytes) - call->length, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        call_end(call);
        return;
    }
    call->length += (size_t)count;
    struct parse_result result = head_read(&call->head, span_of(call->bytes, call->length));
    if (result.verdict == PARSE_DONE)
        answer(call);
    if (result.verdict != PARSE_MORE || call->length == sizeof(call->bytes))
        call_end(call);
}

static void call_start(struct demo_house *house, int fd)
{
    struct call *call = house->call_count < CALLS_MOST ? calloc(1, sizeof(*call)) : NULL;
    if (!call) {
        close(fd);
        return;
    }
    call->house = house;
    list_append(&house->calls, &call->link);
    house->call_count++;
    loop_source_init(&call->source, fd, call_ready);
    if (loop_add(house->loop, &call->source, LOOP_READ) != 0)
        call_end(call);
}

static void house_ready(struct loop_source *source, uint32_t events)
{
    struct demo_house *house = container_of(source, struct demo_house, listener);
    for (;;) {
        int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        call_start(house, fd);
    }
}

void demo_house_init(struct demo_house *house, struct loop *loop, int number,
                     void (*guest)(struct demo_house *, const char *))
{
    *house = (struct demo_house){.loop = loop, .number = number, .name = (char)('a' + number), .guest = guest};
    loop_source_init(&house->listener, -1, house_ready);
    list_init(&house->calls);
    /* Cannot be wrong; the port is replaced by the kernel's choice. */
    const char *wrong = address_parse(span_text("127.0.0.1:1"), &house->address);
    if (!wrong)
        address_set_port(&house->address, 0);
}

int demo_house_open(struct demo_house *house)
{
    int fd = powers_listen(&house->address, false, 0);
    if (fd < 0)
        return fd;
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    if (getsockname(fd, (struct sockaddr *)&bound, &length) == 0)
        address_set_port(&house->address, endpoint_from_sockaddr((const struct sockaddr *)&bound).port);
    loop_source_init(&house->listener, fd, house_ready);
    int failure = loop_add(house->loop, &house->listener, LOOP_ACCEPT);
    if (failure)
        demo_house_close(house);
    return failure;
}

void demo_house_close(struct demo_house *house)
{
    if (house->listener.fd < 0)
        return;
    house_ready(&house->listener, 0);
    loop_ignore(&house->listener);
    close(house->listener.fd);
    house->listener.fd = -1;
}

void demo_house_fini(struct demo_house *house)
{
    demo_house_close(house);
    while (!list_is_empty(&house->calls))
        call_end(container_of(house->calls.next, struct call, link));
}
