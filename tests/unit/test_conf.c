#include "conf/conf.h"

#include "base/arena.h"
#include "base/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SMALL "seed: s\nlisteners: {bind: \":80\", pool: a}\npools: {a: {servers: \"10.0.0.1:80\"}}\n"

/* Files that exist only here; a null name ends them. */
struct file {
    const char *path;
    struct span text;
};

/* So many may be used; 0: nobody knows. */
static unsigned cpus = 3;

static char said[65536];

static int read_file(void *context, const char *path, struct span *text)
{
    for (const struct file *f = context; f->path; f++)
        if (strcmp(f->path, path) == 0) {
            *text = f->text;
            return 0;
        }
    return -ENOENT;
}

static void hear(void *context, enum report_severity severity, const char *lines)
{
    if (strlen(said) + strlen(lines) < sizeof(said))
        strcat(said, lines);
}

static struct plan *load_files(const struct file *all, struct report_out *report)
{
    struct conf_files files = {.read = read_file, .context = (void *)(uintptr_t)all, .cpus = cpus};
    *report = (struct report_out){.message = hear};
    said[0] = '\0';
    return conf_load_file(all[0].path, &files, report);
}

static struct plan *load_span(struct span text)
{
    struct report_out report;
    const struct file files[] = {{"limpet.yaml", text}, {NULL, span_of(NULL, 0)}};
    return load_files(files, &report);
}

/* Loads what must be fine. */
static struct plan *load(const char *text)
{
    struct plan *plan = load_span(span_text(text));
    if (!plan)
        fail_msg("%s", said);
    return plan;
}

static void assert_refused(struct span text, const char *because)
{
    assert_null(load_span(text));
    if (!strstr(said, because))
        fail_msg("expected \"%s\" in:\n%s", because, said);
}

static void what_is_not_written_has_a_default(void **state)
{
    struct plan *plan = load(SMALL);
    assert_int_equal(plan->timeouts.first_bytes, 5 * SECOND_IN_MICROS);
    assert_int_equal(plan->timeouts.proxy_header, 3 * SECOND_IN_MICROS);
    assert_int_equal(plan->timeouts.connect, 2 * SECOND_IN_MICROS);
    assert_int_equal(plan->timeouts.idle, 60 * SECOND_IN_MICROS);
    assert_int_equal(plan->timeouts.drain, 25 * SECOND_IN_MICROS);
    assert_int_equal(plan->limits.connections, 100000);
    assert_int_equal(plan->limits.per_client, 0);
    assert_string_equal(plan->log.access, "stdout");
    assert_string_equal(plan->log.errors, "stderr");
    assert_int_equal(plan->log.format, LOG_FORMAT_TEXT);
    assert_false(plan->log.plain_keys);
    assert_true(plan->threads >= 1);
    assert_true((plan->user != NULL) == (geteuid() == 0));

    const struct plan_listener *l = plan->listeners;
    assert_int_equal(plan->listener_count, 1);
    assert_string_equal(l->name, ":80");
    assert_true(l->trust.loopback);
    assert_int_equal(l->trust.network_count, 0);
    assert_int_equal(l->client_from, CLIENT_FROM_X_FORWARDED_FOR);
    assert_int_equal(l->proxy_protocol, PROXY_PROTOCOL_OFF);
    assert_int_equal(l->unwrap, UNWRAP_OFF);
    assert_int_equal(l->unix_mode, 0666);
    assert_int_equal(l->connection_limit, 0);
    assert_null(l->routes[0].sni);

    const struct plan_pool *pool = plan->pools;
    assert_int_equal(pool->key_count, 1);
    assert_int_equal(pool->keys[0].kind, KEY_CLIENT);
    assert_int_equal(pool->no_key, NO_KEY_SPREAD);
    assert_int_equal(pool->send_proxy, SEND_PROXY_OFF);
    assert_int_equal(pool->send_prefix, SEND_PREFIX_OFF);
    assert_int_equal(pool->servers[0].weight, 1);
    plan_free(plan);
}

static void what_is_written_is_in_the_plan(void **state)
{
    struct plan *plan =
        load("seed: prod\n"
             "threads: 3\n"
             "timeouts: {idle: 90s, drain: 1m}\n"
             "limits: {connections: 7, per-client: 2}\n"
             "log: {access: off, errors: /var/log/errors, format: json, keys: plain}\n"
             "listeners:\n"
             "  - bind: [\"127.0.0.1:80\", \"[::1]:80\"]\n"
             "    mode: tcp\n"
             "    trust: [private, 203.0.113.9]\n"
             "    client-from: header:CF-Connecting-IP\n"
             "    proxy-protocol: accept\n"
             "    limits: {connections: 5}\n"
             "    routes: [{sni: \"*.Example.ORG\", pool: b}, {pool: a}]\n"
             "  - {bind: unix:/run/x, unix-mode: 0600, unwrap: 9, pool: b}\n"
             "pools:\n"
             "  a:\n"
             "    key: [cookie:user, client/24/56]\n"
             "    no-key: end\n"
             "    servers: {x: \"10.0.0.1:80\", y: {address: \"unix:/run/y\", weight: 256}}\n"
             "    send-proxy: v2\n"
             "  b: {servers: [\"[2001:DB8::1]:80\", {name: z, address: localhost:81}], send-prefix: ipv6}\n");
    assert_true(span_equal(plan->seed, span_text("prod")) && plan->seed_given);
    assert_int_equal(plan->threads, 3);
    assert_int_equal(plan->timeouts.idle, 90 * SECOND_IN_MICROS);
    assert_int_equal(plan->timeouts.connect, 2 * SECOND_IN_MICROS);
    assert_int_equal(plan->limits.connections, 7);
    assert_int_equal(plan->limits.per_client, 2);
    assert_string_equal(plan->log.access, "off");
    assert_string_equal(plan->log.errors, "/var/log/errors");
    assert_int_equal(plan->log.format, LOG_FORMAT_JSON);
    assert_true(plan->log.plain_keys);

    const struct plan_listener *l = plan->listeners;
    assert_int_equal(l[0].bind_count, 2);
    assert_string_equal(l[0].binds[1].text, "[::1]:80");
    assert_false(l[0].trust.loopback);
    assert_int_equal(l[0].trust.network_count, 8);
    assert_int_equal(l[0].client_from, CLIENT_FROM_HEADER);
    assert_string_equal(l[0].client_header, "CF-Connecting-IP");
    assert_int_equal(l[0].proxy_protocol, PROXY_PROTOCOL_ACCEPT);
    assert_int_equal(l[0].connection_limit, 5);
    assert_int_equal(l[0].route_count, 2);
    assert_string_equal(l[0].routes[0].sni, "*.example.org");
    assert_int_equal(l[0].routes[0].pool, 1);
    assert_int_equal(l[0].routes[1].pool, 0);
    assert_int_equal(l[1].unix_mode, 0600);
    assert_int_equal(l[1].unwrap, UNWRAP_BYTES);
    assert_int_equal(l[1].unwrap_length, 9);

    const struct plan_pool *p = plan->pools;
    assert_int_equal(p[0].key_count, 2);
    assert_int_equal(p[0].keys[1].ip6_bits, 56);
    assert_int_equal(p[0].no_key, NO_KEY_END);
    assert_int_equal(p[0].send_proxy, SEND_PROXY_V2);
    assert_string_equal(p[0].servers[1].name, "y");
    assert_int_equal(p[0].servers[1].weight, 256);
    assert_true(address_is_unix(&p[0].servers[1].address));
    assert_string_equal(p[1].servers[0].name, "[2001:db8::1]:80");
    assert_string_equal(p[1].servers[1].address.text, "127.0.0.1:81");
    assert_int_equal(p[1].send_prefix, SEND_PREFIX_IP6);
    assert_int_equal(p[1].servers[1].number, 3);
    assert_int_equal(plan->server_count, 4);
    plan_free(plan);
}

static void a_scalar_is_a_list_of_one(void **state)
{
    struct plan *plan = load(SMALL), *long_form = load("seed: s\nlisteners: [{bind: [\":80\"], routes: [{pool: a}]}]\n"
                                                       "pools: {a: {key: [client], servers: [\"10.0.0.1:80\"]}}\n");
    assert_int_equal(plan->listeners[0].bind_count, long_form->listeners[0].bind_count);
    assert_int_equal(plan->listeners[0].route_count, long_form->listeners[0].route_count);
    assert_string_equal(plan->pools[0].servers[0].name, long_form->pools[0].servers[0].name);
    plan_free(plan);
    plan_free(long_form);
}

static void relative_paths_start_at_the_files_directory(void **state)
{
    struct report_out report;
    const struct file files[] = {
        {"/etc/limpet/limpet.yaml", span_text("seed: s\nlog: {access: logs/access}\n"
                                              "listeners: {bind: unix:in.sock, trust: \"file:office.txt\", pool: a}\n"
                                              "pools: {a: {servers: [unix:out.sock, unix:/run/other.sock]}}\n")},
        {"/etc/limpet/office.txt", span_text("# ours\r\n192.0.2.0/24 # first floor\r\n\r\n2001:db8::1")},
        {NULL, span_of(NULL, 0)},
    };
    struct plan *plan = load_files(files, &report);
    assert_non_null(plan);
    assert_string_equal(plan->log.access, "/etc/limpet/logs/access");
    assert_string_equal(plan->listeners[0].name, "unix:/etc/limpet/in.sock");
    assert_int_equal(plan->listeners[0].trust.network_count, 2);
    assert_string_equal(plan->pools[0].servers[0].name, "unix:/etc/limpet/out.sock");
    assert_string_equal(plan->pools[0].servers[1].name, "unix:/run/other.sock");
    plan_free(plan);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct conf_files files = {.read = read_file, .context = &(struct file){0}};
    struct report_out report = {.message = hear};
    said[0] = '\0';
    assert_null(conf_load_file("none.yaml", &files, &report));
    assert_int_equal(report.errors, 1);
    assert_string_equal(
        said, "limpet: error: cannot read `none.yaml`: No such file or directory; give its path with --config\n");
}

static void a_byte_order_mark_and_carriage_returns_are_fine(void **state)
{
    plan_free(load(
        "\xef\xbb\xbfseed: s\r\nlisteners: {bind: \":80\", pool: a}\r\npools: {a: {servers: \"10.0.0.1:80\"}}\r\n"));
}

static void bytes_that_are_no_text_are_refused_where_they_stand(void **state)
{
    assert_refused(span_of("seed: a\nx\0y: b\n", 15), "limpet.yaml:2:2: error: a NUL byte");
    assert_refused(span_text("seed: a\xff\n"), "limpet.yaml:1:8: error: this byte is not UTF-8");
    assert_refused(span_text("seed: \"\xc0\xaf\"\n"), "limpet.yaml:1:8: error: this byte is not UTF-8");
    assert_refused(span_text("\xfe\xff"), "limpet.yaml:1:1: error: this byte is not UTF-8");
}

static char *filled(size_t length, char c)
{
    char *bytes = malloc(length);
    assert_non_null(bytes);
    memset(bytes, c, length);
    return bytes;
}

/* Writes words into the midst of bytes, without a NUL behind them. */
static void put(char *bytes, const char *words)
{
    for (size_t i = 0; words[i]; i++)
        bytes[i] = words[i];
}

static void a_file_has_at_most_four_mebibytes(void **state)
{
    const size_t most = (size_t)4 << 20;
    char *text = filled(most + 1, '#');
    assert_refused(span_of(text, most), "the file says nothing");
    assert_refused(span_of(text, most + 1), "the file is too big");
    free(text);
}

static void a_line_of_megabytes_is_shown_in_part(void **state)
{
    const size_t length = 4000000;
    char *text = filled(length, 'x');
    put(text, "seed: ");
    put(text + length - 10, "\nwrong: 1\n");
    assert_refused(span_of(text, length), "limpet.yaml:2:1: error: unknown key `wrong`");
    put(text, "wrong: ");
    assert_refused(span_of(text, length), "limpet.yaml:1:1: error: unknown key `wrong`");
    assert_true(strlen(said) < 4096);
    free(text);
}

static void brackets_without_end_are_cheap(void **state)
{
    const size_t length = 4000000;
    micros start = clock_steady();
    char *text = filled(length, '[');
    assert_refused(span_of(text, length), "brackets are open");
    memset(text, '{', length);
    assert_refused(span_of(text, length), "brackets are open");
    for (size_t i = 0; i < length; i += 2)
        put(text + i, "- ");
    assert_refused(span_of(text, length), "nested too deeply");
    assert_true(clock_steady() - start < 5 * SECOND_IN_MICROS);
    free(text);
}

/* 100,000 servers as a map with names, or as a list without. */
static char *many_servers(bool named)
{
    const size_t count = 100000, capacity = count * 40 + 200;
    char *bytes = malloc(capacity);
    assert_non_null(bytes);
    struct text t;
    text_init(&t, bytes, capacity);
    text_add(&t, "seed: s\nlisteners: {bind: \":80\", pool: a}\npools:\n  a:\n    servers:\n");
    for (unsigned i = 0; i < count; i++) {
        if (named)
            text_add_format(&t, "      s%u: 10.%u.%u.%u:80\n", i, i >> 16, i >> 8 & 255, i & 255);
        else
            text_add_format(&t, "      - 10.%u.%u.%u:80\n", i >> 16, i >> 8 & 255, i & 255);
    }
    assert_false(t.cut);
    return bytes;
}

static void a_hundred_thousand_servers_are_no_trouble(void **state)
{
    for (int named = 0; named <= 1; named++) {
        char *text = many_servers(named);
        micros start = clock_steady();
        struct plan *plan = load(text);
        micros took = clock_steady() - start;
        assert_int_equal(plan->pools[0].server_count, 100000);
        assert_int_equal(plan->server_count, 100000);
        /* 0.3 s on a free machine; some times more under the sanitizers. */
        assert_true(took < 10 * SECOND_IN_MICROS);
        plan_free(plan);
        free(text);
    }
}

static void all_errors_are_counted_and_the_first_are_shown(void **state)
{
    struct text t;
    char bytes[65536];
    struct report_out report;
    text_init(&t, bytes, sizeof(bytes));
    for (int i = 0; i < 3000; i++)
        text_add_format(&t, "wrong%d: x\n", i);
    const struct file files[] = {{"limpet.yaml", span_text(bytes)}, {NULL, span_of(NULL, 0)}};
    assert_null(load_files(files, &report));
    assert_int_equal(report.errors, 3000);
    assert_non_null(strstr(said, "limpet.yaml:20:1: error: unknown key `wrong19`"));
    assert_null(strstr(said, "wrong20`"));
    assert_non_null(strstr(said, "limpet: error: 2980 more errors are not shown\n"));
}

static void colour_is_for_terminals(void **state)
{
    struct file files[] = {{"limpet.yaml", span_text("wrong: 1\n")}, {NULL, span_of(NULL, 0)}};
    struct conf_files reader = {.read = read_file, .context = files};
    struct report_out report = {.message = hear, .colour = true};
    said[0] = '\0';
    assert_null(conf_load_file("limpet.yaml", &reader, &report));
    assert_non_null(strstr(said, "\033[1;31merror:\033[0m unknown key"));
    assert_refused(span_text("wrong: 1\n"), "error: unknown key");
    assert_null(strchr(said, '\033'));
}

static void check_row(void *context, const struct conf_schema_row *row)
{
    ++*(unsigned *)context;
    size_t length = row->help ? strlen(row->help) : 0;
    if (!row->path[0] || !row->type || !row->type[0] || !row->fallback || length < 10)
        fail_msg("%s says too little about itself", row->path);
    else if (row->help[length - 1] != '.')
        fail_msg("the help of %s is no sentence", row->path);
}

static unsigned threads_on(unsigned count)
{
    cpus = count;
    struct plan *plan = load(SMALL);
    unsigned threads = plan->threads;
    plan_free(plan);
    return threads;
}

static void there_is_a_thread_for_each_cpu_and_never_more_than_64(void **state)
{
    assert_int_equal(threads_on(1), 1);
    assert_int_equal(threads_on(5), 5);
    assert_int_equal(threads_on(64), 64);
    assert_int_equal(threads_on(65), 64);
    assert_int_equal(threads_on(1024), 64);
    assert_int_equal(threads_on(0), 1);
    plan_free(load("threads: 64\n" SMALL));
    assert_refused(span_text("threads: 65\n" SMALL), "whole number from 1 to 64");
}

static void every_key_of_the_schema_is_explained(void **state)
{
    unsigned rows = 0;
    conf_schema_each(check_row, &rows);
    assert_true(rows > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_written_has_a_default),
        cmocka_unit_test(what_is_written_is_in_the_plan),
        cmocka_unit_test(a_scalar_is_a_list_of_one),
        cmocka_unit_test(relative_paths_start_at_the_files_directory),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(a_byte_order_mark_and_carriage_returns_are_fine),
        cmocka_unit_test(bytes_that_are_no_text_are_refused_where_they_stand),
        cmocka_unit_test(a_file_has_at_most_four_mebibytes),
        cmocka_unit_test(a_line_of_megabytes_is_shown_in_part),
        cmocka_unit_test(brackets_without_end_are_cheap),
        cmocka_unit_test(a_hundred_thousand_servers_are_no_trouble),
        cmocka_unit_test(all_errors_are_counted_and_the_first_are_shown),
        cmocka_unit_test(colour_is_for_terminals),
        cmocka_unit_test(there_is_a_thread_for_each_cpu_and_never_more_than_64),
        cmocka_unit_test(every_key_of_the_schema_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
