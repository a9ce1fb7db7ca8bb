#include "io/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
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

/* ---- mail ----------------------------------------------------------------------------------------------------------- */

struct letter {
    struct mail mail;
    int sender;
    int number;
};

#define SENDERS 3
#define LETTERS 3000

static struct letter letters[SENDERS][LETTERS];
static int opened[SENDERS]; /* so many of each */
static int out_of_order;
static int all_opened;
static int expected;

static void open_letter(struct mail *mail)
{
    struct letter *letter = container_of(mail, struct letter, mail);
    out_of_order += letter->number != opened[letter->sender]++;
    if (++all_opened == expected)
        loop.stopping = true;
}

static void send_letter(int sender, int number)
{
    struct letter *letter = &letters[sender][number];
    *letter = (struct letter){.mail.open = open_letter, .sender = sender, .number = number};
    mailbox_send(&mailbox, &letter->mail);
}

static void open_all(int count)
{
    expected = count;
    loop.stopping = false;
    loop_run(&loop, NULL, NULL);
}

static void forget_letters(void)
{
    memset(opened, 0, sizeof(opened));
    all_opened = out_of_order = 0;
}

static void mail_is_opened_once_and_in_order(void **state)
{
    forget_letters();
    for (int i = 0; i < 10; i++)
        send_letter(0, i);
    assert_int_equal(all_opened, 0); /* not by who sends it */
    open_all(10);
    send_letter(0, 10);
    open_all(11);
    assert_int_equal(out_of_order, 0);
    assert_int_equal(readings, 0);
}

static int opened_before_note;

static void note_comes(struct mailbox *box, uint32_t notes)
{
    opened_before_note = all_opened;
}

static void notes_that_were_posted_before_are_read_before(void **state)
{
    forget_letters();
    opened_before_note = 99;
    mailbox.read = note_comes;
    mailbox_post(&mailbox, 1);
    send_letter(0, 0);
    open_all(1);
    assert_int_equal(opened_before_note, 0);
}

static void answer_at_once(struct mail *mail)
{
    struct letter *letter = container_of(mail, struct letter, mail);
    if (++letter->number < 5)
        mailbox_send(&mailbox, mail); /* whoever opens it owns it */
    else
        loop.stopping = true;
}

static void mail_may_be_sent_on_when_it_is_opened(void **state)
{
    letters[0][0] = (struct letter){.mail.open = answer_at_once};
    mailbox_send(&mailbox, &letters[0][0].mail);
    open_all(-1);
    assert_int_equal(letters[0][0].number, 5);
}

static void *send_all(void *sender)
{
    for (int i = 0; i < LETTERS; i++)
        send_letter(*(int *)sender, i);
    return NULL;
}

static void mail_of_several_threads_keeps_the_order_of_each(void **state)
{
    pthread_t threads[SENDERS];
    int senders[SENDERS];
    forget_letters();
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    open_all(SENDERS * LETTERS); /* waits for ever for a lost one */
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(out_of_order, 0);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(notes_that_wait_are_read_together_and_once),
        fresh(a_note_from_another_thread_wakes_a_loop_that_waits),
        fresh(no_note_of_several_threads_is_lost),
        fresh(mail_is_opened_once_and_in_order),
        fresh(notes_that_were_posted_before_are_read_before),
        fresh(mail_may_be_sent_on_when_it_is_opened),
        fresh(mail_of_several_threads_keeps_the_order_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
