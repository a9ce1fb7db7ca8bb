/* What a configuration takes for granted of the machine, asked of a machine that is made up here. */

#include "conf/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SMALL "seed: s\nlisteners: {bind: \":80\", pool: a}\npools: {a: {servers: \"10.0.0.1:80\"}}\n"

static char said[4096];

static void hear(void *context, enum report_severity severity, const char *lines)
{
    assert_true(strlen(said) + strlen(lines) < sizeof(said));
    strcat(said, lines);
}

/* A machine without folders, with the one user "carol" and the one group "staff". */
static int find(void *context, enum conf_need need, const char *name)
{
    if (need == CONF_NEED_USER)
        return strcmp(name, "carol") == 0 ? 0 : -ENOENT;
    if (need == CONF_NEED_GROUP)
        return strcmp(name, "staff") == 0 ? 0 : -ENOENT;
    if (strstr(name, "denied"))
        return -EACCES;
    return strcmp(name, "/file") == 0 ? -EEXIST : strcmp(name, "/folder") == 0 ? -EISDIR : -ENOENT;
}

static int read_text(void *context, const char *path, struct span *text)
{
    *text = span_text(context);
    return 0;
}

static struct plan *load_on_machine(const char *text)
{
    struct conf_files files = {.read = read_text, .find = find, .context = (void *)(uintptr_t)text};
    struct report_out report = {.message = hear};
    said[0] = '\0';
    return conf_load_file("limpet.yaml", &files, &report);
}

static void of_what_is_given_twice_the_first_is_looked_for(void **state)
{
    assert_null(load_on_machine("log: {access: /none/access}\nlog: {errors: /nowhere/errors}\n" SMALL));
    assert_non_null(strstr(said, "limpet.yaml:1:15: error: there is no directory `/none`\n"));
    assert_non_null(strstr(said, "limpet.yaml:2:1: error: duplicate key `log`\n"));
    assert_null(strstr(said, "nowhere`"));
}

static void what_the_machine_lacks_is_shown_where_it_is_named(void **state)
{
    assert_null(
        load_on_machine("seed: s\n"
                        "log: {access: /none/access, errors: /folder}\n"
                        "listeners: {bind: [\"unix:/none/socket\", \"unix:/file\", \"unix:/denied\"], pool: a}\n"
                        "pools: {a: {servers: \"10.0.0.1:80\"}}\n"));
    assert_non_null(strstr(said, "limpet.yaml:2:15: error: there is no directory `/none`\n"));
    assert_non_null(strstr(said, "limpet.yaml:2:37: error: `/folder` is a directory\n"));
    assert_non_null(strstr(said, "limpet.yaml:3:21: error: there is no directory `/none`\n"));
    assert_non_null(strstr(said, "limpet.yaml:3:42: error: `/file` is there, and is no socket\n"));
    assert_non_null(strstr(said, "limpet.yaml:3:56: error: `/denied`: Permission denied\n"));
}

static void pins_need_a_folder_to_be_saved_in(void **state)
{
    assert_null(load_on_machine("pins: {file: /none/pins}\n" SMALL));
    assert_non_null(strstr(said, "limpet.yaml:1:14: error: there is no directory `/none`\n"));
    assert_null(load_on_machine("pins:\n  file: /folder\n" SMALL));
    assert_non_null(strstr(said, "limpet.yaml:2:9: error: `/folder` is a directory\n"));
    assert_non_null(strstr(said, "name a file, such as `/folder/limpet.pins`\n"));
}

static void only_root_becomes_somebody_who_must_be_there(void **state)
{
    plan_free(load_on_machine("user: carol\n" SMALL));
    assert_string_equal(said, "");
    struct plan *other = load_on_machine("user: dave\n" SMALL);
    assert_true((other == NULL) == (geteuid() == 0));
    assert_true((strstr(said, "limpet.yaml:1:7: error: there is no user `dave`\n") != NULL) == (geteuid() == 0));
    plan_free(other);
    struct plan *nobody = load_on_machine(SMALL);
    assert_true((nobody == NULL) == (geteuid() == 0));
    assert_true((strstr(said, "limpet.yaml:1:1: error: there is no user `nobody`\n") != NULL) == (geteuid() == 0));
    plan_free(nobody);
}

static void workers_and_the_admin_socket_need_what_they_name(void **state)
{
    assert_null(load_on_machine("seed: s\nuser: carol\n"
                                "admin: unix:/none/socket\nadmin-group: nobodies\n"
                                "metrics: unix:/none/metrics\n"
                                "listeners: {bind: \":80\", pool: a}\n"
                                "pools: {a: {workers: {command: node, directory: /srv/none, user: dave}}}\n"));
    assert_non_null(strstr(said, "limpet.yaml:3:8: error: there is no directory `/none`\n"));
    assert_non_null(strstr(said, "limpet.yaml:4:14: error: there is no group `nobodies`\n"));
    assert_non_null(strstr(said, "limpet.yaml:5:10: error: there is no directory `/none`\n"));
    assert_non_null(strstr(said, "limpet.yaml:7:49: error: there is no directory `/srv/none`\n"));
    assert_true((strstr(said, "limpet.yaml:7:66: error: there is no user `dave`\n") != NULL) == (geteuid() == 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_machine_lacks_is_shown_where_it_is_named),
        cmocka_unit_test(of_what_is_given_twice_the_first_is_looked_for),
        cmocka_unit_test(pins_need_a_folder_to_be_saved_in),
        cmocka_unit_test(workers_and_the_admin_socket_need_what_they_name),
        cmocka_unit_test(only_root_becomes_somebody_who_must_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
