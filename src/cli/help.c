#include "cli/help.h"

#include "cli/version.h"

#include <string.h>

/* Where the second column begins. */
#define OPTION_COLUMN 26
#define COMMAND_COLUMN 12

/* Writes words from `column` on, breaking lines before HELP_WIDTH; the next lines begin at `indent`. */
static void wrap(FILE *out, const char *text, size_t length, int column, int indent)
{
    bool first = true;
    for (size_t i = 0; i < length;) {
        size_t word = i;
        while (word < length && text[word] != ' ' && text[word] != '\n')
            word++;
        int width = (int)(word - i);
        if (width > 0) {
            if (!first && column + 1 + width > HELP_WIDTH) {
                fprintf(out, "\n%*s", indent, "");
                column = indent;
                first = true;
            }
            column += fprintf(out, "%s%.*s", first ? "" : " ", width, text + i);
            first = false;
        }
        i = word + 1;
    }
    fputc('\n', out);
}

static void paragraph(FILE *out, const char *text, size_t length, int indent)
{
    fprintf(out, "%*s", indent, "");
    if (text[0] != ' ') {
        wrap(out, text, length, indent, indent);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        fputc(text[i], out);
        if (text[i] == '\n')
            fprintf(out, "%*s", indent, "");
    }
    fputc('\n', out);
}

void help_paragraphs(FILE *out, const char *text, int indent)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        paragraph(out, text, length, indent);
        text += length;
        if (end) {
            fputc('\n', out);
            text += 2;
        }
    }
}

static void row(FILE *out, const char *left, int column, const char *help)
{
    int at = fprintf(out, "  %s", left);
    if (at + 2 > column)
        at = fprintf(out, "\n") - 1;
    fprintf(out, "%*s", column - at, "");
    wrap(out, help, strlen(help), column, column);
}

static void option_row(FILE *out, const struct option_row *option)
{
    char left[64];
    char letter[8] = "    ";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(left, sizeof left, "%s--%s%s%s%s", letter, option->name, option->argument ? " " : "",
             option->argument ? option->argument : "", option->repeatable ? "..." : "");
    row(out, left, OPTION_COLUMN, option->help);
}

static void usage(FILE *out, const struct command *command)
{
    for (size_t i = 0; i < 4 && command->synopsis[i]; i++) {
        char line[256];
        int indent = (int)strlen("usage: limpet ") + (int)strlen(command->name) + 1;
        snprintf(line, sizeof line, "limpet %s %s", command->name, command->synopsis[i]);
        fputs(i == 0 ? "usage: " : "       ", out);
        wrap(out, line, strlen(line), (int)strlen("usage: "), indent);
    }
}

void help_command(const struct command *command)
{
    usage(stdout, command);
    printf("\n");
    if (command->kind == COMMAND_LATER)
        printf("Not in this version (%s).\n\n", LIMPET_VERSION);
    help_paragraphs(stdout, command->text, 0);
    printf("\nOptions:\n");
    for (size_t i = 0; i < command->option_count; i++)
        option_row(stdout, &command->options[i]);
    row(stdout, "-h, --help", OPTION_COLUMN, "Show this.");
}

static void commands(FILE *out, enum command_kind kind)
{
    for (size_t i = 0; i < command_count; i++)
        if (command_table[i].kind == kind)
            row(out, command_table[i].name, COMMAND_COLUMN, command_table[i].summary);
}

void help_all(void)
{
    printf("limpet brings every client home to the server that knows it\n\n"
           "usage: limpet COMMAND [OPTION]...\n\nCommands:\n");
    commands(stdout, COMMAND_NOW);
    printf("\nNot in this version (%s):\n", LIMPET_VERSION);
    commands(stdout, COMMAND_LATER);
    printf("\nOptions:\n");
    row(stdout, "-h, --help", OPTION_COLUMN, "Show this; behind a command, show that command's help.");
    row(stdout, "-V, --version", OPTION_COLUMN, "Show the version.");
    printf("\nSee it work: limpet demo. The manual: limpet(1), limpet.yaml(5).\n");
}

void help_short(FILE *out)
{
    fputs("limpet brings every client home to the server that knows it\n\n"
          "  limpet demo         see it work: servers, clients and limpet, in one command\n"
          "  limpet serve ...    run it; `limpet serve --help` says how\n"
          "  limpet --help       all commands\n",
          out);
}

void help_version(void)
{
    printf("limpet %s\n", LIMPET_VERSION);
}
