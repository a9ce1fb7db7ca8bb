#include "control/budget.h"

#include "carry/pipes.h"

/* Logs, the channel, standard streams, and what libraries open for a moment. */
#define PER_PROCESS 64

/* A loop, its mailbox, and some air. */
#define PER_THREAD 4

size_t budget_pipes(const struct plan *plan, size_t descriptors)
{
    size_t fair = descriptors / 8 / 2 / plan->threads;
    return fair < PIPES_MOST ? fair : PIPES_MOST;
}

size_t budget_reserved(const struct plan *plan, size_t descriptors)
{
    size_t sockets = 0;
    for (size_t i = 0; i < plan->listener_count; i++)
        sockets += plan->listeners[i].bind_count;
    return PER_PROCESS + plan->threads * (PER_THREAD + sockets + 2 * budget_pipes(plan, descriptors));
}

uint32_t budget_connections(const struct plan *plan, size_t descriptors)
{
    size_t reserved = budget_reserved(plan, descriptors);
    size_t fit = descriptors > reserved ? (descriptors - reserved) / BUDGET_PER_CONNECTION : 0;
    return fit < plan->limits.connections ? (uint32_t)fit : plan->limits.connections;
}
