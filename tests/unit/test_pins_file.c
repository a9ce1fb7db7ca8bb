/* The file of pins, and who sees to it that it is written. */

#include "control/pins_file.h"

#include "control/pins_saver.h"

#include "base/log.h"
#include "pin_tables.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST 1024

static char folder[64], path[80];
static struct plan plan = {.pins = {.most = MOST, .file = path}};
static struct loop loop;
static struct pins_saver saver;

static char said[4096];
static size_t said_length;

static void keep(void *context, const char *line, size_t length)
{
    assert_true(said_length + length < sizeof(said));
    memcpy(said + said_length, line, length);
    said_length += length;
    said[said_length] = '\0';
}

/* What was said since the last time. */
static bool was_said(const char *what)
{
    bool found = what ? strstr(said, what) != NULL : said_length == 0;
    if (!found)
        print_message("said: %s\n", said);
    said_length = 0;
    said[0] = '\0';
    return found;
}

static int start(void **state)
{
    snprintf(folder, sizeof(folder), "%s/limpet-pins-XXXXXX", P_tmpdir);
    if (!mkdtemp(folder) || loop_init(&loop) != 0)
        return -1;
    snprintf(path, sizeof(path), "%s/pins", folder);
    log_set_writer(keep, NULL);
    was_said(NULL);
    saver = (struct pins_saver){.plan = NULL};
    make(MOST);
    now = clock_steady();
    return 0;
}

static int stop(void **state)
{
    log_set_writer(NULL, NULL);
    loop_fini(&loop);
    unlink(path);
    drop(NULL);
    return rmdir(folder);
}

static void write_file(const void *bytes, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static size_t read_file(uint8_t bytes[65536])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(bytes, 1, 65536, file);
    assert_int_equal(fclose(file), 0);
    return length;
}

/* So many seconds pass while limpet is away: the file says that it was written so much earlier. */
static void pass(int64_t seconds)
{
    static uint8_t bytes[65536];
    size_t length = read_file(bytes);
    int64_t written;
    memcpy(&written, bytes + 14, sizeof(written));
    written -= seconds;
    memcpy(bytes + 14, &written, sizeof(written));
    write_file(bytes, length);
}

/* limpet is started anew: nothing is left but the file. What pins_file_load() says. */
static long load(void)
{
    make(MOST);
    now = clock_steady();
    pin_table_free(table);
    table = NULL;
    long count = pins_file_load(&plan, memory);
    begin_again();
    return count;
}

/* ---- the file -------------------------------------------------------------------------------------------------------- */

static void pins_come_back(void **state)
{
    for (uint64_t i = 0; i < 500; i++)
        put(i, 1 + i);
    assert_int_equal(pins_file_save(&plan, memory), 500);
    assert_int_equal(load(), 500);
    for (uint64_t i = 0; i < 500; i++)
        assert_int_equal(who(i), 1 + i);
    assert_int_equal(pin_table_count(table), 500);
}

static void those_who_were_seen_survive_a_flood_afterwards(void **state)
{
    for (uint64_t i = 0; i < 512; i++) {
        put(i, 1 + i);
        assert_int_equal(who(i), 1 + i);
    }
    assert_int_equal(pins_file_save(&plan, memory), 512);
    assert_int_equal(load(), 512);
    for (uint64_t i = 1000; i < 101000; i++)
        put(i, 9999);
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(who(i), 1 + i);
}

static void no_file_and_an_empty_one_hold_no_pins(void **state)
{
    assert_int_equal(load(), 0);
    write_file("", 0);
    assert_int_equal(load(), 0);
    assert_int_equal(pins_file_save(&plan, memory), 0);
    assert_int_equal(load(), 0);
}

static void time_counts_while_limpet_is_away(void **state)
{
    put(1, 5);
    assert_int_equal(pins_file_save(&plan, memory), 1);
    pass(3500);
    assert_int_equal(load(), 1);
    now += 60 * SECONDS;
    assert_int_equal(who(1), 5);
    pass(101);
    assert_int_equal(load(), 0);
    pass(-1000000000);
    assert_int_equal(load(), 1);
}

static void a_larger_table_than_now_is_cut_down(void **state)
{
    make(4 * MOST);
    now = clock_steady();
    for (uint64_t i = 0; i < 4 * MOST; i++)
        put(i, 1 + i);
    plan.pins.most = 4 * MOST;
    assert_int_equal(pins_file_save(&plan, memory), 4 * MOST);
    plan.pins.most = MOST;
    assert_int_equal(load(), MOST);
    assert_int_equal(pin_table_count(table), MOST);
}

static void other_files_are_refused_and_stay(void **state)
{
    static uint8_t bytes[65536];
    const char text[] = "Dear diary, today I was nearly overwritten.\n";
    write_file(text, strlen(text));
    assert_int_equal(load(), -EBADMSG);
    assert_int_equal(read_file(bytes), strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
    put(1, 5);
    assert_int_equal(pins_file_save(&plan, memory), 1);
    size_t length = read_file(bytes);
    for (size_t cut = 1; cut < length; cut++) {
        write_file(bytes, cut);
        assert_int_equal(load(), cut == length - 32 ? 0 : -EBADMSG);
        assert_int_equal(pin_table_count(table), 0);
    }
    write_file(bytes, length + 1);
    assert_int_equal(load(), -EBADMSG);
}

static void what_is_no_file_is_refused(void **state)
{
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(load(), -EISDIR);
    assert_true(pins_file_save(&plan, memory) < 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(load(), -ENXIO);
}

/* ---- the saver ------------------------------------------------------------------------------------------------------- */

static void begin(void)
{
    pin_table_free(table);
    table = NULL;
    pins_saver_begin(&saver, &loop, &plan, memory);
    begin_again();
}

static void a_minute_passes(void)
{
    saver.timer.fire(&saver.timer);
}

static bool there_is_a_file(void)
{
    return access(path, F_OK) == 0;
}

static void the_saver_writes_every_minute_and_at_the_end(void **state)
{
    begin();
    assert_true(was_said(NULL));
    assert_true(there_is_a_file());
    assert_true(timer_is_set(&saver.timer));
    put(1, 5);
    a_minute_passes();
    assert_true(timer_is_set(&saver.timer));
    assert_int_equal(load(), 1);
    put(2, 6);
    saver.memory = memory;
    pins_saver_end(&saver);
    pins_saver_end(&saver);
    assert_int_equal(load(), 2);
    assert_true(was_said(NULL));
}

static void the_saver_reads_what_there_is(void **state)
{
    put(1, 5);
    assert_int_equal(pins_file_save(&plan, memory), 1);
    make(MOST);
    now = clock_steady();
    begin();
    assert_true(was_said("limpet: 1 pin read from "));
    assert_int_equal(who(1), 5);
    pins_saver_end(&saver);
}

static void the_saver_leaves_other_files_alone(void **state)
{
    static uint8_t bytes[65536];
    write_file("mine", 4);
    begin();
    assert_true(was_said("/pins: this is no file of pins; it is left alone, and pins last as long as this limpet\n"));
    assert_false(timer_is_set(&saver.timer));
    pins_saver_end(&saver);
    assert_int_equal(read_file(bytes), 4);
    assert_true(was_said(NULL));
}

static void where_nothing_can_be_written_is_told_once(void **state)
{
    rmdir(folder);
    begin();
    assert_true(was_said("/pins: No such file or directory; they last as long as this limpet\n"));
    a_minute_passes();
    a_minute_passes();
    assert_true(was_said(NULL));
    assert_int_equal(mkdir(folder, 0700), 0);
    a_minute_passes();
    assert_true(was_said("limpet: pins are saved in /"));
    a_minute_passes();
    assert_true(was_said(NULL));
    unlink(path);
    rmdir(folder);
    pins_saver_end(&saver);
    assert_true(was_said("pins cannot be saved in "));
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void a_folder_that_is_read_only_is_no_harm(void **state)
{
    bool root = geteuid() == 0;
    put(1, 5);
    assert_int_equal(pins_file_save(&plan, memory), 1);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    assert_true(!root || seteuid(65534) == 0);
    begin();
    assert_true(was_said("1 pin read from"));
    a_minute_passes();
    assert_true(was_said("Permission denied"));
    pins_saver_end(&saver);
    assert_true(was_said(NULL));
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(load(), 1);
}

static void without_a_file_or_a_table_there_is_nothing_to_save(void **state)
{
    pins_saver_begin(&saver, &loop, &plan, NULL);
    pins_saver_end(&saver);
    assert_false(there_is_a_file());
    plan.pins.file = NULL;
    pins_saver_begin(&saver, &loop, &plan, memory);
    pins_saver_end(&saver);
    plan.pins.file = path;
    assert_false(there_is_a_file());
    assert_true(was_said(NULL));
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_folder(pins_come_back),
        with_folder(those_who_were_seen_survive_a_flood_afterwards),
        with_folder(no_file_and_an_empty_one_hold_no_pins),
        with_folder(time_counts_while_limpet_is_away),
        with_folder(a_larger_table_than_now_is_cut_down),
        with_folder(other_files_are_refused_and_stay),
        with_folder(what_is_no_file_is_refused),
        with_folder(the_saver_writes_every_minute_and_at_the_end),
        with_folder(the_saver_reads_what_there_is),
        with_folder(the_saver_leaves_other_files_alone),
        with_folder(where_nothing_can_be_written_is_told_once),
        with_folder(a_folder_that_is_read_only_is_no_harm),
        with_folder(without_a_file_or_a_table_there_is_nothing_to_save),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
