#include "session/greeting.h"

#include "proto/proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define GREETING_MOST (PROXY_V1_MAX + FACTS_UNWRAPPED_MAX)

/* A client whose connection came over a Unix socket has an address (a proxy told it), but reached none: the header then
 * names the unspecified one, since without a destination it could not name the client either. */
static struct endpoint destination_of(const struct facts *facts, int client_fd)
{
    static const uint8_t unspecified[4];
    if (facts->local.kind == ENDPOINT_IP)
        return facts->local;
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(own);
    if (getsockname(client_fd, (struct sockaddr *)&own, &length) == 0 && own.ss_family != AF_UNIX)
        return endpoint_from_sockaddr((const struct sockaddr *)&own);
    return endpoint_from_ip4(unspecified, 0);
}

static size_t add_proxy(const struct plan_pool *pool, const struct facts *facts, const struct endpoint *client,
                        int client_fd, uint8_t *bytes)
{
    if (pool->send_proxy == SEND_PROXY_OFF)
        return 0;
    struct endpoint destination = destination_of(facts, client_fd);
    return pool->send_proxy == SEND_PROXY_V1 ? proxy_write_v1(bytes, client, &destination)
                                             : proxy_write_v2(bytes, client, &destination);
}

static size_t add_prefix(const struct plan_pool *pool, const struct facts *facts, const struct endpoint *client,
                         uint8_t *bytes)
{
    switch (pool->send_prefix) {
    case SEND_PREFIX_OFF:
        break;
    case SEND_PREFIX_IP4:
        memset(bytes, 0, 4);
        if (client->kind == ENDPOINT_IP && endpoint_is_ip4(client))
            memcpy(bytes, client->ip + 12, 4);
        return 4;
    case SEND_PREFIX_IP6:
        memset(bytes, 0, 16);
        if (client->kind == ENDPOINT_IP)
            memcpy(bytes, client->ip, 16);
        return 16;
    case SEND_PREFIX_UNWRAPPED:
        memcpy(bytes, facts->unwrapped, facts->unwrapped_length);
        return facts->unwrapped_length;
    }
    return 0;
}

int greeting_make(const struct plan_pool *pool, const struct facts *facts, int client_fd, struct greeting **greeting)
{
    *greeting = NULL;
    if (pool->send_proxy == SEND_PROXY_OFF && pool->send_prefix == SEND_PREFIX_OFF)
        return 0;
    const struct endpoint *client = facts->client_known == KNOWN_PRESENT ? &facts->client : &facts->source;
    uint8_t bytes[GREETING_MOST];
    size_t length = add_proxy(pool, facts, client, client_fd, bytes);
    length += add_prefix(pool, facts, client, bytes + length);
    if (length == 0)
        return 0;
    *greeting = malloc(sizeof(**greeting) + length);
    if (!*greeting)
        return -ENOMEM;
    (*greeting)->length = length;
    memcpy((*greeting)->bytes, bytes, length);
    return 0;
}

void greeting_free(struct greeting *greeting)
{
    free(greeting);
}
