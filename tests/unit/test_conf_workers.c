/* Pools of workers, from a file and from the command line, and where the admin socket is. */

#include "conf/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ONE "listeners: {pool: app}\npools: {app: {workers: {command: node}}}\nseed: s\n"

static char said[8192];
static struct conf_files outside; /* what the caller knows; the rest is filled in */

static void hear(void *context, enum report_severity severity, const char *lines)
{
    assert_true(strlen(said) + strlen(lines) < sizeof(said));
    strcat(said, lines);
}

static int read_file(void *context, const char *path, struct span *text)
{
    if (strcmp(path, "etc/limpet.yaml") != 0)
        return -ENOENT;
    *text = span_text(context);
    return 0;
}

static struct plan *load(const char *text)
{
    struct report_out report = {.message = hear};
    said[0] = '\0';
    outside.read = read_file;
    outside.context = (void *)(uintptr_t)text;
    return conf_load_file("etc/limpet.yaml", &outside, &report);
}

/* What must be fine, without a word. */
static struct plan *good(const char *text)
{
    struct plan *plan = load(text);
    assert_string_equal(said, "");
    assert_non_null(plan);
    return plan;
}

static struct plan *load_flags(const struct conf_flags *flags)
{
    struct report_out report = {.message = hear};
    said[0] = '\0';
    outside.read = read_file;
    return conf_load_flags(flags, &outside, &report);
}

static int forget(void **state)
{
    outside = (struct conf_files){.cpus = 3};
    return 0;
}

static void assert_words(const char *const *words, const char *expected)
{
    char all[256] = "";
    for (; *words; words++) {
        strcat(all, *words);
        strcat(all, "|");
    }
    assert_string_equal(all, expected);
}

static void what_is_not_written_has_a_default(void **state)
{
    struct plan *plan = good(ONE);
    const struct plan_workers *w = plan->pools[0].workers;
    assert_non_null(w);
    assert_words(w->command, "node|");
    assert_int_equal(w->count, 3);
    assert_int_equal(w->contract, CONTRACT_AUTO);
    assert_null(w->directory);
    assert_null(w->user);
    assert_null(w->environment);
    assert_null(w->node_message);
    assert_int_equal(w->node_preload, NODE_PRELOAD_REQUESTS);
    assert_true(w->open_files == PLAN_NO_LIMIT && w->processes == PLAN_NO_LIMIT && w->core == PLAN_NO_LIMIT);
    assert_int_equal(w->kill_silent, 0);
    assert_int_equal(plan->timeouts.worker, 10 * SECOND_IN_MICROS);
    assert_int_equal(plan->worker_count, 3);
    assert_null(plan->admin);
    plan_free(plan);
}

static void what_is_written_is_in_the_plan(void **state)
{
    char here[4096], expected[4200];
    struct plan *plan = good("seed: s\n"
                             "timeouts: {worker: 3s}\n"
                             "listeners: {pool: app}\n"
                             "pools:\n"
                             "  app:\n"
                             "    workers:\n"
                             "      command: [node, --inspect, \"my app.js\", \"\"]\n"
                             "      count: 256\n"
                             "      contract: node\n"
                             "      directory: app\n"
                             "      user: root\n"
                             "      environment: {PORT: 3000, _a1: \"b=c d\", EMPTY: \"\"}\n"
                             "      node-preload: true\n"
                             "      kill-silent: 90s\n"
                             "      limits: {open-files: 1000000000, processes: 7, core: 1MiB}\n");
    const struct plan_workers *w = plan->pools[0].workers;
    assert_words(w->command, "node|--inspect|my app.js||");
    assert_int_equal(w->count, 256);
    assert_int_equal(w->contract, CONTRACT_NODE);
    snprintf(expected, sizeof(expected), "%s/etc/app", getcwd(here, sizeof(here)));
    assert_string_equal(w->directory, expected);
    assert_true((w->user != NULL) == (geteuid() == 0));
    assert_words(w->environment, "PORT=3000|_a1=b=c d|EMPTY=|");
    assert_int_equal(w->node_preload, NODE_PRELOAD_ALL);
    assert_int_equal(w->kill_silent, 90 * SECOND_IN_MICROS);
    assert_int_equal(w->open_files, 1000000000);
    assert_int_equal(w->processes, 7);
    assert_int_equal(w->core, 1048576);
    assert_int_equal(plan->timeouts.worker, 3 * SECOND_IN_MICROS);
    plan_free(plan);
}

static enum node_preload preload_with(const char *mode, const char *workers)
{
    char text[512];
    snprintf(text, sizeof(text),
             "seed: s\n"
             "listeners: [{bind: \":80\", mode: tcp, pool: app}, {bind: \":81\", mode: %s, pool: app}]\n"
             "pools: {app: {workers: {command: node, count: 3%s}}}\n",
             mode, workers);
    struct plan *plan = good(text);
    enum node_preload preload = plan->pools[0].workers->node_preload;
    plan_free(plan);
    return preload;
}

static void a_script_is_preloaded_where_requests_are_decided_or_as_written(void **state)
{
    assert_int_equal(preload_with("tcp", ""), NODE_PRELOAD_OFF);
    assert_int_equal(preload_with("auto", ""), NODE_PRELOAD_REQUESTS);
    assert_int_equal(preload_with("http", ""), NODE_PRELOAD_REQUESTS);
    assert_int_equal(preload_with("http", ", contract: limpet"), NODE_PRELOAD_OFF);
    assert_int_equal(preload_with("http", ", node-preload: false"), NODE_PRELOAD_OFF);
    assert_int_equal(preload_with("tcp", ", node-preload: true"), NODE_PRELOAD_ALL);
}

static void a_script_is_preloaded_where_sessions_are_learnt(void **state)
{
    assert_int_equal(preload_with("tcp", "}, stick: {session: query:sid"), NODE_PRELOAD_REQUESTS);
    assert_int_equal(preload_with("tcp", ", contract: limpet}, stick: {session: query:sid"), NODE_PRELOAD_OFF);
    assert_int_equal(preload_with("tcp", ", node-preload: false}, stick: {session: query:sid"), NODE_PRELOAD_OFF);
}

static void workers_are_servers_behind_those_that_have_addresses(void **state)
{
    struct plan *plan =
        good("seed: s\n"
             "listeners: {bind: \":80\", routes: [{sni: a.example, pool: other}, {pool: app}]}\n"
             "pools:\n"
             "  app: {workers: {command: node, count: 2}, servers: {3: \"10.0.0.1:80\", a: \"10.0.0.2:80\"}}\n"
             "  other: {servers: \"10.0.0.3:80\"}\n");
    const struct plan_pool *pool = &plan->pools[0];
    static const char *const names[] = {"3", "a", "1", "2"};
    assert_int_equal(pool->server_count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct plan_server *server = &pool->servers[i];
        assert_string_equal(server->name, names[i]);
        assert_int_equal(server->weight, 1);
        assert_int_equal(server->number, i);
        assert_int_equal(server->slot, i < 2 ? 0 : i - 1);
        assert_true((server->address.text[0] == '\0') == (i >= 2));
    }
    assert_int_equal(plan->server_count, 5);
    assert_int_equal(plan->worker_count, 2);
    assert_null(plan->pools[1].workers);
    assert_int_equal(plan->pools[1].servers[0].number, 4);
    plan_free(plan);
}

static void auto_is_a_worker_for_each_cpu(void **state)
{
    static const unsigned expected[][2] = {{0, 1}, {1, 1}, {2, 2}, {256, 256}, {1000, PLAN_WORKERS_MOST}};
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        outside.cpus = expected[i][0];
        struct plan *plan = good(ONE);
        assert_int_equal(plan->pools[0].workers->count, expected[i][1]);
        plan_free(plan);
    }
}

static void a_message_is_one_line_of_json(void **state)
{
    static const char *const messages[][2] = {
        {"sticky", "{\"type\":\"sticky:connection\",\"data\":\"\"}"},
        {"'{\"b\": [1, \"x\"],   \"a\": null}'", "{\"b\":[1,\"x\"],\"a\":null}"},
        {"'\"sticky-session:connection\"'", "\"sticky-session:connection\""},
        {"|\n      {\"a\":\n       \"x\\ny\"}", "{\"a\":\"x\\ny\"}"},
        {"7", "7"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "seed: s\nlisteners: {bind: \":80\", pool: app}\npools:\n app:\n  workers:\n   command: node\n"
                 "   node-message: %s\n",
                 messages[i][0]);
        struct plan *plan = good(text);
        assert_string_equal(plan->pools[0].workers->node_message, messages[i][1]);
        assert_int_equal(plan->pools[0].workers->contract, CONTRACT_NODE);
        plan_free(plan);
    }
}

static void a_listener_without_an_address_is_where_the_workers_listen(void **state)
{
    struct plan *plan =
        good("seed: s\n"
             "listeners:\n"
             "  - {bind: \":80\", routes: [{sni: a.example, pool: a}, {sni: c.example, pool: c}, {pool: b}]}\n"
             "  - {pool: b}\n"
             "  - {bind: \":81\", pool: a}\n"
             "  - {routes: [{pool: d}], trust: 192.0.2.1, client-from: none, unix-mode: 0600}\n"
             "pools:\n"
             "  a: {workers: {command: node}}\n"
             "  b: {workers: {command: node}}\n"
             "  c: {servers: \"10.0.0.1:80\"}\n"
             "  d: {workers: {command: node}}\n");
    assert_int_equal(plan->listeners[1].bind_count, 0);
    assert_string_equal(plan->listeners[1].name, "the listen() of b");
    assert_string_equal(plan->listeners[3].name, "the listen() of d");
    assert_true(plan->pools[0].bound);
    assert_int_equal(plan->pools[0].app_listener, 0);
    assert_true(plan->pools[1].bound);
    assert_int_equal(plan->pools[1].app_listener, 1);
    assert_false(plan->pools[3].bound);
    assert_int_equal(plan->pools[3].app_listener, 3);
    plan_free(plan);
}

static void the_admin_socket_is_where_the_last_word_says(void **state)
{
    static const struct {
        const char *flag, *file, *fallback;
        bool optional;
        const char *expected; /* null: there is none */
    } rows[] = {
        {NULL, "", NULL, false, NULL},
        {NULL, "", "unix:/fallback", false, "unix:/fallback"},
        {NULL, "", "unix:/fallback", true, "unix:/fallback"},
        {NULL, "admin: unix:/file\n", "unix:/fallback", true, "unix:/file"},
        {NULL, "admin: off\n", "unix:/fallback", true, NULL},
        {"unix:/flag", "admin: unix:/file\n", "unix:/fallback", true, "unix:/flag"},
        {"off", "admin: unix:/file\n", "unix:/fallback", true, NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[512];
        snprintf(text, sizeof(text), "%s%s", rows[i].file, ONE);
        outside.admin = rows[i].flag;
        outside.admin_fallback = rows[i].fallback;
        outside.admin_optional = rows[i].optional;
        struct plan *plan = good(text);
        assert_true((plan->admin != NULL) == (rows[i].expected != NULL));
        if (plan->admin)
            assert_string_equal(plan->admin->text, rows[i].expected);
        bool fallen_back = plan->admin && strcmp(plan->admin->text, "unix:/fallback") == 0;
        assert_true(plan->admin_optional == (rows[i].optional && fallen_back));
        plan_free(plan);
    }
}

static void relative_sockets_start_where_they_are_named(void **state)
{
    char here[4096], expected[4200];
    assert_non_null(getcwd(here, sizeof(here)));
    struct plan *plan = good("admin: unix:a\nadmin-group: adm\n" ONE);
    snprintf(expected, sizeof(expected), "unix:%s/etc/a", here);
    assert_string_equal(plan->admin->text, expected);
    assert_string_equal(plan->admin_group, "adm");
    plan_free(plan);
    outside.admin = "unix:a";
    plan = good(ONE);
    snprintf(expected, sizeof(expected), "unix:%s/a", here);
    assert_string_equal(plan->admin->text, expected);
    plan_free(plan);
}

static void a_wrong_admin_socket_is_named_by_who_said_it(void **state)
{
    outside.admin = ":80";
    assert_null(load(ONE));
    assert_non_null(strstr(said, "limpet: error: --admin \":80\": the admin socket is a Unix socket"));
    outside.admin = NULL;
    outside.admin_fallback = "/run/x";
    assert_null(load(ONE));
    assert_non_null(strstr(said, "limpet: error: LIMPET_ADMIN \"/run/x\": "));
    assert_non_null(strstr(said, "write \"unix:/run/x\"\n"));
    /* Nobody chose it, so nobody can be told. */
    char path[200] = "unix:/";
    memset(path + 6, 'x', sizeof(path) - 7);
    outside.admin_fallback = path;
    outside.admin_optional = true;
    struct plan *plan = good(ONE);
    assert_null(plan->admin);
    plan_free(plan);
}

static void nothing_else_listens_where_the_admin_socket_does(void **state)
{
    outside.admin_fallback = "unix:/run/a";
    assert_null(load("metrics: unix:/run/a\n" ONE));
    assert_non_null(strstr(said, "limpet.yaml:1:10: error: `unix:/run/a` is the admin socket already"));
    assert_non_null(strstr(said, "help: LIMPET_ADMIN \"unix:/run/a\" says so; name another path"));
    outside.admin = "unix:/run/b";
    struct plan *plan = good("metrics: unix:/run/a\n" ONE);
    plan_free(plan);
    assert_null(load("admin: unix:/run/a\nmetrics: unix:/run/b\n" ONE));
    assert_non_null(strstr(said, "help: --admin \"unix:/run/b\" says so; name another path"));
    /* limpet can do without it. */
    outside.admin = NULL;
    outside.admin_optional = true;
    plan = good("metrics: unix:/run/a\n" ONE);
    plan_free(plan);
}

static void flags_mean_what_a_file_means(void **state)
{
    const char *listen[] = {":80"}, *keys[] = {"header:X-User"}, *trust[] = {"loopback"};
    const char *command[] = {"node", "app.js", "--port", "3"};
    struct conf_flags flags = {.run = true,
                               .listen = listen,
                               .listen_count = 1,
                               .keys = keys,
                               .key_count = 1,
                               .trust = trust,
                               .trust_count = 1,
                               .seed = "s",
                               .command = command,
                               .command_count = 4,
                               .workers = "2",
                               .node_message = "sticky"};
    struct plan *plan = load_flags(&flags);
    assert_non_null(plan);
    const struct plan_pool *pool = plan->pools;
    assert_string_equal(pool->name, "app");
    assert_string_equal(pool->keys[0].text, "header:X-User");
    assert_words(pool->workers->command, "node|app.js|--port|3|");
    assert_int_equal(pool->workers->count, 2);
    assert_string_equal(pool->workers->node_message, "{\"type\":\"sticky:connection\",\"data\":\"\"}");
    assert_null(pool->workers->directory);
    assert_true(pool->bound);
    assert_string_equal(plan->listeners[0].name, ":80");
    plan_free(plan);
}

static void without_listen_the_program_says_where(void **state)
{
    const char *command[] = {"node", "app.js"};
    struct conf_flags flags = {.run = true, .seed = "s", .command = command, .command_count = 2, .node_preload = true};
    struct plan *plan = load_flags(&flags);
    assert_string_equal(said, "");
    assert_non_null(plan);
    assert_int_equal(plan->listeners[0].bind_count, 0);
    assert_int_equal(plan->pools[0].workers->count, 3);
    assert_int_equal(plan->pools[0].workers->node_preload, NODE_PRELOAD_ALL);
    assert_false(plan->pools[0].bound);
    plan_free(plan);
    flags.contract = "limpet";
    flags.node_preload = false;
    assert_null(load_flags(&flags));
    assert_string_equal(said, "limpet: error: workers of the contract `limpet` do not say where to listen, and this "
                              "listener has no `bind`; add `-l :8080`\n");
}

static void messages_about_flags_name_the_flag(void **state)
{
    const char *command[] = {"node app.js"};
    struct conf_flags flags = {.run = true,
                               .command = command,
                               .command_count = 1,
                               .workers = "many",
                               .contract = "noed",
                               .node_message = "{"};
    assert_null(load_flags(&flags));
    assert_non_null(strstr(said, "limpet: error: COMMAND \"node app.js\": a command is a list of words"));
    assert_non_null(strstr(said, "write the words apart, not as one in quotes: limpet run -- node app.js\n"));
    assert_non_null(strstr(said, "limpet: error: --workers \"many\": `many` is no number of workers: "));
    assert_non_null(strstr(said, "limpet: error: --contract \"noed\": `noed` is no word for `contract`; "
                                 "did you mean `node`?\n"));
    assert_non_null(strstr(said, "limpet: error: --node-message \"{\": `{` is no JSON: "));
    assert_null(load_flags(&(struct conf_flags){.run = true}));
    assert_string_equal(said, "limpet: error: there is no COMMAND; add it, such as -- node app.js\n");
}

static void an_empty_word_is_a_word_but_no_program(void **state)
{
    const char *fine[] = {"node", ""}, *wrong[] = {"", "x"};
    struct conf_flags flags = {.run = true, .seed = "s", .command = fine, .command_count = 2};
    struct plan *plan = load_flags(&flags);
    assert_non_null(plan);
    assert_words(plan->pools[0].workers->command, "node||");
    plan_free(plan);
    flags.command = wrong;
    assert_null(load_flags(&flags));
    assert_string_equal(said, "limpet: error: COMMAND \"\": this names no program; name a program, such as node\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_not_written_has_a_default, forget),
        cmocka_unit_test_setup(what_is_written_is_in_the_plan, forget),
        cmocka_unit_test_setup(a_script_is_preloaded_where_requests_are_decided_or_as_written, forget),
        cmocka_unit_test_setup(a_script_is_preloaded_where_sessions_are_learnt, forget),
        cmocka_unit_test_setup(workers_are_servers_behind_those_that_have_addresses, forget),
        cmocka_unit_test_setup(auto_is_a_worker_for_each_cpu, forget),
        cmocka_unit_test_setup(a_message_is_one_line_of_json, forget),
        cmocka_unit_test_setup(a_listener_without_an_address_is_where_the_workers_listen, forget),
        cmocka_unit_test_setup(the_admin_socket_is_where_the_last_word_says, forget),
        cmocka_unit_test_setup(relative_sockets_start_where_they_are_named, forget),
        cmocka_unit_test_setup(a_wrong_admin_socket_is_named_by_who_said_it, forget),
        cmocka_unit_test_setup(nothing_else_listens_where_the_admin_socket_does, forget),
        cmocka_unit_test_setup(flags_mean_what_a_file_means, forget),
        cmocka_unit_test_setup(without_listen_the_program_says_where, forget),
        cmocka_unit_test_setup(messages_about_flags_name_the_flag, forget),
        cmocka_unit_test_setup(an_empty_word_is_a_word_but_no_program, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
