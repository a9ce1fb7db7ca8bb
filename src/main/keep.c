#include "cli/command.h"
#include "cli/load.h"
#include "cli/options.h"
#include "control/bundle.h"
#include "control/engine.h"
#include "control/keeper.h"
#include "control/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The two halves of `limpet serve`. The keeper reads the configuration and starts this program again as the engine, with
 * the same words; the engine reads the same texts, but from the bundle it is given. */

/* False when there is nothing left to do but to end with options->status. */
static bool take_words(struct load *load, struct options *options)
{
    enum option option;
    while ((option = options_next(options)) != OPTION_END) {
        if (option == OPTION_STOP)
            return false;
        load_take(load, option, options->value);
    }
    return true;
}

static int pack(const struct load *load)
{
    struct bundle_file *files = calloc(load->file_count + 1, sizeof(*files));
    if (!files)
        return -ENOMEM;
    for (size_t i = 0; i < load->file_count; i++)
        files[i] = (struct bundle_file){load->files[i].path, span_of(load->files[i].text, load->files[i].length)};
    int fd = bundle_pack(files, load->file_count);
    free(files);
    return fd;
}

/* "limpet engine" and whatever followed "limpet serve". */
static const char **engine_words(int argc, char **argv)
{
    const char **words = calloc((size_t)argc + 2, sizeof(*words));
    if (!words)
        return NULL;
    words[0] = "limpet";
    words[1] = "engine";
    for (int i = 1; i < argc; i++)
        words[i + 1] = argv[i];
    return words;
}

static int keep(const struct load *load, const struct plan *plan, int argc, char **argv)
{
    const char **words = engine_words(argc, argv);
    int bundle = words ? pack(load) : -ENOMEM;
    if (bundle < 0) {
        fprintf(stderr, "limpet serve: error: the configuration cannot be kept in memory: %s\n", strerror(-bundle));
        free(words);
        return EXIT_FAILED;
    }
    struct keeper_config config = {.plan = plan, .bundle = bundle, .engine_arguments = words};
    int status = keeper_run(&config);
    free(words);
    return status;
}

int command_serve(int argc, char **argv)
{
    struct options options;
    struct load load;
    struct plan *plan = NULL;
    options_init(&options, "serve", argc, argv);
    load_init(&load, argc);
    int status = take_words(&load, &options) ? load_plan(&load, &options, &plan) : (int)options.status;
    if (plan)
        status = keep(&load, plan, argc, argv);
    plan_free(plan);
    load_fini(&load);
    return status;
}

static int run_engine(struct load *load, struct options *options)
{
    struct bundle bundle;
    struct plan *plan = NULL;
    int fd = engine_receive_bundle(WIRE_CHANNEL);
    if (fd < 0 || bundle_open(&bundle, fd) != 0) {
        if (fd != -EPIPE)
            fputs("limpet engine: started by `limpet serve`, not by hand\n", stderr);
        return EXIT_FAILED;
    }
    struct conf_files files = {.read = bundle_read, .context = &bundle};
    load->source = &files;
    load->quiet = true;
    int status = load_plan(load, options, &plan);
    if (plan)
        status = engine_run(WIRE_CHANNEL, plan);
    plan_free(plan);
    bundle_close(&bundle);
    return status;
}

int command_engine(int argc, char **argv)
{
    struct options options;
    struct load load;
    options_init(&options, "serve", argc, argv);
    load_init(&load, argc);
    int status = take_words(&load, &options) ? run_engine(&load, &options) : (int)options.status;
    load_fini(&load);
    return status;
}
