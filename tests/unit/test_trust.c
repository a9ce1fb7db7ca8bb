#include "route/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct endpoint endpoint(const char *text)
{
    struct endpoint e = {0};
    if (!endpoint_parse(span_text(text), &e))
        fail_msg("not an address: %s", text);
    return e;
}

static bool believes(const struct plan_trust *trust, const char *who)
{
    struct endpoint e = endpoint(who);
    return trust_believes(trust, &e);
}

static void loopback_is_this_machine(void **state)
{
    const struct plan_trust trust = {.loopback = true};
    const struct endpoint unix_peer = {.kind = ENDPOINT_UNIX};

    assert_true(believes(&trust, "127.0.0.1"));
    assert_true(believes(&trust, "127.255.0.9:80"));
    assert_true(believes(&trust, "::1"));
    assert_true(believes(&trust, "::ffff:127.0.0.1"));
    assert_true(trust_believes(&trust, &unix_peer));
    assert_false(believes(&trust, "128.0.0.1"));
    assert_false(believes(&trust, "::2"));
    assert_false(believes(&trust, "10.0.0.1"));
}

static void without_loopback_not_even_this_machine_is_believed(void **state)
{
    const struct plan_trust trust = {.loopback = false};
    const struct endpoint unix_peer = {.kind = ENDPOINT_UNIX};

    assert_false(believes(&trust, "127.0.0.1"));
    assert_false(trust_believes(&trust, &unix_peer));
}

static void networks_are_believed(void **state)
{
    struct network networks[2];
    assert_null(network_parse(span_text("10.1.0.0/16"), &networks[0]));
    assert_null(network_parse(span_text("2001:db8::/32"), &networks[1]));
    const struct plan_trust trust = {.networks = networks, .network_count = 2};

    assert_true(believes(&trust, "10.1.255.255"));
    assert_true(believes(&trust, "2001:db8:ffff::1"));
    assert_false(believes(&trust, "10.2.0.0"));
    assert_false(believes(&trust, "2001:db9::"));
}

static void nobody_known_is_never_believed(void **state)
{
    struct network everything[2];
    assert_null(network_parse(span_text("0.0.0.0/0"), &everything[0]));
    assert_null(network_parse(span_text("::/0"), &everything[1]));
    const struct plan_trust trust = {.loopback = true, .networks = everything, .network_count = 2};
    const struct endpoint nobody = {.kind = ENDPOINT_NONE};

    assert_true(believes(&trust, "203.0.113.9"));
    assert_true(believes(&trust, "2001:db8::1"));
    assert_false(trust_believes(&trust, &nobody));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_is_this_machine),
        cmocka_unit_test(without_loopback_not_even_this_machine_is_believed),
        cmocka_unit_test(networks_are_believed),
        cmocka_unit_test(nobody_known_is_never_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
