#ifndef LIMPET_MAIN_SERVER_NAME_H
#define LIMPET_MAIN_SERVER_NAME_H

/* A server, or a pool, in the status of a running limpet, by the name that people give it: POOL/NAME, POOL. */

#include <stdbool.h>

struct ask;
struct ask_answer;
struct json_t;

/* In bytes; what is asked for has room for all of them escaped. */
#define SERVER_NAME_MOST 1000

/* Whether it can be one: with something on both sides of a slash. */
bool server_name_is_whole(const char *name);

/* Null if there is none. It belongs to `status`. */
const struct json_t *server_name_find(const struct json_t *status, const char *name);

/* The name there is that is nearest to this one, or null if none is near. The caller frees it. */
char *server_name_nearest(const struct json_t *status, const char *name);
char *server_name_nearest_pool(const struct json_t *status, const char *name);

/* Says to standard error why limpet refused. Of a name that it does not know it is asked what there is, for the one that was
 * probably meant. */
void server_name_say_refused(const struct ask *ask, const struct ask_answer *refusal,
                             char *(*nearest)(const struct json_t *status, const char *name), const char *name);

#endif
