#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"
#include "main/server_name.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `limpet drain` and `limpet undrain`. */

/* Room for a name of which every byte is escaped. */
#define TARGET_SIZE 3500

static int order(const struct ask *ask, const char *server)
{
    char buffer[TARGET_SIZE];
    struct text target;
    struct ask_answer answer;
    text_init(&target, buffer, sizeof(buffer));
    text_add_format(&target, "/v1/%s?server=", ask->command);
    ask_add_encoded(&target, server);
    int status = ask_for(ask, "POST", target.data, &answer);
    if (status != EXIT_FINE)
        return status;
    if (answer.status != 200) {
        server_name_say_refused(ask, &answer, server_name_nearest, server);
        status = EXIT_FAILED;
    }
    ask_answer_fini(&answer);
    return status;
}

enum look { LOOK_EMPTY, LOOK_BUSY, LOOK_UNKNOWN, LOOK_GONE, LOOK_UNDRAINED };

static bool is_without_process(const json_t *server)
{
    return json_is_null(json_object_get(server, "process")) &&
           strcmp(json_string_value(json_object_get(server, "kind")) ?: "", "worker") == 0;
}

/* *left: the connections it has, as far as they can be counted. */
static enum look look_at(const json_t *server, long long *left)
{
    if (!server)
        return LOOK_GONE;
    if (!json_is_true(json_object_get(server, "draining")))
        return LOOK_UNDRAINED;
    const json_t *live = json_object_get(server, "live");
    *left = json_integer_value(live) + json_integer_value(json_object_get(server, "in_flight")) +
            json_integer_value(json_object_get(server, "queued"));
    if (*left > 0)
        return LOOK_BUSY;
    return json_is_integer(live) || is_without_process(server) ? LOOK_EMPTY : LOOK_UNKNOWN;
}

static int say_stopped_waiting(const struct ask *ask, const char *server, const char *why)
{
    fprintf(stderr, "limpet %s: %s %s\n", ask->command, server, why);
    return EXIT_FAILED;
}

static int wait_until_empty(struct ask *ask, const char *server)
{
    for (;;) {
        long long left = 0;
        struct ask_answer answer;
        int status = ask_status(ask, &answer);
        if (status != EXIT_FINE)
            return status;
        enum look look = look_at(server_name_find(answer.json, server), &left);
        ask_answer_fini(&answer);
        switch (look) {
        case LOOK_EMPTY:
            printf("%s is drained: it has no connections\n", server);
            return EXIT_FINE;
        case LOOK_GONE:
            return say_stopped_waiting(ask, server, "is gone: nobody to wait for");
        case LOOK_UNDRAINED:
            return say_stopped_waiting(ask, server, "is not drained any more: somebody has undrained it");
        case LOOK_UNKNOWN:
            return say_stopped_waiting(ask, server, "is draining, but how many connections it has cannot be counted");
        case LOOK_BUSY:
            break;
        }
        if (!ask_again(ask)) {
            fprintf(stderr, "limpet %s: the wait ran out: %s is draining and still has %lld connection%s\n",
                    ask->command, server, left, left == 1 ? "" : "s");
            return EXIT_TIMEOUT;
        }
    }
}

static int drain(struct ask *ask, const char *server)
{
    int status = order(ask, server);
    if (status != EXIT_FINE)
        return status;
    if (ask->wait)
        return wait_until_empty(ask, server);
    printf(strcmp(ask->command, "drain") == 0 ? "%s gets no new clients\n" : "%s gets new clients again\n", server);
    return EXIT_FINE;
}

static int run(const char *command, int argc, char **argv)
{
    struct options options;
    struct ask ask;
    const char *server = NULL;
    options_init(&options, command, argc, argv);
    ask_init(&ask, &options);
    enum option option;
    while ((option = options_next(&options)) != OPTION_END) {
        if (option == OPTION_STOP)
            return (int)options.status;
        if (ask_take(&ask, option, options.value))
            continue;
        if (server)
            return options_wrong(&options, "one server at a time: %s or %s", server, options.value);
        server = options.value;
    }
    if (!server)
        return options_wrong(&options, "which server? Name it: POOL/NAME; `limpet status` lists them");
    if (!server_name_is_whole(server))
        return options_wrong(&options, "`%s` is no server: write POOL/NAME; `limpet status` lists them", server);
    int status = ask_ready(&ask, &options);
    return status == EXIT_FINE ? drain(&ask, server) : status;
}

int command_drain(int argc, char **argv)
{
    return run("drain", argc, argv);
}

int command_undrain(int argc, char **argv)
{
    return run("undrain", argc, argv);
}
