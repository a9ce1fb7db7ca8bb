#include "front/crowd.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char said[1024];
static int lines;

static void keep(void *context, const char *line, size_t length)
{
    lines++;
    assert_true(length < sizeof(said));
    memcpy(said, line, length);
    said[length] = '\0';
}

static int start(void **state)
{
    lines = 0;
    log_set_writer(keep, NULL);
    srandom(7);
    return 0;
}

static struct endpoint proxy(void)
{
    return endpoint_from_ip4((uint8_t[]){192, 0, 2, 1}, (uint16_t)random());
}

static struct endpoint stranger(void)
{
    uint32_t chance = (uint32_t)random();
    return endpoint_from_ip4((uint8_t[]){10, (uint8_t)(chance >> 16), (uint8_t)(chance >> 8), (uint8_t)chance}, 1);
}

/* Connections of which so many in a hundred come through the proxy; how many of its were to be sampled, if any. */
static unsigned pass(struct crowd *crowd, unsigned count, unsigned share)
{
    unsigned sampled = 0;
    for (unsigned i = 0; i < count; i++) {
        bool is_proxy = (unsigned)random() % 100 < share;
        struct endpoint peer = is_proxy ? proxy() : stranger();
        bool sample = crowd_note(crowd, &peer);
        assert_true(is_proxy || !sample); /* a stranger is never suspected */
        sampled += sample;
    }
    return sampled;
}

static void a_proxy_for_nearly_all_is_found_after_one_window(void **state)
{
    struct crowd crowd = {0};
    assert_int_equal(pass(&crowd, CROWD_WINDOW - 1, 95), 0);
    assert_true(pass(&crowd, CROWD_WINDOW, 95) > CROWD_WINDOW / 2);
}

static void a_proxy_for_most_is_found_after_a_few(void **state)
{
    struct crowd crowd = {0};
    assert_true(pass(&crowd, 10 * CROWD_WINDOW, 70) > CROWD_WINDOW);
}

static void a_peer_with_less_than_half_is_none(void **state)
{
    struct crowd crowd = {0};
    assert_int_equal(pass(&crowd, 50 * CROWD_WINDOW, 30), 0);
}

static void half_of_a_window_is_not_most_whatever_was_before(void **state)
{
    struct crowd crowd = {0};
    pass(&crowd, CROWD_WINDOW, 100);
    for (int window = 0; window < 5; window++) {
        unsigned sampled = pass(&crowd, CROWD_WINDOW / 2, 100);
        assert_true(window == 0 || sampled == 0);
        pass(&crowd, CROWD_WINDOW / 2, 0);
    }
}

static void strangers_are_none(void **state)
{
    struct crowd crowd = {0};
    assert_int_equal(pass(&crowd, 50 * CROWD_WINDOW, 0), 0);
}

static void a_suspect_that_becomes_rare_is_forgotten(void **state)
{
    struct crowd crowd = {0};
    assert_int_equal(pass(&crowd, CROWD_WINDOW, 100), 1);
    pass(&crowd, CROWD_WINDOW, 10);
    assert_int_equal(pass(&crowd, 5 * CROWD_WINDOW, 10), 0);
}

static void peers_without_an_address_are_never_a_proxy(void **state)
{
    struct crowd crowd = {0};
    struct endpoint unix_peer = {.kind = ENDPOINT_UNIX};
    for (int i = 0; i < 5 * CROWD_WINDOW; i++)
        assert_false(crowd_note(&crowd, &unix_peer));
}

static void one_listeners_crowd_is_not_anothers(void **state)
{
    struct crowd crowds[2];
    memset(crowds, 0, sizeof(crowds));
    struct endpoint peer = proxy();
    assert_int_equal(pass(&crowds[0], CROWD_WINDOW, 100), 1);
    assert_true(crowd_note(&crowds[0], &peer));
    assert_false(crowd_note(&crowds[1], &peer));
}

static void the_warning_names_the_trust_to_add_and_keeps_quiet_for_ten_minutes(void **state)
{
    static const struct plan_listener listener = {.name = ":443"}, other = {.name = ":80"};
    struct crowd crowd = {0};
    micros quiet_until = 0, other_quiet_until = 0;
    const micros now = 5 * (micros)SECOND_IN_MICROS;
    const micros ten_minutes = 600 * (micros)SECOND_IN_MICROS;
    pass(&crowd, CROWD_WINDOW, 100);

    crowd_warn(&crowd, &listener, CLIENT_FROM_X_FORWARDED_FOR, &quiet_until, now);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(said, "warning: :443: 100 of the last 100 connections came from 192.0.2.1 "));
    assert_non_null(strstr(said, "`--trust 192.0.2.1`"));

    crowd_warn(&crowd, &listener, CLIENT_FROM_X_FORWARDED_FOR, &quiet_until, now + ten_minutes - 1);
    assert_int_equal(lines, 1);
    crowd_warn(&crowd, &other, CLIENT_FROM_X_FORWARDED_FOR, &other_quiet_until, now + 1);
    assert_int_equal(lines, 2);
    assert_non_null(strstr(said, "warning: :80: "));
    crowd_warn(&crowd, &listener, CLIENT_FROM_X_FORWARDED_FOR, &quiet_until, now + ten_minutes);
    assert_int_equal(lines, 3);
}

static void the_advice_names_the_field_that_was_sent(void **state)
{
    struct network everywhere;
    assert_null(network_parse(span_text("192.0.2.0/24"), &everywhere));
    const struct plan_listener stranger = {.name = "s", .client_from = CLIENT_FROM_X_FORWARDED_FOR};
    const struct plan_listener believer = {.name = "b",
                                           .client_from = CLIENT_FROM_X_FORWARDED_FOR,
                                           .trust = {.networks = &everywhere, .network_count = 1}};
    struct crowd crowd = {0};
    micros quiet_until = 0, other_quiet_until = 0;
    pass(&crowd, CROWD_WINDOW, 100);

    crowd_warn(&crowd, &stranger, CLIENT_FROM_FORWARDED, &quiet_until, 1);
    assert_non_null(strstr(said, "the Forwarded that it sends is not believed"));
    assert_non_null(strstr(said, "`--trust 192.0.2.1`"));
    assert_non_null(strstr(said, "`client-from: forwarded`"));

    crowd_warn(&crowd, &believer, CLIENT_FROM_FORWARDED, &other_quiet_until, 1);
    assert_non_null(strstr(said, "the Forwarded that it sends is not the field that counts"));
    assert_non_null(strstr(said, "`client-from: forwarded`"));
    assert_null(strstr(said, "--trust"));
}

static void who_is_believed_and_names_nobody_gets_no_advice(void **state)
{
    struct network everywhere;
    assert_null(network_parse(span_text("192.0.2.0/24"), &everywhere));
    const struct plan_listener believer = {.name = "b",
                                           .client_from = CLIENT_FROM_X_FORWARDED_FOR,
                                           .trust = {.networks = &everywhere, .network_count = 1}};
    struct crowd crowd = {0};
    micros quiet_until = 0;
    pass(&crowd, CROWD_WINDOW, 100);
    crowd_warn(&crowd, &believer, CLIENT_FROM_X_FORWARDED_FOR, &quiet_until, 1);
    assert_non_null(strstr(said, "share one home, because the X-Forwarded-For that it sends names no client\n"));
}

static int stop(void **state)
{
    log_set_writer(NULL, NULL);
    return 0;
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_proxy_for_nearly_all_is_found_after_one_window),
        fresh(a_proxy_for_most_is_found_after_a_few),
        fresh(a_peer_with_less_than_half_is_none),
        fresh(half_of_a_window_is_not_most_whatever_was_before),
        fresh(strangers_are_none),
        fresh(a_suspect_that_becomes_rare_is_forgotten),
        fresh(peers_without_an_address_are_never_a_proxy),
        fresh(one_listeners_crowd_is_not_anothers),
        fresh(who_is_believed_and_names_nobody_gets_no_advice),
        fresh(the_advice_names_the_field_that_was_sent),
        fresh(the_warning_names_the_trust_to_add_and_keeps_quiet_for_ten_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
