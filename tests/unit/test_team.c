/* The processes of a slot: who gets its connections, and who gets them back. */

#include "crew.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct fake old;
static struct fake new;

static enum delivery_answer answer_of(const struct parcel *parcel)
{
    return (enum delivery_answer)parcel->delivery.answer;
}

static void hire(struct fake *fake, size_t server, enum contract contract, uint32_t id)
{
    crew_hire(fake, &(struct hire){.server = server, .contract = contract, .id = id});
    fake_open(fake);
}

/* Two processes of the first slot. */
static int start(void **state)
{
    if (crew_start(state) != 0)
        return -1;
    hire(&old, 0, CONTRACT_NODE, 1);
    hire(&new, 0, CONTRACT_LIMPET, 2);
    return 0;
}

/* ---- who gets them ------------------------------------------------------------------------------------------------- */

static void the_newest_that_listens_gets_the_connections(void **state)
{
    struct fake newest;
    crew_hire(&newest, &(struct hire){.server = 0, .contract = CONTRACT_LIMPET, .id = 3});
    struct parcel *first = crew_deliver(0);
    fake_serve(&new);
    assert_true(fake_has(&new, first));
    fake_open(&newest);
    struct parcel *second = crew_deliver(0);
    fake_serve(&newest);
    assert_true(fake_has(&newest, second));
    fake_die(&newest);
    struct parcel *third = crew_deliver(0);
    fake_serve(&new);
    assert_true(fake_has(&new, third));
}

static void each_slot_has_its_own(void **state)
{
    struct fake neighbour;
    hire(&neighbour, 1, CONTRACT_LIMPET, 3);
    struct parcel *first = crew_deliver(0);
    struct parcel *second = crew_deliver(1);
    fake_serve(&new);
    fake_serve(&neighbour);
    assert_true(fake_has(&new, first));
    assert_true(fake_has(&neighbour, second));
    fake_die(&neighbour);
    assert_int_equal(answer_of(crew_deliver(1)), DELIVERY_GONE);
}

static void a_slot_offers_what_any_of_its_processes_does(void **state)
{
    assert_int_equal(crew.opened, 1); /* the second one added nothing */
    team_listens(&crew.team, 1, 4, true);
    assert_int_equal(crew.opened, 2);
    assert_int_equal(crew_figures(0).doors, 0x11);
    struct parcel *parcel = crew_parcel(0);
    parcel->delivery.door = 4;
    team_deliver(&crew.team, &parcel->delivery);
    fake_serve(&old);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
    fake_die(&old);
    assert_int_equal(crew_figures(0).doors, 1);
    assert_int_equal(crew.opened, 2);
    struct parcel *late = crew_parcel(0);
    late->delivery.door = 4;
    team_deliver(&crew.team, &late->delivery);
    assert_int_equal(answer_of(late), DELIVERY_GONE);
}

static void the_first_word_decides_how_a_process_speaks(void **state)
{
    struct fake node, limpet;
    crew_hire(&node, &(struct hire){.server = 1, .contract = CONTRACT_NODE, .id = 3});
    crew_hire(&limpet, &(struct hire){.server = 1, .contract = CONTRACT_LIMPET, .id = 3});
    fake_line(&node, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}\n");
    crew_turn();
    fake_read(&limpet);
    fake_read(&node);
    assert_true(limpet.ended);
    assert_false(node.ended);
    assert_int_equal(crew.contract, CONTRACT_NODE);
    assert_int_equal(crew.news[TEAM_SPOKE], 3);
    team_listens(&crew.team, 3, 0, true);
    struct parcel *parcel = crew_deliver(1);
    fake_serve(&node);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
    fake_die(&node);
    assert_int_equal(answer_of(crew_deliver(1)), DELIVERY_GONE);
}

static void both_channels_of_a_process_that_never_spoke_end_with_it(void **state)
{
    struct fake node, limpet;
    crew_hire(&node, &(struct hire){.server = 1, .contract = CONTRACT_NODE, .id = 3});
    crew_hire(&limpet, &(struct hire){.server = 1, .contract = CONTRACT_LIMPET, .id = 3});
    team_remove(&crew.team, 3);
    crew_bury();
    fake_read(&limpet);
    fake_read(&node);
    assert_true(limpet.ended && node.ended);
}

/* ---- who gets them back --------------------------------------------------------------------------------------------- */

static void what_a_dead_process_has_not_taken_goes_to_the_other_one(void **state)
{
    struct parcel *taken = crew_deliver(0);
    struct parcel *refused = crew_deliver(0);
    struct parcel *read = crew_deliver(0);
    fake_read(&new);
    struct parcel *unread = crew_deliver(0);
    fake_take(&new, fake_seen(&new, 0));
    fake_refuse(&new, fake_seen(&new, 1));
    fake_die(&new);
    assert_int_equal(answer_of(taken), DELIVERY_TAKEN);
    assert_int_equal(answer_of(refused), DELIVERY_REFUSED);
    fake_serve(&old);
    assert_int_equal(answer_of(read), DELIVERY_TAKEN);
    assert_int_equal(answer_of(unread), DELIVERY_TAKEN);
    assert_int_equal(fake_count(&old, SEEN_CONNECTION), 2);
}

static void what_waits_for_a_process_that_leaves_goes_to_the_other_one(void **state)
{
    for (int i = 0; i < 40; i++)
        crew_deliver(0);
    team_leave(&crew.team, 2);
    fake_serve(&old);
    assert_int_equal(fake_count(&old, SEEN_CONNECTION), 8);
    fake_serve(&new); /* it finishes what it has */
    assert_true(new.ended);
    assert_int_equal(fake_count(&new, SEEN_CONNECTION), CHANNEL_WINDOW);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(answer_of(&crew.parcels[i]), DELIVERY_TAKEN);
    struct parcel *next = crew_deliver(0);
    fake_serve(&old);
    assert_true(fake_has(&old, next));
}

static void a_node_program_is_told_to_leave_by_a_line(void **state)
{
    team_leave(&crew.team, 1);
    team_leave(&crew.team, 1);
    fake_read(&old);
    assert_int_equal(fake_count(&old, SEEN_LEAVE), 1);
    assert_false(old.ended);
}

static void what_a_leaving_process_does_not_want_goes_to_the_other_one(void **state)
{
    struct parcel *refused = crew_deliver(0);
    fake_read(&new);
    team_leave(&crew.team, 2);
    fake_refuse(&new, fake_seen(&new, 0));
    crew_turn();
    fake_serve(&old);
    assert_int_equal(answer_of(refused), DELIVERY_TAKEN);
}

static void what_a_stuck_process_that_should_leave_has_not_read_goes_to_the_other_one(void **state)
{
    struct parcel *read = crew_deliver(0);
    fake_read(&new);
    struct parcel *unread = crew_deliver(0);
    team_leave(&crew.team, 2);
    for (int i = 0; i < 40; i++) {
        crew_pass(100 * CREW_MS);
        fake_serve(&old);
    }
    assert_int_equal(answer_of(unread), DELIVERY_TAKEN);
    assert_true(fake_has(&old, unread));
    assert_int_equal(answer_of(read), DELIVERY_NONE);
    fake_serve(&new);
    assert_int_equal(answer_of(read), DELIVERY_TAKEN);
    assert_int_equal(fake_count(&new, SEEN_CONNECTION), 1);
}

static void without_another_process_they_are_gone(void **state)
{
    fake_die(&old);
    struct parcel *first = crew_deliver(0);
    team_leave(&crew.team, 2);
    struct parcel *second = crew_deliver(0);
    assert_int_equal(answer_of(second), DELIVERY_GONE);
    assert_int_equal(crew_figures(0).doors, 0);
    fake_die(&new);
    assert_int_equal(answer_of(first), DELIVERY_GONE);
}

/* Both have closed their ends, and nobody has noticed yet. */
static void two_that_cannot_be_written_to_do_not_pass_it_on_for_ever(void **state)
{
    struct parcel *before = crew_deliver(0);
    shutdown(old.end, SHUT_RDWR);
    shutdown(new.end, SHUT_RDWR);
    struct parcel *after = crew_deliver(0);
    assert_int_equal(answer_of(after), DELIVERY_GONE);
    crew_turn();
    assert_int_equal(answer_of(before), DELIVERY_GONE);
    assert_int_equal(crew.news[TEAM_ENDED], 2);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void all_may_leave_together(void **state)
{
    struct parcel *parcel = crew_deliver(0);
    team_leave_all(&crew.team);
    fake_serve(&old);
    fake_serve(&new);
    assert_int_equal(fake_count(&old, SEEN_LEAVE), 1);
    assert_true(new.ended);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
}

static void without_a_keeper_a_channel_ends_with_its_worker(void **state)
{
    struct parcel *parcel = crew_deliver(0);
    close(new.end);
    new.end = -1;
    crew_turn();
    assert_int_equal(crew.news[TEAM_ENDED], 0); /* the keeper would tell */
    team_go_alone(&crew.team);
    crew_turn();
    assert_int_equal(crew.news[TEAM_ENDED], 1);
    fake_serve(&old);
    assert_int_equal(answer_of(parcel), DELIVERY_TAKEN);
}

static void a_team_that_has_stopped_gives_nothing_away(void **state)
{
    struct parcel *before = crew_deliver(0);
    team_stop(&crew.team);
    struct parcel *after = crew_deliver(0);
    assert_int_equal(answer_of(before), DELIVERY_GONE);
    assert_int_equal(answer_of(after), DELIVERY_GONE);
    assert_int_equal(fake_count(&old, SEEN_CONNECTION), 0);
    team_stop(&crew.team);
}

static void nobody_is_told_about_processes_that_are_not_there(void **state)
{
    team_remove(&crew.team, 99);
    team_leave(&crew.team, 99);
    team_listens(&crew.team, 99, 3, true);
    team_answer_listen(&crew.team, 2, 3, &(struct node_listen_answer){.sockname = "", .data = "null"});
    fake_read(&new);
    assert_int_equal(new.count, 0);
    assert_int_equal(crew_figures(0).doors, 1);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, crew_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(the_newest_that_listens_gets_the_connections),
        fresh(each_slot_has_its_own),
        fresh(a_slot_offers_what_any_of_its_processes_does),
        fresh(the_first_word_decides_how_a_process_speaks),
        fresh(both_channels_of_a_process_that_never_spoke_end_with_it),
        fresh(what_a_dead_process_has_not_taken_goes_to_the_other_one),
        fresh(what_waits_for_a_process_that_leaves_goes_to_the_other_one),
        fresh(a_node_program_is_told_to_leave_by_a_line),
        fresh(what_a_leaving_process_does_not_want_goes_to_the_other_one),
        fresh(what_a_stuck_process_that_should_leave_has_not_read_goes_to_the_other_one),
        fresh(without_another_process_they_are_gone),
        fresh(two_that_cannot_be_written_to_do_not_pass_it_on_for_ever),
        fresh(all_may_leave_together),
        fresh(without_a_keeper_a_channel_ends_with_its_worker),
        fresh(a_team_that_has_stopped_gives_nothing_away),
        fresh(nobody_is_told_about_processes_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
