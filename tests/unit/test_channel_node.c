/* The channel to a Node program. */

#include "crew.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct fake one;

static int start(void **state)
{
    if (crew_start(state) != 0)
        return -1;
    crew_hire(&one, &(struct hire){.server = 0, .contract = CONTRACT_NODE, .id = 1});
    return 0;
}

/* Another engine was there before. */
static int start_second(void **state)
{
    if (crew_start(state) != 0)
        return -1;
    crew_hire(&one, &(struct hire){.server = 0, .contract = CONTRACT_NODE, .id = 1, .doors = 1, .adopted = true});
    return 0;
}

static enum delivery_answer answer_of(const struct parcel *parcel)
{
    return (enum delivery_answer)parcel->delivery.answer;
}

static const struct seen *last_seen(void)
{
    return &one.seen[one.count - 1];
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

static void a_connection_is_taken_when_node_has_accepted_it(void **state)
{
    fake_open(&one);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    assert_int_equal(fake_seen(&one, 0)->file, parcel->file);
    assert_non_null(strstr(fake_seen(&one, 0)->text, "\"key\":\"d0\""));
    fake_line(&one, FAKE_ACK);
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_NONE);
    fake_accepted(&one, fake_seen(&one, 0)->number, true);
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
    assert_int_equal(crew.contract, CONTRACT_NODE);
}

static void a_connection_that_node_does_not_accept_is_refused(void **state)
{
    fake_open(&one);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    fake_refuse(&one, fake_seen(&one, 0));
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_REFUSED);
}

static void a_descriptor_that_did_not_arrive_is_lost(void **state)
{
    fake_open(&one);
    struct parcel *first = crew_deliver(0);
    struct parcel *second = crew_deliver(0);
    struct parcel *third = crew_deliver(0);
    fake_read(&one);
    fake_line(&one, FAKE_ACK FAKE_NACK FAKE_ACK);
    fake_accepted(&one, fake_seen(&one, 2)->number, true);
    fake_accepted(&one, fake_seen(&one, 0)->number, true);
    crew_turn();
    assert_int_equal(answer_of(first), DELIVERY_TAKEN);
    assert_int_equal(answer_of(second), DELIVERY_LOST);
    assert_int_equal(answer_of(third), DELIVERY_TAKEN);
}

static void what_answers_nothing_changes_nothing(void **state)
{
    fake_open(&one);
    fake_line(&one, FAKE_ACK FAKE_NACK);
    fake_accepted(&one, 17, true);
    crew_turn();
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    fake_accepted(&one, fake_seen(&one, 0)->number, true); /* not before it has arrived */
    fake_accepted(&one, fake_seen(&one, 0)->number + 1, true);
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_NONE);
    fake_take(&one, fake_seen(&one, 0));
    fake_take(&one, fake_seen(&one, 0));
    fake_accepted(&one, fake_seen(&one, 0)->number, false);
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
}

static void forty_wait_for_each_other(void **state)
{
    fake_open(&one);
    for (int i = 0; i < 40; i++)
        crew_deliver(0);
    fake_read(&one);
    assert_int_equal(fake_count(&one, SEEN_CONNECTION), CHANNEL_WINDOW);
    assert_int_equal(crew_figures(0).queued, 8);
    fake_serve(&one);
    fake_serve(&one);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(fake_seen(&one, i)->file, crew.parcels[i].file);
        assert_int_equal(answer_of(&crew.parcels[i]), DELIVERY_TAKEN);
    }
}

static void the_last_words_of_a_dead_worker_are_heard(void **state)
{
    fake_open(&one);
    struct parcel *taken = crew_deliver(0);
    struct parcel *arrived = crew_deliver(0);
    fake_read(&one);
    fake_take(&one, fake_seen(&one, 0));
    fake_line(&one, FAKE_ACK);
    fake_die(&one);
    assert_int_equal(answer_of(taken), DELIVERY_TAKEN);
    assert_int_equal(answer_of(arrived), DELIVERY_GONE);
}

/* ---- lines --------------------------------------------------------------------------------------------------------- */

static void lines_may_be_split_anywhere_and_joined(void **state)
{
    char words[512];
    fake_open(&one);
    struct parcel *first = crew_deliver(0);
    struct parcel *second = crew_deliver(0);
    fake_read(&one);
    snprintf(words, sizeof(words),
             FAKE_ACK "{\"cmd\":\"NODE_CLUSTER\",\"ack\":%u,\"accepted\":true,\"seq\":3}\n" FAKE_ACK
                      "{\"cmd\":\"NODE_CLUSTER\",\"ack\":%u,\"accepted\":false,\"seq\":4}\n",
             fake_seen(&one, 0)->number, fake_seen(&one, 1)->number);
    for (const char *byte = words; *byte; byte++) {
        assert_int_equal(answer_of(second), DELIVERY_NONE);
        fake_write(&one, byte, 1);
        crew_turn();
    }
    assert_int_equal(answer_of(first), DELIVERY_TAKEN);
    assert_int_equal(answer_of(second), DELIVERY_REFUSED);
}

static void messages_of_the_program_are_let_pass_however_long(void **state)
{
    static char filling[1 << 16];
    memset(filling, 'a', sizeof(filling));
    fake_open(&one);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    fake_line(&one, "{\"hello\":1}\n17\n\n\n\"\xff\xfe\"\n{\"cmd\":\"NODE_CLUSTER\"\n{\"cmd\":");
    fake_line(&one, FAKE_ACK); /* a part of that line, which is no JSON */
    crew_turn();
    for (int i = 0; i < 16; i++) {
        fake_write(&one, filling, sizeof(filling));
        crew_turn();
    }
    fake_line(&one, "\n");
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_NONE);
    fake_take(&one, fake_seen(&one, 0));
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
    assert_int_equal(crew.log_lines, 0);
}

static void a_line_as_long_as_the_room_for_it_is_followed_by_the_next(void **state)
{
    static char line[65537];
    fake_open(&one);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    for (size_t length = 65534; length <= 65536; length++) {
        memset(line, ' ', length);
        line[length] = '\n';
        fake_write(&one, line, length + 1);
        crew_turn();
    }
    fake_take(&one, fake_seen(&one, 0));
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
}

static void handles_that_a_worker_sends_are_closed_and_acknowledged(void **state)
{
    static const char line[] = "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":{\"a\":1}}\n";
    fake_open(&one);
    size_t before = loopback_open_count();
    for (int i = 0; i < 3; i++)
        assert_int_equal(fdpass_send(one.end, line, strlen(line), (int[]){0}, 1), 0);
    crew_turn();
    assert_int_equal(loopback_open_count(), before);
    fake_read(&one);
    assert_int_equal(one.count, 3);
    assert_string_equal(one.seen[2].text, "{\"cmd\":\"NODE_HANDLE_ACK\"}");
}

static void tell_of_session(int number)
{
    char words[100];
    snprintf(words, sizeof(words), "{\"type\":\"sticky:connection\",\"data\":\"session-%d\"}\n", number);
    fake_line(&one, words);
}

static void sessions_that_a_worker_tells_of_are_its_own(void **state)
{
    fake_open(&one);
    tell_of_session(1);
    crew_turn();
    assert_string_equal(crew.session, "session-1");
    assert_int_equal(crew.session_server, 0);
    fake_line(&one, "{\"type\":\"sticky:disconnection\",\"data\":\"session-0\"}\n");
    crew_turn();
    assert_string_equal(crew.session, "session-0");
    assert_int_equal(crew.sessions[false], 1);
    assert_int_equal(crew.sessions[true], 1);
    fake_line(&one, "{\"type\":\"sticky:connection\",\"data\":7}\n{\"type\":\"sticky:connection\"}\n");
    crew_turn();
    assert_int_equal(crew.sessions[false], 1);
}

static void one_that_tells_of_ever_new_sessions_is_read_with_pauses(void **state)
{
    const int most = CHANNEL_ASKS_MOST * CHANNEL_REPORTS_OF_AN_ASK;
    fake_open(&one);
    for (int i = 0; i < most + 10; i++) {
        tell_of_session(i);
        crew_turn();
    }
    assert_int_equal(crew.sessions[false], most);
    crew_pass(CREW_SECOND / 2);
    assert_int_equal(crew.sessions[false], most + 10);
}

static void bun_is_told_of_once(void **state)
{
    fake_line(&one, "\x02{\"cmd\":\"NODE_CLUSTER\"}\n\x02{\"cmd\":\"NODE_CLUSTER\"}\n");
    crew_turn();
    fake_line(&one, "\x02{\"cmd\":\"NODE_CLUSTER\"}\n");
    crew_turn();
    assert_int_equal(crew.log_lines, 1);
}

/* ---- doors --------------------------------------------------------------------------------------------------------- */

static void what_it_asks_is_passed_on_and_answered(void **state)
{
    fake_line(&one, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"queryServer\",\"index\":0,\"data\":null,\"address\":null,"
                    "\"port\":3000,\"addressType\":4,\"backlog\":0,\"seq\":7}\n");
    crew_turn();
    assert_int_equal(crew.news[TEAM_ASKS], 1);
    assert_int_equal(crew.asked.word, NODE_LISTEN);
    assert_int_equal(crew.asked.port, 3000);
    team_answer_listen(&crew.team, 1, 3, &(struct node_listen_answer){.ack = 7, .sockname = "", .data = "null"});
    team_answer_listen(&crew.team, 99, 3, &(struct node_listen_answer){.ack = 7, .sockname = "", .data = "null"});
    fake_read(&one);
    assert_int_equal(one.count, 1);
    assert_non_null(strstr(last_seen()->text, "\"ack\":7,\"errno\":null,\"key\":\"d3\""));
}

static void a_door_is_open_until_the_program_closes_it(void **state)
{
    fake_open(&one);
    team_listens(&crew.team, 1, 5, true);
    assert_int_equal(crew_figures(0).doors, 0x21);
    assert_int_equal(crew.doors, 0x21);
    struct parcel *parcel = crew_parcel(0);
    parcel->delivery.door = 5;
    team_deliver(&crew.team, &parcel->delivery);
    fake_serve(&one);
    assert_non_null(strstr(fake_seen(&one, 0)->text, "\"key\":\"d5\""));
    fake_line(&one, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"close\",\"key\":\"d5\",\"seq\":9}\n");
    fake_line(&one, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"close\",\"key\":\"d64\",\"seq\":9}\n");
    fake_line(&one, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"close\",\"key\":\"d5x\",\"seq\":9}\n");
    fake_line(&one, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"close\",\"key\":\"nobody\",\"seq\":9}\n");
    crew_turn();
    assert_int_equal(crew_figures(0).doors, 1);
    assert_int_equal(crew.doors, 1);
}

static void one_that_goes_on_its_own_account_is_answered(void **state)
{
    fake_open(&one);
    fake_line(&one, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"exitedAfterDisconnect\",\"seq\":12}\n");
    crew_turn();
    fake_read(&one);
    assert_non_null(strstr(last_seen()->text, "\"ack\":12"));
}

/* ---- a program that does not listen itself --------------------------------------------------------------------------- */

static void a_program_that_does_not_listen_gets_sockets_with_a_message(void **state)
{
    crew_workers.node_message = "{\"type\":\"sticky\"}";
    fake_line(&one, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}\n");
    crew_turn();
    assert_int_equal(crew_figures(0).doors, 1);
    struct parcel *first = crew_deliver(0);
    struct parcel *second = crew_deliver(0);
    fake_read(&one);
    assert_non_null(strstr(last_seen()->text, "\"msg\":{\"type\":\"sticky\"}"));
    assert_int_equal(last_seen()->file, second->file);
    fake_line(&one, FAKE_ACK FAKE_NACK);
    crew_turn();
    assert_int_equal(answer_of(first), DELIVERY_TAKEN);
    assert_int_equal(answer_of(second), DELIVERY_LOST);
}

/* Its sockets have no numbers: which ones came back could not be told, so none is taken back. */
static void its_sockets_stay_with_it_when_it_is_silent(void **state)
{
    crew_workers.node_message = "1";
    fake_line(&one, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}\n");
    crew_turn();
    for (int i = 0; i < 40; i++)
        crew_deliver(0);
    crew_pass(4 * CREW_SECOND);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(answer_of(&crew.parcels[i]), i < CHANNEL_WINDOW ? DELIVERY_NONE : DELIVERY_SILENT);
    fake_read(&one);
    for (size_t i = 0; i < one.count; i++)
        if (one.seen[i].kind == SEEN_CONNECTION)
            fake_line(&one, FAKE_ACK);
        else
            fake_answer_nobody(&one, &one.seen[i]);
    crew_turn();
    for (size_t i = 0; i < CHANNEL_WINDOW; i++)
        assert_int_equal(answer_of(&crew.parcels[i]), DELIVERY_TAKEN);
    assert_int_equal(crew_figures(0).doors, 1);
}

/* ---- silence ------------------------------------------------------------------------------------------------------- */

static void what_a_silent_one_has_not_read_is_taken_back(void **state)
{
    struct parcel *parcels[40];
    fake_open(&one);
    for (size_t i = 0; i < 2; i++)
        parcels[i] = crew_deliver(0);
    assert_true(fake_read_once(&one));
    assert_true(fake_read_once(&one));
    for (size_t i = 2; i < 40; i++)
        parcels[i] = crew_deliver(0);
    crew_pass(4 * CREW_SECOND);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(answer_of(parcels[i]), i < 2 ? DELIVERY_NONE : DELIVERY_SILENT);
    fake_serve(&one);
    assert_int_equal(fake_count(&one, SEEN_CONNECTION), 2);
    assert_int_equal(answer_of(parcels[0]), DELIVERY_TAKEN);
    assert_int_equal(answer_of(parcels[1]), DELIVERY_TAKEN);
    assert_int_equal(crew_figures(0).doors, 1);
    assert_int_equal(crew.log_lines, 2);
    struct parcel *next = crew_deliver(0);
    fake_serve(&one);
    assert_int_equal(answer_of(next), DELIVERY_TAKEN);
}

/* An answer, and the connection behind it, come out of the socket together. */
static void what_is_no_connection_reaches_a_silent_one_after_all(void **state)
{
    static const char handle[] = "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":1}\n";
    fake_open(&one);
    struct parcel *before = crew_deliver(0);
    team_answer_listen(&crew.team, 1, 2, &(struct node_listen_answer){.ack = 41, .sockname = "", .data = "null"});
    assert_int_equal(fdpass_send(one.end, handle, strlen(handle), (int[]){0}, 1), 0);
    crew_turn();
    struct parcel *after = crew_deliver(0);
    team_answer_listen(&crew.team, 1, 3, &(struct node_listen_answer){.ack = 42, .sockname = "", .data = "null"});
    crew_pass(4 * CREW_SECOND);
    assert_int_equal(answer_of(before), DELIVERY_SILENT);
    assert_int_equal(answer_of(after), DELIVERY_SILENT);
    fake_read(&one);
    assert_int_equal(fake_count(&one, SEEN_CONNECTION), 0);
    assert_int_equal(fake_count(&one, SEEN_LINE), 3);
    assert_non_null(strstr(one.seen[0].text, "\"ack\":41"));
    assert_string_equal(one.seen[1].text, "{\"cmd\":\"NODE_HANDLE_ACK\"}");
    assert_non_null(strstr(one.seen[2].text, "\"ack\":42"));
}

/* Node gives the descriptor that came with a read to the first line of it that announces one. */
static void a_worker_that_is_held_up_takes_no_ping_for_a_connection(void **state)
{
    fake_open(&one);
    crew_pass(1100 * CREW_MS); /* a ping is there */
    struct parcel *parcel = crew_deliver(0);
    fake_serve(&one);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
    assert_int_equal(fake_seen(&one, 0)->file, parcel->file);
    assert_int_equal(fake_count(&one, SEEN_NOBODY), 1);
    assert_int_equal(crew_figures(0).in_flight, 0);
    assert_int_equal(crew_figures(0).handed_over, 1);
}

static void pings_are_no_connections_whatever_becomes_of_them(void **state)
{
    fake_open(&one);
    crew_pass(1100 * CREW_MS);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    fake_line(&one, FAKE_NACK); /* the ping's: there was no descriptor free */
    fake_take(&one, fake_seen(&one, 0));
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
    one.served = one.count;
    for (int i = 0; i < 20; i++) {
        crew_pass(500 * CREW_MS);
        fake_serve(&one);
    }
    assert_in_range(fake_count(&one, SEEN_NOBODY), 7, 11);
    assert_int_equal(crew.log_lines, 0);
    assert_int_equal(crew_figures(0).refused, 0);
}

/* ---- following another engine ---------------------------------------------------------------------------------------- */

static void a_worker_gets_nothing_before_it_has_answered_the_fence(void **state)
{
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    assert_int_equal(one.count, 1);
    assert_int_equal(one.seen[0].kind, SEEN_NOBODY);
    fake_line(&one, FAKE_ACK FAKE_ACK); /* what the other engine had sent */
    fake_accepted(&one, one.seen[0].number - 1, true);
    fake_accepted(&one, one.seen[0].number + 1, true);
    crew_turn();
    fake_line(&one, FAKE_ACK);
    crew_pass(500 * CREW_MS);
    fake_read(&one);
    assert_int_equal(one.count, 1);
    fake_accepted(&one, one.seen[0].number, false);
    crew_turn();
    one.served = one.count;
    fake_serve(&one);
    assert_int_equal(fake_count(&one, SEEN_CONNECTION), 1);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
    assert_int_equal(crew.news[TEAM_SPOKE], 0); /* that is known */
}

static void a_fence_without_its_descriptor_is_sent_again(void **state)
{
    struct parcel *parcel = crew_deliver(0);
    for (int i = 0; i < 3; i++) {
        fake_read(&one);
        assert_int_equal(one.count, i + 1);
        fake_line(&one, FAKE_NACK);
        crew_turn();
        fake_read(&one);
        assert_int_equal(one.count, i + 1); /* not at once */
        crew_pass(110 * CREW_MS);
    }
    one.served = 3;
    fake_serve(&one);
    fake_serve(&one);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
}

static void late_news_of_lost_descriptors_confuse_nobody(void **state)
{
    fake_line(&one, FAKE_NACK); /* what the other engine had sent */
    crew_turn();
    fake_serve(&one); /* the fence */
    crew_pass(90 * CREW_MS);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    assert_int_equal(fake_count(&one, SEEN_CONNECTION), 1);
    crew_pass(30 * CREW_MS); /* no second one now */
    fake_take(&one, fake_seen(&one, 0));
    crew_turn();
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
}

static void two_fences_that_are_both_answered_are_one(void **state)
{
    fake_line(&one, FAKE_NACK);
    crew_turn();
    crew_pass(110 * CREW_MS);
    struct parcel *parcel = crew_deliver(0);
    fake_read(&one);
    assert_int_equal(fake_count(&one, SEEN_NOBODY), 2);
    fake_refuse(&one, &one.seen[0]);
    crew_turn();
    fake_read(&one);
    assert_int_equal(fake_count(&one, SEEN_CONNECTION), 0);
    fake_refuse(&one, &one.seen[1]);
    crew_turn();
    one.served = one.count;
    fake_serve(&one);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
}

static void one_that_does_not_answer_the_fence_is_silent(void **state)
{
    struct parcel *parcel = crew_deliver(0);
    crew_pass(1500 * CREW_MS);
    assert_true(crew_figures(0).busy);
    crew_pass(2 * CREW_SECOND);
    assert_int_equal(answer_of(parcel), DELIVERY_SILENT);
    assert_int_equal(crew_figures(0).doors, 0);
    fake_serve(&one);
    assert_int_equal(crew_figures(0).doors, 1);
    struct parcel *next = crew_deliver(0);
    fake_serve(&one);
    assert_int_equal(answer_of(next), DELIVERY_TAKEN);
    assert_int_equal(crew.log_lines, 2);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, crew_stop)
#define following(test) cmocka_unit_test_setup_teardown(test, start_second, crew_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_connection_is_taken_when_node_has_accepted_it),
        fresh(a_connection_that_node_does_not_accept_is_refused),
        fresh(a_descriptor_that_did_not_arrive_is_lost),
        fresh(what_answers_nothing_changes_nothing),
        fresh(forty_wait_for_each_other),
        fresh(the_last_words_of_a_dead_worker_are_heard),
        fresh(lines_may_be_split_anywhere_and_joined),
        fresh(messages_of_the_program_are_let_pass_however_long),
        fresh(a_line_as_long_as_the_room_for_it_is_followed_by_the_next),
        fresh(handles_that_a_worker_sends_are_closed_and_acknowledged),
        fresh(sessions_that_a_worker_tells_of_are_its_own),
        fresh(one_that_tells_of_ever_new_sessions_is_read_with_pauses),
        fresh(bun_is_told_of_once),
        fresh(what_it_asks_is_passed_on_and_answered),
        fresh(a_door_is_open_until_the_program_closes_it),
        fresh(one_that_goes_on_its_own_account_is_answered),
        fresh(a_program_that_does_not_listen_gets_sockets_with_a_message),
        fresh(its_sockets_stay_with_it_when_it_is_silent),
        fresh(what_a_silent_one_has_not_read_is_taken_back),
        fresh(what_is_no_connection_reaches_a_silent_one_after_all),
        fresh(a_worker_that_is_held_up_takes_no_ping_for_a_connection),
        fresh(pings_are_no_connections_whatever_becomes_of_them),
        following(a_worker_gets_nothing_before_it_has_answered_the_fence),
        following(a_fence_without_its_descriptor_is_sent_again),
        following(late_news_of_lost_descriptors_confuse_nobody),
        following(two_fences_that_are_both_answered_are_one),
        following(one_that_does_not_answer_the_fence_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
