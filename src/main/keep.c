#include "main/keep.h"

#include "cli/load.h"
#include "cli/options.h"
#include "cli/version.h"
#include "control/bundle.h"
#include "control/engine.h"
#include "control/keeper.h"
#include "control/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The keeper reads the configuration and starts this program again as the engine, with the same words; the engine reads
 * the same texts, but from the bundle it is given. Both count the same CPUs, because the keeper tells the engine. */
#define CPUS_VARIABLE "LIMPET_CPUS"

/* Known, but nothing ends TLS yet. */
static int refuse_tls(const struct options *options, enum option option)
{
    return options_wrong(
        options,
        "--%s is not in this version: let the program itself speak TLS (https.createServer), or a proxy "
        "in front",
        option == OPTION_TLS_CERT ? "tls-cert" : "tls-key");
}

/* False when there is nothing left to do but to end with options->status. */
static bool take_words(struct load *load, struct options *options)
{
    enum option option;
    while ((option = options_next(options)) != OPTION_END) {
        if (option == OPTION_STOP)
            return false;
        if (option == OPTION_TLS_CERT || option == OPTION_TLS_KEY) {
            options->status = (enum exit_status)refuse_tls(options, option);
            return false;
        }
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

/* "limpet engine" and our own words: "serve", or "run", and whatever followed. */
static const char **engine_words(int argc, char **argv)
{
    const char **words = calloc((size_t)argc + 3, sizeof(*words));
    if (!words)
        return NULL;
    words[0] = "limpet";
    words[1] = "engine";
    for (int i = 0; i < argc; i++)
        words[i + 2] = argv[i];
    return words;
}

static int tell_cpus(struct load *load)
{
    char number[16];
    snprintf(number, sizeof(number), "%u", load_cpus(load));
    return setenv(CPUS_VARIABLE, number, 1) == 0 ? 0 : -errno;
}

static int keep(struct load *load, const struct plan *plan, int argc, char **argv)
{
    const char **words = engine_words(argc, argv);
    int bundle = words ? tell_cpus(load) : -ENOMEM;
    if (bundle == 0)
        bundle = pack(load);
    if (bundle < 0) {
        fprintf(stderr, "limpet %s: error: the configuration cannot be kept in memory: %s\n", argv[0],
                strerror(-bundle));
        free(words);
        return EXIT_FAILED;
    }
    struct keeper_config config = {
        .plan = plan, .version = LIMPET_VERSION, .bundle = bundle, .engine_arguments = words};
    int status = keeper_run(&config);
    free(words);
    return status;
}

static void begin(struct load *load, struct options *options, const char *verb, int argc, char **argv)
{
    options_init(options, verb, argc, argv);
    load_init(load, argc);
    load->flags.run = strcmp(verb, "run") == 0;
}

int keep_command(const char *verb, int argc, char **argv)
{
    struct options options;
    struct load load;
    struct plan *plan = NULL;
    begin(&load, &options, verb, argc, argv);
    int status = take_words(&load, &options) ? load_plan(&load, &options, &plan) : (int)options.status;
    if (plan)
        status = keep(&load, plan, argc, argv);
    plan_free(plan);
    load_fini(&load);
    return status;
}

static void not_by_hand(void)
{
    fputs("limpet engine: started by `limpet serve` and `limpet run`, not by hand\n", stderr);
}

static int run_engine(struct load *load, struct options *options)
{
    struct bundle bundle;
    struct plan *plan = NULL;
    int fd = engine_receive_bundle(WIRE_CHANNEL);
    if (fd < 0 || bundle_open(&bundle, fd) != 0) {
        if (fd != -EPIPE)
            not_by_hand();
        return EXIT_FAILED;
    }
    struct conf_files files = {.read = bundle_read, .context = &bundle};
    const char *cpus = getenv(CPUS_VARIABLE);
    load->source = &files;
    load->cpus = cpus ? (unsigned)strtoul(cpus, NULL, 10) : 0;
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
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "serve") != 0 && strcmp(verb, "run") != 0) {
        not_by_hand();
        return EXIT_FAILED;
    }
    begin(&load, &options, verb, argc - 1, argv + 1);
    int status = take_words(&load, &options) ? run_engine(&load, &options) : (int)options.status;
    load_fini(&load);
    return status;
}
