#include "conf/reach.h"

static struct endpoint endpoint_of(const struct address *a)
{
    return endpoint_from_sockaddr((const struct sockaddr *)&a->storage);
}

static bool is_local(const struct address *a)
{
    static const struct network loopbacks[] = {
        {.ip = {[10] = 0xff, [11] = 0xff, [12] = 127}, .bits = 104},
        {.ip = {[15] = 1}, .bits = 128},
    };
    struct endpoint e = endpoint_of(a);
    return e.kind == ENDPOINT_UNIX || network_contains(&loopbacks[0], &e) || network_contains(&loopbacks[1], &e);
}

bool reach_is_local(const struct plan_listener *listener)
{
    for (size_t i = 0; i < listener->bind_count; i++)
        if (!is_local(&listener->binds[i]))
            return false;
    return listener->bind_count > 0;
}

const struct address *reach_unix(const struct plan_listener *listener)
{
    for (size_t i = 0; i < listener->bind_count; i++)
        if (address_is_unix(&listener->binds[i]))
            return &listener->binds[i];
    return NULL;
}

const struct address *reach_ip6(const struct plan_listener *listener)
{
    for (size_t i = 0; i < listener->bind_count; i++) {
        struct endpoint e = endpoint_of(&listener->binds[i]);
        if (e.kind == ENDPOINT_IP && !endpoint_is_ip4(&e))
            return &listener->binds[i];
    }
    return NULL;
}
