#ifndef LIMPET_ROUTE_SESSIONS_H
#define LIMPET_ROUTE_SESSIONS_H

/* Session ids that servers gave out, and who gave them: the table behind `stick: {session: ...}`. It keeps no id, only a mark
 * of it (algo/mark). Threads share it; the locks are many, and held for one look.
 *
 * It grows as ids are learnt, up to SESSIONS_MOST of them, each of 44 bytes with its share of the index: 44 MiB. When it is
 * full, what is forgotten first is what was never asked for, oldest first. Whoever has servers give out ever new ids (each
 * request without a cookie does) pushes out only such ids, and not those with which clients came back: up to three quarters
 * of the table are theirs. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSIONS_MOST (1 << 20)
#define SESSIONS_NOBODY UINT32_MAX

struct sessions;
/* `most` ids are kept at most: SESSIONS_MOST, or fewer in tests, at least 256. */
MUST_CHECK struct sessions *sessions_new(size_t most);
void sessions_free(struct sessions *sessions);

/* Who gave this id out in this pool, or SESSIONS_NOBODY. It counts for `lifetime` again. `now` is steady. */
uint32_t sessions_find(struct sessions *sessions, struct span pool, struct span id, micros lifetime, micros now);

/* This server gave it out. Without memory, or with an id that is too long, nothing is learnt; false then. */
bool sessions_learn(struct sessions *sessions, struct span pool, struct span id, uint32_t server, micros lifetime,
                    micros now);

/* The session has ended. */
void sessions_forget(struct sessions *sessions, struct span pool, struct span id);

/* How many are known, those that ran out but were not looked at since among them. */
size_t sessions_count(struct sessions *sessions);

#endif
