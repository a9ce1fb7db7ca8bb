#ifndef LIMPET_YAML_EXCERPT_H
#define LIMPET_YAML_EXCERPT_H

/* A line of a file shown in a message, with a caret below:
 *
 *         7 |     lisen: ":443"
 *           |     ^~~~~
 *
 * The file is the user's, the terminal too: control characters, broken UTF-8 and characters that would reorder or hide
 * text are shown as escapes, and a long line is cut around the caret. */

#include "base/span.h"
#include "base/text.h"

struct excerpt_position {
    size_t line;   /* from 1 */
    size_t column; /* from 1, in characters */
};
struct excerpt_position excerpt_position(struct span text, size_t offset);

/* Both lines. `offset` may be the end of the text; `length` may reach past the end of the line. */
void excerpt_add(struct text *t, struct span text, size_t offset, size_t length);

/* Bytes made safe to show, on one line. Returns how many columns they take. */
size_t excerpt_safe(struct text *t, struct span bytes);

/* The length of the well-formed UTF-8 character in front (RFC 3629 section 4); 0 if there is none. */
size_t excerpt_utf8(struct span bytes);

#endif
