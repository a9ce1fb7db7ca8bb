/* What a configuration says about requests: modes, routes, answers, changed fields, what pools remember. */

#include "conf/conf.h"

#include "base/text.h"
#include "plan/describe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
#define POOLS "pools: {a: {servers: \"10.0.0.1:80\"}, b: {servers: \"10.0.0.2:80\"}}\n"

static char said[65536];
static int secret_failure;

static int read_file(void *context, const char *path, struct span *text)
{
    if (strcmp(path, "limpet.yaml") == 0)
        *text = *(const struct span *)context;
    else if (strcmp(path, "page.html") == 0)
        *text = span_text("<p>Sorry");
    else if (strcmp(path, "secret") == 0)
        *text = span_text(SECRET);
    else
        return -ENOENT;
    return 0;
}

static int read_secret(void *context, const char *path, struct span *text)
{
    return secret_failure ? secret_failure : read_file(context, path, text);
}

static void hear(void *context, enum report_severity severity, const char *lines)
{
    if (strlen(said) + strlen(lines) < sizeof(said))
        strcat(said, lines);
}

static struct plan *try_to_load(const char *text)
{
    struct span span = span_text(text);
    struct conf_files files = {.read = read_file, .read_secret = read_secret, .context = &span};
    struct report_out report = {.message = hear};
    said[0] = '\0';
    return conf_load_file("limpet.yaml", &files, &report);
}

static struct plan *load(const char *text)
{
    struct plan *plan = try_to_load(text);
    if (!plan)
        fail_msg("%s", said);
    return plan;
}

static void requests_have_defaults(void **state)
{
    struct plan *plan = load("seed: s\nlisteners: {bind: \":80\", pool: a}\n" POOLS);
    const struct plan_listener *l = plan->listeners;
    assert_int_equal(l->mode, MODE_AUTO);
    assert_false(l->per_request);
    assert_true(l->via);
    assert_int_equal(l->upgrade_count, 1);
    assert_string_equal(l->upgrades[0], "websocket");
    assert_int_equal(plan->timeouts.head, 10 * SECOND_IN_MICROS);
    assert_int_equal(plan->timeouts.answer, 60 * SECOND_IN_MICROS);
    assert_int_equal(plan->timeouts.tunnel, 3600 * (micros)SECOND_IN_MICROS);
    assert_int_equal(plan->limits.head, 32768);
    assert_int_equal(plan->limits.body, 0);
    assert_true(plan->secret.length == 0 && !plan->metrics && plan->page_count == 0);
    assert_int_equal(plan->pools[0].stick_count, 0);
    assert_int_equal(l->routes[0].action, ROUTE_POOL);
    plan_free(plan);
}

static void what_holds_for_requests_is_in_the_plan(void **state)
{
    struct plan *plan =
        load("seed: s\nsecret: secret\nmetrics: \"127.0.0.1:9100\"\n"
             "pages: {502: page.html, 404: page.html}\n"
             "timeouts: {head: 1s, answer: 2s, tunnel: 3s}\nlimits: {head: 8KiB, body: 1MiB}\n"
             "listeners: {bind: \":80\", mode: http, via: off, upgrade: [WebSocket, x], pool: a}\n" POOLS);
    const struct plan_listener *l = plan->listeners;
    assert_int_equal(l->mode, MODE_HTTP);
    assert_false(l->via);
    assert_int_equal(l->upgrade_count, 2);
    assert_string_equal(l->upgrades[0], "websocket");
    assert_int_equal(plan->timeouts.answer, 2 * SECOND_IN_MICROS);
    assert_int_equal(plan->limits.head, 8192);
    assert_int_equal(plan->limits.body, 1 << 20);
    assert_true(span_equal(plan->secret, span_text(SECRET)));
    assert_string_equal(plan->metrics->text, "127.0.0.1:9100");
    assert_int_equal(plan->page_count, 2);
    assert_int_equal(plan->pages[0].status, 502);
    assert_true(span_equal(plan->pages[1].body, span_text("<p>Sorry")));
    plan_free(plan);
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
    const char *text = "seed: s\nsecret: secret\nlisteners: {bind: \":80\", pool: a}\n" POOLS;
    secret_failure = -EPERM;
    assert_null(try_to_load(text));
    secret_failure = 0;
    assert_non_null(strstr(said, "error: others may read or change `secret`"));
    assert_non_null(strstr(said, "help: chmod 600 secret"));
    plan_free(load(text));
}

static struct plan *load_routes(const char *routes)
{
    static char text[4096];
    snprintf(text, sizeof(text), "seed: s\nlisteners: {bind: \":80\", routes: [%s]}\n" POOLS, routes);
    return load(text);
}

static void conditions_are_in_the_plan(void **state)
{
    struct plan *plan = load_routes("{host: [A.Example.org, \"*.b\"], path: /x/, method: [GET, BREW], header: X-User, "
                                    "pool: b}, {pool: a}");
    const struct plan_route *route = plan->listeners[0].routes;
    assert_int_equal(route->host_count, 2);
    assert_string_equal(route->hosts[0], "a.example.org");
    assert_string_equal(route->hosts[1], "*.b");
    assert_true(span_equal(route->path, span_text("/x/")));
    assert_int_equal(route->method_count, 2);
    assert_string_equal(route->methods[1], "BREW");
    assert_int_equal(route->header_count, 1);
    assert_int_equal(route->pool, 1);
    assert_true(plan->listeners[0].per_request);
    plan_free(plan);
}

static void answers_are_in_the_plan(void **state)
{
    struct plan *plan = load_routes(
        "{path: /a, redirect: https}, {path: /b, redirect: \"HTTP://example.org\"}, "
        "{path: /c, redirect: {to: \"https://example.org:8443/x\", status: 302}}, {path: /d, answer: 404}, "
        "{path: /e, answer: {status: 503, body: \"file:page.html\", type: text/html}}, {answer: {body: hello}}");
    const struct plan_route *routes = plan->listeners[0].routes;
    assert_int_equal(routes[0].action, ROUTE_REDIRECT);
    assert_int_equal(routes[0].status, 308);
    assert_null(routes[0].location);
    assert_string_equal(routes[1].location, "HTTP://example.org");
    assert_true(routes[1].location_is_origin);
    assert_int_equal(routes[2].status, 302);
    assert_false(routes[2].location_is_origin);
    assert_int_equal(routes[3].action, ROUTE_ANSWER);
    assert_int_equal(routes[3].status, 404);
    assert_true(routes[3].body.length == 0 && !routes[3].type);
    assert_true(span_equal(routes[4].body, span_text("<p>Sorry")));
    assert_string_equal(routes[4].type, "text/html");
    assert_int_equal(routes[5].status, 200);
    assert_string_equal(routes[5].type, "text/plain; charset=utf-8");
    plan_free(plan);
}

static void changes_are_made_in_one_order(void **state)
{
    static const enum change_kind order[] = {CHANGE_REMOVE, CHANGE_SET, CHANGE_SET, CHANGE_ADD, CHANGE_ADD};
    struct plan *plan =
        load_routes("{pool: a, request-headers: {add: {X-A: [1, 2]}, set: {Host: h, X-B: \"\"}, remove: X-C}, "
                    "response-headers: {remove: [Server]}}");
    const struct plan_route *route = plan->listeners[0].routes;
    assert_int_equal(route->request.count, ARRAY_LENGTH(order));
    for (size_t i = 0; i < ARRAY_LENGTH(order); i++)
        assert_int_equal(route->request.all[i].kind, order[i]);
    assert_true(span_equal(route->request.all[4].value, span_text("2")));
    assert_int_equal(route->response.count, 1);
    assert_true(plan->listeners[0].per_request);
    plan_free(plan);
}

static void what_pools_remember_is_in_the_plan(void **state)
{
    struct plan *plan =
        load("seed: s\nsecret: secret\nlisteners: {bind: \":80\", pool: a}\n"
             "pools: {a: {servers: \"10.0.0.1:80\", stick: [{cookie: limpet}, {session: \"header:X-Id\"}]}, "
             "b: {servers: \"10.0.0.1:80\", stick: {cookie: x, for: 2d, same-site: none, bind-client: on}}}\n");
    const struct plan_stick *a = plan->pools[0].sticks, *b = plan->pools[1].sticks;
    assert_int_equal(plan->pools[0].stick_count, 2);
    assert_int_equal(a[0].kind, STICK_COOKIE);
    assert_string_equal(a[0].name, "limpet");
    assert_string_equal(a[0].text, "cookie: limpet");
    assert_int_equal(a[0].lifetime, 24 * (micros)3600 * SECOND_IN_MICROS);
    assert_int_equal(a[0].same_site, SAME_SITE_LAX);
    assert_false(a[0].bind_client);
    assert_int_equal(a[1].kind, STICK_SESSION);
    assert_string_equal(a[1].text, "session: header:X-Id");
    assert_int_equal(a[1].where.kind, KEY_HEADER);
    assert_int_equal(a[1].lifetime, 3600 * (micros)SECOND_IN_MICROS);
    assert_int_equal(b[0].lifetime, 48 * 3600 * (micros)SECOND_IN_MICROS);
    assert_int_equal(b[0].same_site, SAME_SITE_NONE);
    assert_true(b[0].bind_client);
    assert_true(plan->listeners[0].per_request);
    plan_free(plan);
}

static const char *described(const struct plan_route *route,
                             void (*describe)(const struct plan_route *route, struct text *text))
{
    static char words[256];
    struct text text;
    text_init(&text, words, sizeof(words));
    describe(route, &text);
    return words;
}

static void routes_are_described_in_words(void **state)
{
    struct plan *plan =
        load_routes("{sni: s, pool: a}, {host: [a, b], path: /x, method: GET, header: [X, Y], redirect: https}, "
                    "{path: /y, redirect: \"http://z\"}, {answer: {body: hello}}");
    const struct plan_route *routes = plan->listeners[0].routes;
    assert_string_equal(described(&routes[0], describe_conditions), "TLS server name s");
    assert_string_equal(described(&routes[1], describe_conditions),
                        "host a or b, path /x..., method GET, with X and Y, not https yet");
    assert_string_equal(described(&routes[1], describe_answer), "308 to the same URL with https");
    assert_string_equal(described(&routes[2], describe_answer), "308 to http://z with the request's path and query");
    assert_string_equal(described(&routes[3], describe_conditions), "");
    assert_string_equal(described(&routes[3], describe_answer), "200, 5 bytes of text/plain; charset=utf-8");
    plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_defaults),
        cmocka_unit_test(what_holds_for_requests_is_in_the_plan),
        cmocka_unit_test(a_secret_that_others_may_read_is_refused),
        cmocka_unit_test(conditions_are_in_the_plan),
        cmocka_unit_test(answers_are_in_the_plan),
        cmocka_unit_test(changes_are_made_in_one_order),
        cmocka_unit_test(what_pools_remember_is_in_the_plan),
        cmocka_unit_test(routes_are_described_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
