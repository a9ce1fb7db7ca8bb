#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"
#include "main/cell.h"
#include "main/server_name.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `limpet pins`: how many lead to each server of a pool. */

#define TARGET_SIZE (SERVER_NAME_MOST * 3 + 64)

static void print_line(const char *server, const char *pins, int width)
{
    cell_print(server, width, false);
    cell_print(pins, 0, true);
    putchar('\n');
}

static void print_servers(const char *pool, const json_t *servers)
{
    static const char title[] = "POOL/SERVER";
    char **names = calloc(json_array_size(servers) + 1, sizeof(*names));
    int width = cell_width(title);
    size_t i;
    const json_t *server;
    json_array_foreach(servers, i, server)
    {
        const char *name = json_string_value(json_object_get(server, "server"));
        char *cell = names ? cell_make("%s/%s", pool, name ? name : "-") : NULL;
        width = cell_width(cell) > width ? cell_width(cell) : width;
        if (names)
            names[i] = cell;
    }
    print_line(title, "PINS", width);
    json_array_foreach(servers, i, server)
    {
        char *pins = cell_make("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(server, "pins")));
        print_line(names ? names[i] : NULL, pins, width);
        free(pins);
        if (names)
            free(names[i]);
    }
    free(names);
}

static void print_all(const json_t *answer)
{
    const char *pool = json_string_value(json_object_get(answer, "pool"));
    json_int_t all = json_integer_value(json_object_get(answer, "pins"));
    print_servers(pool ? pool : "-", json_object_get(answer, "servers"));
    printf("%" JSON_INTEGER_FORMAT " pin%s\n", all, all == 1 ? "" : "s");
}

static int show(const struct ask *ask, const char *pool, bool as_json)
{
    char buffer[TARGET_SIZE];
    struct text target;
    struct ask_answer answer;
    text_init(&target, buffer, sizeof(buffer));
    text_add(&target, "/v1/pins?pool=");
    ask_add_encoded(&target, pool);
    int status = ask_for(ask, "GET", target.data, &answer);
    if (status != EXIT_FINE)
        return status;
    if (answer.status != 200) {
        server_name_say_refused(ask, &answer, server_name_nearest_pool, pool);
        status = EXIT_FAILED;
    } else if (as_json) {
        fwrite(answer.text, 1, answer.length, stdout);
    } else {
        print_all(answer.json);
    }
    ask_answer_fini(&answer);
    return status;
}

int command_pins(int argc, char **argv)
{
    struct options options;
    struct ask ask;
    const char *pool = NULL;
    bool as_json = false;
    options_init(&options, "pins", argc, argv);
    ask_init(&ask, &options);
    enum option option;
    while ((option = options_next(&options)) != OPTION_END) {
        if (option == OPTION_STOP)
            return (int)options.status;
        if (option == OPTION_JSON)
            as_json = true;
        if (ask_take(&ask, option, options.value) || option != OPTION_OPERAND)
            continue;
        if (pool)
            return options_wrong(&options, "one pool at a time: %s or %s", pool, options.value);
        pool = options.value;
    }
    if (!pool || *pool == '\0')
        return options_wrong(&options, "which pool? `limpet status` lists them");
    if (strlen(pool) > SERVER_NAME_MOST)
        return options_wrong(&options, "this is too long for the name of a pool");
    int status = ask_ready(&ask, &options);
    return status == EXIT_FINE ? show(&ask, pool, as_json) : status;
}
