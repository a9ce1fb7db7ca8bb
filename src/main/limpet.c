#include "cli/command.h"
#include "cli/help.h"
#include "cli/version.h"
#include "conf/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int unknown(const char *word)
{
    struct suggest suggestion;
    suggest_init(&suggestion, span_text(word));
    for (size_t i = 0; i < command_count; i++)
        if (command_table[i].kind != COMMAND_HIDDEN)
            suggest_try(&suggestion, command_table[i].name);
    fprintf(stderr, "limpet: unknown %s: %s", word[0] == '-' ? "option" : "command", word);
    if (strcmp(word, "-v") == 0 || strcmp(word, "-version") == 0)
        suggestion.best = "--version";
    if (suggestion.best)
        fprintf(stderr, " (did you mean %s?)", suggestion.best);
    fprintf(stderr, "\nTry: limpet --help\n");
    return EXIT_USAGE;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int not_yet(const struct command *command, int argc, char **argv)
{
    if (asks_for_help(argc, argv)) {
        help_command(command);
        return EXIT_FINE;
    }
    fprintf(stderr, "limpet %s: not in this version (%s)\n", command->name, LIMPET_VERSION);
    help_paragraphs(stderr, command->text, 0);
    return EXIT_FAILED;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        help_short(stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        help_all();
        return EXIT_FINE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 || strcmp(word, "version") == 0) {
        help_version();
        return EXIT_FINE;
    }
    const struct command *command = command_find(word);
    if (!command)
        return unknown(word);
    if (command->kind == COMMAND_LATER)
        return not_yet(command, argc - 1, argv + 1);
    return command->run(argc - 1, argv + 1);
}

/* What was printed must have arrived, or else the command failed. A reader that went away (`| head`) needs no message. */
static int flush(int status)
{
    bool lost = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !lost)
        return status;
    if (lost)
        fputs("limpet: standard output could not be written\n", stderr);
    else if (errno != EPIPE)
        fprintf(stderr, "limpet: standard output: %s\n", strerror(errno));
    return status == EXIT_FINE ? EXIT_FAILED : status;
}

/* The first file or socket that is opened would take the number of a closed one, and receive what is meant for it. */
static bool is_closed(int fd)
{
    return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

int main(int argc, char **argv)
{
    if (is_closed(STDOUT_FILENO) || is_closed(STDERR_FILENO)) {
        fputs("limpet: standard output or error is closed; give it /dev/null if nobody listens\n", stderr);
        return EXIT_FAILED;
    }
    /* A peer that goes away is an error of that write, not the end of the program. */
    signal(SIGPIPE, SIG_IGN);
    return flush(dispatch(argc, argv));
}
