#include "demo/place.h"

#include "control/powers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The kernel chooses; the port is free again until limpet takes it, a moment later. */
static int find_free_port(struct address *address)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    address_set_port(address, 0);
    int fd = powers_listen(address, false, 0);
    if (fd < 0)
        return fd;
    int failure = getsockname(fd, (struct sockaddr *)&bound, &length) < 0 ? -errno : 0;
    if (!failure)
        address_set_port(address, endpoint_from_sockaddr((const struct sockaddr *)&bound).port);
    close(fd);
    return failure;
}

static int find_address(struct demo_place *place)
{
    if (address_parse(span_text(DEMO_PLACE_USUAL), &place->address) != NULL)
        return -EINVAL;
    place->usual_is_taken = powers_probe(&place->address) != 0;
    return place->usual_is_taken ? find_free_port(&place->address) : 0;
}

static int take_wish(struct address *address)
{
    bool any_port = !address_is_unix(address) && address_port(address) == 0;
    return any_port ? find_free_port(address) : powers_probe(address);
}

/* Where limpet listens everywhere, loopback is near. */
static void find_door(struct demo_place *place)
{
    static const uint8_t nowhere[16];
    place->door = place->address;
    if (address_is_unix(&place->address))
        return;
    struct endpoint e = endpoint_from_sockaddr((const struct sockaddr *)&place->address.storage);
    bool any = endpoint_is_ip4(&e) ? memcmp(e.ip + 12, nowhere, 4) == 0 : memcmp(e.ip, nowhere, 16) == 0;
    bool only_ip6 = place->address.text[0] == '[';
    if (any && address_parse(span_text(only_ip6 ? "[::1]:1" : "127.0.0.1:1"), &place->door) == NULL)
        address_set_port(&place->door, address_port(&place->address));
}

static void find_words(struct demo_place *place)
{
    const char *who = "X-Forwarded-For: 198.51.100.7";
    if (address_is_unix(&place->address)) {
        snprintf(place->url, sizeof(place->url), "%s", place->address.text);
        snprintf(place->curl, sizeof(place->curl), "curl --unix-socket %s -H '%s' http://limpet/",
                 place->address.text + strlen("unix:"), who);
        return;
    }
    snprintf(place->url, sizeof(place->url), "http://%s/", place->door.text);
    snprintf(place->curl, sizeof(place->curl), "curl -H '%s' %s", who, place->url);
}

int demo_place_find(struct demo_place *place, const struct address *wish)
{
    if (wish)
        place->address = *wish;
    int failure = wish ? take_wish(&place->address) : find_address(place);
    if (failure)
        return failure;
    find_door(place);
    find_words(place);
    return 0;
}
