#include "manual/roff.h"

#include "cli/version.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The escapes of dashes and the like need some room. */
#define LINE_WIDTH 68

/* A paragraph macro behind a heading would be one too many. */
static bool after_heading;

static void start_paragraph(const char *macro)
{
    if (!after_heading)
        puts(macro);
    after_heading = false;
}

static void character(char c)
{
    switch (c) {
    case '\\':
        fputs("\\e", stdout);
        break;
    case '-':
        /* A dash that can be copied into a shell. */
        fputs("\\-", stdout);
        break;
    case '\'':
        fputs("\\(aq", stdout);
        break;
    case '^':
        fputs("\\(ha", stdout);
        break;
    case '~':
        fputs("\\(ti", stdout);
        break;
    default:
        fputc(c, stdout);
    }
}

/* A backtick switches between the text and literal words. */
static bool styled(const char *text, size_t length, bool literal)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '`') {
            character(text[i]);
            continue;
        }
        literal = !literal;
        fputs(literal ? "\\fB" : "\\fR", stdout);
    }
    return literal;
}

/* A line that begins with a dot or a quote would be a request. */
static void line_start(char first)
{
    if (first == '.' || first == '\'')
        fputs("\\&", stdout);
}

static bool ends_sentence(const char *word, size_t length)
{
    return length > 0 && strchr(".:;", word[length - 1]) != NULL;
}

/* Sentences begin on lines of their own, so that roff spaces them and a change of one is a change of one line. */
static void filled(const char *text, size_t length)
{
    size_t column = 0;
    bool literal = false;
    for (size_t i = 0; i < length;) {
        const char *word = text + i;
        size_t size = 0;
        while (i + size < length && word[size] != ' ' && word[size] != '\n')
            size++;
        i += size + 1;
        if (size == 0)
            continue;
        if (column > 0 && (column + size > LINE_WIDTH || ends_sentence(word - 2, 1))) {
            fputc('\n', stdout);
            column = 0;
        }
        if (column > 0)
            fputc(' ', stdout);
        else
            line_start(*word);
        literal = styled(word, size, literal);
        column += size + 1;
    }
    fputc('\n', stdout);
}

static void example(const char *text, size_t length)
{
    printf(".RS 4\n.nf\n");
    const char *end = text + length;
    while (text < end) {
        size_t line = strcspn(text, "\n");
        if (line > (size_t)(end - text))
            line = (size_t)(end - text);
        size_t indent = line >= 4 ? 4 : line;
        line_start(text[indent]);
        for (size_t i = indent; i < line; i++)
            character(text[i]);
        fputc('\n', stdout);
        text += line + 1;
    }
    printf(".fi\n.RE\n");
}

static void paragraphs(const char *text, const char *macro)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        start_paragraph(macro);
        if (*text == ' ')
            example(text, length);
        else
            filled(text, length);
        text += length + (end ? 2 : 0);
    }
}

void roff_title(const char *name, const char *section)
{
    printf(".\\\" Made by `limpet manual`; do not edit.\n.TH ");
    for (const char *c = name; *c; c++)
        fputc(toupper((unsigned char)*c), stdout);
    printf(" %s %s \"limpet %s\"\n", section, LIMPET_MANUAL_DATE, LIMPET_VERSION);
}

void roff_section(const char *name)
{
    printf(".SH %s\n", name);
    after_heading = true;
}

void roff_subsection(const char *name)
{
    printf(".SS %s\n", name);
    after_heading = true;
}

void roff_text(const char *text)
{
    paragraphs(text, ".PP");
}

void roff_entry(const char *term, const char *argument, const char *text)
{
    printf(".TP\n\\fB");
    for (const char *c = term; *c; c++)
        character(*c);
    fputs("\\fR", stdout);
    for (const char *c = argument ? argument : ""; *c; c++)
        character(*c);
    fputc('\n', stdout);
    after_heading = true; /* the entry's own line is one */
    paragraphs(text, ".IP");
    after_heading = false;
}

void roff_entry_text(const char *term, const char *text)
{
    printf(".TP\n");
    styled(term, strlen(term), false);
    fputc('\n', stdout);
    after_heading = true; /* the entry's own line is one */
    paragraphs(text, ".IP");
    after_heading = false;
}

void roff_synopsis(const char *words, const char *rest)
{
    start_paragraph(".PP");
    printf("\\fB%s\\fR ", words);
    for (const char *c = rest; *c; c++) {
        /* What to put in is written in capitals. */
        bool inside = isupper((unsigned char)*c) != 0;
        bool before = c > rest && isupper((unsigned char)c[-1]);
        if (inside && !before)
            fputs("\\fI", stdout);
        if (!inside && before)
            fputs("\\fR", stdout);
        character(*c);
    }
    fputs("\\fR\n", stdout);
}

void roff_rows(const struct roff_row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        roff_entry(rows[i].term, NULL, rows[i].text);
}
