/* How many clients a process has, as the kernel tells. */

#include "control/live.h"

#include "base/attr.h"
#include "loopback.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct sockaddr_in address;
static int listener;
static struct live live;
static size_t open_before;

static int start(void **state)
{
    open_before = loopback_open_count();
    listener = loopback_listener(&address);
    return 0;
}

static int stop(void **state)
{
    live_fini(&live);
    live_fini(&live);
    close(listener);
    return loopback_open_count() == open_before ? 0 : -1;
}

static int look(void)
{
    live_fini(&live);
    const uint16_t port = ntohs(address.sin_port);
    return live_look(&live, &port, 1);
}

static void connections_on_our_ports_are_counted_at_our_end(void **state)
{
    int client[5], accepted[5], other[2];
    assert_int_equal(look(), 0);
    assert_int_equal(live.count, 0);
    assert_int_equal(live_count(&live, getpid()), 0);
    for (size_t i = 0; i < 5; i++) {
        client[i] = loopback_connect(&address);
        accepted[i] = accept(listener, NULL, NULL);
    }
    loopback_pair(&other[0], &other[1]); /* on another port */
    assert_int_equal(look(), 0);
    assert_int_equal(live.count, 5);
    assert_int_equal(live_count(&live, getpid()), 5);
    close(client[0]); /* the client has gone, and we hold our end still */
    close(client[1]);
    close(accepted[1]);
    assert_int_equal(look(), 0);
    assert_int_equal(live_count(&live, getpid()), 4);
    for (size_t i = 2; i < 5; i++) {
        close(client[i]);
        close(accepted[i]);
    }
    close(accepted[0]);
    close(other[0]);
    close(other[1]);
    assert_int_equal(look(), 0);
    assert_int_equal(live_count(&live, getpid()), 0);
}

static void each_process_has_its_own(void **state)
{
    int ready[2];
    char word;
    assert_int_equal(pipe(ready), 0);
    int client = loopback_connect(&address);
    pid_t child = fork();
    if (child == 0) {
        word = accept(listener, NULL, NULL) >= 0 ? 'x' : '-';
        (void)!write(ready[1], &word, 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &word, 1), 1);
    assert_int_equal(word, 'x');
    assert_int_equal(look(), 0);
    assert_int_equal(live_count(&live, child), 1);
    assert_int_equal(live_count(&live, getpid()), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(live_count(&live, child), -1); /* nobody there to look into */
    close(client);
    close(ready[0]);
    close(ready[1]);
}

static void several_ports_are_looked_at_together(void **state)
{
    struct sockaddr_in second;
    int other = loopback_listener(&second);
    const uint16_t ports[] = {ntohs(address.sin_port), ntohs(second.sin_port)};
    int clients[] = {loopback_connect(&address), loopback_connect(&second)};
    int accepted[] = {accept(listener, NULL, NULL), accept(other, NULL, NULL)};
    assert_int_equal(live_look(&live, ports, 2), 0);
    assert_int_equal(live_count(&live, getpid()), 2);
    live_fini(&live);
    assert_int_equal(live_look(&live, ports, 0), 0);
    assert_int_equal(live_count(&live, getpid()), 0);
    for (size_t i = 0; i < 2; i++) {
        close(clients[i]);
        close(accepted[i]);
    }
    close(other);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(connections_on_our_ports_are_counted_at_our_end),
        fresh(each_process_has_its_own),
        fresh(several_ports_are_looked_at_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
