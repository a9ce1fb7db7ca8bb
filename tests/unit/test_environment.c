/* What a worker finds in its environment. */

#include "control/environment.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const configured[] = {"COLOR=blue", "EMPTY=", "HOME=/srv/app", "COLOR=green", NULL};
static struct plan_workers workers;
static const struct plan_server server = {.name = "3", .slot = 3};
static const struct plan_stick session = {.kind = STICK_SESSION};
static struct plan_pool pool = {.name = "app", .workers = &workers};
static char **made;
static char **outside; /* what cmocka looks into between the tests */

static int start(void **state)
{
    made = NULL;
    workers = (struct plan_workers){.environment = configured};
    pool.stick_count = 0;
    outside = environ;
    clearenv();
    setenv("PATH", "/bin", 1);
    setenv("HOME", "/root", 1);
    return 0;
}

static int stop(void **state)
{
    environment_free(made);
    environ = outside;
    return 0;
}

static void make(int node, int limpet, const char *preload)
{
    made = environment_new(&(struct environment_config){
        .pool = &pool, .server = &server, .node = node, .limpet = limpet, .preload = preload});
    assert_non_null(made);
}

/* Null if it is not there; a test fails if it is there twice. */
static const char *value_of(const char *name)
{
    const char *found = NULL;
    size_t length = strlen(name);
    for (char **variable = made; *variable; variable++)
        if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=') {
            assert_null(found);
            found = *variable + length + 1;
        }
    return found;
}

static void a_worker_has_what_limpet_has_and_what_is_configured(void **state)
{
    make(-1, 3, NULL);
    assert_string_equal(value_of("PATH"), "/bin");
    assert_string_equal(value_of("HOME"), "/srv/app");
    assert_string_equal(value_of("COLOR"), "green");
    assert_string_equal(value_of("EMPTY"), "");
    assert_string_equal(value_of("LIMPET_POOL"), "app");
    assert_string_equal(value_of("LIMPET_SLOT"), "3");
}

static void each_contract_has_its_own_variables(void **state)
{
    make(3, 4, NULL);
    assert_string_equal(value_of("NODE_CHANNEL_FD"), "3");
    assert_string_equal(value_of("NODE_CHANNEL_SERIALIZATION_MODE"), "json");
    assert_string_equal(value_of("NODE_UNIQUE_ID"), "3");
    assert_string_equal(value_of("LIMPET_FD"), "4");
}

static void one_contract_knows_nothing_of_the_other(void **state)
{
    make(3, -1, NULL);
    assert_null(value_of("LIMPET_FD"));
    environment_free(made);
    make(-1, 3, "/proc/1/fd/9");
    assert_null(value_of("NODE_CHANNEL_FD"));
    assert_null(value_of("NODE_CHANNEL_SERIALIZATION_MODE"));
    assert_null(value_of("NODE_UNIQUE_ID"));
    assert_null(value_of("NODE_OPTIONS"));
}

/* limpet may itself be a worker of another one, or be started by a Node program. */
static void what_was_meant_for_limpet_itself_is_not_passed_on(void **state)
{
    static const char *const names[] = {"LIMPET_CPUS",
                                        "LIMPET_FD",
                                        "LIMPET_POOL",
                                        "LIMPET_SESSIONS",
                                        "LIMPET_SLOT",
                                        "NODE_CHANNEL_FD",
                                        "NODE_CHANNEL_SERIALIZATION_MODE",
                                        "NODE_UNIQUE_ID"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        setenv(names[i], "outer", 1);
    setenv("LIMPET_FDS", "mine", 1);
    make(-1, -1, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        assert_true(!value_of(names[i]) || strcmp(value_of(names[i]), "outer") != 0);
    assert_null(value_of("LIMPET_FD"));
    assert_null(value_of("NODE_CHANNEL_FD"));
    assert_string_equal(value_of("LIMPET_FDS"), "mine");
}

static void a_script_to_preload_is_added_to_the_options_of_node(void **state)
{
    make(3, -1, "/proc/1/fd/9");
    assert_string_equal(value_of("NODE_OPTIONS"), "--require=/proc/1/fd/9");
    environment_free(made);
    setenv("NODE_OPTIONS", "--enable-source-maps", 1);
    make(3, -1, "/proc/1/fd/9");
    assert_string_equal(value_of("NODE_OPTIONS"), "--enable-source-maps --require=/proc/1/fd/9");
}

static void the_script_is_told_where_sessions_are_learnt(void **state)
{
    make(3, -1, "/x");
    assert_null(value_of("LIMPET_SESSIONS"));
    environment_free(made);
    pool.sticks = &session;
    pool.stick_count = 1;
    make(3, -1, "/x");
    assert_string_equal(value_of("LIMPET_SESSIONS"), "1");
    environment_free(made);
    make(3, -1, NULL);
    assert_null(value_of("LIMPET_SESSIONS"));
}

static void nothing_need_be_configured(void **state)
{
    workers.environment = NULL;
    make(-1, 3, NULL);
    assert_string_equal(value_of("HOME"), "/root");
    environment_free(NULL);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_worker_has_what_limpet_has_and_what_is_configured),
        fresh(each_contract_has_its_own_variables),
        fresh(one_contract_knows_nothing_of_the_other),
        fresh(what_was_meant_for_limpet_itself_is_not_passed_on),
        fresh(a_script_to_preload_is_added_to_the_options_of_node),
        fresh(the_script_is_told_where_sessions_are_learnt),
        fresh(nothing_need_be_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
