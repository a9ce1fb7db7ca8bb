#ifndef LIMPET_CONF_BUILD_H
#define LIMPET_CONF_BUILD_H

/* A plan in the making. Drafts keep the nodes beside what was read from them, so that checks across the file can point
 * at the text. Everything belongs to the plan's arena. */

#include "conf/conf.h"
#include "conf/schema.h"
#include "yaml/node.h"

struct draft_pool;

struct draft_route {
    struct plan_route plan;
    const struct node *node;              /* the route's map, or the value of `pool` in the listener */
    const struct node *pool;              /* its name; null: it answers itself, or it was missing */
    const struct node *redirect, *answer; /* null: not given */
    bool broken;                          /* something about it was reported */
    struct draft_pool *target;            /* null when there is none of that name */
    struct draft_route *next;
};

/* Fields to change, while they are read. */
struct draft_changes {
    struct plan_change *all;
    size_t count, capacity;
    bool of_request;
};

struct draft_stick {
    struct plan_stick plan;                      /* first: the schema fills it by offset */
    const struct node *node;                     /* its map */
    const struct node *cookie, *session, *table; /* null: not given */
};

struct draft_listener {
    struct plan_listener plan; /* first: the schema fills it by offset */
    const struct node *node;
    const struct node *pool; /* `pool: x`, short for one route */
    struct draft_route *routes, *last_route;
    size_t route_count;
    const struct node **bind_nodes; /* one per bind */
    bool trust_given;
    bool broken; /* something about it was reported */
    bool warned; /* of connections that many clients share */
    struct draft_listener *next;
};

struct draft_server {
    struct plan_server plan;
    const struct node *node; /* where its name or address stands */
};

struct draft_workers {
    struct plan_workers plan; /* first: the schema fills it by offset */
    const struct node *node;  /* their map */
};

struct draft_pool {
    struct plan_pool plan; /* first: the schema fills it by offset */
    const struct node *node;
    const struct node *name;
    const struct node *keys;
    const struct node *cookie;  /* the name of the one that `stick` sets; null: none */
    struct draft_stick *sticks; /* as many as plan.stick_count */
    struct draft_server *servers;
    struct draft_workers *workers;        /* null: none */
    const struct draft_listener *unbound; /* the listener that listens where the workers do */
    size_t index;
    bool used;          /* a route leads here */
    bool unwrapped;     /* ... from a listener that unwraps */
    bool requests;      /* ... from a listener that decides single requests, at least of some peers */
    bool warned;        /* of connections that many clients share */
    bool prefix_warned; /* of clients without an address to send */
    bool reuse_warned;  /* of servers that get a connection for each request */
    bool cookie_warned; /* of a cookie that another pool has, too */
    struct draft_pool *next;
};

struct build {
    struct arena *arena;
    struct report *report;
    const struct conf_files *files;
    const char *directory; /* relative paths start here: "" or with a slash at its end */
    unsigned sources;      /* so many were named so far */
    struct plan *plan;
    const struct node *admin; /* who said plan->admin; its source may be no file */
    bool from_flags;
    struct draft_listener *listeners, *last_listener;
    struct draft_pool *pools, *last_pool;
    struct draft_pool **pools_by_name; /* sorted, once all are read */
};

/* Makes the plan from a tree; null if anything was reported as an error. The arena is the plan's. */
MUST_CHECK struct plan *build_plan(struct build *b, const struct node *root);

#endif
