#ifndef LIMPET_PROTO_MEMCACHED_H
#define LIMPET_PROTO_MEMCACHED_H

/* The meta commands of memcached's text protocol (its doc/protocol.txt, "Meta Commands"; 1.6.10 or later), as far as pins need
 * them. Each command carries an opaque number (flag O), and its reply must bring it back: a reply that belongs to another
 * command is noticed. Pure. */

#include "base/span.h"
#include "base/text.h"
#include "proto/parse.h"

#include <stdint.h>

/* Keys are at most 250 bytes without blanks and control characters. Values of ours are much shorter than this; a longer one is
 * none of ours, and is not waited for. */
#define MEMCACHED_KEY_MOST 250
#define MEMCACHED_VALUE_MOST 512

/* mg KEY v c O... [T...]: the value, its number for MEMCACHED_REPLACE, and from now on it lives for so many seconds (0: as
 * before). */
void memcached_write_get(struct text *out, struct span key, uint32_t seconds, uint32_t opaque);

/* ms KEY ... */
enum memcached_mode {
    MEMCACHED_ADD,     /* only if there is none (mode E) */
    MEMCACHED_REPLACE, /* only if it is still the one with this number (flag C) */
    MEMCACHED_SET      /* whatever there is */
};
struct memcached_store {
    enum memcached_mode mode;
    uint64_t number;  /* MEMCACHED_REPLACE */
    uint32_t seconds; /* it lives, 0 for ever; at most 30 days, as more would be taken for a date */
    uint32_t opaque;
    struct span value;
};
#define MEMCACHED_SECONDS_MOST (30 * 24 * 3600)
void memcached_write_store(struct text *out, struct span key, const struct memcached_store *store);

enum memcached_word {
    MEMCACHED_VALUE,   /* VA: `value` and `number` */
    MEMCACHED_NONE,    /* EN: there is no such key */
    MEMCACHED_STORED,  /* HD */
    MEMCACHED_KEPT,    /* NS: there is one already (add) */
    MEMCACHED_CHANGED, /* EX: it is another one by now (replace) */
    MEMCACHED_GONE,    /* NF: there is none any more (replace) */
    MEMCACHED_NOTHING, /* MN */
    MEMCACHED_REFUSED  /* SERVER_ERROR, CLIENT_ERROR or ERROR: the command was not carried out */
};

struct memcached_reply {
    enum memcached_word word;
    bool has_opaque;
    uint32_t opaque;
    uint64_t number;   /* flag c; 0: not told */
    struct span value; /* in the bytes shown */
};

/* The first reply in `bytes`: PARSE_DONE, PARSE_MORE, or PARSE_BAD for what memcached does not say. Never PARSE_MORE for more than a line of 512 bytes, a value of MEMCACHED_VALUE_MOST and its end. */
struct parse_result memcached_read(struct span bytes, struct memcached_reply *reply);

#endif
