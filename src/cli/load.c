#include "cli/load.h"

#include "cli/admin_path.h"
#include "control/powers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Without memory for the command line there is nothing to serve. */
static void *allocate(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory) {
        fputs("limpet: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return memory;
}

void load_init(struct load *l, int argc)
{
    size_t words = (size_t)argc;
    *l = (struct load){.words = allocate(NULL, 5 * (words + 1) * sizeof *l->words)};
    l->flags.listen = l->words;
    l->flags.keys = l->words + words;
    l->flags.trust = l->words + 2 * words;
    l->flags.servers = l->words + 3 * words;
    l->flags.command = l->words + 4 * words;
}

void load_fini(struct load *l)
{
    for (size_t i = 0; i < l->file_count; i++) {
        free(l->files[i].path);
        free(l->files[i].text);
    }
    free(l->files);
    free(l->words);
    *l = (struct load){0};
}

/* The lists are const for everybody but their owner. */
static bool append(const struct load *l, const char *const *list, size_t *count, const char *value)
{
    l->words[(size_t)(list - l->words) + (*count)++] = value;
    return true;
}

static bool take_of_workers(struct conf_flags *flags, enum option option, const char *value)
{
    switch (option) {
    case OPTION_WORKERS:
        flags->workers = value;
        return true;
    case OPTION_CONTRACT:
        flags->contract = value;
        return true;
    case OPTION_NODE_MESSAGE:
        flags->node_message = value;
        return true;
    case OPTION_NODE_PRELOAD:
        flags->node_preload = true;
        return true;
    default:
        return false;
    }
}

bool load_take(struct load *l, enum option option, const char *value)
{
    struct conf_flags *flags = &l->flags;
    switch (option) {
    case OPTION_CONFIG:
        l->config = value;
        return true;
    case OPTION_SEED:
        flags->seed = value;
        return true;
    case OPTION_MODE:
        flags->mode = value;
        return true;
    case OPTION_LISTEN:
        return append(l, flags->listen, &flags->listen_count, value);
    case OPTION_KEY:
        return append(l, flags->keys, &flags->key_count, value);
    case OPTION_TRUST:
        return append(l, flags->trust, &flags->trust_count, value);
    case OPTION_ADMIN:
        l->admin = value;
        return true;
    case OPTION_OPERAND:
        if (flags->run)
            return append(l, flags->command, &flags->command_count, value);
        return append(l, flags->servers, &flags->server_count, value);
    default:
        return take_of_workers(flags, option, value);
    }
}

unsigned load_cpus(struct load *l)
{
    if (l->cpus == 0)
        l->cpus = powers_count_cpus();
    return l->cpus;
}

static int read_with(struct load *l, int (*read)(const char *path, size_t most, char **text, size_t *length),
                     const char *path, struct span *text)
{
    struct load_file file = {0};
    if (l->source)
        return l->source->read(l->source->context, path, text);
    int error = read(path, LOAD_FILE_MOST, &file.text, &file.length);
    if (error)
        return error;
    file.path = strcpy(allocate(NULL, strlen(path) + 1), path);
    l->files = allocate(l->files, (l->file_count + 1) * sizeof *l->files);
    l->files[l->file_count++] = file;
    *text = span_of(file.text, file.length);
    return 0;
}

static int read_file(void *context, const char *path, struct span *text)
{
    return read_with(context, powers_read_file, path, text);
}

static int read_input(void *context, const char *path, struct span *text)
{
    return read_with(context, powers_read_input, path, text);
}

static int read_secret(void *context, const char *path, struct span *text)
{
    return read_with(context, powers_read_secret_file, path, text);
}

static void show(void *context, enum report_severity severity, const char *lines)
{
    const struct load *l = context;
    if (severity == REPORT_ERROR || !l->quiet)
        fputs(lines, stderr);
}

static bool any_flag(const struct conf_flags *flags)
{
    return flags->listen_count || flags->server_count || flags->key_count || flags->trust_count || flags->mode ||
           flags->seed;
}

static int wrong(const struct load *l, const struct options *options)
{
    const struct conf_flags *flags = &l->flags;
    if (flags->run && !flags->command_count)
        return options_wrong(options, "there is no COMMAND: limpet run -w 4 -- node app.js");
    if (flags->run)
        return EXIT_FINE;
    if (l->config && any_flag(flags))
        return options_wrong(options,
                             "--config excludes --listen, --mode, --key, --trust, --seed and servers: the file says "
                             "it all");
    if (!any_flag(flags))
        return EXIT_FINE;
    if (!flags->listen_count && flags->server_count)
        return options_wrong(options, "servers, but nowhere to listen: add -l ADDR (is %s meant to be -c %s?)",
                             flags->servers[0], flags->servers[0]);
    if (!flags->listen_count)
        return options_wrong(options, "flags, but nowhere to listen: add -l ADDR and servers");
    if (!flags->server_count)
        return options_wrong(options, "--listen, but no servers: add [name=]ADDR[,weight=N] for each");
    return EXIT_FINE;
}

static bool colours_wanted(void)
{
    const char *no = getenv("NO_COLOR");
    return isatty(STDERR_FILENO) && (!no || !*no);
}

int load_plan(struct load *l, const struct options *options, struct plan **plan)
{
    int status = wrong(l, options);
    if (status != EXIT_FINE)
        return status;
    char default_path[ADMIN_PATH_SIZE];
    bool run = l->flags.run, from_flags = run || l->flags.listen_count;
    struct conf_files files = {
        .read = from_flags ? read_input : read_file, /* what stands on the command line may be <(...) */
        .read_main = read_input,
        .read_secret = read_secret,
        .find = l->find,
        .context = l,
        .cpus = load_cpus(l),
        .admin = l->admin,
        .admin_fallback = run ? admin_default_path(default_path, sizeof(default_path)) : admin_named_path(),
        .admin_optional = run && !admin_named_path(),
    };
    struct report_out report = {.message = show, .context = l, .colour = colours_wanted()};
    if (from_flags)
        *plan = conf_load_flags(&l->flags, &files, &report);
    else
        *plan = conf_load_file(l->config ? l->config : LOAD_DEFAULT_FILE, &files, &report);
    l->warnings = report.warnings;
    if (*plan)
        return EXIT_FINE;
    if (from_flags)
        return options_try_help(options);
    if (!l->config && options->command->operand && access(LOAD_DEFAULT_FILE, F_OK) != 0)
        fprintf(stderr, "limpet %s: or without a file: limpet %s -l ADDR SERVER...\n", options->command->name,
                options->command->name);
    return EXIT_FAILED;
}
