#include "manual/manual.h"

#include "base/attr.h"
#include "base/counter.h"
#include "base/reason.h"
#include "cli/command.h"
#include "cli/version.h"
#include "control/metrics.h"
#include "manual/roff.h"

#include <stdio.h>

static const char description[] =
    "A limpet leaves its place on the rock at high tide and comes back to exactly that place. This program does that "
    "for "
    "clients: every client comes home to the server that knows it.\n\n"
    "limpet accepts connections, looks at the first bytes of each, learns who the client is, decides which server is "
    "its "
    "home, and carries the bytes there and back unchanged; or, where the server is a process that it has started "
    "itself, a worker, gives it the connection. Of a proxy that is trusted and speaks HTTP it decides each request "
    "instead (REQUESTS). It needs no table of clients: homes are computed, so they "
    "survive a restart, and any number of limpets agree on them without talking to each other. Where clients are to "
    "stay even when servers are added, it remembers them (PINS).";

static const char quick_start[] = "See it work, with nothing prepared:\n\n"
                                  "    limpet demo\n\n"
                                  "Put it in front of two servers, each client to its own:\n\n"
                                  "    limpet serve -l :8080 a=10.0.0.11:3000 b=10.0.0.12:3000\n\n"
                                  "Start a Node program four times, each client to its own process:\n\n"
                                  "    limpet run -w 4 -- node app.js\n\n"
                                  "Behind another proxy, believe what that one says about its clients (name its "
                                  "address); each of its requests is then brought home by itself:\n\n"
                                  "    limpet serve -l :8080 --trust 10.0.0.5 a=10.0.0.11:3000 b=10.0.0.12:3000\n\n"
                                  "Where would a client go, and why?\n\n"
                                  "    limpet why -l :8080 --peer 203.0.113.9 a=10.0.0.11:3000 b=10.0.0.12:3000\n\n"
                                  "From a file:\n\n"
                                  "    limpet check -c limpet.yaml && limpet serve -c limpet.yaml";

static const char trust[] =
    "The client's address is the peer's, the one that connects, unless a peer that is trusted says otherwise. Trusted "
    "are "
    "by default loopback and Unix sockets; `--trust`, or `trust` in the file, names others instead.\n\n"
    "If the listener takes PROXY headers, or takes a wrapped prefix off, the address in there replaces the peer's. If "
    "the address that counts so far is trusted, exactly one forwarding field of the request is looked at, "
    "X-Forwarded-For unless `client-from` says otherwise; in a list, the right-most address that is not trusted is the "
    "client. There is no second field to fall back to, because proxies pass on unchecked what they do not write "
    "themselves.\n\n"
    "What a peer claims that is not trusted is ignored. If it sends a PROXY header to a listener that takes them, the "
    "connection ends; on a listener that does not, the header is payload like everything else. Ignored is not removed: "
    "the bytes of a connection that is decided once go on unchanged, so an X-Forwarded-For that limpet does not "
    "believe "
    "reaches the server all the same, which should not believe it either. `send-proxy` tells a server who the client "
    "is "
    "in a way that no client can forge. Where each request is decided, limpet writes these fields itself.\n\n"
    "A trusted peer may speak HTTP and name its client, so its first bytes are waited for, for `timeouts: first-bytes` "
    "at most. A server that speaks first, as in SMTP, MySQL or FTP, keeps such a peer waiting that long; `mode: tcp` "
    "with `client-from: none` in the file, or --trust none, spares the wait. Of clients that are not trusted, that is "
    "not waited for.";

static const char homes[] =
    "Every server of the pool gets a score for the key, and the highest score is home. Scores depend on the seed, the "
    "name of the pool, the names and weights of its servers and the key, and on nothing else: not on the order of the "
    "servers, the machine or the time. A server that is added takes over only the clients that it wins, a server that "
    "is removed loses only its own, and no client moves between two others.\n\n"
    "A server's name is its identity; without one its address is. Give names, and a server may move to another address "
    "without its clients noticing. Weights from 1 to 256 are shares: a server of weight 2 is home to twice as many "
    "clients as one of weight 1.\n\n"
    "A server that cannot be reached is passed over: the client goes to the next in its own ranking, up to three "
    "servers for one connection, as long as no byte of the client has been passed on. A server that failed rests for "
    "250 "
    "ms, then twice as long each time, up to 10 seconds; then one connection tries it, and when that succeeds, its "
    "clients come home. So a server that is back is noticed within 10 seconds, as soon as one of its clients "
    "connects.\n\n"
    "Without a seed everybody who knows limpet can compute the homes, and find keys that all lead to one server. Give "
    "one: `seed` in the file, or `--seed`, which every user of the machine can read.\n\n"
    "Homes survive the step from flags to a file if the file says the same: flags make a pool that is called "
    "`default` for `limpet serve` and `app` for `limpet run`, with the names, weights and the seed that they give. A "
    "worker is a server of weight 1 whose name is its number.\n\n"
    "limpet does not read its file again by itself: it is started again. From the signal on the old one takes no "
    "newcomers, who are refused until the new one listens (whose connection was just being made may see a reset); that "
    "one may be started at once, while the old one lets "
    "its connections finish, and it leads everybody to the same home.\n\n"
    "A worker is up when it takes connections. One that does not, because it starts, died or is silent, is passed "
    "over; "
    "its clients come home when it takes them again (limpet-worker(7)).\n\n"
    "An id that the server itself gives out, such as a session cookie, is no good key: the first request has none, so "
    "the second would lead elsewhere. `stick` in the file learns it (PINS).";

static const char requests[] =
    "The `mode` of a listener, or `--mode`, says what is decided. tcp: each connection, whoever it is. http: each "
    "request. auto, the default: each request of a trusted peer that speaks HTTP, because that is a proxy, whose "
    "connections carry many clients; and each connection of everybody else. Where routes or `stick` look into "
    "requests, auto decides each request of everybody who speaks HTTP. This machine is trusted if nothing else is "
    "said, so whoever comes from here counts as a proxy.\n\n"
    "Where each request is decided, limpet is a proxy for HTTP/1.1. It reads strictly, and answers 400 to what two "
    "servers might read in two ways. The server gets a head that is written anew: without the fields of the client's "
    "connection, without the fields that tell of the client unless a trusted peer wrote them, and with "
    "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Forwarded, X-Request-Id and Via. Connections to servers are "
    "kept and serve everybody; a worker sees a peer at 127.0.0.1. A request that was lost with such a connection is "
    "sent once more where that cannot do harm. After a 101 the connection is carried as it is.\n\n"
    "docs/http.md, in the source, has every field that is changed, every limit and its answer.";

static const char pins[] =
    "A server that is added wins its share of all clients. `stick` of a pool, in the file, remembers where each client "
    "was, so that it stays there, and a new server gets new clients only. Whoever is not remembered goes home by the "
    "ranking. There are four ways, and a list of them, of which the first that knows counts:\n\n"
    "    stick: {cookie: limpet, for: 7d}          # limpet's own cookie, sealed; needs `secret`\n"
    "    stick: {session: \"cookie:JSESSIONID\"}    # the id that the server itself gives out\n"
    "    stick: {table: local, for: 1h}            # each key, in this limpet; see `pins` at the top\n"
    "    stick: {table: memcached, for: 1h}        # each key, for all frontends; needs `memcached` and `secret`\n\n"
    "A client whose server cannot be reached goes to the next in its ranking, and is remembered there: it does not "
    "come "
    "back by itself. Only the id of a session stays with the server that gave it out. A server that is drained gets "
    "nobody new, but those who are remembered still come; `limpet unpin --server` lets them go.\n\n"
    "Pins in a table outlive the engine, and limpet itself if they are in memcached, or `pins: {file: PATH}` saves "
    "them. Two frontends that see a new key at once agree on one server. A frontend asks memcached about keys that it "
    "does not know, and waits for `timeouts: memcached` at most; when memcached is down, slow or empty, the ranking "
    "decides for those whom it does not know, and what was decided is claimed when memcached is back. No client "
    "gets an error because of it.\n\n"
    "Bring a new server's name to all frontends first, and start the server then: in between a client may be pinned to "
    "it by one frontend and not be sent there by another. docs/pins.md, in the source, has the order for adding and "
    "removing servers, how memcached is asked, sized and kept from others, and what is seen when it fails.";

static const char log_text[] =
    "One line for each connection, when it ends or a worker has taken it, or in http mode one for each request, when "
    "it "
    "is answered, on standard output or wherever `log` says. "
    "As text it is `name=value` "
    "words separated by spaces; spaces, quotes, control and 8-bit bytes inside values are written as \\xNN, and what "
    "does not exist is a dash. As JSON it is one object with the same names; there a text that does not exist is "
    "empty, and a number null. The fields `key_text` and `detail` are left out, in both forms, where there is "
    "nothing to say, and so are those from `method` to `request_id` where a connection was carried without looking "
    "into "
    "its requests.\n\n"
    "A connection that is still open has no line yet. Where it belongs, `limpet why` says.";

static const char messages_text[] =
    "What an operator should know goes to standard error, or wherever `log: {errors: PATH}` says, there with the time "
    "in front of each line. A server that can no longer be reached is named once, and again when it is back.";

static const char metrics_text[] =
    "Three paths are answered, to GET and HEAD, on the admin socket; and at the address that `metrics` in the file "
    "names, "
    "if it does, where nothing else is and nothing can be changed. Everybody who reaches that address can read them.";

static const struct roff_row metrics_paths[] = {
    {"/metrics", "All that is counted, in the text format of Prometheus (0.0.4)."},
    {"/healthz", "200 `ok` while there is an engine that has begun to accept, also while limpet drains before its end. "
                 "Otherwise 503 and why: `starting`, or `no engine`, when one has died and the next is not there yet."},
    {"/readyz",
     "200 `ready` while newcomers are welcome. Otherwise 503 and why: `starting`; `no engine`; `draining`, from "
     "the signal on; `no worker takes connections`, when a pool has workers and no server that takes any. "
     "Servers with an address that rest do not count: they are not limpet's. Nor does memcached, without which clients "
     "are served all the same."},
};

static const char metrics_examples[] =
    "In the file of limpet, of Prometheus, and of Kubernetes:\n\n"
    "    metrics: \":9100\"\n\n"
    "    scrape_configs: [{job_name: limpet, static_configs: [{targets: [\"10.0.0.5:9100\"]}]}]\n\n"
    "    livenessProbe: {httpGet: {path: /healthz, port: 9100}}\n"
    "    readinessProbe: {httpGet: {path: /readyz, port: 9100}, periodSeconds: 2}\n"
    "    lifecycle: {preStop: {exec: {command: [sleep, \"5\"]}}}\n\n"
    "Newcomers are refused from TERM on, and Kubernetes sends some for a moment longer: hence the last line.\n\n"
    "Counters begin with limpet and only grow, also when its engine dies and is started again. A connection that a "
    "worker "
    "has taken is counted then, and what becomes of it is not. How many of them a worker has is asked of the kernel, "
    "at "
    "most once a second.";

static const struct roff_row log_fields[] = {
    {"time", "When the connection or the request came in (RFC 3339, UTC, milliseconds)."},
    {"client", "Who the client is; see TRUST. With its port where it is known: of whom connected, or as it was told."},
    {"peer", "Who connected, with the port."},
    {"listener", "The first address of the listener."},
    {"pool", "The pool that the route chose, if it came to that."},
    {"source", "The key source that was present, or `spread` if none was and the peer's address served instead, or "
               "`random` if the pool says `no-key: random`."},
    {"key", "A keyed hash of the key: equal for equal keys, and it tells nothing about them to whoever does not know "
            "the seed. Without a seed everybody can try out keys until the hash is the same."},
    {"key_text", "The key itself, only if `log: {keys: plain}` asks for it."},
    {"server", "The server that the connection was carried to."},
    {"why",
     "`home`; `next_ranked`, another than its home; `last_resort`, tried although all were resting; `cookie`, the one "
     "that the client's affinity cookie names; `session`, the one that gave out the session id that the client "
     "carries; `pin`, the one to which the key is pinned; `answered`, none, because limpet answered by itself; or "
     "`nowhere`. "
     "Behind a colon stands each server that was passed over, in order, with its cause: "
     "`next_ranked:a:refused,c:resting`; eight at most, then `...`."},
    {"bytes_in", "Bytes from the client to the server; 0 if a worker took the connection."},
    {"bytes_out", "Bytes from the server to the client; the same."},
    {"wait_ms", "From accepting to the decision, in milliseconds."},
    {"connect_ms", "From the decision to the connection to the server, or until the worker had taken the client."},
    {"total_ms", "From the beginning to the end."},
    {"method", "The method of the request. Of a head that could not be read, this and the next two are missing."},
    {"host", "The host that it is for, as the client wrote it; at most 255 bytes of it."},
    {"path", "Its path without the query, at most 2,048 bytes of it."},
    {"status", "The status that the client was answered with, if it was."},
    {"server_ms", "From the request to the first byte of the server's answer, in milliseconds."},
    {"retried",
     "`true` if the request was sent twice, because the first time nothing of an answer came. Otherwise it is "
     "left out."},
    {"request_id", "The X-Request-Id that the server was told."},
    {"reason", "Why it ended, one of the words below."},
    {"detail", "What exactly was wrong with the first bytes, even if the visit went on: a head longer than 16 KiB, or "
               "one that did not end in time. With "
               "underscores for spaces in the text form."},
};

/* What the other end of the line notices, if it is not what `unseen` says. */
static const char unseen[] =
    "Where nothing else is said, the client's connection is closed without a word; if it has sent something, it sees "
    "that as a reset.";
static const char then_closed[] = "Then the connection ends.";
static const char then_cut[] =
    "Then the connection ends. The server's is cut off, because what it has of the body must not "
    "look complete.";
static const char or_cut[] = "If a part of it was passed on before, the client's connection is cut off instead.";
static const char not_reached[] =
    "At most three are tried. The client sees an end without a byte, and a proxy in front "
    "answers 502; in http mode the client is answered 503.";
static const char *const seen[REASON_COUNT] = {
    [REASON_DONE] = "The client sees what the server did.",
    [REASON_CLIENT_RESET] = "The server sees a reset; or the end, if the client had ended before it left.",
    [REASON_SERVER_RESET] =
        "The client sees a reset; or the whole answer and its end, if the server had ended before it left.",
    [REASON_IDLE] = "Both sides are closed; who had not taken all bytes sees a reset. Quiet WebSockets need pings.",
    [REASON_CLIENT_GONE] = "There is nobody to see it.",
    [REASON_BAD_HEAD] = then_closed,
    [REASON_TARGET_TOO_LONG] = then_closed,
    [REASON_HEAD_TOO_LARGE] = then_closed,
    [REASON_BODY_TOO_LARGE] = then_closed,
    [REASON_BAD_BODY] = then_cut,
    [REASON_METHOD_REFUSED] = then_closed,
    [REASON_EXPECTATION] = then_closed,
    [REASON_CODING] = then_closed,
    [REASON_LOOP] = then_closed,
    [REASON_SLOW_HEAD] = then_closed,
    [REASON_SLOW_BODY] = then_cut,
    [REASON_BAD_ANSWER] = or_cut,
    [REASON_SERVER_GONE] = or_cut,
    [REASON_ANSWER_TIMEOUT] = "The server's connection is cut off.",
    [REASON_ANSWERED] = "The client sees that answer.",
    [REASON_NO_ROUTE] = "A request is answered 404.",
    [REASON_WORKER_TIMEOUT] = "A request is answered 503.",
    [REASON_PER_CLIENT] = "A request is answered 429.",
    [REASON_NO_SERVER] = not_reached,
    [REASON_NO_MEMORY] =
        "The client sees the end of the stream, or a reset; in http mode 503 if nothing was answered yet.",
    [REASON_STOPPED] = "Both sides are closed; where bytes were moving until then, with a reset.",
    [REASON_INTERNAL] = "Both sides are closed.",
};

static const struct roff_row signals[] = {
    {"TERM, INT", "Accept nothing more, let open connections and workers finish for `timeouts: drain` (25 seconds), "
                  "then end. A second one ends at once; workers get TERM, and KILL 5 seconds later."},
    {"HUP",
     "On a terminal, as TERM. Otherwise replaces the workers one after the other, as `limpet reload`; the file is not "
     "read again in this version. Without workers a warning and nothing else."},
    {"USR1", "Open the log files again, after they were moved away."},
    {"USR2", "A warning and nothing else: upgrading is not in this version."},
};

static const struct roff_row statuses[] = {
    {"0", "Fine."},
    {"1", "Refused or failed."},
    {"2", "Called wrongly. That is also what wrong values of flags are, and values that are not in this version; what "
          "is wrong inside a file is 1."},
    {"3", "A wait ran out: `--timeout` of `limpet drain --wait` and `limpet reload --wait`."},
};

static const struct roff_row environment[] = {
    {"LIMPET_ADMIN",
     "Address of the admin socket, unix:PATH, for `limpet serve` and `limpet run` if neither `--admin` nor "
     "the file says one, and for whoever asks them."},
    {"XDG_RUNTIME_DIR", "Where the admin socket of `limpet run` is by default, if it is not root's: "
                        "limpet/admin.sock in there, or /tmp/limpet-UID/admin.sock if this is not set."},
    {"NO_COLOR", "If set and not empty: no colours."},
    {"TERM", "If unset or `dumb`: `limpet demo` writes plain lines."},
};

static void synopsis(void)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &command_table[i];
        char words[64];
        snprintf(words, sizeof(words), "limpet %s", command->name);
        for (size_t j = 0; command->kind == COMMAND_NOW && j < 4 && command->synopsis[j]; j++)
            roff_synopsis(words, command->synopsis[j]);
    }
    puts(".PP\n\\fBlimpet \\-\\-version\\fR");
}

static void option_entry(const struct option_row *row)
{
    char term[96];
    char letter[16] = "";
    if (row->letter)
        snprintf(letter, sizeof(letter), "`-%c`, ", row->letter);
    snprintf(term, sizeof(term), "%s`--%s`%s%s%s", letter, row->name, row->argument ? " " : "",
             row->argument ? row->argument : "", row->repeatable ? " ..." : "");
    roff_entry_text(term, row->help);
}

static void commands(void)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &command_table[i];
        if (command->kind != COMMAND_NOW)
            continue;
        char heading[64];
        snprintf(heading, sizeof(heading), "limpet %s", command->name);
        roff_subsection(heading);
        roff_text(command->text);
        for (size_t j = 0; j < command->option_count; j++)
            option_entry(&command->options[j]);
    }
}

static void later(void)
{
    roff_section("NOT IN THIS VERSION");
    roff_text("Known, and refused by " LIMPET_VERSION " with what can be done instead:");
    for (size_t i = 0; i < command_count; i++)
        if (command_table[i].kind == COMMAND_LATER)
            roff_entry(command_table[i].name, NULL, command_table[i].summary);
}

static void log_format(void)
{
    roff_section("LOG FORMAT");
    roff_text(log_text);
    roff_rows(log_fields, ARRAY_LENGTH(log_fields));
    roff_subsection("Reasons");
    roff_text(unseen);
    /* The first is no end. */
    for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
        char text[512];
        snprintf(text, sizeof(text), "%s%s%s", reason_help((enum reason)i), seen[i] ? " " : "", seen[i] ? seen[i] : "");
        roff_entry(reason_text((enum reason)i), NULL, text);
    }
    roff_subsection("Messages");
    roff_text(messages_text);
}

static void metric(const char *before, const char *name, const char *behind, const char *help)
{
    char term[128];
    snprintf(term, sizeof(term), "%s%s%s", before, name, behind);
    roff_entry(term, NULL, help);
}

static void metrics(void)
{
    roff_section("METRICS");
    roff_text(metrics_text);
    roff_rows(metrics_paths, ARRAY_LENGTH(metrics_paths));
    roff_text(metrics_examples);
    roff_subsection("What is counted");
    for (size_t i = 0; i < metrics_count(); i++)
        metric(metrics_name(i), metrics_labels(i), "", metrics_help(i));
    for (int i = 0; i < GAUGE_COUNT; i++)
        metric("limpet_", gauge_text((enum gauge)i), "", gauge_help((enum gauge)i));
    for (int i = 0; i < COUNTER_COUNT; i++)
        metric("limpet_", counter_text((enum counter)i), "_total", counter_help((enum counter)i));
}

static void sections(void)
{
    roff_section("KEY SOURCES");
    roff_text("What tells one client from another. The first source that is present counts; an empty value is absent.");
    manual_key_sources();
    roff_section("TRUST");
    roff_text(trust);
    roff_section("HOMES");
    roff_text(homes);
    roff_section("REQUESTS");
    roff_text(requests);
    roff_section("PINS");
    roff_text(pins);
    log_format();
    metrics();
    roff_section("SIGNALS");
    roff_rows(signals, ARRAY_LENGTH(signals));
    roff_section("EXIT STATUS");
    roff_rows(statuses, ARRAY_LENGTH(statuses));
    roff_section("ENVIRONMENT");
    roff_rows(environment, ARRAY_LENGTH(environment));
    roff_section("FILES");
    roff_entry("/etc/limpet/limpet.yaml", NULL, "Read when neither `-c` nor `-l` is given.");
    roff_entry("/run/limpet/admin.sock", NULL, "The admin socket of a `limpet run` that was started as root.");
}

void manual_program(void)
{
    roff_title("limpet", "1");
    roff_section("NAME");
    puts("limpet \\- bring every client home to the server that knows it");
    roff_section("SYNOPSIS");
    synopsis();
    roff_section("DESCRIPTION");
    roff_text(description);
    roff_section("QUICK START");
    roff_text(quick_start);
    roff_section("COMMANDS");
    roff_text("Every command takes `-h` and `--help`. Options and operands may be mixed; behind `--` there are only "
              "operands. The COMMAND of `limpet run` ends the options, too: all words behind it are its own.");
    commands();
    sections();
    later();
    roff_section("SEE ALSO");
    puts("\\fBlimpet.yaml\\fR(5), \\fBlimpet\\-worker\\fR(7)");
}
