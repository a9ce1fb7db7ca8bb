#ifndef LIMPET_BASE_REASON_H
#define LIMPET_BASE_REASON_H

/* Why a visit ended: one word that is the log text, the metric label and the status column at once. */

/*      name             log text            what it means, for the manual */
#define REASON_TABLE(X)                                                                                                \
    X(NONE, "none", "Not ended yet.")                                                                                  \
    X(DONE, "done", "Both sides said all they had to say.")                                                            \
    X(CLIENT_RESET, "client_reset", "The client reset the connection.")                                                \
    X(SERVER_RESET, "server_reset", "The server reset the connection.")                                                \
    X(IDLE, "idle_timeout", "No byte moved in either direction for `timeouts: idle`.")                                 \
    X(CLIENT_GONE, "client_gone", "The client left before a server was reached.")                                      \
    X(NO_KEY, "no_key", "No key source was present and the pool says `no-key: end`.")                                  \
    X(NO_ROUTE, "no_route", "No route of the listener matched.")                                                       \
    X(BAD_HEAD, "bad_head", "The request head is malformed or could be read in two ways; answered 400.")               \
    X(BAD_PROXY, "bad_proxy", "The PROXY header was malformed, late or missing.")                                      \
    X(UNTRUSTED_PROXY, "untrusted_proxy", "A peer outside `trust` sent a PROXY header.")                               \
    X(BAD_PREFIX, "bad_prefix", "The wrapped prefix was late, cut short, or its peer is outside `trust`.")             \
    X(HANDED_OVER, "handed_over", "A worker has the connection now; limpet knows no more of it.")                      \
    X(WORKER_TIMEOUT, "worker_timeout", "No worker took the connection within `timeouts: worker`.")                    \
    X(NO_SERVER, "no_server", "No server of the pool could be reached.")                                               \
    X(PER_CLIENT, "per_client_limit", "This client already has `limits: per-client` connections.")                     \
    X(NO_MEMORY, "no_memory", "The system had no memory or no descriptor left for this connection.")                   \
    X(STOPPED, "stopped", "limpet was stopped, and the drain deadline had passed.")                                    \
    X(INTERNAL, "internal_error", "A system call failed in a way that should not happen; see the error log.")

enum reason {
#define X(name, text, help) REASON_##name,
    REASON_TABLE(X)
#undef X
        REASON_COUNT
};

const char *reason_text(enum reason reason);
const char *reason_help(enum reason reason);

#endif
