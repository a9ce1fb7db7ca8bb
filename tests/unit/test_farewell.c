/* Last words over TCP: the test is the client. */

#include "carry/farewell.h"

#include "loopback.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct stream stream;
static struct farewell farewell;
static int client;

static void nobody(struct loop_source *source, uint32_t events)
{
}

static int start(void **state)
{
    int accepted;
    loopback_pair(&client, &accepted);
    stream_init(&stream, accepted, false, nobody);
    return 0;
}

static int stop(void **state)
{
    stream_close(&stream, false);
    if (client >= 0)
        close(client);
    return 0;
}

static bool is_over_once_readable(void)
{
    struct pollfd p = {.fd = stream.source.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    return farewell_run(&farewell, &stream) == FAREWELL_OVER;
}

static void assert_hears(const char *words)
{
    char bytes[256];
    size_t length = 0;
    ssize_t got;
    while ((got = recv(client, bytes + length, sizeof(bytes) - length, 0)) > 0)
        length += (size_t)got;
    assert_int_equal(got, 0);
    assert_int_equal(length, strlen(words));
    assert_memory_equal(bytes, words, length);
}

static void a_client_hears_the_words_and_an_orderly_end(void **state)
{
    farewell_start(&farewell, &stream, "HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_hears("HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_int_equal(farewell_run(&farewell, &stream), FAREWELL_WAIT);
    shutdown(client, SHUT_WR);
    assert_true(is_over_once_readable());
}

static void no_words_are_an_orderly_end_too(void **state)
{
    farewell_start(&farewell, &stream, "");
    assert_hears("");
}

/* Closing with bytes unread would reset the connection, and the client's kernel would throw the answer away. */
static void a_client_that_was_still_talking_hears_the_words(void **state)
{
    static const char body[20000];
    assert_int_equal(send(client, body, sizeof(body), 0), sizeof(body));
    farewell_start(&farewell, &stream, "no");
    assert_false(is_over_once_readable());
    assert_int_equal(send(client, body, sizeof(body), 0), sizeof(body));
    shutdown(client, SHUT_WR);
    while (!is_over_once_readable())
        ;
    stream_close(&stream, false);
    assert_hears("no");
}

static void a_client_that_goes_on_and_on_has_used_up_its_share(void **state)
{
    static const char body[4096];
    size_t sent = 0;
    farewell_start(&farewell, &stream, "no");
    bool over = false;
    for (int i = 0; i < 100 && !over; i++) {
        assert_int_equal(send(client, body, sizeof(body), MSG_NOSIGNAL), sizeof(body));
        sent += sizeof(body);
        over = is_over_once_readable();
    }
    assert_true(over);
    assert_in_range(sent, FAREWELL_DROP_MOST, FAREWELL_DROP_MOST + 4 * sizeof(body));
}

static void a_client_that_has_gone_holds_up_nobody(void **state)
{
    loopback_reset(client);
    client = -1;
    struct pollfd p = {.fd = stream.source.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    farewell_start(&farewell, &stream, "hello?");
    assert_int_equal(farewell_run(&farewell, &stream), FAREWELL_OVER);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_client_hears_the_words_and_an_orderly_end),
        fresh(no_words_are_an_orderly_end_too),
        fresh(a_client_that_was_still_talking_hears_the_words),
        fresh(a_client_that_goes_on_and_on_has_used_up_its_share),
        fresh(a_client_that_has_gone_holds_up_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
