#include "cli/options.h"

#include "cli/help.h"
#include "conf/suggest.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void options_init(struct options *o, const char *command, int argc, char **argv)
{
    *o = (struct options){.command = command_find(command), .argc = argc, .argv = argv, .next = 1};
    assert(o->command && o->command->option_count <= sizeof(o->seen) * CHAR_BIT);
}

int options_try_help(const struct options *o)
{
    fprintf(stderr, "Try: limpet %s --help\n", o->command->name);
    return EXIT_USAGE;
}

int options_wrong(const struct options *o, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "limpet %s: ", o->command->name);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return options_try_help(o);
}

static enum option stop(struct options *o, int status)
{
    o->status = (enum exit_status)status;
    return OPTION_STOP;
}

static enum option unknown_long(struct options *o, const char *name, size_t length)
{
    struct suggest suggestion;
    suggest_init(&suggestion, span_of(name, length));
    for (size_t i = 0; i < o->command->option_count; i++)
        suggest_try(&suggestion, o->command->options[i].name);
    if (suggestion.best)
        return stop(o,
                    options_wrong(o, "unknown option --%.*s (did you mean --%s?)", (int)length, name, suggestion.best));
    return stop(o, options_wrong(o, "unknown option --%.*s", (int)length, name));
}

/* Takes the value that belongs to the option, and sees to it that it may be there. `attached` is what was written in the
 * same word, or null. */
static enum option take(struct options *o, const struct option_row *row, const char *attached)
{
    unsigned long bit = 1UL << (row - o->command->options);
    if (o->seen & bit && !row->repeatable)
        return stop(o, options_wrong(o, "--%s is given twice", row->name));
    o->seen |= bit;
    o->value = attached;
    if (!row->argument)
        return attached ? stop(o, options_wrong(o, "--%s takes no value", row->name)) : row->option;
    if (!attached) {
        if (o->next == o->argc)
            return stop(o, options_wrong(o, "--%s needs a value: --%s %s", row->name, row->name, row->argument));
        o->value = o->argv[o->next++];
    }
    return row->option;
}

static enum option show_help(struct options *o)
{
    help_command(o->command);
    return stop(o, EXIT_FINE);
}

static enum option read_long(struct options *o, const char *word)
{
    size_t length = strcspn(word, "=");
    if (length == strlen("help") && memcmp(word, "help", length) == 0)
        return show_help(o);
    for (size_t i = 0; i < o->command->option_count; i++) {
        const struct option_row *row = &o->command->options[i];
        if (strlen(row->name) == length && memcmp(row->name, word, length) == 0)
            return take(o, row, word[length] == '=' ? word + length + 1 : NULL);
    }
    return unknown_long(o, word, length);
}

static enum option read_letter(struct options *o)
{
    char letter = *o->letters++;
    const char *rest = *o->letters ? o->letters : NULL;
    o->letters = rest;
    if (letter == 'h')
        return show_help(o);
    for (size_t i = 0; i < o->command->option_count; i++) {
        const struct option_row *row = &o->command->options[i];
        if (row->letter != letter)
            continue;
        if (!row->argument)
            return take(o, row, NULL);
        o->letters = NULL;
        return take(o, row, rest);
    }
    return stop(o, options_wrong(o, "unknown option -%c", letter));
}

static bool takes_config(const struct command *command)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (command->options[i].letter == 'c')
            return true;
    return false;
}

static enum option unexpected(struct options *o, const char *word)
{
    if (word[0] != '-' && takes_config(o->command))
        return stop(o, options_wrong(o, "unexpected word: %s (is it meant to be -c %s?)", word, word));
    return stop(o, options_wrong(o, "unexpected word: %s", word));
}

static enum option operand(struct options *o, const char *word)
{
    if (!o->command->operand)
        return unexpected(o, word);
    o->only_operands |= o->command->operand_ends_options;
    o->value = word;
    return OPTION_OPERAND;
}

enum option options_next(struct options *o)
{
    if (o->letters)
        return read_letter(o);
    if (o->next == o->argc)
        return OPTION_END;
    const char *word = o->argv[o->next++];
    if (o->only_operands || word[0] != '-' || word[1] == '\0')
        return operand(o, word);
    if (word[1] != '-') {
        o->letters = word + 1;
        return read_letter(o);
    }
    if (word[2] != '\0')
        return read_long(o, word + 2);
    o->only_operands = true;
    return options_next(o);
}
