#include "base/attr.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"
#include "main/cell.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table of servers. */

enum column { SERVER, STATE, PROCESS, LIVE, WAITING, HANDED_OVER, REFUSED, ANSWERS_IN, STARTS, COLUMN_COUNT };

static const char *const titles[COLUMN_COUNT] = {
    [SERVER] = "POOL/SERVER", [STATE] = "STATE",           [PROCESS] = "PROCESS",
    [LIVE] = "LIVE",          [WAITING] = "WAITING",       [HANDED_OVER] = "HANDED OVER",
    [REFUSED] = "REFUSED",    [ANSWERS_IN] = "ANSWERS IN", [STARTS] = "STARTS",
};

struct row {
    char *cells[COLUMN_COUNT];
};

struct table {
    struct row *rows;
    size_t count;
    int widths[COLUMN_COUNT];
};

static const char *word(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "-";
}

static char *count(const json_t *number)
{
    return json_is_integer(number) ? cell_make("%" JSON_INTEGER_FORMAT, json_integer_value(number)) : cell_make("-");
}

static char *state(const json_t *server)
{
    const char *state_word = word(server, "state");
    bool also = json_is_true(json_object_get(server, "draining")) && strcmp(state_word, "draining") != 0;
    return cell_make("%s%s", state_word, also ? ", draining" : "");
}

/* Handed to the worker but not taken yet, or waiting for it here. */
static char *waiting(const json_t *server)
{
    const json_t *in_flight = json_object_get(server, "in_flight"), *queued = json_object_get(server, "queued");
    if (!json_is_integer(in_flight) && !json_is_integer(queued))
        return cell_make("0");
    return cell_make("%" JSON_INTEGER_FORMAT, json_integer_value(in_flight) + json_integer_value(queued));
}

static char *answers_in(const json_t *server)
{
    const json_t *mean = json_object_get(json_object_get(server, "answer_ms"), "mean");
    if (!json_is_number(mean))
        return cell_make("-");
    double millis = json_number_value(mean);
    return millis < 1000 ? cell_make("%.1f ms", millis) : cell_make("%.1f s", millis / 1000);
}

static struct row row_of(const json_t *pool, const json_t *server)
{
    bool has_address = strcmp(word(server, "kind"), "address") == 0;
    return (struct row){{
        [SERVER] = cell_make("%s/%s", word(pool, "name"), word(server, "name")),
        [STATE] = state(server),
        [PROCESS] = has_address ? cell_make("%s", word(server, "address")) : count(json_object_get(server, "process")),
        [LIVE] = count(json_object_get(server, "live")),
        [WAITING] = waiting(server),
        [HANDED_OVER] = count(json_object_get(server, "handed_over")),
        [REFUSED] = count(json_object_get(server, "refused")),
        [ANSWERS_IN] = answers_in(server),
        [STARTS] = count(json_object_get(server, "starts")),
    }};
}

static void table_add(struct table *table, struct row row)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        int width = cell_width(row.cells[i]);
        table->widths[i] = width > table->widths[i] ? width : table->widths[i];
    }
    table->rows[table->count++] = row;
}

static void print_row(const struct table *table, const char *const *cells)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        cell_print(cells[i], table->widths[i], i == COLUMN_COUNT - 1);
    putchar('\n');
}

static size_t count_servers(const json_t *pools)
{
    size_t i, all = 0;
    const json_t *pool;
    json_array_foreach(pools, i, pool)
    {
        all += json_array_size(json_object_get(pool, "servers"));
    }
    return all;
}

static void fill(struct table *table, const json_t *pools)
{
    size_t i, j;
    const json_t *pool, *server;
    for (size_t column = 0; column < COLUMN_COUNT; column++)
        table->widths[column] = cell_width(titles[column]);
    json_array_foreach(pools, i, pool)
    {
        json_array_foreach(json_object_get(pool, "servers"), j, server)
        {
            table_add(table, row_of(pool, server));
        }
    }
}

static void print_servers(const json_t *pools)
{
    struct table table = {.rows = calloc(count_servers(pools) + 1, sizeof(struct row))};
    if (!table.rows)
        return;
    fill(&table, pools);
    print_row(&table, titles);
    for (size_t i = 0; i < table.count; i++) {
        print_row(&table, (const char *const *)table.rows[i].cells);
        for (size_t column = 0; column < COLUMN_COUNT; column++)
            free(table.rows[i].cells[column]);
    }
    free(table.rows);
}

/* "3d 4h", "5m 6s", "7s": the two largest units. */
static void print_age(long long seconds)
{
    static const struct unit {
        long long seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t first = 0;
    while (first + 1 < ARRAY_LENGTH(units) && seconds < units[first].seconds)
        first++;
    printf("%lld%c", seconds / units[first].seconds, units[first].letter);
    if (first + 1 < ARRAY_LENGTH(units))
        printf(" %lld%c", seconds % units[first].seconds / units[first + 1].seconds, units[first + 1].letter);
}

static void print_processes(const json_t *status)
{
    const json_t *engine = json_object_get(status, "engine");
    printf("limpet %s, process %" JSON_INTEGER_FORMAT, word(status, "version"),
           json_integer_value(json_object_get(status, "process")));
    if (json_integer_value(engine) > 0)
        printf(", engine %" JSON_INTEGER_FORMAT, json_integer_value(engine));
    else
        fputs(", no engine", stdout);
    fputs(", up ", stdout);
    print_age((long long)json_number_value(json_object_get(status, "uptime")));
    if (strcmp(word(status, "state"), "draining") == 0)
        fputs(", draining before its end", stdout);
    else if (json_is_false(json_object_get(status, "ready")))
        fputs(", not ready", stdout);
    if (json_is_true(json_object_get(status, "reloading")))
        fputs(", replacing its workers", stdout);
    putchar('\n');
}

static void print_listening(const json_t *status)
{
    const json_t *all = json_object_get(status, "listening"), *one;
    size_t i;
    fputs(json_array_size(all) > 0 ? "listening on " : "listening nowhere yet", stdout);
    json_array_foreach(all, i, one)
    {
        printf("%s%s", i > 0 ? ", " : "", json_string_value(one) ? json_string_value(one) : "-");
    }
    putchar('\n');
}

static void print_count(const char *before, json_int_t number, const char *behind)
{
    printf("%s%" JSON_INTEGER_FORMAT "%s", before, number, behind);
}

static void print_memcached(const json_t *server)
{
    const json_t *since = json_object_get(server, "since");
    json_int_t failures = json_integer_value(json_object_get(server, "failures"));
    bool answers = strcmp(word(server, "state"), "answers") == 0;
    char *name = cell_make("memcached %s ", word(server, "address"));
    fputs(name ? name : "", stdout);
    free(name);
    if (!json_is_number(since)) {
        fputs("was not asked yet\n", stdout);
        return;
    }
    fputs(answers ? "has answered for " : "has not answered for ", stdout);
    print_age((long long)json_number_value(since));
    if (!answers)
        fputs(": clients are served all the same, but what is pinned meanwhile only this limpet knows", stdout);
    else if (failures > 0)
        print_count(", but not the last ", failures, failures == 1 ? " time" : " times");
    putchar('\n');
}

/* An older limpet says nothing of them, and one without pins that there are none. */
static void print_pins(const json_t *status)
{
    const json_t *pins = json_object_get(status, "pins"), *server;
    size_t i;
    if (json_is_object(pins)) {
        print_count("pins: ", json_integer_value(json_object_get(pins, "used")), " kept here");
        print_count(", of ", json_integer_value(json_object_get(pins, "most")), " at most\n");
    }
    json_array_foreach(json_object_get(status, "memcached"), i, server)
    {
        print_memcached(server);
    }
}

static json_int_t counted(const json_t *status, const char *counter)
{
    return json_integer_value(json_object_get(json_object_get(status, "counters"), counter));
}

static void print_requests(const json_t *status)
{
    static const char *const counters[] = {"answers_2xx", "answers_3xx", "answers_4xx", "answers_5xx"};
    static const char *const words[] = {" 2xx", " 3xx", " 4xx", " 5xx"};
    print_count("requests: ", counted(status, "requests"), ", ");
    print_count("", counted(status, "requests_refused"), " refused; answers:");
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        print_count(i > 0 ? ", " : " ", counted(status, counters[i]), words[i]);
    putchar('\n');
}

/* With the words of the log, and only those that occur: what is refused or fails stands out. */
static void print_ends(const json_t *status)
{
    const char *reason, *before = "ended: ";
    const json_t *count;
    json_object_foreach((json_t *)json_object_get(status, "visits"), reason, count)
    {
        if (json_integer_value(count) == 0)
            continue;
        char *one = cell_make("%s%" JSON_INTEGER_FORMAT " %s", before, json_integer_value(count), reason);
        fputs(one ? one : "", stdout);
        free(one);
        before = ", ";
    }
    if (before[0] == ',')
        putchar('\n');
}

/* An older limpet does not say. */
static void print_counts(const json_t *status)
{
    if (!json_object_get(status, "counters"))
        return;
    print_count("connections: ", json_integer_value(json_object_get(status, "connections")), " open");
    print_count(", ", counted(status, "connections_accepted"), " accepted");
    print_count(", ", counted(status, "connections_refused"), " refused\n");
    if (counted(status, "requests") + counted(status, "requests_refused") > 0)
        print_requests(status);
    print_ends(status);
}

static int show(const struct ask *ask, bool as_json)
{
    struct ask_answer answer;
    int status = ask_status(ask, &answer);
    if (status != EXIT_FINE)
        return status;
    if (as_json) {
        fwrite(answer.text, 1, answer.length, stdout);
    } else {
        print_processes(answer.json);
        print_listening(answer.json);
        print_counts(answer.json);
        print_pins(answer.json);
        print_servers(json_object_get(answer.json, "pools"));
    }
    ask_answer_fini(&answer);
    return EXIT_FINE;
}

int command_status(int argc, char **argv)
{
    struct options options;
    struct ask ask;
    bool as_json = false;
    options_init(&options, "status", argc, argv);
    ask_init(&ask, &options);
    enum option option;
    while ((option = options_next(&options)) != OPTION_END) {
        if (option == OPTION_STOP)
            return (int)options.status;
        if (option == OPTION_JSON)
            as_json = true;
        ask_take(&ask, option, options.value);
    }
    int status = ask_ready(&ask, &options);
    return status == EXIT_FINE ? show(&ask, as_json) : status;
}
