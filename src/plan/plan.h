#ifndef LIMPET_PLAN_PLAN_H
#define LIMPET_PLAN_PLAN_H

/* The plan is the checked configuration as plain data: what the engine does, with every default filled in and every name
 * resolved to an index. It is made once (by conf/), never changed, shared by all threads, and freed as a whole. */

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* Where a key comes from. The table is also the manual: written form, and one line about it. */
#define KEY_TABLE(X)                                                                                                   \
    X(CLIENT, "client", "", "the client's address")                                                                    \
    X(CLIENT_NETWORK, "client", "/V4/V6", "the client's network, such as client/24/56")                                \
    X(PEER, "peer", "", "the address that connected, even if it is a proxy")                                           \
    X(HEADER, "header", ":NAME", "a header field of the HTTP request")                                                 \
    X(COOKIE, "cookie", ":NAME", "a cookie of the HTTP request")                                                       \
    X(QUERY, "query", ":NAME", "a parameter of the request's query string, as it is written there")                    \
    X(PATH, "path", "", "the path of the HTTP request, without the query")                                             \
    X(PATH_SEGMENT, "path", ":N", "the Nth segment of the path, counted from 1")                                       \
    X(HOST, "host", "", "the host that the HTTP request names, in lower case, without a port")                         \
    X(METHOD, "method", "", "the method of the HTTP request")                                                          \
    X(SNI, "sni", "", "the server name in a TLS ClientHello")                                                          \
    X(ALPN, "alpn", "", "the first application protocol in a TLS ClientHello")                                         \
    X(UNWRAPPED, "unwrapped", "", "the raw bytes that `unwrap` took off")                                              \
    X(BYTES, "bytes", ":OFFSET+LENGTH", "raw bytes of the stream; they stay in it")                                    \
    X(FIELD, "field", ":NAME", "a `Name: value` line of any text protocol")

enum key_kind {
#define X(name, word, argument, help) KEY_##name,
    KEY_TABLE(X)
#undef X
        KEY_KIND_COUNT
};

struct plan_key {
    enum key_kind kind;
    const char *text; /* as written: "header:X-User" */
    const char *name; /* HEADER, COOKIE, QUERY, FIELD */
    uint8_t ip4_bits; /* CLIENT_NETWORK, 0 to 32 */
    uint8_t ip6_bits; /* CLIENT_NETWORK, 0 to 128 */
    uint32_t segment; /* PATH_SEGMENT, from 1 */
    uint32_t offset;  /* BYTES */
    uint32_t length;  /* BYTES, from 1; offset + length is at most 16 KiB */
};

/* How a listener's clients are served: one decision for each connection, for each request, or as each connection needs. */
enum mode { MODE_AUTO, MODE_TCP, MODE_HTTP };

enum no_key {
    NO_KEY_SPREAD, /* by the peer's address */
    NO_KEY_RANDOM, /* each visit by itself */
    NO_KEY_END     /* not served */
};
enum send_proxy { SEND_PROXY_OFF, SEND_PROXY_V1, SEND_PROXY_V2 };
enum send_prefix { SEND_PREFIX_OFF, SEND_PREFIX_IP4, SEND_PREFIX_IP6, SEND_PREFIX_UNWRAPPED };

/* How a worker is spoken to; CONTRACT_AUTO: as its command and its first word say. */
enum contract { CONTRACT_AUTO, CONTRACT_NODE, CONTRACT_LIMPET };

/* What a script tells a Node program's sockets, one that is loaded before the program. */
enum node_preload {
    NODE_PRELOAD_REQUESTS, /* limpet is the peer of a connection that brings requests of many clients */
    NODE_PRELOAD_ALL,      /* ... and of every other one the client is */
    NODE_PRELOAD_OFF       /* nothing: it is not loaded */
};

/* Not set: the worker has the limit that limpet was started with. */
#define PLAN_NO_LIMIT UINT64_MAX

/* Processes that limpet starts itself and hands connections to. */
struct plan_workers {
    const char *const *command; /* argv, null-terminated, at least one word */
    uint32_t count;             /* from 1 to PLAN_WORKERS_MOST */
    enum contract contract;
    const char *directory;          /* where they start, absolute; null: where limpet was started */
    const char *user;               /* whom they run as when limpet was started as root; null: whoever that was */
    const char *const *environment; /* "NAME=VALUE", null-terminated: beside what limpet itself was given */
    const char *node_message;       /* JSON that comes with each socket to a Node program that does not listen itself
                                       (process.on('message', (m, socket) => ...)); null: it listens */
    enum node_preload node_preload; /* off, too, where no request is ever decided by itself, and nothing was said */
    uint64_t open_files;            /* RLIMIT_NOFILE, or PLAN_NO_LIMIT */
    uint64_t processes;             /* RLIMIT_NPROC */
    uint64_t core;                  /* RLIMIT_CORE, bytes */
    micros kill_silent;             /* one that is silent for so long is killed; 0: never */
};

struct plan_server {
    const char *name; /* its identity: given, or the canonical text of its address; a worker's slot: "1", "2"... */
    struct address address; /* of a worker: empty */
    uint16_t weight;        /* 1 to 256 */
    uint16_t slot;          /* of a worker of the pool, from 1; 0: a server with an address */
    size_t number;          /* its place in the registry of server states, from 0, unique in the plan */
};

/* How a pool remembers where a client was, in the order in which they are asked. */
enum stick_kind {
    STICK_COOKIE,  /* a sealed cookie of ours */
    STICK_SESSION, /* an id that the server gives out */
    STICK_TABLE    /* the pin of the visit's key */
};
enum same_site { SAME_SITE_LAX, SAME_SITE_STRICT, SAME_SITE_NONE };

struct plan_stick {
    enum stick_kind kind;
    const char *text; /* as written: "cookie: limpet", "session: cookie:JSESSIONID", "table: local" */
    const char *name; /* of the cookie */
    micros lifetime;  /* of what is sealed or learnt, from when it was last seen */
    enum same_site same_site;
    bool bind_client;      /* sealed for one client address alone */
    bool shared;           /* STICK_SESSION, STICK_TABLE: pins are in memcached, too, for all frontends */
    struct plan_key where; /* STICK_SESSION: where requests carry the id: KEY_COOKIE, KEY_HEADER or KEY_QUERY */
};

/* Ways to remember of one pool. */
#define PLAN_STICKS_MOST 4

struct plan_pool {
    const char *name;
    const struct plan_key *keys;
    size_t key_count; /* at least 1 */
    enum no_key no_key;
    const struct plan_server *servers;  /* those with an address first, then the workers by their slot */
    size_t server_count;                /* at least 1 */
    const struct plan_workers *workers; /* null: none */
    bool bound;          /* a listener with addresses leads here: the workers' first listen() gets its clients */
    size_t app_listener; /* with workers: the listener whose rules hold for what the workers' own listen() opens */
    enum send_proxy send_proxy;
    enum send_prefix send_prefix;
    const struct plan_stick *sticks;
    size_t stick_count; /* 0: the ranking alone decides */
};

enum client_from { CLIENT_FROM_NONE, CLIENT_FROM_X_FORWARDED_FOR, CLIENT_FROM_FORWARDED, CLIENT_FROM_HEADER };
enum proxy_protocol { PROXY_PROTOCOL_OFF, PROXY_PROTOCOL_ACCEPT, PROXY_PROTOCOL_REQUIRE };
enum unwrap { UNWRAP_OFF, UNWRAP_IP4, UNWRAP_IP6, UNWRAP_BYTES };

/* What is changed about the fields of a message, in this order. */
enum change_kind { CHANGE_SET, CHANGE_ADD, CHANGE_REMOVE };
struct plan_change {
    enum change_kind kind;
    struct span name;  /* a token; never one that frames messages or belongs to one hop */
    struct span value; /* CHANGE_REMOVE: empty */
};
struct plan_changes {
    const struct plan_change *all;
    size_t count;
};

enum route_action {
    ROUTE_POOL,     /* to `pool` */
    ROUTE_REDIRECT, /* answered with `status` and a Location */
    ROUTE_ANSWER    /* answered with `status` and `body` */
};

/* A condition with no alternatives matches everything. All conditions have to match. */
struct plan_route {
    const char *sni; /* null matches everything; lower case; "*.example.org" matches any name below it, not itself */
    const char *const *hosts; /* lower case, without a port; "*.example.org" as above */
    size_t host_count;
    struct span path; /* what the request's path begins with, byte for byte; empty: every request */
    const char *const *methods;
    size_t method_count;
    const char *const *headers; /* all of them have to be there */
    size_t header_count;
    enum route_action action;
    size_t pool;                  /* ROUTE_POOL: index in plan.pools */
    unsigned status;              /* ROUTE_REDIRECT: 301, 302, 303, 307, 308; ROUTE_ANSWER: 200 to 599 */
    const char *location;         /* ROUTE_REDIRECT: null: the same URL with https, for what came without */
    bool location_is_origin;      /* ... it ends with the host: the request's path and query follow */
    struct span body;             /* ROUTE_ANSWER */
    const char *type;             /* ... its Content-Type; null: none */
    struct plan_changes request;  /* what the server sees */
    struct plan_changes response; /* what the client sees */
};

struct plan_trust {
    bool loopback; /* 127.0.0.0/8, ::1 and peers on Unix sockets */
    const struct network *networks;
    size_t network_count;
};

struct plan_listener {
    const char *name; /* text of its first address, for logs */
    enum mode mode;
    bool
        per_request; /* MODE_AUTO: routes or pools look into every request, so who speaks HTTP is served in that mode */
    bool via;        /* MODE_HTTP, MODE_AUTO: requests get a Via field, and those that went in a circle are refused */
    const char *const *upgrades; /* protocols that a client may change to, lower case: "websocket" */
    size_t upgrade_count;
    const struct address *binds;
    size_t bind_count; /* 0: it listens where the workers of its pool do */
    struct plan_trust trust;
    enum client_from client_from;
    const char *client_header; /* CLIENT_FROM_HEADER */
    enum proxy_protocol proxy_protocol;
    enum unwrap unwrap;
    uint32_t unwrap_length; /* bytes taken off: 4, 16 or N (1 to 255); 0 when off */
    const struct plan_route *routes;
    size_t route_count;        /* at least 1 */
    uint32_t connection_limit; /* 0: only the limit of all */
    unsigned unix_mode;        /* permission bits of a Unix socket that is bound, such as 0660 */
};

struct plan_timeouts {
    micros first_bytes;  /* until the first bytes said who the client is */
    micros proxy_header; /* until the PROXY header is complete */
    micros head;         /* until the head of a request is complete, from its first byte */
    micros answer;       /* until the first byte of a server's answer, once it has the request */
    micros tunnel;       /* an upgraded connection on which no byte moves */
    micros connect;      /* each attempt to reach a server */
    micros worker;       /* until a worker is there and has taken the connection */
    micros memcached;    /* for all that a visit asks of memcached: to connect, to ask and to hear */
    micros idle;         /* a relay, a body or a client between two requests, on which no byte moves */
    micros drain;        /* until a stopping limpet ends the visits that are left */
};

struct plan_limits {
    uint32_t connections; /* in all */
    uint32_t per_client;  /* 0: no limit. IPv6 clients are counted by their /64 */
    uint64_t head;        /* bytes of the head of a request or an answer, in http mode */
    uint64_t body;        /* bytes of the body of a request, in http mode; 0: no limit */
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct plan_log {
    const char *access; /* "stdout", "stderr", "off" or an absolute path */
    const char *errors; /* "stderr" or an absolute path */
    enum log_format format;
    bool plain_keys; /* write keys themselves, not only their hash */
};

/* The table of pins. */
#define PLAN_PINS_LEAST 256
#define PLAN_PINS_MOST (16 << 20)
struct plan_pins {
    uint32_t most;    /* so many are kept here at most */
    const char *file; /* where they are saved, absolute; null: they end with limpet */
};

/* As many memcached servers may be named. */
#define PLAN_MEMCACHED_MOST 32

/* A page of the operator's own in place of one of ours. */
struct plan_page {
    unsigned status; /* 400 to 599 */
    struct span body;
};

/* As many sockets of one port go to the engine in one message. */
#define PLAN_THREADS_MOST 64
#define PLAN_WORKERS_MOST 256 /* of one pool */

struct plan {
    struct arena *arena; /* owns everything here */
    struct span seed;
    bool seed_given;
    unsigned threads;            /* from 1 to PLAN_THREADS_MOST */
    const char *user;            /* whom the engine runs as when limpet was started as root; null otherwise */
    const struct address *admin; /* a Unix socket; null: none */
    bool admin_optional;         /* nobody asked for it: limpet runs without if it cannot be had */
    const char *admin_group;     /* who besides the owner may use it; null: nobody */
    struct plan_timeouts timeouts;
    struct plan_limits limits;
    struct plan_log log;
    struct span secret;              /* text of the secret file; empty: none */
    const struct address *memcached; /* the servers that share pins among frontends */
    size_t memcached_count;
    struct plan_pins pins;
    const struct address *metrics; /* where /metrics, /healthz and /readyz are answered, too; null: nowhere */
    const struct plan_page *pages;
    size_t page_count;
    const struct plan_listener *listeners;
    size_t listener_count; /* at least 1 */
    const struct plan_pool *pools;
    size_t pool_count;   /* at least 1 */
    size_t server_count; /* in all pools */
    size_t worker_count; /* of them: workers */
};

/* Frees the plan and all it owns; null is fine. */
void plan_free(struct plan *plan);

/* Whether ids that servers give out are learnt. */
bool plan_learns_sessions(const struct plan_pool *pool);

/* One row per kind of key source, in the order of enum key_kind. */
struct key_source {
    const char *word;     /* "header" */
    const char *argument; /* ":NAME", or empty */
    const char *help;
};
extern const struct key_source key_sources[KEY_KIND_COUNT];

#endif
