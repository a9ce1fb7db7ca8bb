#ifndef LIMPET_CLI_ADMIN_PATH_H
#define LIMPET_CLI_ADMIN_PATH_H

/* Where the admin socket is when the command line does not say: the same for whoever opens it and for whoever asks. */

#include <stddef.h>

/* Longer ones do not fit into the address of a Unix socket. */
#define ADMIN_PATH_SIZE 128

/* What $LIMPET_ADMIN says; null if it says nothing. */
const char *admin_named_path(void);

/* That, or else a place that belongs to who we are: unix:/run/limpet/admin.sock, unix:$XDG_RUNTIME_DIR/limpet/admin.sock,
 * unix:/tmp/limpet-UID/admin.sock. Answers an address, in `buffer` or the environment. */
const char *admin_default_path(char *buffer, size_t size);

#endif
