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
    X(NO_KEY, "no_key", "No key source was present and the pool says `no-key: end`; a request is answered 403.")       \
    X(NO_ROUTE, "no_route", "No route of the listener matched.")                                                       \
    X(BAD_HEAD, "bad_head", "The request head is malformed or could be read in two ways; answered 400.")               \
    X(TARGET_TOO_LONG, "target_too_long",                                                                              \
      "The target of the request is longer than 8 KiB, or its first line than `limits: head`; answered 414.")          \
    X(HEAD_TOO_LARGE, "head_too_large",                                                                                \
      "The head of the request is longer than `limits: head`, or has too many fields; answered 431.")                  \
    X(BODY_TOO_LARGE, "body_too_large", "The body of the request is longer than `limits: body`; answered 413.")        \
    X(BAD_BODY, "bad_body", "Chunks or trailers of the body break the rules; answered 400.")                           \
    X(METHOD_REFUSED, "method_refused", "The method is none that limpet passes on; answered 405.")                     \
    X(EXPECTATION, "expectation", "The request expects something else than 100-continue; answered 417.")               \
    X(CODING, "unknown_coding", "The body has a transfer coding that limpet does not know; answered 501.")             \
    X(LOOP, "loop", "The request was here before, so it goes in a circle; answered 508.")                              \
    X(SLOW_HEAD, "head_timeout", "The head of the request was not complete within `timeouts: head`; answered 408.")    \
    X(SLOW_BODY, "body_timeout", "The body of the request came too slowly; answered 408.")                             \
    X(BAD_ANSWER, "bad_answer", "The server's answer breaks the rules of HTTP; answered 502.")                         \
    X(SERVER_GONE, "server_gone", "The server ended before its answer was complete; answered 502.")                    \
    X(ANSWER_TIMEOUT, "answer_timeout", "No answer of the server began within `timeouts: answer`; answered 504.")      \
    X(ANSWERED, "answered", "limpet answered by itself, as the route says: a redirect, a fixed answer.")               \
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
