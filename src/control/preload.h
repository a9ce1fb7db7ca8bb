#ifndef LIMPET_CONTROL_PRELOAD_H
#define LIMPET_CONTROL_PRELOAD_H

/* The script that `node-preload` has Node read before the program: it makes a socket tell of the client where limpet knows
 * more than the socket does. */

/* A path that every process of this machine can read as long as this one runs; null if it cannot be made. */
const char *preload_path(void);

#endif
