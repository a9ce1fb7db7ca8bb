#include "cli/load.h"
#include "control/budget.h"
#include "control/powers.h"
#include "main/plan_text.h"

#include <stdarg.h>
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

/* What the text cannot tell, but this machine can: whatever would keep `serve` from starting here. */
static unsigned complain(const char *path, const char *format, ...) PRINTF_LIKE(2, 3);
static unsigned complain(const char *path, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s: error: ", path);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return 1;
}

static unsigned check_directory(const char *file, const char *what, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    char *directory = strndup(path, (size_t)(slash - path));
    struct stat status;
    bool there = !directory || (stat(directory, &status) == 0 && S_ISDIR(status.st_mode));
    unsigned errors = there ? 0 : complain(file, "%s `%s`: there is no directory `%s`", what, path, directory);
    free(directory);
    return errors;
}

static unsigned check_sockets(const char *file, const struct plan *plan)
{
    unsigned errors = 0;
    for (size_t i = 0; i < plan->listener_count; i++)
        for (size_t j = 0; j < plan->listeners[i].bind_count; j++) {
            const struct address *bind = &plan->listeners[i].binds[j];
            if (address_is_unix(bind))
                errors += check_directory(file, "listener", bind->text + strlen("unix:"));
        }
    return errors;
}

static unsigned check_machine(const char *file, const struct plan *plan)
{
    unsigned errors = check_sockets(file, plan);
    if (plan->user && powers_find_user(plan->user) != 0)
        errors += complain(file, "there is no user `%s`; write a name of /etc/passwd, no number", plan->user);
    if (plan->log.access[0] == '/')
        errors += check_directory(file, "log", plan->log.access);
    if (plan->log.errors[0] == '/')
        errors += check_directory(file, "log", plan->log.errors);
    return errors;
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
        status = check_machine(load.config ? load.config : LOAD_DEFAULT_FILE, plan) > 0 ? EXIT_FAILED
                                                                                        : judge(&load, plan, strict);
    plan_free(plan);
    load_fini(&load);
    return status;
}
