#include "route/trust.h"

static const struct network loopback_ip4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 96 + 8};
static const struct network loopback_ip6 = {{[15] = 1}, 128};

static bool is_loopback(const struct endpoint *who)
{
    return who->kind == ENDPOINT_UNIX || network_contains(&loopback_ip4, who) || network_contains(&loopback_ip6, who);
}

bool trust_believes(const struct plan_trust *trust, const struct endpoint *who)
{
    if (trust->loopback && is_loopback(who))
        return true;
    for (size_t i = 0; i < trust->network_count; i++)
        if (network_contains(&trust->networks[i], who))
            return true;
    return false;
}
