/* What is said of a command that says nothing, and the script that Node reads first. */

#include "control/silence.h"

#include "base/log.h"
#include "control/powers.h"
#include "control/preload.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char path[96];
static char said[2048];

static void keep(void *context, const char *line, size_t length)
{
    snprintf(said, sizeof(said), "%.*s", (int)length, line);
}

static int start(void **state)
{
    said[0] = '\0';
    snprintf(folder, sizeof(folder), "%s/limpet-silence-XXXXXX", P_tmpdir);
    snprintf(path, sizeof(path), "%s/package.json", mkdtemp(folder));
    chmod(folder, 0755);
    setenv("TMPDIR", folder, 1);
    log_set_writer(keep, NULL);
    return 0;
}

static int stop(void **state)
{
    log_set_writer(NULL, NULL);
    unlink(path);
    return rmdir(folder);
}

static const char *explain(const char *const *command)
{
    const struct plan_workers workers = {.command = command, .directory = folder};
    silence_explain(&workers);
    return said;
}

static void the_command_behind_npm_is_named(void **state)
{
    static const char *const command[] = {"npm", "start", NULL};
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"scripts\":{\"start\":\"node server.js\"}}", file);
    fclose(file);
    assert_non_null(strstr(explain(command), "npm starts node itself"));
    assert_non_null(strstr(said, "node server.js"));
}

static void npm_without_a_package_is_explained_as_well(void **state)
{
    static const char *const command[] = {"yarn", "start", NULL};
    assert_non_null(strstr(explain(command), "yarn starts node itself"));
}

static void bun_is_explained(void **state)
{
    static const char *const command[] = {"/usr/local/bin/bun", "app.js", NULL};
    assert_non_null(strstr(explain(command), "Bun opens its port itself"));
}

static void any_other_program_is_told_how_to_take_connections(void **state)
{
    static const char *const command[] = {"./server", NULL};
    assert_non_null(strstr(explain(command), "limpet-worker(7)"));
}

/* Workers run as `user` says. */
static bool another_user_can(int how, const char *script)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit((geteuid() != 0 || setuid(65534) == 0) && open(script, how | O_CLOEXEC) >= 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

static void the_script_of_preload_is_there_for_everybody_and_nobody_can_change_it(void **state)
{
    char copy[128];
    const char *script = preload_path();
    assert_non_null(script);
    assert_ptr_equal(preload_path(), script); /* made once */
    assert_null(strchr(script, ' '));         /* NODE_OPTIONS is split there */
    assert_memory_equal(script, folder, strlen(folder));
    char *text = NULL;
    size_t length = 0;
    assert_int_equal(powers_read_file(script, 100000, &text, &length), 0);
    assert_memory_equal(text, "'use strict';", 13);
    free(text);
    assert_true(another_user_can(O_RDONLY, script));
    assert_false(another_user_can(O_WRONLY, script));
    snprintf(copy, sizeof(copy), "%s", script);
    preload_forget();
    preload_forget();
    assert_int_equal(access(copy, F_OK), -1); /* and so is its folder, or ours would stay */
}

static void a_place_that_node_would_misread_is_not_used(void **state)
{
    char odd[96];
    snprintf(odd, sizeof(odd), "%s/a b", folder);
    assert_int_equal(mkdir(odd, 0700), 0);
    setenv("TMPDIR", odd, 1);
    assert_memory_equal(preload_path(), "/tmp/", 5);
    preload_forget();
    setenv("TMPDIR", "/nowhere/at/all", 1);
    assert_memory_equal(preload_path(), "/tmp/", 5);
    preload_forget();
    assert_int_equal(rmdir(odd), 0);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(the_command_behind_npm_is_named),
        fresh(npm_without_a_package_is_explained_as_well),
        fresh(bun_is_explained),
        fresh(any_other_program_is_told_how_to_take_connections),
        fresh(the_script_of_preload_is_there_for_everybody_and_nobody_can_change_it),
        fresh(a_place_that_node_would_misread_is_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
