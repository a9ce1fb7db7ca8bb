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

/* Both ends of its channel, for two processes while one takes the other's place. */
#define PER_WORKER 4

/* What the workers' own listen() calls open: few programs have more. */
#define DOORS_OF_WORKERS 8

size_t budget_reserved(const struct plan *plan, size_t descriptors)
{
    size_t sockets = 0;
    for (size_t i = 0; i < plan->listener_count; i++)
        sockets += plan->listeners[i].bind_count;
    size_t workers = plan->worker_count > 0 ? plan->worker_count * PER_WORKER + plan->threads * DOORS_OF_WORKERS : 0;
    return PER_PROCESS + workers + plan->threads * (PER_THREAD + sockets + 2 * budget_pipes(plan, descriptors));
}

uint32_t budget_connections(const struct plan *plan, size_t descriptors)
{
    size_t reserved = budget_reserved(plan, descriptors);
    size_t fit = descriptors > reserved ? (descriptors - reserved) / BUDGET_PER_CONNECTION : 0;
    return fit < plan->limits.connections ? (uint32_t)fit : plan->limits.connections;
}
