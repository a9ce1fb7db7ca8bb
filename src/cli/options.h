#ifndef LIMPET_CLI_OPTIONS_H
#define LIMPET_CLI_OPTIONS_H

/* Reads a command's words by its table: `-l X`, `-lX`, `--listen X`, `--listen=X`; behind `--` all words are operands;
 * options and operands may be mixed, unless the operands are the command line of another program. `-h` and `--help` work for every command. What is wrong is said once, the same way
 * everywhere, with the nearest option there is. */

#include "cli/command.h"

struct options {
    const struct command *command;
    int argc;
    char **argv;
    int next;                /* word that is read next */
    const char *letters;     /* rest of a group of short options, or null */
    bool only_operands;      /* `--` was seen */
    unsigned long seen;      /* bits of the options seen, by their place in the table */
    const char *value;       /* of the option or operand just read; null when it takes none */
    enum exit_status status; /* after OPTION_STOP */
};

/* argv[0] is the command's name. The words are borrowed; values point into them. */
void options_init(struct options *o, const char *command, int argc, char **argv);

enum option options_next(struct options *o);

/* "limpet serve: PROBLEM", then the way to the help, to standard error. Answers EXIT_USAGE. */
int options_wrong(const struct options *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Only the way to the help, where the problem was told already. Answers EXIT_USAGE. */
int options_try_help(const struct options *o);

#endif
