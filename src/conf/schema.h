#ifndef LIMPET_CONF_SCHEMA_H
#define LIMPET_CONF_SCHEMA_H

/* The one table of configuration keys. It decides which keys there are, what fills them in when they are not given,
 * what is said about a key of a later version or of another proxy, and what the manual says. */

#include "yaml/node.h"

struct build;
struct schema_row;

/* The kinds of maps in a configuration. */
enum section {
    SECTION_ROOT,
    SECTION_TIMEOUTS,
    SECTION_LIMITS,
    SECTION_LOG,
    SECTION_PINS,
    SECTION_LISTENER,
    SECTION_LISTENER_LIMITS,
    SECTION_ROUTE,
    SECTION_REDIRECT,
    SECTION_ANSWER,
    SECTION_CHANGES,
    SECTION_POOL,
    SECTION_STICK,
    SECTION_WORKERS,
    SECTION_WORKERS_LIMITS,
    SECTION_SERVER,
    SECTION_COUNT
};

struct schema_row {
    enum section section;
    const char *key;
    const char *type;           /* for messages and the manual: "a duration" */
    const char *fallback;       /* read like a value when the key is not given; null: nothing is read */
    const char *fallback_words; /* for the manual, where there is no fallback to read; null: "none" */
    const char *help;
    const char *since;   /* null: works in this version */
    const char *instead; /* with `since`: what works now */
    /* Reads a value that is not null into `target`, which is the section's struct. */
    void (*read)(struct build *b, const struct schema_row *row, const struct node *value, void *target);
    size_t offset;            /* for readers of plain types: of the member in that struct */
    const char *const *words; /* for read_word: the words in the order of their enum, then null */
    uint64_t least, most;     /* for read_number */
};

/* Reads a map into `target`: every key that is given, then the fallbacks of those that are not. With a null node only
 * the fallbacks. Reports keys that are unknown, of a later version, or without a value. */
void schema_fill(struct build *b, enum section section, const struct node *map, void *target);

/* True if a key that is unknown there was probably meant to be this one, which is missing. */
bool schema_is_meant(struct build *b, enum section section, const struct node *map, const char *key);

#endif
