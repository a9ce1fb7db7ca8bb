#include "conf/schema.h"

#include "base/text.h"
#include "conf/advice.h"
#include "conf/read.h"
#include "conf/read_changes.h"
#include "conf/read_listener.h"
#include "conf/read_pool.h"
#include "conf/read_root.h"
#include "conf/read_route.h"
#include "conf/read_stick.h"
#include "conf/read_workers.h"
#include "conf/suggest.h"
#include "yaml/quotes.h"

#define LATER "not in this version"

static const char *const modes[] = {"auto", "tcp", "http", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_keys[] = {"hash", "plain", NULL};
static const char *const proxy_protocols[] = {"off", "accept", "require", NULL};
static const char *const no_keys[] = {"spread", "random", "end", NULL};
static const char *const send_proxies[] = {"off", "v1", "v2", NULL};
static const char *const send_prefixes[] = {"off", "ipv4", "ipv6", "unwrapped", NULL};

static const char *const same_sites[] = {"lax", "strict", "none", NULL};
static const char *const contracts[] = {"auto", "node", "limpet", NULL};

static const char *const prefixes[SECTION_COUNT] = {
    [SECTION_ROOT] = "",
    [SECTION_TIMEOUTS] = "timeouts.",
    [SECTION_LIMITS] = "limits.",
    [SECTION_LOG] = "log.",
    [SECTION_PINS] = "pins.",
    [SECTION_LISTENER] = "listeners[].",
    [SECTION_LISTENER_LIMITS] = "listeners[].limits.",
    [SECTION_ROUTE] = "listeners[].routes[].",
    [SECTION_REDIRECT] = "listeners[].routes[].redirect.",
    [SECTION_ANSWER] = "listeners[].routes[].answer.",
    [SECTION_CHANGES] = "listeners[].routes[].request-headers.",
    [SECTION_POOL] = "pools.NAME.",
    [SECTION_STICK] = "pools.NAME.stick[].",
    [SECTION_WORKERS] = "pools.NAME.workers.",
    [SECTION_WORKERS_LIMITS] = "pools.NAME.workers.limits.",
    [SECTION_SERVER] = "pools.NAME.servers.NAME.",
};

#define ROW(in, name) .section = SECTION_##in, .key = name
#define INTO(type, member) .offset = offsetof(struct type, member)

static const struct schema_row rows[] = {
    {ROW(ROOT, "seed"), .type = "text", .read = read_root_seed,
     .help = "Decides which server is home to which key. Give the same seed to every frontend, and never change it: "
             "another seed moves nearly every client. Whoever knows it can work out keys that lead to one server."},
    {ROW(ROOT, "secret"), .type = "a path", .read = read_root_secret,
     .help = "File of the secret that seals the cookies of `stick` and the pins in memcached, as `limpet secret` "
             "writes it; the same on every frontend. Its first line seals, and every line opens: so a new one is "
             "appended everywhere first, and then moved to the front. Nobody but its owner may change the file, "
             "and nobody but the owner and the group may read it: chmod 600."},
    {ROW(ROOT, "admin"), .type = "unix:PATH or off",
     .fallback_words = "none for limpet serve; for limpet run see limpet(1)", .read = read_root_admin,
     .help =
         "Unix socket on which `limpet status` and its like reach this limpet. Only whoever runs limpet may use it, "
         "and root."},
    {ROW(ROOT, "admin-group"), .type = "a group name", .read = read_text, INTO(plan, admin_group),
     .help = "Group whose members may use the socket of `admin`, too."},
    {ROW(ROOT, "memcached"), .type = "an address or list of addresses", .read = read_root_memcached,
     .help = "memcached servers, 1.6.10 or later, that keep pins and sessions for all frontends: the same list, "
             "`seed` and `secret` on each of them. Each pin belongs to one of the servers, so together they hold "
             "what all of them can; they are no copies of each other. They learn neither keys nor servers, as "
             "these are hashed and sealed; but whoever reaches them can delete what is there, so let them listen "
             "where only frontends are. While one does not answer, clients are served all the same."},
    {ROW(ROOT, "pins"), .type = "a map", .read = read_root_pins,
     .help = "The table of pins that this limpet keeps itself: all of those with `table: local`, and of those that "
             "are shared the ones whose clients came here."},
    {ROW(PINS, "most"), .type = "a number", .fallback = "1048576", .read = read_number, INTO(plan_pins, most),
     .least = PLAN_PINS_LEAST, .most = PLAN_PINS_MOST,
     .help = "So many pins are kept at most, each of about 64 bytes; memory is taken as they come. When there are "
             "more, those go first for which nobody came back, the oldest first. From 256 to 16777216."},
    {ROW(PINS, "file"), .type = "a path", .fallback_words = "none: they end with limpet", .read = read_pins_file,
     INTO(plan_pins, file),
     .help = "Where pins are saved, every minute and when limpet ends, to be there when it begins again with the "
             "same `seed`. There are no keys in it, but hashes of them. Each limpet needs a file of its own."},
    {ROW(ROOT, "threads"), .type = "a number", .fallback_words = "one per CPU that this process may use",
     .read = read_root_threads, .least = 1, .most = PLAN_THREADS_MOST,
     .help = "Threads that carry connections. From 1 to 64."},
    {ROW(ROOT, "user"), .type = "a user name", .fallback_words = "nobody when started as root", .read = read_root_user,
     .help = "Whom the engine, which faces the network, runs as when limpet is started as root. Without root it stays "
             "who you are."},
    {ROW(ROOT, "timeouts"), .type = "a map of durations", .read = read_root_timeouts,
     .help = "How long limpet waits for what."},
    {ROW(TIMEOUTS, "first-bytes"), .type = "a duration", .fallback = "5s", .read = read_duration,
     INTO(plan_timeouts, first_bytes),
     .help =
         "For the first bytes to say who the client is. When it passes, the key sources that need bytes are absent "
         "and the connection goes on. If the server speaks first, as in SMTP, MySQL or FTP, it is heard only then, "
         "unless no byte is needed: of a trusted peer some are, since it may speak HTTP and name its client. Write "
         "`mode: tcp` and `client-from: none` there, or `trust: none`. And a proxy that connects long before its first "
         "request needs `mode: http`: with auto its connection is decided once then."},
    {ROW(TIMEOUTS, "proxy-header"), .type = "a duration", .fallback = "3s", .read = read_duration,
     INTO(plan_timeouts, proxy_header),
     .help = "For the PROXY header or the wrapped prefix to be complete. When it passes, the connection ends; with "
             "`proxy-protocol: accept` it goes on without a header, if none had begun."},
    {ROW(TIMEOUTS, "head"), .type = "a duration", .fallback = "10s", .read = read_duration, INTO(plan_timeouts, head),
     .help = "Where each request is served on its own: for the head of a request to be complete, from its first byte. "
             "When it passes, the request is answered 408."},
    {ROW(TIMEOUTS, "answer"), .type = "a duration", .fallback = "60s", .read = read_duration,
     INTO(plan_timeouts, answer),
     .help = "For the first byte of the answer, once the server has the request. When it passes, the request is "
             "answered 504."},
    {ROW(TIMEOUTS, "connect"), .type = "a duration", .fallback = "2s", .read = read_duration,
     INTO(plan_timeouts, connect),
     .help = "For each attempt to reach a server. When it passes, the next-ranked server is tried, three in all; then "
             "the visit ends, and a request is answered 503."},
    {ROW(TIMEOUTS, "worker"), .type = "a duration", .fallback = "10s", .read = read_duration,
     INTO(plan_timeouts, worker),
     .help = "For a worker to be there and to take the connection. When it passes, the visit ends; a request is "
             "answered 503."},
    {ROW(TIMEOUTS, "memcached"), .type = "a duration", .fallback = "20ms", .read = read_duration,
     INTO(plan_timeouts, memcached),
     .help = "For memcached to say where a client lives: for all that one visit asks, connecting included. When it "
             "passes, the ranking decides. After five failures in a row that memcached is not asked any more until it "
             "answers again, and nobody waits."},
    {ROW(TIMEOUTS, "idle"), .type = "a duration", .fallback = "60s", .read = read_duration, INTO(plan_timeouts, idle),
     .help =
         "For a byte to move, in either direction, or for the next request to begin. When it passes, the connection "
         "ends: in `mode: tcp` a quiet WebSocket, too. Who leaves bytes untaken has as long again to take some. A "
         "connection that a worker has is the worker's: only its own deadlines hold."},
    {ROW(TIMEOUTS, "tunnel"), .type = "a duration", .fallback = "1h", .read = read_duration,
     INTO(plan_timeouts, tunnel),
     .help = "For a byte to move on an upgraded connection, such as a WebSocket, where each request is served on its "
             "own. When it passes, the connection ends."},
    {ROW(TIMEOUTS, "drain"), .type = "a duration", .fallback = "25s", .read = read_duration, INTO(plan_timeouts, drain),
     .help = "For open connections to end by themselves when limpet is told to stop. When it passes, they are ended. "
             "Also for a worker that is told to finish, then and in a rolling restart: when it passes, it gets TERM, "
             "and KILL 5 seconds later."},
    {ROW(ROOT, "limits"), .type = "a map of numbers", .read = read_root_limits, .help = "How much limpet takes on."},
    {ROW(LIMITS, "connections"), .type = "a number", .fallback = "100000", .read = read_number,
     INTO(plan_limits, connections), .least = 1, .most = 10000000,
     .help = "Client connections at one time, in all. Further ones wait in the kernel's queue. limpet lowers it when "
             "the limit of open files is too small for it. What a worker has taken does not count, here and in the "
             "other limits."},
    {ROW(LIMITS, "per-client"), .type = "a number", .fallback = "0", .read = read_number, INTO(plan_limits, per_client),
     .least = 0, .most = 10000000,
     .help = "Connections of one client at one time; IPv6 clients are counted by their /64 network. Where each request "
             "is served on its own, one too many is answered 429, and of a client behind a trusted peer its requests "
             "under way count. 0 is no limit."},
    {ROW(LIMITS, "head"), .type = "a size such as 32KiB", .fallback = "32KiB", .read = read_size,
     INTO(plan_limits, head), .least = 1 << 10, .most = 256 << 10,
     .help = "Of the head of a request, where each is served on its own; a longer one is answered 431, or 414 if "
             "its first line alone is longer. Of the head of an answer: 502. From 1KiB to 256KiB."},
    {ROW(LIMITS, "body"), .type = "a size such as 16MiB", .fallback = "0", .read = read_size, INTO(plan_limits, body),
     .help = "Of the body of a request, where each is served on its own; a longer one is answered 413. 0 is no limit."},
    {ROW(ROOT, "metrics"), .type = "an address", .read = read_root_metrics,
     .help = "Where HTTP requests for /metrics (for Prometheus), /healthz and /readyz are answered, as they are on the "
             "socket of `admin`. Everybody who reaches it can read them."},
    {ROW(ROOT, "pages"), .type = "a map of statuses to paths", .read = read_root_pages,
     .help = "Files with the HTML that clients get with a status of limpet's own, such as 502: PATH, instead of "
             "limpet's page of one line. Statuses from 400 to 599, files of at most 64 KiB. What servers answer stays "
             "as it "
             "is."},
    {ROW(ROOT, "log"), .type = "a map", .read = read_root_log, .help = "What is written where."},
    {ROW(LOG, "access"), .type = "stdout, stderr, off or a path", .fallback = "stdout", .read = read_log_target,
     INTO(plan_log, access), .help = "Where the line about each visit goes. A file is opened again on USR1."},
    {ROW(LOG, "errors"), .type = "stderr or a path", .fallback = "stderr", .read = read_log_target,
     INTO(plan_log, errors), .help = "Where everything else goes. A file is opened again on USR1."},
    {ROW(LOG, "format"), .type = "text or json", .fallback = "text", .read = read_word, INTO(plan_log, format),
     .words = log_formats, .help = "How the line about a visit is written: words, or one JSON object."},
    {ROW(LOG, "keys"), .type = "hash or plain", .fallback = "hash", .read = read_root_log_keys, .words = log_keys,
     .help = "Whether the access log shows a keyed hash of each key, which says nothing to those who lack the seed, or "
             "the key itself too."},

    {ROW(ROOT, "listeners"), .type = "a list of maps", .read = read_listeners,
     .help = "Where clients knock, and what is believed of what they say. At least one."},
    {ROW(LISTENER, "bind"), .type = "an address or list of addresses", .read = read_listener_bind,
     .help = "Addresses to listen on: HOST:PORT, [IPV6]:PORT, :PORT (all addresses, IPv4 and IPv6), unix:PATH. A "
             "listener that leads to nothing but one pool with `workers` may do without: it listens where the workers' "
             "own listen() says."},
    {ROW(LISTENER, "mode"), .type = "auto, tcp or http", .fallback = "auto", .read = read_word,
     INTO(plan_listener, mode), .words = modes,
     .help =
         "tcp: one decision for each connection, made from its first bytes; then bytes are carried both ways as they "
         "are, and a worker gets the socket itself. http: one decision for each request, as a proxy in front needs "
         "that carries many clients over one connection; nothing but HTTP/1 is served. auto: a peer in `trust` that "
         "speaks HTTP is such a proxy, so it is served as with http, and everybody else as with tcp. Where routes or "
         "`stick` look into requests, auto serves everybody who speaks HTTP, or has said nothing in time, as with "
         "http. "
         "TLS, HTTP/2 and other protocols pass as they are even there. Where servers believe forwarding fields, or "
         "routes keep something away, and clients may connect directly too, write http: what is carried as it is may "
         "bear fields that a client made up."},
    {ROW(LISTENER, "via"), .type = "a boolean", .fallback = "true", .read = read_boolean, INTO(plan_listener, via),
     .help = "Whether requests get a Via field where each is served on its own, so that one that went in a circle is "
             "known again, and answered 508."},
    {ROW(LISTENER, "upgrade"), .type = "a word or list of words", .fallback = "websocket",
     .read = read_listener_upgrade,
     .help = "Protocols to which a client may change its connection with Upgrade, where each request is served on its "
             "own; or none. A request for another one goes on without its Upgrade."},
    {ROW(LISTENER, "tls"), .type = "a map", .since = LATER,
     .instead = "pass TLS through: `mode: tcp` with routes by `sni` reads the server name without ending TLS",
     .help = "Certificate and key with which TLS ends here."},
    {ROW(LISTENER, "kernel-tls"), .type = "a boolean", .since = LATER, .instead = "take it out; TLS is passed through",
     .help = "Whether TLS sessions move into the kernel."},
    {ROW(LISTENER, "trust"), .type = "a network or list of networks", .fallback = "loopback",
     .read = read_listener_trust,
     .help = "Peers whose word about the client's address is believed: loopback (127.0.0.0/8, ::1 and Unix sockets), "
             "private (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16, fc00::/7, "
             "fe80::/10), an address, a network such as 192.0.2.0/24, file:PATH (one network a line, # begins a "
             "comment), or none. What other peers claim is ignored here, but in `mode: tcp` it goes on to the server."},
    {ROW(LISTENER, "client-from"), .type = "x-forwarded-for, forwarded, header:NAME or none",
     .fallback = "x-forwarded-for", .read = read_listener_client_from,
     .help = "The one field in which a trusted peer names its client. Of a list, the right-most address that is not "
             "trusted counts. The others are never looked at, because proxies pass them on unchecked. With none, a "
             "peer speaks for itself, and with `mode: tcp` the key client waits for no bytes: right where no HTTP is "
             "spoken, above all where the server speaks first."},
    {ROW(LISTENER, "proxy-protocol"), .type = "off, accept or require", .fallback = "off", .read = read_word,
     INTO(plan_listener, proxy_protocol), .words = proxy_protocols,
     .help =
         "Whether a PROXY header (v1 or v2) in front of the stream names the client. With accept and require, one "
         "from a peer that is not trusted ends the connection; with off it is payload like any other. With accept a "
         "client that says nothing is waited for until `timeouts: proxy-header`: a server that speaks first is "
         "heard only then."},
    {ROW(LISTENER, "unwrap"), .type = "ipv4, ipv6 or a number of bytes", .read = read_listener_unwrap,
     .help = "Takes that many bytes off the front of each stream (4, 16, or 1 to 255): an address becomes the client, "
             "other bytes become the key source unwrapped. A connection from outside `trust` is ended."},
    {ROW(LISTENER, "pool"), .type = "the name of a pool", .read = read_listener_pool,
     .help = "Short for one route that takes everything to this pool."},
    {ROW(LISTENER, "routes"), .type = "a list of maps", .read = read_listener_routes,
     .help = "Which clients go to which pool: the first route that matches."},
    {ROW(ROUTE, "sni"), .type = "a host name", .read = read_route_sni,
     .help = "Matches the server name of a TLS ClientHello; *.example.org matches every name below example.org. "
             "All conditions of a route have to match; a route without any takes everything."},
    {ROW(ROUTE, "host"), .type = "a host name or list of host names", .read = read_route_host,
     .help = "Matches the host that a request names, in any case of letters and without its port; *.example.org "
             "matches every name below example.org, and not itself."},
    {ROW(ROUTE, "path"), .type = "a path", .read = read_route_path,
     .help = "Matches requests whose path begins with it, byte for byte: /api/ matches /api/users, not /api and not "
             "/API/. Nothing is decoded or simplified first, so keep nothing secret by it alone: a server may "
             "take /x/../api/ for the same."},
    {ROW(ROUTE, "method"), .type = "a method or list of methods", .read = read_route_method,
     .help = "Matches requests of this method, such as GET; capitals count."},
    {ROW(ROUTE, "header"), .type = "the name of a field or list of names", .read = read_route_header,
     .help = "Matches requests that have this field, whatever its value; of a list, all of them."},
    {ROW(ROUTE, "files"), .type = "a path", .since = LATER, .instead = "let a server of a pool serve the files",
     .help = "Directory whose files are served."},
    {ROW(ROUTE, "pool"), .type = "the name of a pool", .read = read_route_pool,
     .help = "Where clients go. A route has a pool, a redirect or an answer."},
    {ROW(ROUTE, "redirect"), .type = "https, a URL or a map", .read = read_route_redirect,
     .help =
         "Sends requests elsewhere. https is the same URL with https, and only for requests that came without: those "
         "of which a trusted peer says https (X-Forwarded-Proto, or a PROXY header) go on to the next route. A URL "
         "without a path, such as https://example.org, gets the request's path and query behind it, and any other "
         "is taken as it is."},
    {ROW(REDIRECT, "to"), .type = "https or a URL", .read = read_route_redirect_to,
     .help = "Where to: https, or a URL, as above."},
    {ROW(REDIRECT, "status"), .type = "301, 302, 303, 307 or 308", .fallback = "308",
     .read = read_route_redirect_status,
     .help = "301 and 308 are for good, and browsers remember them; 307 and 308 keep the method and the body."},
    {ROW(ROUTE, "answer"), .type = "a status or a map", .read = read_route_answer, .help = "Answers requests itself."},
    {ROW(ANSWER, "status"), .type = "a number", .fallback = "200", .read = read_route_answer_status,
     .help = "From 200 to 599."},
    {ROW(ANSWER, "body"), .type = "text, or file:PATH", .read = read_route_answer_body,
     .help = "At most 64 KiB. A file is read once, at the start."},
    {ROW(ANSWER, "type"), .type = "a media type", .fallback_words = "text/plain; charset=utf-8",
     .read = read_route_answer_type, .help = "The Content-Type of the body."},
    {ROW(ROUTE, "request-headers"), .type = "a map", .read = read_changes_request,
     .help = "Changes the fields of a request before the server gets it. What frames a message or belongs to one "
             "connection (Content-Length, Transfer-Encoding, Connection, Upgrade, TE and their like) is limpet's own; "
             "Host can only be set."},
    {ROW(ROUTE, "response-headers"), .type = "a map", .read = read_changes_response,
     .help = "The same for answers, before the client gets them: those of servers, of `redirect` and of `answer`."},
    {ROW(CHANGES, "remove"), .type = "a name or list of names", .read = read_changes_remove,
     .help = "Fields to take out. This is done first, whatever the order in the file, here and in "
             "`response-headers`."},
    {ROW(CHANGES, "set"), .type = "a map of names to values", .read = read_changes_set,
     .help = "Fields that are there once with this value, whatever was there. This is done second."},
    {ROW(CHANGES, "add"), .type = "a map of names to values", .read = read_changes_add,
     .help = "Fields that are there in addition to what was; a list of values adds several. This is done last."},
    {ROW(LISTENER, "limits"), .type = "a map of numbers", .read = read_listener_limits,
     .help = "Limits of this listener, besides those of all."},
    {ROW(LISTENER_LIMITS, "connections"), .type = "a number", .fallback = "0", .read = read_number,
     INTO(plan_listener, connection_limit), .least = 0, .most = 10000000,
     .help = "Client connections of this listener at one time. 0 is no limit of its own."},
    {ROW(LISTENER, "unix-mode"), .type = "octal permissions such as \"0660\"", .fallback = "0666",
     .read = read_listener_unix_mode, .help = "Who may connect to a Unix socket that is bound here."},

    {ROW(ROOT, "pools"), .type = "a map of names to maps", .read = read_pools,
     .help = "Servers that do the same work, by name. The name is part of what decides homes: another name moves "
             "clients."},
    {ROW(POOL, "key"), .type = "a key source or list of key sources", .fallback = "client", .read = read_pool_key,
     .help = "What tells one client from another; the first source that is present counts. See KEY SOURCES."},
    {ROW(POOL, "no-key"), .type = "spread, random or end", .fallback = "spread", .read = read_word,
     INTO(plan_pool, no_key), .words = no_keys,
     .help = "What becomes of a client that none of the sources tells: spread takes the peer's address as its key, "
             "random any server, each time anew, and end ends the connection, or answers the request 403. random "
             "is for sessions that are learnt: clients behind one address are spread until they have an id."},
    {ROW(POOL, "stick"), .type = "a map or list of maps", .read = read_stick,
     .help = "Remembers where each client was, so that it stays there when servers are added: by a cookie, by the "
             "session ids of the servers, or in a table of pins. In a list the first way that knows counts; who is "
             "not known goes where the `key` leads. Who is known comes to a server that is drained, too, and moves "
             "when it cannot be reached. A cookie is for requests only, so not with `mode: tcp`."},
    {ROW(STICK, "cookie"), .type = "the name of a cookie", .read = read_stick_cookie,
     .help = "limpet's own cookie, such as limpet, which it sets with its first answer and hides from the server. It "
             "is sealed with the `secret`: nobody else can read or make one. One for each pool; pools that share "
             "hosts need different names."},
    {ROW(STICK, "session"), .type = "cookie:NAME, header:NAME or query:NAME", .read = read_stick_session,
     .help =
         "An id that the server gives out, and where requests carry it, such as cookie:JSESSIONID. It is "
         "learnt from the server's answer: from its Set-Cookie, or from the field of the same name; or from workers "
         "that tell of it, in `mode: tcp`, too: Node programs with Socket.IO do, see limpet-worker(7). Where it is "
         "kept, `table` says; without one it is in memcached, if there is `memcached` and a `secret`, else in this "
         "limpet, as those of a pool of workers alone are. The client gets the answer when memcached has the id, so "
         "that every frontend knows it by then. Or "
         "the id says itself whose it is: ID.SERVER, with the server's name."},
    {ROW(STICK, "for"), .type = "a duration", .fallback_words = "24h for a cookie, 1h for a session or pin",
     .read = read_duration, INTO(plan_stick, lifetime),
     .help = "How long a client is remembered: a session or a pin after its last visit, a cookie after it was "
             "given out; it is renewed when half of that is over. Browsers forget the cookie when they end, and "
             "memcached a pin after 30 days."},
    {ROW(STICK, "same-site"), .type = "lax, strict or none", .fallback = "lax", .read = read_word,
     INTO(plan_stick, same_site), .words = same_sites,
     .help = "SameSite of the cookie. none is for pages of other sites, such as a cross-site Socket.IO; it makes the "
             "cookie Secure, so browsers send it with TLS only."},
    {ROW(STICK, "bind-client"), .type = "a boolean", .fallback = "false", .read = read_boolean,
     INTO(plan_stick, bind_client),
     .help = "Whether the cookie counts only from the client's address to which it was given. Clients whose address "
             "changes are then not known any more."},
    {ROW(STICK, "table"), .type = "local or memcached", .read = read_stick_table,
     .help = "Pins each key to the server where it was first, so that a server that is added gets new keys only. "
             "local keeps pins in this limpet, where they outlive its engine, and limpet itself if `pins` names a "
             "file. memcached shares them among all frontends, and needs `memcached` and a `secret`. Who brings no "
             "key is not pinned. Beside `session`, it says where ids are kept."},
    {ROW(POOL, "max-load"), .type = "a number", .since = LATER, .instead = "take it out, or use `weight`",
     .help = "How far above the average a server may be loaded before clients go to the next-ranked one."},
    {ROW(POOL, "workers"), .type = "a map", .read = read_pool_workers,
     .help =
         "Processes that limpet starts, and hands the connections themselves to. To the ranking they are servers of "
         "weight 1, which are named \"1\", \"2\" and so on; a pool may have `servers` beside them."},
    {ROW(WORKERS, "command"), .type = "a list of words", .read = read_workers_command,
     .help = "The program and its arguments, as they are: no shell reads them. A Node program needs no change; its "
             "process has to be node itself, so name what stands in the scripts of package.json, not npm start."},
    {ROW(WORKERS, "count"), .type = "a number or auto", .fallback = "auto", .read = read_workers_count, .least = 1,
     .most = PLAN_WORKERS_MOST,
     .help = "How many of them, from 1 to 256; auto is one per CPU that this process may use. Another number moves "
             "clients, as if servers came or went."},
    {ROW(WORKERS, "contract"), .type = "auto, node or limpet", .fallback = "auto", .read = read_word,
     INTO(plan_workers, contract), .words = contracts,
     .help = "How they are spoken to: node is what Node's own cluster module speaks, limpet is limpet-worker(7), for "
             "every other language; auto is found out from the command and from what it says first."},
    {ROW(WORKERS, "directory"), .type = "a path", .fallback_words = "where limpet was started",
     .read = read_workers_directory, .help = "Where they start."},
    {ROW(WORKERS, "user"), .type = "a user name", .fallback_words = "root", .read = read_workers_user,
     .help = "Whom they run as when limpet is started as root. Without root they run as who you are."},
    {ROW(WORKERS, "environment"), .type = "a map of names to values", .read = read_workers_environment,
     .help = "Variables that they get beside those that limpet itself was given."},
    {ROW(WORKERS, "node-message"), .type = "JSON, or sticky", .read = read_workers_node_message,
     .help =
         "For Node programs that do not listen themselves, but wait for sockets: process.on('message', (message, "
         "socket) => ...). This message comes with each. The word sticky is what the worker side of the npm package "
         "@socket.io/sticky waits for."},
    {ROW(WORKERS, "node-preload"), .type = "a boolean", .fallback_words = "as needed",
     .read = read_workers_node_preload,
     .help =
         "Loads a few lines into each Node program before its own. As needed: where `mode` is auto or http, so that "
         "socket.remoteAddress is 127.0.0.1 on connections on which limpet sends the requests of many clients; "
         "X-Forwarded-For tells of these; and where `stick` learns sessions, so that limpet hears of those that "
         "Socket.IO "
         "begins. With true, and in every mode, socket.remoteAddress and "
         "socket.encrypted tell of the client on all other connections, even where a PROXY header, a field or a "
         "prefix named it; encrypted is true where a PROXY header says that the client speaks TLS to the proxy. "
         "With false nothing is loaded."},
    {ROW(WORKERS, "kill-silent"), .type = "a duration", .read = read_duration, INTO(plan_workers, kill_silent),
     .help =
         "Kills a worker that has not answered for so long; another one takes its place. Without it a silent worker "
         "gets no newcomers until it answers."},
    {ROW(WORKERS, "limits"), .type = "a map", .read = read_workers_limits,
     .help = "Limits of each process, as in setrlimit(2). What is not given is as limpet was started with."},
    {ROW(WORKERS_LIMITS, "open-files"), .type = "a number", .fallback_words = "as limpet's", .read = read_big_number,
     INTO(plan_workers, open_files), .least = 16, .most = 1000000000, .help = "Open files, connections among them."},
    {ROW(WORKERS_LIMITS, "processes"), .type = "a number", .fallback_words = "as limpet's", .read = read_big_number,
     INTO(plan_workers, processes), .least = 1, .most = 1000000000,
     .help = "Processes and threads of the user whom they run as."},
    {ROW(WORKERS_LIMITS, "core"), .type = "a size such as 64MiB", .fallback_words = "as limpet's", .read = read_size,
     INTO(plan_workers, core), .help = "Size of a core dump; 0 for none."},
    {ROW(POOL, "servers"), .type = "a map of names to addresses, or a list of addresses", .read = read_pool_servers,
     .help = "The servers, at least one unless there are `workers`. A server's name is its identity: keep it and its "
             "clients stay, even when the "
             "address changes. A server of a list without a name is named by its address."},
    {ROW(SERVER, "name"), .type = "text", .read = read_server_name,
     .help = "Name of a server in a list; in a map, the key is the name."},
    {ROW(SERVER, "address"), .type = "an address", .read = read_server_address,
     .help = "HOST:PORT, [IPV6]:PORT or unix:PATH. HOST is a numeric address, or localhost, which is 127.0.0.1."},
    {ROW(SERVER, "weight"), .type = "a number", .fallback = "1", .read = read_weight, INTO(plan_server, weight),
     .least = 1, .most = 256,
     .help = "Its share: a server of weight 2 is home to twice as many keys as one of weight 1. "
             "From 1 to 256."},
    {ROW(POOL, "send-proxy"), .type = "off, v1 or v2", .fallback = "off", .read = read_word,
     INTO(plan_pool, send_proxy), .words = send_proxies,
     .help = "Sends each server a PROXY header of that version with the client's address."},
    {ROW(POOL, "send-prefix"), .type = "off, ipv4, ipv6 or unwrapped", .fallback = "off", .read = read_word,
     INTO(plan_pool, send_prefix), .words = send_prefixes,
     .help = "Sends each server the client's address as 4 or 16 raw bytes in front of the stream, or the bytes that "
             "`unwrap` took off. An IPv6 address does not fit into ipv4, which sends 0.0.0.0 for it; ipv6 holds both, "
             "an IPv4 address as ::ffff:a.b.c.d. A client on a Unix socket has no address and becomes 0.0.0.0 or ::; "
             "`send-proxy` can say that there is none."},
};

static const struct schema_row *find_row(enum section section, struct span key)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (rows[i].section == section && span_equal(key, span_text(rows[i].key)))
            return &rows[i];
    return NULL;
}

static bool is_in_section(const void *context, const char *key)
{
    return find_row(*(const enum section *)context, span_text(key)) != NULL;
}

static bool is_anywhere(const void *context, const char *key)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (strcmp(rows[i].key, key) == 0)
            return true;
    return false;
}

static const char *near_key(enum section section, struct span key)
{
    struct suggest s;
    suggest_init(&s, key);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (rows[i].section == section)
            suggest_try(&s, rows[i].key);
    suggest_try_foreign(&s, is_in_section, &section);
    return s.best;
}

/* A key that would be right in another place. */
static const char *elsewhere(struct build *b, struct span key)
{
    struct suggest s;
    suggest_init(&s, key);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        suggest_try(&s, rows[i].key);
    suggest_try_foreign(&s, is_anywhere, NULL);
    for (size_t i = 0; s.best && i < ARRAY_LENGTH(rows); i++)
        if (strcmp(rows[i].key, s.best) == 0)
            return rows[i].section == SECTION_ROOT
                       ? arena_format(b->arena, "did you mean `%s`? It stands at the top, without indentation", s.best)
                       : arena_format(b->arena, "did you mean `%s%s`? It has its place there",
                                      prefixes[rows[i].section], s.best);
    return NULL;
}

static const char *all_keys(struct build *b, enum section section)
{
    const char *all = "the keys here are";
    const char *comma = "";
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (rows[i].section == section && !rows[i].since) {
            all = arena_format(b->arena, "%s%s %s", all, comma, rows[i].key);
            comma = ",";
        }
    return all;
}

/* A word that would only be refused in its turn is told of with what works instead. */
static const char *near_help(struct build *b, const struct schema_row *near)
{
    if (near->since)
        return arena_format(b->arena, "did you mean `%s`? It is %s: %s", near->key, near->since, near->instead);
    return arena_format(b->arena, "did you mean `%s`?", near->key);
}

static const char *unknown_help(struct build *b, enum section section, const struct node *key)
{
    if (node_is(key, "<<"))
        return "YAML merge keys are not read; write the keys out";
    const char *advice = advice_find(section, key->text);
    if (advice)
        return advice;
    const char *near = near_key(section, key->text);
    const char *help = near ? near_help(b, find_row(section, span_text(near))) : elsewhere(b, key->text);
    return help ? help : all_keys(b, section);
}

static void report_unknown(struct build *b, enum section section, const struct node *key)
{
    const char *help = report_is_full(b->report) ? NULL : unknown_help(b, section, key);
    report_error(b->report, key->at, help, "unknown key %s", report_quote(b->report, key->text));
}

/* `seed: &x` says nothing to YAML, but did to who wrote it. */
static void report_null(struct build *b, const struct schema_row *row, struct place at)
{
    const char *help = quotes_find(b->arena, at);
    report_error(b->report, at, help ? help : arena_format(b->arena, "give it %s, or take it out", row->type),
                 "`%s` has no value", row->key);
}

static void read_row(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (row->since)
        report_error(b->report, value->key->at, row->instead, "`%s` is %s", row->key, row->since);
    else if (node_is_null(value))
        report_null(b, row, value->key->at);
    else
        row->read(b, row, value, target);
}

static void read_fallback(struct build *b, const struct schema_row *row, void *target)
{
    const struct place nowhere = {NULL, PLACE_NOWHERE, 0};
    row->read(b, row, node_new_text(b->arena, row->fallback, nowhere), target);
}

void schema_fill(struct build *b, enum section section, const struct node *map, void *target)
{
    bool given[ARRAY_LENGTH(rows)] = {false};
    for (const struct node *value = map ? map->first : NULL; value; value = value->next) {
        const struct schema_row *row = find_row(section, value->key->text);
        if (!row) {
            report_unknown(b, section, value->key);
            continue;
        }
        /* A key that stands there twice was reported when the file was read; the first one counts. */
        if (!given[row - rows])
            read_row(b, row, value, target);
        given[row - rows] = true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (rows[i].section == section && rows[i].fallback && !given[i])
            read_fallback(b, &rows[i], target);
}

bool schema_is_meant(struct build *b, enum section section, const struct node *map, const char *key)
{
    if (report_is_full(b->report))
        return true;
    for (const struct node *value = map->first; value; value = value->next) {
        bool known = find_row(section, value->key->text);
        const char *near = known ? NULL : near_key(section, value->key->text);
        if (near && strcmp(near, key) == 0)
            return true;
    }
    return false;
}

void conf_schema_each(void (*row)(void *context, const struct conf_schema_row *row), void *context)
{
    char path[128];
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct text t;
        text_init(&t, path, sizeof(path));
        text_add(&t, prefixes[rows[i].section]);
        text_add(&t, rows[i].key);
        const char *fallback = rows[i].fallback ? rows[i].fallback : rows[i].fallback_words;
        row(context, &(struct conf_schema_row){
                         .path = path,
                         .type = rows[i].type,
                         .fallback = fallback ? fallback : "none",
                         .help = rows[i].help,
                         .since = rows[i].since,
                     });
    }
}
