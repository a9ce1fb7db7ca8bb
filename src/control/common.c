#include "control/common.h"

#include "control/powers.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* States, counters and pins begin with a cache line each. */
#define LINE 64

static size_t whole_lines(size_t size)
{
    return (size + LINE - 1) / LINE * LINE;
}

static size_t size_of_states(const struct plan *plan)
{
    return server_states_size(plan->server_count) + plan->threads * sizeof(struct counters);
}

static size_t size_of_breakers(const struct plan *plan)
{
    return whole_lines(plan->memcached_count * sizeof(struct breaker));
}

static size_t size_of(const struct plan *plan)
{
    size_t pins = pins_are_wanted(plan) ? pin_memory_size(plan->pins.most) : 0;
    return size_of_states(plan) + size_of_breakers(plan) + pins;
}

static int map(struct common *common, const struct plan *plan, int fd)
{
    size_t size = size_of(plan);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    common->memory = memory;
    common->size = size;
    common->view = server_states_at(memory, plan->server_count);
    common->states = &common->view;
    common->counters = (void *)((char *)memory + server_states_size(plan->server_count));
    if (!pins_are_wanted(plan))
        return 0;
    common->breakers = (void *)((char *)memory + size_of_states(plan));
    common->pins = (char *)common->breakers + size_of_breakers(plan);
    return 0;
}

int common_make(struct common *common, const struct plan *plan)
{
    int fd = powers_shared_memory(size_of(plan));
    int failure = fd < 0 ? fd : map(common, plan, fd);
    if (failure && fd >= 0)
        close(fd);
    return failure ? failure : fd;
}

/* Nobody is at the doors of the workers until they say so again. */
static void close_doors(struct server_states *states, const struct plan *plan)
{
    for (size_t i = 0; i < plan->pool_count; i++)
        for (size_t j = 0; j < plan->pools[i].server_count; j++)
            if (plan->pools[i].servers[j].slot != 0)
                server_set_doors(states, plan->pools[i].servers[j].number, 0);
}

int common_take(struct common *common, const struct plan *plan, int fd)
{
    int failure = map(common, plan, fd);
    if (failure)
        return failure;
    server_states_reset(common->states);
    close_doors(common->states, plan);
    for (size_t thread = 0; thread < plan->threads; thread++)
        for (enum gauge gauge = 0; gauge < GAUGE_COUNT; gauge++)
            gauge_set(&common->counters[thread], gauge, 0);
    return 0;
}

void common_fini(struct common *common)
{
    if (common->memory)
        munmap(common->memory, common->size);
    *common = (struct common){0};
}
