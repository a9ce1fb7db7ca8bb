#include "carry/pipes.h"
#include "main/load.h"
#include "main/plan_text.h"

#include <stdio.h>
#include <sys/resource.h>

/* About what the engine sets aside: for each thread its loop, mailbox and pipes; for the process logs and channels. */
#define PER_THREAD (4 + 2 * PIPES_MOST)
#define PER_PROCESS 64

static unsigned long long descriptors_besides(const struct plan *plan)
{
    unsigned long long binds = 0;
    for (size_t i = 0; i < plan->listener_count; i++)
        binds += plan->listeners[i].bind_count;
    return PER_PROCESS + plan->threads * (PER_THREAD + binds);
}

/* limpet raises the soft limit itself, so the hard one counts. Two for each connection: the client's and the server's.
 * No warning: limpet takes fewer connections then, and the file may be meant for another machine. */
static void print_descriptors(const struct plan *plan)
{
    struct rlimit limit;
    unsigned long long besides = descriptors_besides(plan);
    unsigned long long needed = besides + 2ULL * plan->limits.connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    printf("\ndescriptors\n  needed %llu, ", needed);
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= needed)
        printf("and a process may have that many here\n");
    else
        printf("but a process may have %llu here (ulimit -Hn): enough for about %llu connections\n",
               (unsigned long long)limit.rlim_max,
               limit.rlim_max > besides ? ((unsigned long long)limit.rlim_max - besides) / 2 : 0);
}

static int judge(const struct load *load, const struct plan *plan, bool strict)
{
    plan_text_print(stdout, plan);
    print_descriptors(plan);
    if (load->warnings == 0)
        return EXIT_FINE;
    fflush(stdout);
    fprintf(stderr, "limpet check: %u warning%s%s\n", load->warnings, load->warnings == 1 ? "" : "s",
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
