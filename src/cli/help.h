#ifndef LIMPET_CLI_HELP_H
#define LIMPET_CLI_HELP_H

/* Help on standard output, made of the command table and wrapped to 80 columns. */

#include "cli/command.h"

#include <stdio.h>

#define HELP_WIDTH 80

void help_all(void);
void help_command(const struct command *command);
void help_version(void);

/* What newcomers see who type `limpet` and nothing else. */
void help_short(FILE *out);

/* Paragraphs, wrapped and indented; a paragraph that begins with spaces stays as it is. */
void help_paragraphs(FILE *out, const char *text, int indent);

#endif
