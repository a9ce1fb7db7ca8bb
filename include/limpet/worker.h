#ifndef LIMPET_WORKER_H
#define LIMPET_WORKER_H

/* How a program becomes a worker of limpet, in C. Nothing has to be linked: all of it is in this file. limpet-worker(7)
 * tells the whole story, in any language.
 *
 * limpet starts the program with the number of a socket in the environment variable LIMPET_FD. It is one end of a Unix
 * socket of type SOCK_SEQPACKET, which keeps messages apart. The worker says once that it is ready. From then on each
 * message brings one connection: a descriptor (unix(7), SCM_RIGHTS) and a fixed header that tells who the client is. No
 * byte of the connection has been read, unless limpet was told to take something off its front. The worker answers each
 * connection with its number: taken, or refused (limpet then gives it to the next worker). It has to answer before it
 * reads the first byte. When limpet is done with the worker, the socket ends; the worker finishes what it has and exits.
 *
 *     struct limpet_worker worker;
 *     if (limpet_worker_open(&worker) != 0)
 *         ... not started by limpet ...
 *     limpet_worker_ready(&worker);
 *     struct limpet_connection connection;
 *     while (limpet_worker_next(&worker, &connection) == 1) {
 *         limpet_worker_take(&worker, &connection);
 *         serve(connection.fd);
 *     }
 *
 * Functions return 0 or more when all went well, else a negative errno. All numbers are in the byte order of the machine,
 * which both sides share. */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIMPET_WORKER_VERSION 1

/* From limpet: limpet_message.word */
#define LIMPET_CONNECTION 1 /* with one descriptor */
#define LIMPET_PING 2       /* are you there? answered by LIMPET_PONG with the same number */

/* limpet_message.flags */
#define LIMPET_TLS 1  /* the client speaks TLS, which limpet has taken off */
#define LIMPET_PAIR 2 /* the descriptor is one end of a socketpair, not the client's own socket */

/* To limpet: limpet_answer.word */
#define LIMPET_READY 1   /* once, at the start; number is 0 */
#define LIMPET_TAKEN 2   /* the connection of this number is ours now */
#define LIMPET_REFUSED 3 /* ... is not: give it to somebody else */
#define LIMPET_PONG 4
#define LIMPET_LIVE 5 /* number: how many connections we have; may be said at any time, and need not be said */

/* An end of a connection. IPv4 addresses are IPv4-mapped IPv6 ones (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2). */
#define LIMPET_ADDRESS_NONE 0 /* not known */
#define LIMPET_ADDRESS_IP 1
#define LIMPET_ADDRESS_UNIX 2 /* somebody on a Unix socket */
struct limpet_address {
    uint8_t ip[16];
    uint16_t port; /* 0: not known */
    uint8_t kind;  /* LIMPET_ADDRESS_* */
    uint8_t zero;
};

/* What limpet sends: 64 bytes. A later version may append to it; what is here stays. */
struct limpet_message {
    uint8_t version; /* LIMPET_WORKER_VERSION */
    uint8_t word;    /* LIMPET_CONNECTION, LIMPET_PING; ignore others */
    uint16_t flags;
    uint32_t number;              /* for the answer */
    uint64_t key;                 /* keyed hash of what tells the client apart: the same client has the same one */
    uint32_t readable;            /* so many bytes are known to be there to read; there may be more */
    uint32_t zero;                /* */
    struct limpet_address client; /* whom a trusted proxy, a PROXY header or a prefix named; else the peer */
    struct limpet_address peer;   /* who connected to limpet */
};

/* What the worker sends: 8 bytes. */
struct limpet_answer {
    uint32_t number;
    uint8_t word; /* LIMPET_READY, ... */
    uint8_t zero[3];
};

/* ---- helper -------------------------------------------------------------------------------------------------------- */

struct limpet_worker {
    int fd; /* may be polled: readable means that limpet_worker_next() has something */
};

struct limpet_connection {
    int fd; /* non-blocking, close-on-exec; the worker's from now on */
    struct limpet_message message;
};

#ifdef __cplusplus
}
#endif

#endif
