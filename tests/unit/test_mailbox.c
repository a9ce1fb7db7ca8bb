#include "io/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop loop;
static struct mailbox mailbox;
static uint32_t all_notes;
static int readings;
static uint32_t last_notes;

static void read_notes(struct mailbox *box, uint32_t notes)
{
    assert_ptr_equal(box, &mailbox);
    assert_int_not_equal(notes, 0);
    readings++;
    all_notes |= notes;
    if ((all_notes & last_notes) == last_notes)
        loop.stopping = true;
}

static int start(void **state)
{
    all_notes = 0;
    readings = 0;
    return loop_init(&loop) || mailbox_init(&mailbox, &loop, read_notes);
}

static int stop(void **state)
{
    mailbox_fini(&mailbox);
    mailbox_fini(&mailbox);
    loop_fini(&loop);
    return 0;
}

static void read_until(uint32_t last)
{
    last_notes = last;
    loop.stopping = false;
    loop_run(&loop, NULL, NULL);
}

static void notes_that_wait_are_read_together_and_once(void **state)
{
    mailbox_post(&mailbox, 1);
    mailbox_post(&mailbox, 4);
    mailbox_post(&mailbox, 4);
    read_until(4);
    assert_int_equal(readings, 1);
    assert_int_equal(all_notes, 5);
    mailbox_post(&mailbox, 2);
    read_until(2);
    assert_int_equal(readings, 2);
    assert_int_equal(all_notes, 7);
}

static void *post_later(void *argument)
{
    usleep(10000);
    mailbox_post(&mailbox, 8);
    return NULL;
}

static void a_note_from_another_thread_wakes_a_loop_that_waits(void **state)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_later, NULL), 0);
    read_until(8);
    pthread_join(thread, NULL);
    assert_int_equal(readings, 1);
}

#define POSTS 5000

static void *post_bits(void *first)
{
    for (int i = 0; i < POSTS; i++)
        mailbox_post(&mailbox, (uint32_t)1 << (*(int *)first + i % 8));
    return NULL;
}

static void no_note_of_several_threads_is_lost(void **state)
{
    pthread_t threads[2];
    int first[2] = {0, 8};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_bits, &first[i]), 0);
    read_until(0xffff); /* waits for ever for a lost one */
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(notes_that_wait_are_read_together_and_once),
        fresh(a_note_from_another_thread_wakes_a_loop_that_waits),
        fresh(no_note_of_several_threads_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
