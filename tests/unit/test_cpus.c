/* How many CPUs there are, on machines and in control groups that are made up here. */

#include "control/cpus.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What the kernel says this process may run on; 0: more than fit into a cpu_set_t. */
static unsigned allowed = 8;

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    if (allowed == 0) {
        errno = EINVAL;
        return -1;
    }
    CPU_ZERO_S(size, set);
    for (size_t i = 0; i < allowed; i++)
        CPU_SET_S(i, size, set);
    return 0;
}

/* Files that exist only here; a null path ends them. */
struct file {
    const char *path;
    const char *text;
};

static bool read_file(void *context, const char *path, char *text, size_t size)
{
    for (const struct file *f = context; f->path; f++)
        if (strcmp(f->path, path) == 0 && strlen(f->text) < size) {
            strcpy(text, f->text);
            return true;
        }
    return false;
}

#define CPUS(...) cpus_count(read_file, (struct file[]){__VA_ARGS__, {NULL, NULL}})
#define GROUP(text)                                                                                                    \
    {                                                                                                                  \
        "/proc/self/cgroup", text                                                                                      \
    }

static void without_a_quota_the_affinity_counts(void **state)
{
    assert_int_equal(CPUS({"/nothing", ""}), 8);
    assert_int_equal(CPUS(GROUP("0::/a\n")), 8);
    assert_int_equal(CPUS(GROUP("0::/a\n"), {"/sys/fs/cgroup/a/cpu.max", "max 100000\n"}), 8);
    allowed = 0;
    assert_true(CPUS({"/nothing", ""}) >= 1);
    allowed = 8;
}

static void a_quota_is_rounded_up_to_whole_cpus(void **state)
{
    assert_int_equal(CPUS(GROUP("0::/a\n"), {"/sys/fs/cgroup/a/cpu.max", "200000 100000\n"}), 2);
    assert_int_equal(CPUS(GROUP("0::/a\n"), {"/sys/fs/cgroup/a/cpu.max", "200001 100000\n"}), 3);
    assert_int_equal(CPUS(GROUP("0::/a\n"), {"/sys/fs/cgroup/a/cpu.max", "1000 100000\n"}), 1);
    assert_int_equal(CPUS(GROUP("0::/a\n"), {"/sys/fs/cgroup/a/cpu.max", "6400000 100000\n"}), 8);
}

static void the_tightest_group_on_the_way_up_counts(void **state)
{
    struct file outer = {"/sys/fs/cgroup/a/cpu.max", "300000 100000"};
    struct file inner = {"/sys/fs/cgroup/a/b/c/cpu.max", "500000 100000"};
    struct file top = {"/sys/fs/cgroup/cpu.max", "100000 50000"};
    assert_int_equal(CPUS(GROUP("0::/a/b/c\n"), outer, inner), 3);
    assert_int_equal(CPUS(GROUP("0::/a/b/c\n"), inner), 5);
    assert_int_equal(CPUS(GROUP("0::/a/b/c\n"), outer, inner, top), 2);
    assert_int_equal(CPUS(GROUP("0::/\n"), top), 2);
    assert_int_equal(CPUS(GROUP("0::/../other\n"), top), 2);
}

static void the_first_version_of_groups_is_understood_too(void **state)
{
    struct file groups = GROUP("7:memory:/a\n4:cpuset:/c\n3:cpu,cpuacct:/docker/a\n0::/\n");
    struct file quota = {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n"};
    struct file none = {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"};
    struct file period = {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"};
    assert_int_equal(CPUS(groups, quota, period), 2);
    assert_int_equal(CPUS(groups, none, period), 8);
    assert_int_equal(CPUS(groups, quota), 8);
    assert_int_equal(CPUS(GROUP("4:cpuset,cpuacct:/\n"), quota, period), 8);
}

static void nonsense_in_the_files_limits_nothing(void **state)
{
    static const char *const wrong[] = {"", "x", "0 0", "-5 100000", "100000", "100000 0", "9223372036854775807 1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(CPUS(GROUP("0::/\n"), {"/sys/fs/cgroup/cpu.max", wrong[i]}), 8);
    assert_int_equal(CPUS(GROUP("0\n::\n:\n\n3:cpu\nx:y:z\n")), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_quota_the_affinity_counts),
        cmocka_unit_test(a_quota_is_rounded_up_to_whole_cpus),
        cmocka_unit_test(the_tightest_group_on_the_way_up_counts),
        cmocka_unit_test(the_first_version_of_groups_is_understood_too),
        cmocka_unit_test(nonsense_in_the_files_limits_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
