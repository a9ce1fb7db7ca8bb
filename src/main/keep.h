#ifndef LIMPET_MAIN_KEEP_H
#define LIMPET_MAIN_KEEP_H

/* `serve` and `run`, which differ in the words that they take: both read a plan, become the keeper, and start this
 * program again as the engine, with the same words. */

#include "cli/command.h"

/* `verb` is the name of the command. Answers an exit status. */
int keep_command(const char *verb, int argc, char **argv);

#endif
