#include "route/connect.h"

#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static char folder[64];
static struct address address;
static struct sockaddr_in port;
static size_t open_before;

static int start(void **state)
{
    snprintf(folder, sizeof(folder), "%s/limpet-connect-XXXXXX", P_tmpdir);
    open_before = loopback_open_count();
    return mkdtemp(folder) ? 0 : -1;
}

/* What was refused left nothing open. */
static int stop(void **state)
{
    size_t open_after = loopback_open_count();
    return rmdir(folder) == 0 && open_after == open_before ? 0 : -1;
}

static void set_address(const char *text)
{
    assert_null(address_parse(span_text(text), &address));
}

static void set_port(void)
{
    char text[32];
    snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(port.sin_port));
    set_address(text);
}

static void set_path(const char *name)
{
    char text[ADDRESS_TEXT_SIZE];
    snprintf(text, sizeof(text), "unix:%s/%s", folder, name);
    set_address(text);
}

static int listen_on_unix(int backlog)
{
    set_path("server");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address.storage, address.length), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void unlink_unix(void)
{
    unlink(((struct sockaddr_un *)&address.storage)->sun_path);
}

/* What a waiting attempt came to: an errno. */
static int outcome(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof(error);
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    return error;
}

static void assert_connects(void)
{
    int fd, error;
    enum connect_verdict verdict = connect_start(&address, &fd, &error);
    assert_true(verdict == CONNECT_WAITING || verdict == CONNECT_DONE);
    assert_int_equal(outcome(fd), 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static void a_server_that_listens_is_reached_without_waiting_for_it(void **state)
{
    int listener = loopback_listener(&port);
    set_port();
    assert_connects();
    close(listener);
}

static void small_writes_are_not_held_back(void **state)
{
    int fd, error, on = 0;
    socklen_t length = sizeof(on);
    int listener = loopback_listener(&port);
    set_port();
    assert_true(connect_start(&address, &fd, &error) <= CONNECT_WAITING);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &length), 0);
    assert_int_not_equal(on, 0);
    close(fd);
    close(listener);
}

static void a_server_on_a_unix_socket_is_reached_at_once(void **state)
{
    int fd, error;
    int listener = listen_on_unix(5);
    assert_int_equal(connect_start(&address, &fd, &error), CONNECT_DONE);
    assert_int_equal(error, 0);
    close(fd);
    close(listener);
    unlink_unix();
}

static void a_port_where_nobody_listens_refuses(void **state)
{
    int fd, error;
    int listener = loopback_listener(&port);
    set_port();
    close(listener);
    enum connect_verdict verdict = connect_start(&address, &fd, &error);
    if (verdict == CONNECT_WAITING) {
        error = outcome(fd);
        close(fd);
    }
    assert_int_equal(error, ECONNREFUSED);
    assert_string_equal(connect_error_text(error), "refused");
}

static void a_unix_socket_that_its_server_left_refuses(void **state)
{
    int fd, error;
    close(listen_on_unix(5));
    assert_int_equal(connect_start(&address, &fd, &error), CONNECT_FAILED);
    assert_int_equal(fd, -1);
    assert_string_equal(connect_error_text(error), "refused");
    unlink_unix();
}

static void a_unix_socket_that_does_not_exist_is_named_as_such(void **state)
{
    int fd, error;
    set_path("nothing");
    assert_int_equal(connect_start(&address, &fd, &error), CONNECT_FAILED);
    assert_int_equal(fd, -1);
    assert_string_equal(connect_error_text(error), "no_socket_file");
}

static void a_unix_server_with_a_full_backlog_is_alive(void **state)
{
    int fds[8], error;
    size_t count = 0;
    int listener = listen_on_unix(1);
    enum connect_verdict verdict = CONNECT_DONE;
    while (count < 8 && verdict == CONNECT_DONE)
        verdict = connect_start(&address, &fds[count++], &error);
    assert_int_equal(verdict, CONNECT_FULL);
    assert_string_equal(connect_error_text(error), "backlog_full");
    assert_int_equal(fds[--count], -1);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    close(listener);
    unlink_unix();
}

static void without_a_descriptor_it_is_not_the_servers_fault(void **state)
{
    struct rlimit before, none;
    int fd, error;
    set_address("127.0.0.1:1");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum connect_verdict verdict = connect_start(&address, &fd, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(verdict, CONNECT_LOCAL);
    assert_string_equal(connect_error_text(error), "no_descriptor_left");
}

static void an_address_that_nobody_can_have_fails(void **state)
{
    int fd = -1, error;
    set_address("255.255.255.255:1"); /* broadcast: no route for TCP */
    enum connect_verdict verdict = connect_start(&address, &fd, &error);
    assert_int_equal(verdict, CONNECT_FAILED);
    assert_int_equal(fd, -1);
    assert_true(error > 0);
}

static void every_error_has_one_word(void **state)
{
    for (int error = 0; error < 200; error++) {
        const char *word = connect_error_text(error);
        assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz_"), strlen(word));
        assert_true(strlen(word) > 0);
    }
    assert_string_equal(connect_error_text(ETIMEDOUT), "timeout");
    assert_string_equal(connect_error_text(EHOSTUNREACH), "unreachable");
    assert_string_equal(connect_error_text(ENETUNREACH), "unreachable");
}

static void who_meets_himself_has_met_no_server(void **state)
{
    struct sockaddr_in none;
    int listener = loopback_listener(&port);
    int fd = loopback_connect(&port);
    set_port();
    assert_false(connect_met_itself(fd, &address));
    close(fd);
    close(listener);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    none = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(port);
    assert_int_equal(bind(fd, (struct sockaddr *)&none, sizeof(none)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&port, &length), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&port, sizeof(port)), 0);
    set_port();
    assert_true(connect_met_itself(fd, &address));
    close(fd);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_server_that_listens_is_reached_without_waiting_for_it),
        fresh(small_writes_are_not_held_back),
        fresh(a_server_on_a_unix_socket_is_reached_at_once),
        fresh(a_port_where_nobody_listens_refuses),
        fresh(a_unix_socket_that_its_server_left_refuses),
        fresh(a_unix_socket_that_does_not_exist_is_named_as_such),
        fresh(a_unix_server_with_a_full_backlog_is_alive),
        fresh(without_a_descriptor_it_is_not_the_servers_fault),
        fresh(an_address_that_nobody_can_have_fails),
        fresh(every_error_has_one_word),
        fresh(who_meets_himself_has_met_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
