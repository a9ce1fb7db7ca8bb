#include "control/census.h"

#include "control/live.h"
#include "control/status.h"

#include <limits.h>
#include <stdlib.h>

/* More ports than these are not counted on. */
#define PORTS_MOST 256

struct ports {
    uint16_t all[PORTS_MOST];
    size_t count;
};

static void add_port(void *context, const struct address *address)
{
    struct ports *ports = context;
    if (!address_is_unix(address) && ports->count < PORTS_MOST)
        ports->all[ports->count++] = address_port(address);
}

static void count_all(const struct census *census, const struct workers *workers, const struct live *live)
{
    for (size_t i = 0; i < workers->slot_count; i++) {
        const struct slot *slot = &workers->slots[i];
        if (slot->current)
            census->live[slot->server->number] = live_count(live, slot->current->pid);
    }
}

void census_take(struct census *census, const struct status *status, micros age)
{
    struct ports ports = {.count = 0};
    struct live live;
    micros now = clock_steady();
    if (status->plan->worker_count == 0 || (census->live && now - census->taken < age))
        return;
    census->count = status->plan->server_count;
    census->taken = now;
    if (!census->live)
        census->live = malloc(census->count * sizeof(*census->live));
    if (!census->live)
        return;
    for (size_t i = 0; i < census->count; i++)
        census->live[i] = -1;
    status_each_address(status, add_port, &ports);
    if (live_look(&live, ports.all, ports.count) != 0)
        return;
    count_all(census, status->workers, &live);
    live_fini(&live);
}

/* What an engine counted may be anything. */
static int shown(uint64_t count)
{
    return count < INT_MAX ? (int)count : INT_MAX;
}

int census_live(const struct census *census, const struct status *status, const struct plan_server *server)
{
    struct server_figures figures;
    server_figures(status->states, server->number, &figures);
    if (figures.live_told)
        return shown(figures.live);
    if (server->slot == 0)
        return shown((uint64_t)figures.live + figures.requests);
    int live = census->live && server->number < census->count ? census->live[server->number] : -1;
    if (live < 0)
        return live;
    return shown((uint64_t)live + figures.requests); /* which come over socketpairs, and are not seen there */
}

void census_fini(struct census *census)
{
    free(census->live);
    *census = (struct census){0};
}
