#ifndef LIMPET_CLI_COMMAND_H
#define LIMPET_CLI_COMMAND_H

/* The commands of limpet as one table. Dispatch, `--help`, usage errors and limpet(1) all read it, so a command or an
 * option exists everywhere or nowhere.
 *
 * Texts are paragraphs separated by an empty line. A paragraph that begins with spaces is shown as it is (an example);
 * `words` in backticks are what one types. */

#include <stdbool.h>
#include <stddef.h>

/* What a command ends with; scripts rely on these. */
enum exit_status {
    EXIT_FINE = 0,
    EXIT_FAILED = 1, /* refused or failed */
    EXIT_USAGE = 2,  /* called wrongly */
    EXIT_TIMEOUT = 3 /* a wait ran out */
};

/* Options of all commands have one name space, so that the same word means the same everywhere. */
enum option {
    OPTION_END,     /* no more words */
    OPTION_STOP,    /* help was asked for, or a usage error was printed: end with options.status */
    OPTION_OPERAND, /* a word that is no option */
    OPTION_ADMIN,
    OPTION_APPEND,
    OPTION_BYTES,
    OPTION_CLIENTS,
    OPTION_CONFIG,
    OPTION_CONTRACT,
    OPTION_FOR,
    OPTION_HEADER,
    OPTION_HELP,
    OPTION_HOST,
    OPTION_JSON,
    OPTION_KEY,
    OPTION_LISTEN,
    OPTION_LISTENER,
    OPTION_LIVE,
    OPTION_METHOD,
    OPTION_MODE,
    OPTION_NODE_MESSAGE,
    OPTION_NODE_PRELOAD,
    OPTION_PATH,
    OPTION_PEER,
    OPTION_POOL,
    OPTION_PROMOTE,
    OPTION_RETIRE,
    OPTION_SEED,
    OPTION_SERVER,
    OPTION_SNI,
    OPTION_STRICT,
    OPTION_TIMEOUT,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_TRUST,
    OPTION_WAIT,
    OPTION_WORKERS
};

struct option_row {
    enum option option;
    char letter;          /* 0: none */
    const char *name;     /* without its dashes */
    const char *argument; /* "FILE"; null: takes none */
    const char *help;
    bool repeatable;
};

enum command_kind {
    COMMAND_NOW,
    COMMAND_LATER, /* known, refused, with a way around it */
    COMMAND_HIDDEN /* used by limpet itself */
};

struct command {
    const char *name;
    const char *summary;     /* one line without a full stop */
    const char *synopsis[4]; /* what follows the name; null ends it */
    const char *text;        /* paragraphs; COMMAND_LATER: what to do instead */
    const struct option_row *options;
    size_t option_count;
    const char *operand;               /* "SERVER"; null: takes none */
    bool operand_ends_options;         /* behind the first one stand the options of another program */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; answers an exit status */
    enum command_kind kind;
};

extern const struct command command_table[];
extern const size_t command_count;

/* Null when there is no such command. */
const struct command *command_find(const char *name);

int command_check(int argc, char **argv);
int command_demo(int argc, char **argv);
int command_drain(int argc, char **argv);
int command_engine(int argc, char **argv);
int command_help(int argc, char **argv);
int command_manual(int argc, char **argv);
int command_pins(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_run(int argc, char **argv);
int command_secret(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_status(int argc, char **argv);
int command_undrain(int argc, char **argv);
int command_unpin(int argc, char **argv);
int command_why(int argc, char **argv);

#endif
