#ifndef LIMPET_CONF_NPM_H
#define LIMPET_CONF_NPM_H

/* Commands that cannot be workers, although what they start could. npm, yarn and pnpm are Node programs themselves: they
 * take the channel to limpet and start the real program without it. What to write instead stands in package.json. */

#include "base/arena.h"
#include "base/span.h"

/* "npm" if the command is one of these, whatever its path; else null. Variables in front (env A=B npm start) are looked
 * through. A command is null-terminated and has at least one word. */
const char *npm_manager(const char *const *command);

/* What to do about such a command: "write `node server.js` instead of `npm start`". `package_json` is the text of the
 * package's file; empty: not known. Null if the command is none of these. No control characters are in it. */
const char *npm_advice(struct arena *arena, const char *const *command, struct span package_json);

/* Bun listens by itself, and speaks no protocol of Node's cluster. */
bool npm_is_bun(const char *const *command);

#endif
