#ifndef LIMPET_CONTROL_PRELOAD_H
#define LIMPET_CONTROL_PRELOAD_H

/* The script that `node-preload` has Node read before the program: it makes a socket tell of the client where limpet knows
 * more than the socket does, and where LIMPET_SESSIONS is in the environment, it tells limpet of the sessions that Socket.IO
 * and Engine.IO begin and end. */

/* A file that every process can read until preload_forget(), made anew if somebody has removed it; null if it cannot be made,
 * which is told once. (Rejected: a file in memory, by its link under /proc: Node goes where links lead, and that is
 * nowhere.) */
const char *preload_path(void);

/* Removes it; twice is fine. */
void preload_forget(void);

#endif
