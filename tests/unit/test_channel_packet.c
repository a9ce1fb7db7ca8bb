/* The channel to a worker that speaks limpet's own contract. */

#include "crew.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

static struct fake one;

static int start(void **state)
{
    if (crew_start(state) != 0)
        return -1;
    crew_hire(&one, &(struct hire){.server = 0, .contract = CONTRACT_LIMPET, .id = 1});
    return 0;
}

static enum delivery_answer answer_of(const struct parcel *parcel)
{
    return (enum delivery_answer)parcel->delivery.answer;
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

static void nothing_is_sent_to_a_worker_before_it_is_ready(void **state)
{
    struct parcel *early = crew_deliver(0);
    assert_int_equal(answer_of(early), DELIVERY_GONE);
    assert_int_equal(crew_figures(0).doors, 0);
    fake_open(&one);
    assert_int_equal(crew_figures(0).doors, 1);
    assert_int_equal(crew.opened, 1);
    assert_int_equal(crew.news[TEAM_SPOKE], 1);
    assert_int_equal(crew.contract, CONTRACT_LIMPET);
    assert_int_equal(crew.news[TEAM_LISTENS], 1);
    assert_int_equal(crew.doors, 1);
    struct parcel *late = crew_deliver(0);
    fake_serve(&one);
    assert_int_equal(answer_of(late), DELIVERY_TAKEN);
    assert_true(fake_has(&one, late));
    assert_false(fake_has(&one, early));
}

static void a_worker_is_told_all_about_its_client(void **state)
{
    struct limpet_message message;
    int fds[4];
    size_t count;
    fake_open(&one);
    struct parcel *parcel = crew_parcel(0);
    parcel->delivery.client = endpoint_from_ip4((const uint8_t[]){203, 0, 113, 9}, 4711);
    parcel->delivery.peer.kind = ENDPOINT_UNIX;
    parcel->delivery.key = 0x1122334455667788;
    parcel->delivery.readable = 99;
    parcel->delivery.pair = true;
    team_deliver(&crew.team, &parcel->delivery);
    assert_int_equal(fdpass_receive(one.end, &message, sizeof(message), fds, 4, &count), sizeof(message));
    assert_int_equal(count, 1);
    assert_int_equal(crew_file_of(fds[0]), parcel->file);
    close(fds[0]);
    assert_int_equal(message.version, LIMPET_WORKER_VERSION);
    assert_int_equal(message.word, LIMPET_CONNECTION);
    assert_int_equal(message.flags, LIMPET_PAIR);
    assert_int_not_equal(message.number, 0);
    assert_int_equal(message.key, 0x1122334455667788);
    assert_int_equal(message.readable, 99);
    assert_memory_equal(message.client.ip, parcel->delivery.client.ip, 16);
    assert_int_equal(message.client.port, 4711);
    assert_int_equal(message.client.kind, LIMPET_ADDRESS_IP);
    assert_int_equal(message.peer.kind, LIMPET_ADDRESS_UNIX);
}

static void answers_come_in_any_order(void **state)
{
    struct parcel *parcels[6];
    fake_open(&one);
    for (size_t i = 0; i < 6; i++)
        parcels[i] = crew_deliver(0);
    fake_read(&one);
    for (size_t i = 6; i-- > 0;) {
        const struct seen *seen = fake_seen(&one, (i * 5) % 6);
        if (seen->number % 2)
            fake_take(&one, seen);
        else
            fake_refuse(&one, seen);
    }
    crew_turn();
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(answer_of(parcels[i]), fake_seen(&one, i)->number % 2 ? DELIVERY_TAKEN : DELIVERY_REFUSED);
    assert_int_equal(crew_figures(0).handed_over, 3);
    assert_int_equal(crew_figures(0).refused, 3);
    assert_int_equal(crew_figures(0).in_flight, 0);
}

static void what_answers_nothing_changes_nothing(void **state)
{
    fake_open(&one);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    uint32_t number = fake_seen(&one, 0)->number;
    fake_word(&one, LIMPET_TAKEN, number + 1);
    fake_word(&one, LIMPET_TAKEN, 0);
    fake_word(&one, LIMPET_PONG, number);
    fake_word(&one, 99, number);
    fake_write(&one, &number, sizeof(number));
    fake_write(&one, (char[100]){0}, 100);
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_NONE);
    fake_take(&one, fake_seen(&one, 0));
    fake_refuse(&one, fake_seen(&one, 0));
    fake_take(&one, fake_seen(&one, 0));
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
    assert_int_equal(parcel->answers, 1);
}

static void descriptors_that_a_worker_sends_are_closed(void **state)
{
    struct limpet_answer answer = {.word = LIMPET_TAKEN};
    fake_open(&one);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    answer.number = fake_seen(&one, 0)->number;
    size_t before = loopback_open_count();
    assert_int_equal(fdpass_send(one.end, &answer, sizeof(answer), (int[]){0, 1, 2}, 3), 0);
    crew_turn();
    assert_int_equal(loopback_open_count(), before);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
}

static void what_a_worker_says_of_its_connections_is_shown(void **state)
{
    fake_open(&one);
    fake_word(&one, LIMPET_LIVE, 17);
    crew_turn();
    assert_int_equal(crew_figures(0).live, 17);
    assert_true(crew_figures(0).live_told);
}

/* ---- how much is under way ------------------------------------------------------------------------------------------ */

static void thirty_two_are_under_way_and_the_others_wait(void **state)
{
    struct parcel *parcels[40];
    fake_open(&one);
    for (size_t i = 0; i < 40; i++)
        parcels[i] = crew_deliver(0);
    fake_read(&one);
    assert_int_equal(fake_count(&one, SEEN_CONNECTION), CHANNEL_WINDOW);
    assert_int_equal(crew_figures(0).in_flight, CHANNEL_WINDOW);
    assert_int_equal(crew_figures(0).queued, 8);
    fake_take(&one, fake_seen(&one, 20));
    crew_turn();
    fake_read(&one);
    assert_int_equal(fake_count(&one, SEEN_CONNECTION), CHANNEL_WINDOW + 1);
    assert_true(fake_has(&one, parcels[CHANNEL_WINDOW])); /* the first that waited */
    assert_false(fake_has(&one, parcels[CHANNEL_WINDOW + 1]));
    fake_answer_nobody(&one, fake_seen(&one, 20)); /* is nothing */
    one.served = one.count;
    for (size_t i = 0; i < one.count; i++)
        fake_take(&one, &one.seen[i]);
    crew_turn();
    fake_serve(&one);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(answer_of(parcels[i]), DELIVERY_TAKEN);
    assert_int_equal(crew_figures(0).in_flight, 0);
    assert_int_equal(crew_figures(0).queued, 0);
}

static void a_socket_that_is_full_is_tried_again(void **state)
{
    struct parcel *parcels[30];
    int little = 1;
    fake_open(&one);
    assert_int_equal(setsockopt(one.ours, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little)), 0);
    for (size_t i = 0; i < 30; i++)
        parcels[i] = crew_deliver(0);
    assert_true(crew_figures(0).queued > 0);
    for (int i = 0; i < 30; i++) {
        fake_read(&one); /* answers nothing */
        crew_tick(2 * CREW_MS);
    }
    assert_int_equal(crew_figures(0).queued, 0);
    fake_serve(&one);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(answer_of(parcels[i]), DELIVERY_TAKEN);
        assert_int_equal(fake_seen(&one, i)->file, parcels[i]->file);
    }
}

/* The kernel counts descriptors that nobody has received yet for each user, and lets those who may do everything have more. */
static void too_many_descriptors_under_way_is_a_matter_of_time(void **state)
{
    struct rlimit before, few;
    int pair[2];
    fake_open(&one);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    few = (struct rlimit){64, before.rlim_max};
    uid_t own = geteuid();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_true(own != 0 || seteuid(65534) == 0);
    int failure = 0;
    for (int i = 0; i < 20 && !failure; i++)
        failure = fdpass_send(pair[0], "x", 1, (int[]){0, 1, 2, 0, 1, 2, 0, 1, 2, 0}, 10);
    struct parcel *parcel = crew_deliver(0);
    enum delivery_answer at_first = answer_of(parcel);
    uint32_t queued = crew_figures(0).queued;
    close(pair[0]);
    close(pair[1]);
    assert_true(own != 0 || seteuid(own) == 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(failure, -ETOOMANYREFS);
    assert_int_equal(at_first, DELIVERY_NONE);
    assert_int_equal(queued, 1);
    crew_pass(20 * CREW_MS);
    fake_serve(&one);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
}

/* ---- death --------------------------------------------------------------------------------------------------------- */

static void what_a_dead_worker_has_not_answered_is_gone(void **state)
{
    fake_open(&one);
    struct parcel *read = crew_deliver(0);
    fake_read(&one);
    struct parcel *unread = crew_deliver(0);
    fake_die(&one);
    assert_int_equal(answer_of(read), DELIVERY_GONE);
    assert_int_equal(answer_of(unread), DELIVERY_GONE);
    assert_int_equal(crew_figures(0).doors, 0);
    assert_int_equal(crew_figures(0).in_flight, 0);
    assert_int_equal(crew_figures(0).queued, 0);
    assert_int_equal(answer_of(crew_deliver(0)), DELIVERY_GONE);
}

static void the_last_words_of_a_dead_worker_are_heard(void **state)
{
    fake_open(&one);
    struct parcel *taken = crew_deliver(0);
    struct parcel *refused = crew_deliver(0);
    struct parcel *left = crew_deliver(0);
    fake_read(&one);
    fake_take(&one, fake_seen(&one, 0));
    fake_refuse(&one, fake_seen(&one, 1));
    fake_die(&one);
    assert_int_equal(answer_of(taken), DELIVERY_TAKEN);
    assert_int_equal(answer_of(refused), DELIVERY_REFUSED);
    assert_int_equal(answer_of(left), DELIVERY_GONE);
}

static void a_worker_that_ends_its_channel_is_told_of(void **state)
{
    fake_open(&one);
    struct parcel *taken = crew_deliver(0);
    struct parcel *left = crew_deliver(0);
    fake_read(&one);
    fake_take(&one, fake_seen(&one, 0));
    shutdown(one.end, SHUT_RDWR);
    crew_turn();
    assert_int_equal(crew.news[TEAM_ENDED], 1);
    assert_int_equal(answer_of(taken), DELIVERY_TAKEN);
    assert_int_equal(answer_of(left), DELIVERY_GONE);
    fake_die(&one);
    assert_int_equal(crew.news[TEAM_ENDED], 1);
}

/* Nobody is left who holds its end open: then the kernel tells of what it left unread before it tells what it had said. */
static void without_a_keeper_its_last_words_are_heard_as_well(void **state)
{
    fake_open(&one);
    struct parcel *taken = crew_deliver(0);
    fake_read(&one);
    struct parcel *unread = crew_deliver(0);
    fake_take(&one, fake_seen(&one, 0));
    team_go_alone(&crew.team);
    close(one.end);
    one.end = -1;
    crew_turn();
    assert_int_equal(crew.news[TEAM_ENDED], 1);
    assert_int_equal(answer_of(taken), DELIVERY_TAKEN);
    assert_int_equal(answer_of(unread), DELIVERY_GONE);
}

/* ---- silence ------------------------------------------------------------------------------------------------------- */

static void one_that_lets_a_connection_wait_is_busy_and_then_silent(void **state)
{
    fake_open(&one);
    struct parcel *parcel = crew_deliver(0);
    crew_pass(900 * CREW_MS);
    assert_false(crew_figures(0).busy);
    crew_pass(600 * CREW_MS);
    assert_true(crew_figures(0).busy);
    assert_int_equal(crew_figures(0).doors, 1); /* its clients wait with it */
    crew_pass(1400 * CREW_MS);
    assert_int_equal(answer_of(parcel), DELIVERY_NONE);
    crew_pass(600 * CREW_MS);
    assert_int_equal(answer_of(parcel), DELIVERY_SILENT);
    assert_int_equal(crew_figures(0).doors, 0);
    assert_int_equal(answer_of(crew_deliver(0)), DELIVERY_GONE);
}

static void what_a_silent_one_has_read_is_for_nobody_else(void **state)
{
    struct parcel *parcels[40];
    fake_open(&one);
    for (size_t i = 0; i < 3; i++)
        parcels[i] = crew_deliver(0);
    fake_read(&one);
    for (size_t i = 3; i < 40; i++)
        parcels[i] = crew_deliver(0);
    crew_pass(4 * CREW_SECOND);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(answer_of(parcels[i]), i < 3 ? DELIVERY_NONE : DELIVERY_SILENT);
    fake_serve(&one);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(fake_has(&one, parcels[i]), i < 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(answer_of(parcels[i]), DELIVERY_TAKEN);
}

static void one_that_answers_again_gets_its_clients_back(void **state)
{
    fake_open(&one);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    crew_pass(10 * CREW_SECOND);
    int opened = crew.opened;
    assert_int_equal(crew.log_lines, 1);
    fake_read(&one);
    assert_int_equal(fake_count(&one, SEEN_NOBODY), 1); /* asked once whether it hears */
    fake_serve(&one);
    assert_int_equal(crew.log_lines, 2);
    assert_int_equal(crew.opened, opened + 1);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
    assert_false(crew_figures(0).busy);
    struct parcel *next = crew_deliver(0);
    fake_serve(&one);
    assert_int_equal(answer_of(next), DELIVERY_TAKEN);
    for (int i = 0; i < 50; i++) {
        crew_pass(100 * CREW_MS);
        fake_serve(&one);
    }
    assert_int_equal(crew.log_lines, 2);
}

/* Whoever takes nobody is no home, even if he says that he is there; until the client he owes an answer has given up. */
static void one_that_says_it_is_there_but_takes_nobody_is_silent(void **state)
{
    fake_open(&one);
    struct parcel *left = crew_deliver(0);
    fake_read(&one);
    one.served = one.count;
    for (int i = 0; i < 50; i++) {
        crew_pass(100 * CREW_MS);
        fake_serve(&one);
    }
    assert_int_equal(crew_figures(0).doors, 0);
    assert_int_equal(crew.log_lines, 1);
    left->delivery.unwanted = true;
    for (int i = 0; i < 20; i++) {
        crew_pass(100 * CREW_MS);
        fake_serve(&one);
    }
    assert_int_equal(crew_figures(0).doors, 1);
    assert_int_equal(crew.log_lines, 2);
    fake_take(&one, fake_seen(&one, 0));
    crew_turn();
    assert_int_equal(answer_of(left), DELIVERY_TAKEN);
}

/* It thinks for long about one connection, and answers everything else. */
static void one_that_hears_is_not_silent_whatever_it_leaves_unanswered(void **state)
{
    fake_open(&one);
    struct parcel *left = crew_deliver(0);
    fake_read(&one);
    one.served = one.count;
    for (int i = 0; i < 100; i++) {
        struct parcel *other = crew_deliver(0);
        crew_pass(100 * CREW_MS);
        fake_serve(&one);
        assert_int_equal(answer_of(other), DELIVERY_TAKEN);
    }
    assert_int_equal(crew.log_lines, 0);
    assert_true(crew_figures(0).busy);
    assert_int_equal(crew_figures(0).doors, 1);
    assert_int_equal(answer_of(left), DELIVERY_NONE);
    fake_take(&one, fake_seen(&one, 0));
    crew_turn();
    assert_int_equal(answer_of(left), DELIVERY_TAKEN);
}

static void one_that_is_silent_for_too_long_is_to_be_killed_once(void **state)
{
    crew_workers.kill_silent = 10 * CREW_SECOND;
    fake_open(&one);
    struct parcel *parcel = crew_deliver(0);
    crew_pass(9 * CREW_SECOND);
    assert_int_equal(crew.news[TEAM_SILENT], 0);
    crew_pass(2 * CREW_SECOND);
    assert_int_equal(crew.news[TEAM_SILENT], 1);
    crew_pass(20 * CREW_SECOND);
    assert_int_equal(crew.news[TEAM_SILENT], 1);
    assert_int_equal(answer_of(parcel), DELIVERY_SILENT);
}

static void one_that_was_taken_over_has_as_much_time_as_any(void **state)
{
    struct fake other;
    crew_workers.kill_silent = 10 * CREW_SECOND;
    crew_hire(&other, &(struct hire){.server = 1, .contract = CONTRACT_LIMPET, .id = 2, .doors = 1, .adopted = true});
    assert_int_equal(answer_of(crew_deliver(1)), DELIVERY_NONE);
    crew_pass(9 * CREW_SECOND);
    assert_int_equal(crew.news[TEAM_SILENT], 0);
    crew_pass(2 * CREW_SECOND);
    assert_int_equal(crew.news[TEAM_SILENT], 1);
}

static void an_idle_one_is_asked_once_a_second(void **state)
{
    crew_pass(5 * CREW_SECOND);
    fake_read(&one);
    assert_int_equal(one.count, 0); /* it only starts */
    fake_open(&one);
    for (int i = 0; i < 100; i++) {
        crew_pass(100 * CREW_MS);
        fake_serve(&one);
    }
    assert_in_range(fake_count(&one, SEEN_NOBODY), 7, 10);
    assert_int_equal(crew_figures(0).handed_over, 0); /* none of them counts */
    crew_pass(5 * CREW_SECOND);
    assert_int_equal(crew_figures(0).doors, 0); /* it was noticed before anybody came */
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, crew_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(nothing_is_sent_to_a_worker_before_it_is_ready),
        fresh(a_worker_is_told_all_about_its_client),
        fresh(answers_come_in_any_order),
        fresh(what_answers_nothing_changes_nothing),
        fresh(descriptors_that_a_worker_sends_are_closed),
        fresh(what_a_worker_says_of_its_connections_is_shown),
        fresh(thirty_two_are_under_way_and_the_others_wait),
        fresh(a_socket_that_is_full_is_tried_again),
        fresh(too_many_descriptors_under_way_is_a_matter_of_time),
        fresh(what_a_dead_worker_has_not_answered_is_gone),
        fresh(the_last_words_of_a_dead_worker_are_heard),
        fresh(a_worker_that_ends_its_channel_is_told_of),
        fresh(without_a_keeper_its_last_words_are_heard_as_well),
        fresh(one_that_lets_a_connection_wait_is_busy_and_then_silent),
        fresh(what_a_silent_one_has_read_is_for_nobody_else),
        fresh(one_that_answers_again_gets_its_clients_back),
        fresh(one_that_hears_is_not_silent_whatever_it_leaves_unanswered),
        fresh(one_that_says_it_is_there_but_takes_nobody_is_silent),
        fresh(one_that_is_silent_for_too_long_is_to_be_killed_once),
        fresh(one_that_was_taken_over_has_as_much_time_as_any),
        fresh(an_idle_one_is_asked_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
