#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"
#include "main/server_name.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `limpet unpin`: of a key, or of a server. */

/* Nothing longer is remembered. */
#define KEY_MOST 4096

#define TARGET_SIZE ((KEY_MOST + SERVER_NAME_MOST) * 3 + 64)

struct wanted {
    const char *key;
    const char *pool;   /* null: every pool */
    const char *server; /* null: a key is meant */
};

static bool is_told(const json_t *answer, const char *name, const char *word)
{
    const char *said = json_string_value(json_object_get(answer, name));
    return said && strcmp(said, word) == 0;
}

/* What was asked is done, as far as this limpet can; the rest is for whoever asked to know. */
static int say_key(const struct ask *ask, const struct wanted *wanted, const json_t *answer)
{
    json_int_t count = json_integer_value(json_object_get(answer, "unpinned"));
    if (count > 0)
        printf("%s is unpinned: %" JSON_INTEGER_FORMAT " pin%s\n", wanted->key, count, count == 1 ? "" : "s");
    else
        printf("%s was not pinned here\nA key is written as the log shows it with `log: {keys: plain}`.\n",
               wanted->key);
    if (!json_is_true(json_object_get(answer, "shared")))
        return EXIT_FINE;
    if (is_told(answer, "memcached", "answers")) {
        puts("Other frontends read that in memcached, where they look every 10 seconds while the client comes.");
        return EXIT_FINE;
    }
    fprintf(stderr,
            "limpet %s: memcached does not answer: other frontends keep the pin, and this one gets it back from there; "
            "unpin again when memcached answers\n",
            ask->command);
    return EXIT_FAILED;
}

static int say_server(const struct wanted *wanted, const json_t *answer)
{
    json_int_t count = json_integer_value(json_object_get(answer, "unpinned"));
    if (count > 0)
        printf("%s: %" JSON_INTEGER_FORMAT " pin%s to it count%s no more\n", wanted->server, count,
               count == 1 ? "" : "s", count == 1 ? "s" : "");
    else
        printf("%s: nothing was pinned to it here\n", wanted->server);
    if (json_is_true(json_object_get(answer, "shared")))
        puts("Only this frontend knows: say it on the others, too.");
    return EXIT_FINE;
}

static void add(struct text *target, const char *before, const char *value)
{
    text_add(target, before);
    ask_add_encoded(target, value);
}

static int unpin(const struct ask *ask, const struct wanted *wanted)
{
    char buffer[TARGET_SIZE];
    struct text target;
    struct ask_answer answer;
    text_init(&target, buffer, sizeof(buffer));
    if (wanted->server)
        add(&target, "/v1/unpin?server=", wanted->server);
    else
        add(&target, "/v1/unpin?key=", wanted->key);
    if (wanted->pool)
        add(&target, "&pool=", wanted->pool);
    int status = ask_for(ask, "POST", target.data, &answer);
    if (status != EXIT_FINE)
        return status;
    if (answer.status != 200) {
        server_name_say_refused(ask, &answer, wanted->server ? server_name_nearest : server_name_nearest_pool,
                                wanted->server ? wanted->server : wanted->pool);
        status = EXIT_FAILED;
    } else {
        status = wanted->server ? say_server(wanted, answer.json) : say_key(ask, wanted, answer.json);
    }
    ask_answer_fini(&answer);
    return status;
}

static int check(const struct options *options, const struct wanted *wanted)
{
    if (wanted->server && (wanted->key || wanted->pool))
        return options_wrong(options, "%s goes without --server", wanted->key ? "a key" : "--pool");
    if (wanted->server && !server_name_is_whole(wanted->server))
        return options_wrong(options, "`%s` is no server: write POOL/NAME; `limpet status` lists them", wanted->server);
    if (!wanted->server && (!wanted->key || *wanted->key == '\0'))
        return options_wrong(options, "which key? Name it, or all that are pinned to a server: --server POOL/NAME");
    if (wanted->key && strlen(wanted->key) > KEY_MOST)
        return options_wrong(options, "this key is too long to be remembered: at most 4096 bytes");
    if (wanted->pool && (*wanted->pool == '\0' || strlen(wanted->pool) > SERVER_NAME_MOST))
        return options_wrong(options, "--pool: this is no name of a pool; `limpet status` lists them");
    return EXIT_FINE;
}

int command_unpin(int argc, char **argv)
{
    struct options options;
    struct ask ask;
    struct wanted wanted = {.key = NULL};
    options_init(&options, "unpin", argc, argv);
    ask_init(&ask, &options);
    enum option option;
    while ((option = options_next(&options)) != OPTION_END) {
        if (option == OPTION_STOP)
            return (int)options.status;
        if (ask_take(&ask, option, options.value))
            continue;
        if (option == OPTION_POOL)
            wanted.pool = options.value;
        else if (option == OPTION_SERVER)
            wanted.server = options.value;
        else if (wanted.key)
            return options_wrong(&options, "one key at a time: %s or %s", wanted.key, options.value);
        else
            wanted.key = options.value;
    }
    int status = check(&options, &wanted);
    if (status == EXIT_FINE)
        status = ask_ready(&ask, &options);
    return status == EXIT_FINE ? unpin(&ask, &wanted) : status;
}
