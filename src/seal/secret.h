#ifndef LIMPET_SEAL_SECRET_H
#define LIMPET_SEAL_SECRET_H

/* The secret, from which a key for each purpose is derived (libsodium crypto_kdf). Its file holds one line for each
 * generation: 64 hexadecimal digits, as `limpet secret` writes them; empty lines and those that begin with # do not count.
 * The first line seals, all lines open: so it rotates in two steps, appended everywhere, then promoted to the first line. */

#include "base/attr.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

#define SECRET_SIZE 32
#define SECRET_LINES_MOST 16

/* What the keys are for: contexts of crypto_kdf, eight characters each. Never changed. */
#define SECRET_FOR_COOKIES "lmpcooki"
#define SECRET_FOR_PINS "lmppinpi"

/* Null, or what is wrong with the text of a secret file (a static text), and in *line where, from 1 (0: the whole file). */
MUST_CHECK const char *secret_judge(struct span text, unsigned *line);

/* How many keys a text that was judged good holds, at least 1; each derived for this purpose into `keys`, which has room for
 * SECRET_LINES_MOST. */
size_t secret_derive(struct span text, const char purpose[8], uint8_t keys[][SECRET_SIZE]);

/* A new line, with its newline and a NUL. */
#define SECRET_LINE_SIZE (2 * SECRET_SIZE + 2)
void secret_make(char line[SECRET_LINE_SIZE]);

/* How many secrets a text that was judged good holds. */
size_t secret_count(struct span text);

/* The steps of a rotation, on a text that was judged good; only SECRET_APPEND takes an empty one, too. Lines that do not count
 * stay where they are. */
enum secret_step {
    SECRET_APPEND,  /* a new secret becomes the last line */
    SECRET_PROMOTE, /* the last secret becomes the first */
    SECRET_RETIRE   /* the first secret stays, the others go */
};

/* Writes the text after the step; in `after` there is room for text.length + SECRET_STEP_ROOM bytes. The length. */
#define SECRET_STEP_ROOM (SECRET_LINE_SIZE + 1)
size_t secret_rewrite(struct span text, enum secret_step step, char *after);

#endif
