/* What workers' own listen() calls open. */

#include "control/doors.h"

#include "base/log.h"
#include "loopback.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

static char folder[64];
static struct plan_workers workers;
static const struct plan_pool pools[] = {{.name = "app", .workers = &workers, .app_listener = 1},
                                         {.name = "chat", .workers = &workers, .app_listener = 2}};
static struct plan plan;
static struct doors doors;
static size_t open_before;
static bool fresh_door;

static void say_nothing(void *context, const char *line, size_t length)
{
}

static int start(void **state)
{
    snprintf(folder, sizeof(folder), "%s/limpet-doors-XXXXXX", P_tmpdir);
    if (!mkdtemp(folder))
        return -1;
    workers = (struct plan_workers){.directory = folder};
    plan = (struct plan){.pools = pools, .pool_count = 2, .threads = 1};
    open_before = loopback_open_count();
    log_set_writer(say_nothing, NULL);
    doors_init(&doors, &plan);
    return 0;
}

/* Nothing stays open, and no socket file stays behind. */
static int stop(void **state)
{
    doors_fini(&doors);
    doors_fini(&doors);
    log_set_writer(NULL, NULL);
    return rmdir(folder) == 0 && loopback_open_count() == open_before ? 0 : -1;
}

static struct node_line asks(const char *address, const char *type, int64_t port)
{
    struct node_line line = {.word = NODE_LISTEN, .port = port, .descriptor = -1, .data = "null"};
    strncpy(line.address, address, sizeof(line.address) - 1);
    strncpy(line.type, type, sizeof(line.type) - 1);
    return line;
}

static int find(size_t pool, const struct node_line *line)
{
    return doors_find(&doors, pool, line, &fresh_door);
}

static unsigned port_of(int fd)
{
    struct sockaddr_in6 own = {.sin6_family = AF_UNSPEC};
    socklen_t length = sizeof(own);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &length), 0);
    return ntohs(own.sin6_port);
}

static void the_same_place_is_one_door(void **state)
{
    struct node_line line = asks("127.0.0.1", "4", 0);
    int door = find(0, &line);
    assert_true(door > 0);
    assert_true(fresh_door);
    assert_int_equal(doors.all[door]->post.listener, 1);
    line.seq = 99;
    strcpy(line.data, "{\"ticketKeys\":1}");
    assert_int_equal(find(0, &line), door);
    assert_false(fresh_door);
    assert_string_equal(doors.all[door]->asked.data, "null"); /* the first worker's */
}

static void other_places_are_other_doors(void **state)
{
    struct node_line lines[] = {asks("127.0.0.1", "4", 0), asks("127.0.0.1", "4", 0), asks("127.0.0.2", "4", 0),
                                asks("", "4", 0), asks("app.sock", "-1", -1)};
    bool seen[SERVER_DOORS] = {true};
    lines[1].index = 1;
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        int door = find(0, &lines[i]);
        assert_in_range(door, 1, SERVER_DOORS - 1);
        assert_false(seen[door]);
        seen[door] = true;
    }
    int other = find(1, &lines[0]); /* each pool has its own */
    assert_in_range(other, 1, SERVER_DOORS - 1);
    assert_false(seen[other]);
    assert_int_equal(doors.all[other]->post.listener, 2);
}

static void any_port_is_the_same_for_every_thread(void **state)
{
    struct node_line line = asks("127.0.0.1", "4", 0);
    plan.threads = 3;
    int door = find(0, &line);
    assert_true(door > 0);
    const struct listen_door *open = doors.all[door];
    assert_int_equal(open->post.count, 3);
    unsigned port = port_of(open->post.fds[0]);
    assert_int_not_equal(port, 0);
    assert_int_equal(address_port(&open->address), port);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(port_of(open->post.fds[i]), port);
    char expected[64];
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", port);
    assert_string_equal(open->address.text, expected);
}

static void a_port_without_an_address_is_open_to_both_families(void **state)
{
    struct node_line line = asks("", "4", 0);
    int door = find(0, &line);
    assert_true(door > 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons(address_port(&doors.all[door]->address));
    close(loopback_connect(&to));
}

static void a_path_is_where_the_worker_starts(void **state)
{
    struct node_line line = asks("app.sock", "-1", -1);
    struct stat found;
    char path[128];
    mode_t mask = umask(027);
    int door = find(0, &line);
    umask(mask);
    assert_true(door > 0);
    snprintf(path, sizeof(path), "%s/app.sock", folder);
    assert_int_equal(stat(path, &found), 0);
    assert_true(S_ISSOCK(found.st_mode));
    assert_int_equal(found.st_mode & 0777, 0750); /* as the program's own socket would have */
    assert_int_equal(find(0, &line), door);
    assert_false(fresh_door);
}

static void what_another_pool_has_is_refused_and_stays(void **state)
{
    struct node_line line = asks("app.sock", "-1", -1);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    assert_true(find(0, &line) > 0);
    assert_int_equal(find(1, &line), -EADDRINUSE);
    snprintf(to.sun_path, sizeof(to.sun_path), "%s/app.sock", folder);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
    close(client);
}

static void what_cannot_be_listened_on_is_refused(void **state)
{
    struct sockaddr_in taken;
    int listener = loopback_listener(&taken);
    struct node_line line = asks("127.0.0.1", "4", ntohs(taken.sin_port));
    assert_int_equal(find(0, &line), -EADDRINUSE);
    close(listener);
    line = asks("", "udp4", 53);
    assert_int_equal(find(0, &line), -EACCES);
    line = asks("", "4", 3000);
    line.descriptor = 7;
    assert_int_equal(find(0, &line), -ENOTSUP);
    line = asks("x", "-1", -1);
    line.address_is_long = true;
    assert_int_equal(find(0, &line), -ENAMETOOLONG);
    line = asks("", "4", 65536);
    assert_int_equal(find(0, &line), -EINVAL);
    line = asks("", "4", -1);
    assert_int_equal(find(0, &line), -EINVAL);
    line = asks("example.org", "4", 80);
    assert_int_equal(find(0, &line), -EINVAL);
    line = asks("no/such/folder", "-1", -1);
    assert_int_equal(find(0, &line), -ENOENT);
    for (unsigned i = 0; i < SERVER_DOORS; i++)
        assert_null(doors.all[i]);
}

static void a_path_that_is_too_long_behind_its_directory_is_refused(void **state)
{
    char words[NODE_ADDRESS_MOST];
    memset(words, 'a', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    struct node_line line = asks(words, "-1", -1);
    assert_int_equal(find(0, &line), -ENAMETOOLONG);
}

static void there_are_so_many_doors_and_no_more(void **state)
{
    struct node_line line = asks("127.0.0.1", "4", 0);
    for (line.index = 0; line.index < SERVER_DOORS - 1; line.index++)
        assert_true(find(0, &line) > 0);
    assert_int_equal(find(0, &line), -EMFILE);
    assert_null(doors.all[0]);
    line.index = 5;
    assert_true(find(0, &line) > 0); /* that one is open */
}

static const char *sockname(const char *words, int64_t asked)
{
    static char buffer[256];
    struct address address;
    struct text text;
    text_init(&text, buffer, sizeof(buffer));
    assert_null(address_parse(span_text(words), &address));
    doors_sockname(&address, asked, &text);
    return buffer;
}

static void a_program_hears_of_the_port_that_it_asked_for(void **state)
{
    assert_string_equal(sockname("127.0.0.1:4000", 3000),
                        "{\"address\":\"127.0.0.1\",\"family\":\"IPv4\",\"port\":3000}");
    assert_string_equal(sockname("127.0.0.1:4000", 0), "{\"address\":\"127.0.0.1\",\"family\":\"IPv4\",\"port\":4000}");
    assert_string_equal(sockname(":4000", 4000), "{\"address\":\"::\",\"family\":\"IPv6\",\"port\":4000}");
    assert_string_equal(sockname("[::1]:4000", -1), "{\"address\":\"::1\",\"family\":\"IPv6\",\"port\":4000}");
    assert_string_equal(sockname("unix:/run/x", -1), "");
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(the_same_place_is_one_door),
        fresh(other_places_are_other_doors),
        fresh(any_port_is_the_same_for_every_thread),
        fresh(a_port_without_an_address_is_open_to_both_families),
        fresh(a_path_is_where_the_worker_starts),
        fresh(what_another_pool_has_is_refused_and_stays),
        fresh(what_cannot_be_listened_on_is_refused),
        fresh(a_path_that_is_too_long_behind_its_directory_is_refused),
        fresh(there_are_so_many_doors_and_no_more),
        fresh(a_program_hears_of_the_port_that_it_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
