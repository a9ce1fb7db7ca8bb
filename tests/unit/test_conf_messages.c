/* Every tests/conf/NAME.yaml is loaded, and what is said about it must be what stands in NAME.txt: nothing at all for a
 * file that is fine. With LIMPET_RENEW=1 in the environment, the texts are written anew, to be read before they are
 * committed. */

#include "base/arena.h"
#include "conf/conf.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_MAX 65536

static struct arena *arena; /* of one case */
static char said[TEXT_MAX];
static size_t said_length;

static int read_text(void *context, const char *path, struct span *text)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return -errno;
    char *bytes = arena_alloc(arena, TEXT_MAX);
    size_t length = fread(bytes, 1, TEXT_MAX - 1, file);
    fclose(file);
    *text = span_of(bytes, length);
    return 0;
}

static void hear(void *context, enum report_severity severity, const char *lines)
{
    size_t length = strlen(lines);
    assert_true(said_length + length < TEXT_MAX);
    assert_true(length > 0 && lines[length - 1] == '\n');
    memcpy(said + said_length, lines, length + 1);
    said_length += length;
}

static void renew(const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(said, 1, said_length, file);
    fclose(file);
}

/* An error without help leaves the reader alone. */
static void assert_that_errors_help(const struct report_out *report)
{
    unsigned helps = 0;
    for (const char *at = said; (at = strstr(at, ": help: ")); at++)
        helps++;
    unsigned messages = (report->errors < 20 ? report->errors : 20) + (report->warnings < 20 ? report->warnings : 20);
    assert_int_equal(helps, messages);
}

static void is_answered_as_written(void **state)
{
    const char *yaml = *state;
    struct conf_files files = {.read = read_text};
    struct report_out report = {.message = hear};
    arena = arena_new();
    said_length = 0;
    said[0] = '\0';

    struct plan *plan = conf_load_file(yaml, &files, &report);
    assert_true((plan == NULL) == (report.errors > 0));
    assert_that_errors_help(&report);
    const char *path = arena_format(arena, "%.*s.txt", (int)(strlen(yaml) - strlen(".yaml")), yaml);
    if (getenv("LIMPET_RENEW"))
        renew(path);
    struct span expected = span_text("");
    assert_int_equal(read_text(NULL, path, &expected), 0);
    assert_string_equal(said, (const char *)expected.data);
    plan_free(plan);
    arena_free(arena);
}

/* Messages name files as they were given, so the cases are loaded from their own directory. */
static void go_to_the_cases(void)
{
    char here[4096];
    ssize_t length = readlink("/proc/self/exe", here, sizeof(here) - 1);
    const char *given = getenv("LIMPET_SOURCE");
    if (given && chdir(given) == 0 && chdir("tests/conf") == 0)
        return;
    /* The source file as the compiler was given it: from the root of the project, or from the build's directory. */
    const char *file_name = strrchr(__FILE__, '/');
    char *beside = file_name ? strndup(__FILE__, (size_t)(file_name - __FILE__)) : NULL;
    bool there = beside && chdir(beside) == 0 && chdir("../conf") == 0;
    free(beside);
    if (there)
        return;
    here[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(here, '/');
    if (slash)
        *slash = '\0';
    if (chdir(here) != 0 || chdir("../../../tests/conf") != 0) {
        fputs("the cases were not found: set LIMPET_SOURCE to the root of the project\n", stderr);
        exit(1);
    }
}

int main(void)
{
    glob_t found;
    go_to_the_cases();
    if (glob("*.yaml", 0, NULL, &found) != 0 || found.gl_pathc == 0) {
        fputs("there are no cases in tests/conf\n", stderr);
        return 1;
    }
    struct CMUnitTest *tests = calloc(found.gl_pathc, sizeof(*tests));
    for (size_t i = 0; i < found.gl_pathc; i++)
        tests[i] = (struct CMUnitTest){
            .name = found.gl_pathv[i], .test_func = is_answered_as_written, .initial_state = found.gl_pathv[i]};
    int failed = _cmocka_run_group_tests("messages about configurations", tests, found.gl_pathc, NULL, NULL);
    free(tests);
    globfree(&found);
    return failed;
}
