#ifndef LIMPET_MAIN_SERVER_NAME_H
#define LIMPET_MAIN_SERVER_NAME_H

/* A server in the status of a running limpet, by the name that people give it: POOL/NAME. */

struct json_t;

/* Null if there is none. It belongs to `status`. */
const struct json_t *server_name_find(const struct json_t *status, const char *name);

/* The name there is that is nearest to this one, or null if none is near. The caller frees it. */
char *server_name_nearest(const struct json_t *status, const char *name);

#endif
