/* What a worker includes, driven from limpet's side of the socket. */

#include <limpet/worker.h>

#include "loopback.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <cmocka.h>

#include "base/attr.h"

static int limpet; /* our end */
static struct limpet_worker worker;
static struct limpet_connection connection;
static size_t open_before;

static void name_in_environment(int fd)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", fd);
    setenv("LIMPET_FD", text, 1);
}

static int start(void **state)
{
    int ends[2];
    open_before = loopback_open_count();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
        return -1;
    limpet = ends[0];
    name_in_environment(ends[1]);
    return limpet_worker_open(&worker);
}

/* Whatever was sent, no descriptor is left behind. */
static int stop(void **state)
{
    limpet_worker_close(&worker);
    close(limpet);
    return loopback_open_count() == open_before ? 0 : -1;
}

static void unblock(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

/* ---- limpet's side ---- */

static struct limpet_message message_of(uint8_t word, uint32_t number)
{
    return (struct limpet_message){.version = LIMPET_WORKER_VERSION, .word = word, .number = number};
}

static void send_bytes(const void *bytes, size_t length, const int *fds, size_t count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * 32)];
    } control = {.space = ""};
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        control.header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * count)};
        memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * count);
    }
    assert_int_equal(sendmsg(limpet, &message, MSG_NOSIGNAL), (ssize_t)length);
}

static void send_word(uint8_t word, uint32_t number, size_t descriptors)
{
    const int fds[32] = {0};
    struct limpet_message message = message_of(word, number);
    send_bytes(&message, sizeof(message), fds, descriptors);
}

static void assert_answer(uint8_t word, uint32_t number)
{
    struct limpet_answer answer;
    char longer[sizeof(answer) + 1];
    assert_int_equal(recv(limpet, longer, sizeof(longer), MSG_DONTWAIT), sizeof(answer));
    memcpy(&answer, longer, sizeof(answer));
    assert_int_equal(answer.word, word);
    assert_int_equal(answer.number, number);
    assert_int_equal(answer.zero[0] | answer.zero[1] | answer.zero[2], 0);
}

static void assert_no_answer(void)
{
    char byte;
    assert_int_equal(recv(limpet, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

/* ---- becoming a worker ---- */

static void the_layout_is_what_the_manual_says(void **state)
{
    assert_int_equal(sizeof(struct limpet_message), 64);
    assert_int_equal(sizeof(struct limpet_answer), 8);
    assert_int_equal(offsetof(struct limpet_message, word), 1);
    assert_int_equal(offsetof(struct limpet_message, flags), 2);
    assert_int_equal(offsetof(struct limpet_message, number), 4);
    assert_int_equal(offsetof(struct limpet_message, key), 8);
    assert_int_equal(offsetof(struct limpet_message, readable), 16);
    assert_int_equal(offsetof(struct limpet_message, client), 24);
    assert_int_equal(offsetof(struct limpet_message, peer), 44);
    assert_int_equal(offsetof(struct limpet_address, port), 16);
    assert_int_equal(offsetof(struct limpet_address, kind), 18);
    assert_int_equal(offsetof(struct limpet_answer, word), 4);
}

static void a_program_that_limpet_did_not_start_is_told_so(void **state)
{
    unsetenv("LIMPET_FD");
    assert_int_equal(limpet_worker_open(&worker), -ENOENT);
    assert_int_equal(worker.fd, -1);
    limpet_worker_close(&worker);
}

static void a_variable_that_is_no_number_is_refused_and_gone(void **state)
{
    static const char *const wrong[] = {"", "x", "3x", " 3", "+3", "-1", "0x3", "99999999999", "99999999999999999999"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        setenv("LIMPET_FD", wrong[i], 1);
        assert_int_equal(limpet_worker_open(&worker), -EINVAL);
        assert_int_equal(worker.fd, -1);
        assert_null(getenv("LIMPET_FD"));
    }
}

static void a_descriptor_that_is_no_such_socket_is_refused(void **state)
{
    int ends[2], file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    name_in_environment(file);
    assert_int_equal(limpet_worker_open(&worker), -ENOTSOCK);
    name_in_environment(ends[0]);
    assert_int_equal(limpet_worker_open(&worker), -EPROTOTYPE);
    close(file);
    close(ends[0]);
    close(ends[1]);
    name_in_environment(file);
    assert_int_equal(limpet_worker_open(&worker), -EBADF);
    assert_null(getenv("LIMPET_FD"));
}

static void children_get_neither_the_socket_nor_the_variable(void **state)
{
    assert_true(fcntl(worker.fd, F_GETFD) & FD_CLOEXEC);
    assert_null(getenv("LIMPET_FD"));
}

/* As long as limpet does not know how a program speaks, it offers that, too. */
static void children_get_nothing_of_what_node_programs_look_for(void **state)
{
    char text[16];
    int file = dup(0);
    snprintf(text, sizeof(text), "%d", file);
    setenv("NODE_CHANNEL_FD", text, 1);
    setenv("NODE_CHANNEL_SERIALIZATION_MODE", "json", 1);
    setenv("NODE_UNIQUE_ID", "1", 1);
    assert_int_equal(limpet_worker_open(&worker), -ENOENT);
    assert_non_null(getenv("NODE_CHANNEL_FD"));
    assert_int_equal(start(state), 0);
    assert_null(getenv("NODE_CHANNEL_FD"));
    assert_null(getenv("NODE_CHANNEL_SERIALIZATION_MODE"));
    assert_null(getenv("NODE_UNIQUE_ID"));
    assert_true(fcntl(file, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(stop(state), 0);
    close(file);
}

static void a_worker_says_that_it_is_ready(void **state)
{
    assert_int_equal(limpet_worker_ready(&worker), 0);
    assert_answer(LIMPET_READY, 0);
    assert_no_answer();
}

/* ---- connections ---- */

static void a_connection_comes_with_its_client_and_is_taken(void **state)
{
    int client, accepted;
    char bytes[8];
    loopback_pair(&client, &accepted);
    struct limpet_message message = message_of(LIMPET_CONNECTION, 0xdeadbeef);
    message.flags = LIMPET_TLS;
    message.key = 0x0123456789abcdef;
    message.readable = 4;
    message.client = (struct limpet_address){.ip = {[15] = 1}, .port = 4711, .kind = LIMPET_ADDRESS_IP};
    send_bytes(&message, sizeof(message), &accepted, 1);
    close(accepted);
    assert_int_equal(limpet_worker_next(&worker, &connection), 1);
    assert_memory_equal(&connection.message, &message, sizeof(message));
    assert_true(fcntl(connection.fd, F_GETFD) & FD_CLOEXEC);
    assert_no_answer();
    assert_int_equal(limpet_worker_take(&worker, &connection), 0);
    assert_answer(LIMPET_TAKEN, 0xdeadbeef);
    assert_int_equal(write(connection.fd, "hello", 5), 5);
    assert_int_equal(read(client, bytes, sizeof(bytes)), 5);
    close(connection.fd);
    close(client);
}

static void a_refused_connection_is_closed(void **state)
{
    send_word(LIMPET_CONNECTION, 7, 1);
    assert_int_equal(limpet_worker_next(&worker, &connection), 1);
    int fd = connection.fd;
    assert_int_equal(limpet_worker_refuse(&worker, &connection), 0);
    assert_answer(LIMPET_REFUSED, 7);
    assert_int_equal(connection.fd, -1);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void a_connection_that_cannot_be_answered_is_not_ours(void **state)
{
    send_word(LIMPET_CONNECTION, 7, 1);
    assert_int_equal(limpet_worker_next(&worker, &connection), 1);
    int fd = connection.fd;
    shutdown(limpet, SHUT_RDWR);
    assert_int_equal(limpet_worker_take(&worker, &connection), -EPIPE);
    assert_int_equal(connection.fd, -1);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void the_end_of_the_socket_is_the_end_behind_what_was_sent_before(void **state)
{
    send_word(LIMPET_CONNECTION, 1, 1);
    shutdown(limpet, SHUT_WR);
    assert_int_equal(limpet_worker_next(&worker, &connection), 1);
    assert_int_equal(limpet_worker_take(&worker, &connection), 0);
    close(connection.fd);
    for (int i = 0; i < 3; i++)
        assert_int_equal(limpet_worker_next(&worker, &connection), 0);
    assert_int_equal(connection.fd, -1);
    assert_int_equal(limpet_worker_live(&worker, 1), 0);
    assert_answer(LIMPET_TAKEN, 1);
    assert_answer(LIMPET_LIVE, 1);
}

/* The kernel tells ECONNRESET first, then gives what is there. */
static void a_limpet_that_dies_with_answers_unread_is_an_end_too(void **state)
{
    assert_int_equal(limpet_worker_ready(&worker), 0);
    send_word(LIMPET_CONNECTION, 1, 1);
    close(limpet);
    assert_int_equal(limpet_worker_next(&worker, &connection), 1);
    assert_int_equal(limpet_worker_take(&worker, &connection), -EPIPE);
    assert_int_equal(limpet_worker_next(&worker, &connection), 0);
    limpet = -1;
}

static void a_socket_that_does_not_block_says_that_there_is_nothing(void **state)
{
    unblock(worker.fd);
    assert_int_equal(limpet_worker_next(&worker, &connection), -EAGAIN);
    send_word(LIMPET_PING, 1, 0);
    assert_int_equal(limpet_worker_next(&worker, &connection), -EAGAIN);
    assert_int_equal(connection.fd, -1);
}

/* ---- everything else that limpet may say ---- */

static void pings_are_answered_by_the_way(void **state)
{
    send_word(LIMPET_PING, 5, 0);
    send_word(LIMPET_CONNECTION, 6, 1);
    send_word(LIMPET_PING, 7, 0);
    shutdown(limpet, SHUT_WR);
    assert_int_equal(limpet_worker_next(&worker, &connection), 1);
    assert_answer(LIMPET_PONG, 5);
    assert_no_answer();
    close(connection.fd);
    assert_int_equal(limpet_worker_next(&worker, &connection), 0);
    assert_answer(LIMPET_PONG, 7);
    assert_no_answer();
}

static void words_of_later_versions_are_passed_over(void **state)
{
    unblock(worker.fd);
    for (unsigned word = 0; word < 256; word++)
        if (word != LIMPET_CONNECTION && word != LIMPET_PING)
            send_word((uint8_t)word, word, word % 3);
    assert_int_equal(limpet_worker_next(&worker, &connection), -EAGAIN);
    assert_no_answer();
}

static void longer_messages_of_later_versions_are_understood(void **state)
{
    struct {
        struct limpet_message message;
        char more[1000];
    } longer = {.message = message_of(LIMPET_CONNECTION, 3)};
    longer.message.version = 2;
    longer.message.key = 42;
    send_bytes(&longer, sizeof(longer), (int[]){0}, 1);
    longer.message.word = LIMPET_PING;
    send_bytes(&longer, sizeof(longer), NULL, 0);
    shutdown(limpet, SHUT_WR);
    assert_int_equal(limpet_worker_next(&worker, &connection), 1);
    assert_int_equal(connection.message.number, 3);
    assert_int_equal(connection.message.key, 42);
    close(connection.fd);
    assert_int_equal(limpet_worker_next(&worker, &connection), 0);
    assert_answer(LIMPET_PONG, 3);
}

static void shorter_messages_are_nobodys(void **state)
{
    struct limpet_message message = message_of(LIMPET_CONNECTION, 3);
    unblock(worker.fd);
    for (size_t length = 1; length < sizeof(message); length++)
        send_bytes(&message, length, (int[]){0}, 1);
    assert_int_equal(limpet_worker_next(&worker, &connection), -EAGAIN);
    assert_no_answer();
}

static void surplus_descriptors_are_closed(void **state)
{
    static const size_t counts[] = {2, 3, 16, 17, 32};
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        send_word(LIMPET_PING, 1, counts[i]);
        send_word(LIMPET_CONNECTION, 2, counts[i]);
        size_t before = loopback_open_count();
        assert_int_equal(limpet_worker_next(&worker, &connection), 1);
        assert_int_equal(loopback_open_count(), before + 1);
        close(connection.fd);
        assert_answer(LIMPET_PONG, 1);
    }
}

static void a_connection_without_its_descriptor_is_refused(void **state)
{
    unblock(worker.fd);
    send_word(LIMPET_CONNECTION, 9, 0);
    assert_int_equal(limpet_worker_next(&worker, &connection), -EAGAIN);
    assert_answer(LIMPET_REFUSED, 9);
}

static void with_a_full_table_of_descriptors_connections_are_refused(void **state)
{
    struct rlimit before, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    int lowest = dup(0);
    close(lowest);
    low.rlim_cur = (rlim_t)lowest;
    unblock(worker.fd);
    send_word(LIMPET_CONNECTION, 9, 1);
    send_word(LIMPET_CONNECTION, 10, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    int status = limpet_worker_next(&worker, &connection);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, -EAGAIN);
    assert_answer(LIMPET_REFUSED, 9);
    assert_answer(LIMPET_REFUSED, 10);
    send_word(LIMPET_CONNECTION, 11, 1);
    assert_int_equal(limpet_worker_next(&worker, &connection), 1);
    close(connection.fd);
}

static void other_ancillary_data_does_not_hide_the_descriptor(void **state)
{
    int on = 1;
    assert_int_equal(setsockopt(worker.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
    send_word(LIMPET_CONNECTION, 1, 1);
    assert_int_equal(limpet_worker_next(&worker, &connection), 1);
    close(connection.fd);
}

/* Lengths from 1: an empty message cannot be told from the end. */
static void no_nonsense_leaks_or_stops_a_worker(void **state)
{
    const int fds[3] = {0};
    unsigned taken = 0;
    uint8_t bytes[200];
    srandom(1);
    unblock(worker.fd);
    for (int i = 0; i < 20000; i++) {
        char answers[64];
        for (size_t j = 0; j < sizeof(bytes); j++)
            bytes[j] = (uint8_t)random();
        bytes[1] &= 3;
        send_bytes(bytes, 1 + (size_t)random() % sizeof(bytes), fds, (size_t)random() % 4);
        int status = limpet_worker_next(&worker, &connection);
        assert_true(status == -EAGAIN || status == 1);
        if (status == 1 && limpet_worker_take(&worker, &connection) == 0) {
            close(connection.fd);
            taken++;
        }
        while (recv(limpet, answers, sizeof(answers), MSG_DONTWAIT) > 0)
            ;
    }
    assert_in_range(taken, 1000, 10000);
}

/* ---- waiting ---- */

static volatile sig_atomic_t ticks;

static void tick(int number)
{
    struct limpet_message message = message_of(LIMPET_PING, 1);
    if (++ticks == 2)
        (void)!send(limpet, &message, sizeof(message), MSG_DONTWAIT);
    if (ticks == 3)
        shutdown(limpet, SHUT_WR);
}

static void signals_do_not_end_the_wait(void **state)
{
    struct sigaction interrupts = {.sa_handler = tick}, before;
    struct itimerval often = {{0, 10000}, {0, 10000}}, never = {{0, 0}, {0, 0}};
    ticks = 0;
    assert_int_equal(sigaction(SIGALRM, &interrupts, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    int status = limpet_worker_next(&worker, &connection);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_int_equal(status, 0);
    assert_true(ticks >= 3);
    assert_answer(LIMPET_PONG, 1);
}

/* Says nothing of importance until there is no room. */
static unsigned fill(void)
{
    unsigned count = 0;
    while (limpet_worker_live(&worker, count) == 0)
        count++;
    assert_int_equal(limpet_worker_live(&worker, count), -EAGAIN);
    return count;
}

static void *read_late(void *context)
{
    struct limpet_answer answer;
    usleep(50000);
    do
        loopback_must(recv(limpet, &answer, sizeof(answer), 0) == sizeof(answer));
    while (answer.word != LIMPET_TAKEN);
    return NULL;
}

static void an_answer_waits_for_room_but_a_count_does_not(void **state)
{
    pthread_t reader;
    for (int blocking = 1; blocking >= 0; blocking--) {
        send_word(LIMPET_CONNECTION, 1, 1);
        assert_int_equal(limpet_worker_next(&worker, &connection), 1);
        if (!blocking)
            unblock(worker.fd);
        assert_true(fill() > 64);
        assert_int_equal(pthread_create(&reader, NULL, read_late, NULL), 0);
        assert_int_equal(limpet_worker_take(&worker, &connection), 0);
        assert_int_equal(pthread_join(reader, NULL), 0);
        close(connection.fd);
        assert_no_answer();
    }
}

static void closing_twice_is_fine(void **state)
{
    limpet_worker_close(&worker);
    assert_int_equal(worker.fd, -1);
    limpet_worker_close(&worker);
    assert_int_equal(limpet_worker_ready(&worker), -EBADF);
    assert_int_equal(limpet_worker_next(&worker, &connection), -EBADF);
}

/* ---- addresses ---- */

static void addresses_are_written_as_people_know_them(void **state)
{
    static const struct {
        struct limpet_address address;
        const char *text;
    } cases[] = {
        {{{[10] = 0xff, 0xff, 203, 0, 113, 9}, 4711, LIMPET_ADDRESS_IP, 0}, "203.0.113.9:4711"},
        {{{[10] = 0xff, 0xff, 203, 0, 113, 9}, 0, LIMPET_ADDRESS_IP, 0}, "203.0.113.9"},
        {{{0x20, 1, 0x0d, 0xb8, [15] = 1}, 65535, LIMPET_ADDRESS_IP, 0}, "[2001:db8::1]:65535"},
        {{{0x20, 1, 0x0d, 0xb8, [15] = 1}, 0, LIMPET_ADDRESS_IP, 0}, "2001:db8::1"},
        {{{0}, 0, LIMPET_ADDRESS_UNIX, 0}, "unix"},
        {{{0}, 80, LIMPET_ADDRESS_NONE, 0}, "-"},
        {{{1}, 80, 77, 0}, "-"},
    };
    char text[LIMPET_ADDRESS_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(limpet_address_text(&cases[i].address, text), cases[i].text);
}

static void the_longest_address_has_room(void **state)
{
    struct limpet_address address = {.port = 65535, .kind = LIMPET_ADDRESS_IP};
    char text[LIMPET_ADDRESS_TEXT_SIZE];
    memset(address.ip, 0xee, sizeof(address.ip));
    assert_string_equal(limpet_address_text(&address, text), "[eeee:eeee:eeee:eeee:eeee:eeee:eeee:eeee]:65535");
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_what_the_manual_says),
        cmocka_unit_test(a_program_that_limpet_did_not_start_is_told_so),
        cmocka_unit_test(a_variable_that_is_no_number_is_refused_and_gone),
        cmocka_unit_test(a_descriptor_that_is_no_such_socket_is_refused),
        fresh(children_get_neither_the_socket_nor_the_variable),
        cmocka_unit_test(children_get_nothing_of_what_node_programs_look_for),
        fresh(a_worker_says_that_it_is_ready),
        fresh(a_connection_comes_with_its_client_and_is_taken),
        fresh(a_refused_connection_is_closed),
        fresh(a_connection_that_cannot_be_answered_is_not_ours),
        fresh(the_end_of_the_socket_is_the_end_behind_what_was_sent_before),
        fresh(a_limpet_that_dies_with_answers_unread_is_an_end_too),
        fresh(a_socket_that_does_not_block_says_that_there_is_nothing),
        fresh(pings_are_answered_by_the_way),
        fresh(words_of_later_versions_are_passed_over),
        fresh(longer_messages_of_later_versions_are_understood),
        fresh(shorter_messages_are_nobodys),
        fresh(surplus_descriptors_are_closed),
        fresh(a_connection_without_its_descriptor_is_refused),
        fresh(with_a_full_table_of_descriptors_connections_are_refused),
        fresh(other_ancillary_data_does_not_hide_the_descriptor),
        fresh(no_nonsense_leaks_or_stops_a_worker),
        fresh(signals_do_not_end_the_wait),
        fresh(an_answer_waits_for_room_but_a_count_does_not),
        fresh(closing_twice_is_fine),
        cmocka_unit_test(addresses_are_written_as_people_know_them),
        cmocka_unit_test(the_longest_address_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
