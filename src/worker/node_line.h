#ifndef LIMPET_WORKER_NODE_LINE_H
#define LIMPET_WORKER_NODE_LINE_H

/* The lines of Node's cluster protocol: what a worker says becomes a struct, what it is told becomes text. Pure; no I/O.
 *
 * It is the protocol between a Node program and the children that its `cluster` module forks, as in lib/internal/cluster and
 * lib/internal/child_process.js of Node 16 to 26: one JSON value per line; "cmd" tells Node's own lines from the program's. */

#include "base/attr.h"
#include "base/span.h"
#include "base/text.h"
#include "worker/delivery.h"

#include <stdbool.h>
#include <stdint.h>

enum node_word {
    NODE_OTHER,        /* the program's own message, or one of Node's that asks for nothing */
    NODE_BAD,          /* no JSON */
    NODE_ONLINE,       /* the program has started */
    NODE_LISTEN,       /* may I listen? (queryServer) */
    NODE_LISTENING,    /* I do */
    NODE_CLOSE,        /* I do not any more: `key` */
    NODE_LEAVING,      /* I go on my own account: `seq` is to be acknowledged (exitedAfterDisconnect) */
    NODE_ARRIVED,      /* the next of the descriptors arrived (NODE_HANDLE_ACK) */
    NODE_NOT_ARRIVED,  /* ... did not (NODE_HANDLE_NACK) */
    NODE_ACCEPTED,     /* an answer to `ack`: `accepted` tells */
    NODE_SENDS_HANDLE, /* a descriptor comes to us */
    NODE_SESSION,      /* a session has begun: `data` is its id (@socket.io/sticky says so, and our preload script) */
    NODE_SESSION_ENDED /* ... has ended */
};

/* Longest address of a listen() that is taken: a host name, or the path of a Unix socket. */
#define NODE_ADDRESS_MOST 128
/* Longest `data`; an https server's is some 110 bytes (its ticket keys). */
#define NODE_DATA_MOST 2048
/* Longest id of a session. */
#define NODE_SESSION_MOST 256

struct node_line {
    enum node_word word;
    uint64_t seq;
    uint64_t ack;
    bool accepted;
    char key[16]; /* NODE_CLOSE */
    /* NODE_LISTEN, NODE_LISTENING */
    char address[NODE_ADDRESS_MOST]; /* empty: none was given */
    char type[8];                    /* "4", "6", "-1" (Unix path), "udp4", "udp6" */
    int64_t port;
    int64_t index;        /* counts the program's listen() calls of the same address and port */
    int64_t descriptor;   /* listen({fd}); -1: none */
    bool address_is_long; /* it was longer than NODE_ADDRESS_MOST */
    char data
        [NODE_DATA_MOST]; /* JSON, as it is echoed; "null" when there was none, or it was too long. NODE_SESSION: text */
};

/* Of NODE_CLOSE: which door its key names; UINT_MAX if none. We name them ourselves: "d3". */
unsigned node_line_door(const struct node_line *line);

/* Reads one line, without its newline. */
void node_line_read(struct span bytes, struct node_line *line);

/* Adds a line with its newline. `told`: the delivery of which the script of node-preload is to tell the socket; null: none. */
void node_line_connection(struct text *text, const char *key, uint64_t seq, const struct delivery *told);
/* To a program that does not listen itself: `message` is JSON. It does not see `seq`. */
void node_line_socket(struct text *text, const char *message, uint64_t seq, const struct delivery *told);
void node_line_leave(struct text *text, uint64_t seq);
void node_line_ack(struct text *text, uint64_t ack, uint64_t seq);
void node_line_handle_ack(struct text *text);

/* The answer to NODE_LISTEN. `error` is a negative errno, or 0; then `sockname` is JSON for "sockname", or empty for none. */
struct node_listen_answer {
    uint64_t ack;
    const char *key;
    int error;
    const char *sockname;
    const char *data;
};
void node_line_listen_answer(struct text *text, const struct node_listen_answer *answer, uint64_t seq);

#endif
