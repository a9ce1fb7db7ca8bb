#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop loop;

/* One end of a pair in the loop, the other in our hand. */
struct door {
    struct loop_source source;
    struct loop_grave grave;
    int hand;
    int calls;
    uint32_t events; /* all that were told */
    struct door *other;
    void (*then)(struct door *door);
};

static struct door doors[3];
static int turns;
static char story[64];

static void tell(char word)
{
    story[strlen(story)] = word;
}

static void knocked(struct loop_source *source, uint32_t events)
{
    struct door *door = container_of(source, struct door, source);
    door->calls++;
    door->events |= events;
    if (door->then)
        door->then(door);
}

static void open_door(struct door *door, enum loop_how how)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    *door = (struct door){.hand = ends[1]};
    loop_source_init(&door->source, ends[0], knocked);
    assert_int_equal(loop_add(&loop, &door->source, how), 0);
}

static void close_door(struct door *door)
{
    if (door->source.fd >= 0)
        close(door->source.fd);
    close(door->hand);
}

static void after_turn(void *context)
{
    tell('|');
    if (++turns == *(int *)context)
        loop.stopping = true;
}

/* A turn waits for an event, so there must be work for all of them. */
static void run_turns(int most)
{
    turns = 0;
    loop.stopping = false;
    loop_run(&loop, after_turn, &most);
}

static int start(void **state)
{
    memset(story, 0, sizeof(story));
    return loop_init(&loop);
}

static int stop(void **state)
{
    loop_fini(&loop);
    loop_fini(&loop);
    return 0;
}

static void an_edge_is_told_once_and_a_level_until_it_is_gone(void **state)
{
    open_door(&doors[0], LOOP_BOTH);
    open_door(&doors[1], LOOP_READ);
    assert_int_equal(write(doors[0].hand, "x", 1), 1);
    assert_int_equal(write(doors[1].hand, "x", 1), 1);
    run_turns(3);
    assert_int_equal(doors[0].calls, 1);
    assert_int_equal(doors[0].events, EPOLLIN | EPOLLOUT);
    assert_int_equal(doors[1].calls, 3);
    assert_int_equal(doors[1].events, EPOLLIN);
    close_door(&doors[0]);
    close_door(&doors[1]);
}

static void the_end_of_a_peer_is_told(void **state)
{
    open_door(&doors[0], LOOP_BOTH);
    shutdown(doors[0].hand, SHUT_WR);
    run_turns(1);
    assert_true(doors[0].events & EPOLLRDHUP);
    close_door(&doors[0]);
}

static void ask_again(struct door *door)
{
    tell('a');
    if (door->calls < 4)
        loop_again(&loop, &door->source);
}

static void who_asks_again_is_called_once_in_each_following_turn(void **state)
{
    open_door(&doors[0], LOOP_BOTH);
    doors[0].then = ask_again;
    run_turns(4);
    assert_string_equal(story, "a|a|a|a|");
    close_door(&doors[0]);
}

static void ask_twice(struct door *door)
{
    tell('a');
    if (door->calls > 1)
        return;
    loop_again(&loop, &door->source);
    loop_again(&loop, &door->other->source);
    loop_again(&loop, &door->source);
}

static void tell_b(struct door *door)
{
    tell('b');
}

static void asking_again_twice_is_one_call_and_costs_nobody_his(void **state)
{
    for (int i = 0; i < 3; i++)
        open_door(&doors[i], LOOP_READ);
    doors[0].then = ask_twice;
    doors[0].other = &doors[1];
    doors[1].then = tell_b;
    loop_again(&loop, &doors[0].source);
    assert_int_equal(write(doors[2].hand, "x", 1), 1);
    run_turns(3);
    assert_string_equal(story, "a|ab||");
    for (int i = 0; i < 3; i++)
        close_door(&doors[i]);
}

/* Whichever comes first in the batch silences the other. */
static void silence_other(struct door *door)
{
    loop_ignore(&door->other->source);
}

static void who_is_ignored_gets_no_event_that_was_fetched_already(void **state)
{
    for (int i = 0; i < 2; i++)
        open_door(&doors[i], LOOP_READ);
    for (int i = 0; i < 2; i++) {
        doors[i].other = &doors[1 - i];
        doors[i].then = silence_other;
        assert_int_equal(write(doors[i].hand, "x", 1), 1);
    }
    run_turns(3);
    assert_int_equal(doors[0].calls + doors[1].calls, 3);
    assert_true(doors[0].calls == 0 || doors[1].calls == 0);
    close_door(&doors[0]);
    close_door(&doors[1]);
}

static void ask_for_other_then_silence(struct door *door)
{
    if (door->calls > 1)
        return;
    loop_again(&loop, &door->other->source);
    loop_ignore(&door->other->source);
}

static void who_is_ignored_is_not_called_again_either(void **state)
{
    open_door(&doors[0], LOOP_READ);
    open_door(&doors[1], LOOP_READ);
    doors[0].other = &doors[1];
    doors[0].then = ask_for_other_then_silence;
    assert_int_equal(write(doors[0].hand, "x", 1), 1);
    run_turns(3);
    assert_int_equal(doors[1].calls, 0);
    close_door(&doors[0]);
    close_door(&doors[1]);
}

static void who_is_forgotten_may_come_back(void **state)
{
    open_door(&doors[0], LOOP_READ);
    open_door(&doors[1], LOOP_READ);
    assert_int_equal(write(doors[0].hand, "x", 1), 1);
    assert_int_equal(write(doors[1].hand, "x", 1), 1);
    loop_again(&loop, &doors[0].source);
    loop_forget(&loop, &doors[0].source);
    run_turns(2);
    assert_int_equal(doors[0].calls, 0);
    assert_int_equal(loop_add(&loop, &doors[0].source, LOOP_READ), 0);
    run_turns(2);
    assert_int_equal(doors[0].calls, 2);
    close_door(&doors[0]);
    close_door(&doors[1]);
}

static void bury(struct loop_grave *grave)
{
    struct door *door = container_of(grave, struct door, grave);
    tell('F');
    door->calls = -100;
}

static void bury_both(struct door *door)
{
    tell('b');
    for (int i = 0; i < 2; i++) {
        assert_true(doors[i].calls >= 0);
        loop_ignore(&doors[i].source);
        loop_bury(&loop, &doors[i].grave, bury);
    }
}

static void the_dead_are_freed_when_the_turn_is_over(void **state)
{
    for (int i = 0; i < 2; i++) {
        open_door(&doors[i], LOOP_READ);
        doors[i].then = bury_both;
        assert_int_equal(write(doors[i].hand, "x", 1), 1);
    }
    run_turns(1);
    assert_string_equal(story, "b|FF");
    close_door(&doors[0]);
    close_door(&doors[1]);
}

static void bury_other(struct loop_grave *grave)
{
    tell('f');
    loop_bury(&loop, &doors[1].grave, bury);
}

static void one_who_is_freed_may_bury_another_and_the_end_frees_all(void **state)
{
    loop_bury(&loop, &doors[0].grave, bury_other);
    loop_fini(&loop);
    assert_string_equal(story, "fF");
}

struct alarm {
    struct timer timer;
    micros fired_at;
};

static void fire(struct timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);
    alarm->fired_at = clock_steady();
    loop.stopping = true;
}

static void a_timer_ends_the_wait_never_early_and_without_spinning(void **state)
{
    struct alarm alarm = {0};
    timer_init(&alarm.timer, fire);
    micros deadline = clock_steady() + 20 * MILLIS_IN_MICROS + 300;
    assert_int_equal(timer_set(&loop.timers, &alarm.timer, deadline), 0);
    run_turns(100);
    assert_in_range(alarm.fired_at - deadline, 0, 5 * SECOND_IN_MICROS);
    assert_true(turns < 10); /* the last part of a millisecond is slept through, not turned through */
    assert_true(loop.now >= deadline);
}

static void ignore_signal(int number)
{
}

static void a_signal_does_not_end_the_loop(void **state)
{
    struct alarm alarm = {0};
    struct sigaction action = {.sa_handler = ignore_signal};
    sigaction(SIGALRM, &action, NULL);
    timer_init(&alarm.timer, fire);
    assert_int_equal(timer_set(&loop.timers, &alarm.timer, clock_steady() + 30 * MILLIS_IN_MICROS), 0);
    struct itimerval soon = {.it_value.tv_usec = 5000};
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    loop.stopping = false;
    loop_run(&loop, NULL, NULL);
    assert_true(alarm.fired_at > 0);
}

static void a_source_that_cannot_be_watched_is_refused(void **state)
{
    struct loop_source source;
    loop_source_init(&source, -1, knocked);
    assert_int_equal(loop_add(&loop, &source, LOOP_BOTH), -EBADF);
    int plain = open("/dev/null", O_RDONLY | O_CLOEXEC);
    source.fd = plain;
    assert_int_equal(loop_add(&loop, &source, LOOP_READ), -EPERM);
    close(plain);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(an_edge_is_told_once_and_a_level_until_it_is_gone),
        fresh(the_end_of_a_peer_is_told),
        fresh(who_asks_again_is_called_once_in_each_following_turn),
        fresh(asking_again_twice_is_one_call_and_costs_nobody_his),
        fresh(who_is_ignored_gets_no_event_that_was_fetched_already),
        fresh(who_is_ignored_is_not_called_again_either),
        fresh(who_is_forgotten_may_come_back),
        fresh(the_dead_are_freed_when_the_turn_is_over),
        fresh(one_who_is_freed_may_bury_another_and_the_end_frees_all),
        fresh(a_timer_ends_the_wait_never_early_and_without_spinning),
        fresh(a_signal_does_not_end_the_loop),
        fresh(a_source_that_cannot_be_watched_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
