/* A configuration that is made of flags alone. */

#include "conf/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char said[4096];
static unsigned said_count;

static void hear(void *context, enum report_severity severity, const char *lines)
{
    assert_true(strlen(said) + strlen(lines) < sizeof(said));
    strcat(said, lines);
    said_count++;
}

/* No file is named here. */
static int read_nothing(void *context, const char *path, struct span *text)
{
    return -ENOENT;
}

static struct plan *load_flags(const struct conf_flags *flags)
{
    struct conf_files files = {.read = read_nothing};
    struct report_out report = {.message = hear};
    said[0] = '\0';
    said_count = 0;
    return conf_load_flags(flags, &files, &report);
}

static void flags_mean_what_a_file_means(void **state)
{
    const char *listen[] = {":80", "unix:/run/x"}, *keys[] = {"header:X-User", "client"}, *trust[] = {"10.0.0.0/8"};
    const char *servers[] = {"10.0.0.1:80", "b=10.0.0.2:80,weight=3", "unix:/run/a=b,c", "d=unix:/run/d,weight=2"};
    struct conf_flags flags = {.seed = "prod",
                               .mode = "tcp",
                               .listen = listen,
                               .listen_count = 2,
                               .keys = keys,
                               .key_count = 2,
                               .trust = trust,
                               .trust_count = 1,
                               .servers = servers,
                               .server_count = 4};
    struct plan *plan = load_flags(&flags);
    assert_non_null(plan);
    assert_null(strstr(said, "--seed"));
    assert_true(span_equal(plan->seed, span_text("prod")) && plan->seed_given);
    assert_int_equal(plan->listeners[0].bind_count, 2);
    assert_int_equal(plan->listeners[0].trust.network_count, 1);
    assert_false(plan->listeners[0].trust.loopback);
    assert_int_equal(plan->timeouts.idle, 60 * SECOND_IN_MICROS);
    /* The pool's name is part of what decides homes. */
    assert_string_equal(plan->pools[0].name, "default");
    assert_int_equal(plan->pools[0].key_count, 2);
    assert_string_equal(plan->pools[0].servers[0].name, "10.0.0.1:80");
    assert_string_equal(plan->pools[0].servers[1].name, "b");
    assert_int_equal(plan->pools[0].servers[1].weight, 3);
    assert_string_equal(plan->pools[0].servers[2].name, "unix:/run/a=b,c");
    assert_string_equal(plan->pools[0].servers[3].name, "d");
    assert_string_equal(plan->pools[0].servers[3].address.text, "unix:/run/d");
    plan_free(plan);
}

static void messages_about_flags_name_the_flag(void **state)
{
    const char *listen[] = {":80"}, *keys[] = {"heade:X"},
               *servers[] = {"10.0.0.1:99999", "a=10.0.0.1:80,weight=0", "weight=2"};
    struct conf_flags flags = {.mode = "htpp",
                               .listen = listen,
                               .listen_count = 1,
                               .keys = keys,
                               .key_count = 1,
                               .servers = servers,
                               .server_count = 3};
    assert_null(load_flags(&flags));
    assert_non_null(strstr(said, "limpet: error: --key \"heade:X\": unknown key source; did you mean `header:X`?\n"));
    assert_non_null(strstr(said, "limpet: error: SERVER \"10.0.0.1:99999\": "));
    assert_non_null(strstr(said, "limpet: error: SERVER \"a=10.0.0.1:80,weight=0\": `0`: out of range; "));
    assert_non_null(strstr(said, "limpet: error: --mode \"htpp\": `htpp` is no word for `mode`; did you mean `http`?"));
    assert_non_null(
        strstr(said, "limpet: error: SERVER \"weight=2\": this is no server; a weight is joined by a comma: "));
    assert_int_equal(said_count, 5);
}

static void only_a_weight_may_follow_the_address_of_a_server(void **state)
{
    const char *listen[] = {":80"};
    const char *servers[] = {"a=127.0.0.1:3000,wieght=2", "127.0.0.1:3001,wieght=2",
                             "b=127.0.0.1:3002,c=127.0.0.1:3003", "127.0.0.1:3004,2", "unix:/run/a,wieght=2"};
    assert_null(
        load_flags(&(struct conf_flags){.listen = listen, .listen_count = 1, .servers = servers, .server_count = 5}));
    assert_int_equal(said_count, 4);
    assert_non_null(strstr(said, "SERVER \"a=127.0.0.1:3000,wieght=2\": a server has nothing that is called `wieght`; "
                                 "did you mean `,weight=2`?\n"));
    assert_non_null(strstr(said, "SERVER \"127.0.0.1:3001,wieght=2\": a server has nothing that is called `wieght`; "));
    assert_non_null(
        strstr(said, "called `c`; a server is [name=]ADDR[,weight=N], and each one is a word of its own\n"));
    assert_non_null(strstr(said, "called `2`; a server is "));
}

static void flags_without_a_seed_are_warned_of_like_a_file(void **state)
{
    const char *listen[] = {":80"}, *servers[] = {"10.0.0.1:80"};
    struct plan *plan =
        load_flags(&(struct conf_flags){.listen = listen, .listen_count = 1, .servers = servers, .server_count = 1});
    assert_non_null(plan);
    assert_int_equal(said_count, 1);
    assert_non_null(strstr(said, "limpet: warning: there is no --seed: "));
    plan_free(plan);
}

static void a_proxy_that_is_trusted_by_flag_is_warned_of_by_its_flag(void **state)
{
    const char *listen[] = {":80"}, *trust[] = {"loopback", "10.0.0.5"}, *servers[] = {"10.0.0.1:80"};
    struct conf_flags flags = {.seed = "s",
                               .mode = "tcp",
                               .listen = listen,
                               .listen_count = 1,
                               .trust = trust,
                               .trust_count = 1,
                               .servers = servers,
                               .server_count = 1};
    plan_free(load_flags(&flags));
    assert_string_equal(said, "");
    flags.trust = trust + 1;
    plan_free(load_flags(&flags));
    assert_int_equal(said_count, 1);
    assert_non_null(strstr(said, "limpet: warning: --trust \"10.0.0.5\": `mode: tcp` decides once "));
}

static void flags_need_a_listener_and_a_server(void **state)
{
    assert_null(load_flags(&(struct conf_flags){0}));
    assert_string_equal(said, "limpet: error: there is nothing to listen on; add `--listen :8080`\n"
                              "limpet: error: there is no SERVER; add an address, such as 127.0.0.1:3000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_mean_what_a_file_means),
        cmocka_unit_test(messages_about_flags_name_the_flag),
        cmocka_unit_test(only_a_weight_may_follow_the_address_of_a_server),
        cmocka_unit_test(flags_without_a_seed_are_warned_of_like_a_file),
        cmocka_unit_test(a_proxy_that_is_trusted_by_flag_is_warned_of_by_its_flag),
        cmocka_unit_test(flags_need_a_listener_and_a_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
