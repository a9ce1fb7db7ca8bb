#include "control/common.h"

#include "control/powers.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* States and counters are whole cache lines. */
static size_t size_of(const struct plan *plan)
{
    return server_states_size(plan->server_count) + plan->threads * sizeof(struct counters);
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
