#include "cli/load.h"
#include "control/budget.h"
#include "control/powers.h"
#include "main/plan_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* limpet raises the soft limit itself, so the hard one counts. Two for each connection: the client's and the server's.
 * No warning: limpet takes fewer connections then, and the file may be meant for another machine. */
static void print_descriptors(const struct plan *plan)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    unsigned long long needed = budget_reserved(plan, limit.rlim_max) + 2ULL * plan->limits.connections;
    printf("\ndescriptors\n  needed %llu, ", needed);
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= needed)
        printf("and a process may have that many here\n");
    else
        printf("but a process may have %llu here (ulimit -Hn): enough for %u connections\n",
               (unsigned long long)limit.rlim_max, budget_connections(plan, limit.rlim_max));
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

static int find_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    char *folder = strndup(path, (size_t)(slash - path));
    if (!folder)
        return -ENOMEM;
    struct stat found;
    bool there = stat(folder, &found) == 0 && S_ISDIR(found.st_mode);
    free(folder);
    return there ? 0 : -ENOENT;
}

/* What the text cannot tell, but this machine can: whatever would keep `serve` from starting here. Who may write there
 * is not asked: `serve` may be started by somebody else. */
static int find(void *context, enum conf_need need, const char *name)
{
    struct stat found;
    switch (need) {
    case CONF_NEED_LOG:
    case CONF_NEED_PINS:
        return stat(name, &found) == 0 && S_ISDIR(found.st_mode) ? -EISDIR : find_folder(name);
    case CONF_NEED_SOCKET:
        return lstat(name, &found) == 0 && !S_ISSOCK(found.st_mode) ? -EEXIST : find_folder(name);
    case CONF_NEED_USER:
        return powers_find_user(name);
    case CONF_NEED_GROUP:
        return powers_find_group(name);
    case CONF_NEED_FOLDER:
        return stat(name, &found) == 0 && S_ISDIR(found.st_mode) ? 0 : -ENOENT;
    }
    return 0;
}

int command_check(int argc, char **argv)
{
    struct options options;
    struct load load;
    bool strict = false;
    options_init(&options, "check", argc, argv);
    load_init(&load, argc);
    load.find = find;
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
