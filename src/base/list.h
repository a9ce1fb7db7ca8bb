#ifndef LIMPET_BASE_LIST_H
#define LIMPET_BASE_LIST_H

/* A doubly linked list whose links live inside its members. A link that is in no list points to itself. */

#include "base/attr.h"

#include <stdbool.h>

struct list {
    struct list *next;
    struct list *previous;
};

static inline void list_init(struct list *l)
{
    l->next = l;
    l->previous = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_append(struct list *l, struct list *link)
{
    link->previous = l->previous;
    link->next = l;
    l->previous->next = link;
    l->previous = link;
}

/* Takes a link out of its list; harmless when it is in none. */
static inline void list_remove(struct list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}

/* Moves all of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}

#endif
