#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"

#include <jansson.h>
#include <stdio.h>

static int order(const struct ask *ask)
{
    struct ask_answer answer;
    int status = ask_for(ask, "POST", "/v1/reload", &answer);
    if (status != EXIT_FINE)
        return status;
    if (answer.status != 202) {
        fprintf(stderr, "limpet reload: %s\n", ask_complaint(&answer));
        status = EXIT_FAILED;
    }
    ask_answer_fini(&answer);
    return status;
}

static int wait_until_reloaded(struct ask *ask)
{
    for (;;) {
        struct ask_answer answer;
        int status = ask_status(ask, &answer);
        if (status != EXIT_FINE)
            return status;
        bool reloading = json_is_true(json_object_get(answer.json, "reloading"));
        bool failed = json_is_true(json_object_get(answer.json, "reload_failed"));
        ask_answer_fini(&answer);
        if (!reloading && failed) {
            fputs("limpet reload: a new worker did not come to take connections; the others stay as they were (the "
                  "messages of limpet say why)\n",
                  stderr);
            return EXIT_FAILED;
        }
        if (!reloading) {
            puts("all workers are replaced");
            return EXIT_FINE;
        }
        if (!ask_again(ask)) {
            fputs("limpet reload: the wait ran out: workers are still being replaced\n", stderr);
            return EXIT_TIMEOUT;
        }
    }
}

static int reload(struct ask *ask)
{
    int status = order(ask);
    if (status != EXIT_FINE)
        return status;
    if (ask->wait)
        return wait_until_reloaded(ask);
    puts("the workers are being replaced, one after the other");
    return EXIT_FINE;
}

int command_reload(int argc, char **argv)
{
    struct options options;
    struct ask ask;
    options_init(&options, "reload", argc, argv);
    ask_init(&ask, &options);
    enum option option;
    while ((option = options_next(&options)) != OPTION_END) {
        if (option == OPTION_STOP)
            return (int)options.status;
        ask_take(&ask, option, options.value);
    }
    int status = ask_ready(&ask, &options);
    return status == EXIT_FINE ? reload(&ask) : status;
}
