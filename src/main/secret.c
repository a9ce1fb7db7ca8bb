#include "seal/secret.h"
#include "base/span.h"
#include "cli/command.h"
#include "cli/options.h"
#include "control/powers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A secret file is short: 16 lines and remarks. */
#define FILE_MOST 65536

/* Options that change a file, in the order of enum secret_step. */
static const char *const step_names[] = {
    [SECRET_APPEND] = "--append", [SECRET_PROMOTE] = "--promote", [SECRET_RETIRE] = "--retire"};

static int failed(const char *file, const char *what)
{
    fprintf(stderr, "limpet secret: %s: %s\n", file, what);
    return EXIT_FAILED;
}

static int show_new(void)
{
    char line[SECRET_LINE_SIZE];
    secret_make(line);
    if (fputs(line, stdout) >= 0 && fflush(stdout) == 0)
        return EXIT_FINE;
    fprintf(stderr, "limpet secret: standard output: %s\n", strerror(errno));
    return EXIT_FAILED;
}

/* The text of the file; without one an empty text, if it is to be made. */
static int read_text(const char *file, enum secret_step step, char **text, size_t *length)
{
    int failure = powers_read_secret_file(file, FILE_MOST, text, length);
    if (failure == -ENOENT && step == SECRET_APPEND) {
        *length = 0;
        *text = calloc(1, 1);
        failure = *text ? 0 : -ENOMEM;
    }
    if (failure == -EPERM)
        return failed(file,
                      "others than its owner can read or change it, so it is no secret any more: make a new one, or "
                      "at least chmod 600");
    if (failure == -ENXIO)
        return failed(file, "this is no file, but a FIFO, a device or a socket");
    return failure ? failed(file, strerror(-failure)) : EXIT_FINE;
}

static int judge(const char *file, enum secret_step step, struct span text)
{
    unsigned line;
    const char *wrong = secret_judge(text, &line);
    if (wrong && line > 0) {
        fprintf(stderr, "%s:%u: error: %s\n", file, line, wrong);
        return EXIT_FAILED;
    }
    size_t count = secret_count(text);
    if (wrong && step != SECRET_APPEND)
        return failed(file, wrong);
    if (step == SECRET_APPEND && count == SECRET_LINES_MOST)
        return failed(file, "it has 16 secrets, which is as many as are used: retire the old ones with --retire first");
    if (step == SECRET_PROMOTE && count < 2)
        return failed(file, "there is nothing to promote: it has one secret; add a new one with --append first");
    return EXIT_FINE;
}

static void tell(const char *file, enum secret_step step, size_t count)
{
    if (step == SECRET_APPEND && count == 1)
        printf("%s has a secret now; bring it to every frontend\n", file);
    else if (step == SECRET_APPEND)
        printf(
            "%s has %zu secrets now, and the first still seals; bring it to every frontend, restart limpet there, and "
            "then promote the new one\n",
            file, count);
    else if (step == SECRET_PROMOTE)
        printf("%s has its newest secret first now, which seals; bring it to every frontend, restart limpet there, and "
               "retire the others when what they sealed has run out (`for` of `stick`, 24h for a cookie if it says "
               "none)\n",
               file);
    else
        printf("%s has one secret now; bring it to every frontend and restart limpet there\n", file);
}

/* Nothing is written then: a step that was taken already may be taken again. */
static bool is_done_already(const char *file, enum secret_step step, struct span text)
{
    if (step != SECRET_RETIRE || secret_count(text) > 1)
        return false;
    printf("%s has only the one secret that seals, so there is nothing to retire and nothing to bring anywhere; to "
           "replace it, begin with --append\n",
           file);
    return true;
}

static int rewrite(const char *file, enum secret_step step, struct span text)
{
    char *after = malloc(text.length + SECRET_STEP_ROOM);
    if (!after)
        return failed(file, strerror(ENOMEM));
    size_t length = secret_rewrite(text, step, after);
    int failure = powers_replace_file(file, after, length);
    if (!failure)
        tell(file, step, secret_count(span_of(after, length)));
    explicit_bzero(after, length);
    free(after);
    return failure ? failed(file, strerror(-failure)) : EXIT_FINE;
}

static int change(const char *file, enum secret_step step)
{
    char *text;
    size_t length;
    int status = read_text(file, step, &text, &length);
    if (status != EXIT_FINE)
        return status;
    status = judge(file, step, span_of(text, length));
    if (status == EXIT_FINE && !is_done_already(file, step, span_of(text, length)))
        status = rewrite(file, step, span_of(text, length));
    explicit_bzero(text, length);
    free(text);
    return status;
}

/* False if the option is none of them. */
static bool take_step(enum option option, enum secret_step *step)
{
    switch (option) {
    case OPTION_APPEND:
        *step = SECRET_APPEND;
        return true;
    case OPTION_PROMOTE:
        *step = SECRET_PROMOTE;
        return true;
    case OPTION_RETIRE:
        *step = SECRET_RETIRE;
        return true;
    default:
        return false;
    }
}

int command_secret(int argc, char **argv)
{
    struct options options;
    const char *file = NULL;
    enum secret_step step = SECRET_APPEND;
    options_init(&options, "secret", argc, argv);
    enum option option;
    while ((option = options_next(&options)) != OPTION_END) {
        enum secret_step before = step;
        if (option == OPTION_STOP)
            return (int)options.status;
        if (!take_step(option, &step))
            continue;
        if (file)
            return options_wrong(&options, "one step at a time: %s or %s", step_names[before], step_names[step]);
        file = options.value;
    }
    return file ? change(file, step) : show_new();
}
