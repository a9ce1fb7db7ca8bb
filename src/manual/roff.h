#ifndef LIMPET_MANUAL_ROFF_H
#define LIMPET_MANUAL_ROFF_H

/* Writes manual pages in man(7) macros, on standard output. Texts are as in cli/command.h: paragraphs separated by an
 * empty line, a paragraph that begins with spaces is an example, `words` in backticks are literal. Special characters
 * are escaped here and only here. */

#include <stdbool.h>

void roff_title(const char *name, const char *section);
void roff_section(const char *name);
void roff_subsection(const char *name);
void roff_text(const char *text);

/* One entry of a list: the term, literal, with what it takes, if that is not null; then the text. */
void roff_entry(const char *term, const char *argument, const char *text);
/* An entry whose term is given whole, as text with backticks. */
void roff_entry_text(const char *term, const char *text);

/* One line of a synopsis: literal words, then what follows them; words in capitals are what to put in. */
void roff_synopsis(const char *words, const char *rest);

struct roff_row {
    const char *term;
    const char *text;
};
void roff_rows(const struct roff_row *rows, unsigned count);

#endif
