#include "carry/pipes.h"
#include "main/load.h"
#include "main/plan_text.h"

#include <stdio.h>
#include <sys/resource.h>

/* What a thread has open besides connections: its loop, its mailbox, pipes; and what the process has: logs, channels. */
#define PER_THREAD (4 + 2 * PIPES_MOST)
#define PER_PROCESS 32

static unsigned long long descriptors_besides(const struct plan *plan)
{
    unsigned long long binds = 0;
    for (size_t i = 0; i < plan->listener_count; i++)
        binds += plan->listeners[i].bind_count;
    return PER_PROCESS + plan->threads * (PER_THREAD + binds);
}

/* limpet raises the soft limit itself, so the hard one counts. Two for each connection: the client's and the server's. */
static bool warn_of_descriptors(const struct plan *plan)
{
    struct rlimit limit;
    unsigned long long besides = descriptors_besides(plan);
    unsigned long long needed = besides + 2ULL * plan->limits.connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= needed)
        return false;
    unsigned long long there = limit.rlim_max;
    fprintf(stderr,
            "limpet check: warning: `limits: connections` is %u, which takes %llu descriptors; a process may have %llu "
            "here (ulimit -Hn), enough for about %llu connections\n",
            plan->limits.connections, needed, there, there > besides ? (there - besides) / 2 : 0);
    return true;
}

static int judge(const struct load *load, const struct plan *plan, bool strict)
{
    unsigned warnings = load->warnings + warn_of_descriptors(plan);
    plan_text_print(stdout, plan);
    if (warnings == 0)
        return EXIT_FINE;
    fflush(stdout);
    fprintf(stderr, "limpet check: %u warning%s%s\n", warnings, warnings == 1 ? "" : "s",
            strict ? ", which --strict counts as errors" : "");
    return strict ? EXIT_FAILED : EXIT_FINE;
}

int command_check(int argc, char **argv)
{
    struct options options;
    struct load load;
    bool strict = false;
    options_init(&options, "check", argc, argv);
    load_init(&load, argc);
    enum option option;
    while ((option = options_next(&options)) != OPTION_END && option != OPTION_STOP) {
        if (option == OPTION_STRICT)
            strict = true;
        else
            load_take(&load, option, options.value);
    }
    struct plan *plan = NULL;
    int status = option == OPTION_STOP ? (int)options.status : load_plan(&load, &options, &plan);
    if (plan)
        status = judge(&load, plan, strict);
    plan_free(plan);
    load_fini(&load);
    return status;
}
