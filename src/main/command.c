#include "cli/command.h"

#include "base/attr.h"

#include <string.h>

#define ROW_CONFIG                                                                                                     \
    {                                                                                                                  \
        OPTION_CONFIG, 'c', "config", "FILE", "Read FILE (see limpet.yaml(5)); without it: /etc/limpet/limpet.yaml.",  \
            false                                                                                                      \
    }

#define ROW_ADMIN(fallback)                                                                                            \
    {                                                                                                                  \
        OPTION_ADMIN, 0, "admin", "ADDR",                                                                              \
            "Socket for limpet status and its like: unix:/path, or off. Counts more than the file. " fallback, false   \
    }

/* A whole configuration as flags. */
#define ROWS_OF_FLAGS                                                                                                  \
    {OPTION_LISTEN, 'l', "listen", "ADDR", "Listen there: host:port, [v6]:port, :port or unix:/path. Needs no file.",  \
     true},                                                                                                            \
        {OPTION_MODE,                                                                                                  \
         0,                                                                                                            \
         "mode",                                                                                                       \
         "MODE",                                                                                                       \
         "auto: a trusted peer that speaks HTTP is a proxy, and each of its requests is decided; everybody else is "   \
         "decided once "                                                                                               \
         "for each connection. tcp: always once for each connection. http: always for each request. The default is "   \
         "auto.",                                                                                                      \
         false},                                                                                                       \
        {OPTION_KEY,                                                                                                   \
         'k',                                                                                                          \
         "key",                                                                                                        \
         "SOURCE",                                                                                                     \
         "What tells one client from another: client (the default), header:NAME, cookie:NAME, sni and others, listed " \
         "in "                                                                                                         \
         "limpet(1). Given more than once: the first that is present.",                                                \
         true},                                                                                                        \
        {OPTION_SEED,                                                                                                  \
         0,                                                                                                            \
         "seed",                                                                                                       \
         "TEXT",                                                                                                       \
         "Decides the homes, the same on every frontend. Everybody on this machine can read it (ps); a file hides "    \
         "it.",                                                                                                        \
         false},                                                                                                       \
    {                                                                                                                  \
        OPTION_TRUST, 0, "trust", "NET",                                                                               \
            "Believe what this network says about its clients: loopback, private, a CIDR such as 10.0.0.0/8, or "      \
            "file:PATH. "                                                                                              \
            "The default is loopback.",                                                                                \
            true                                                                                                       \
    }

static const struct option_row serve_options[] = {ROW_CONFIG, ROWS_OF_FLAGS,
                                                  ROW_ADMIN("The default is $LIMPET_ADMIN, or none.")};

static const struct option_row run_options[] = {
    {OPTION_WORKERS, 'w', "workers", "N", "So many workers, 1 to 256; auto, the default: one per CPU.", false},
    ROWS_OF_FLAGS,
    {OPTION_CONTRACT, 0, "contract", "WORD",
     "How workers are spoken to: node, limpet (see limpet-worker(7)), or auto, the default: found out.", false},
    {OPTION_NODE_MESSAGE, 0, "node-message", "JSON",
     "For Node programs that do not listen themselves, but wait for sockets: the message that comes with each. sticky "
     "stands for the one of @socket.io/sticky.",
     false},
    {OPTION_NODE_PRELOAD, 0, "node-preload", NULL,
     "Let socket.remoteAddress tell of the client even where something in front named it, on connections of its own.",
     false},
    ROW_ADMIN("The default is $LIMPET_ADMIN, or a place of your own (see limpet(1))."),
    {OPTION_TLS_CERT, 0, "tls-cert", "FILE", "Not in this version: let the program itself speak TLS.", false},
    {OPTION_TLS_KEY, 0, "tls-key", "FILE", "Not in this version.", false},
};

static const struct option_row check_options[] = {
    ROW_CONFIG,
    {OPTION_STRICT, 0, "strict", NULL, "Warnings count as errors.", false},
};

static const struct option_row why_options[] = {
    ROW_CONFIG,
    ROWS_OF_FLAGS,
    {OPTION_PEER, 0, "peer", "IP", "The address that connects, with a port or without. The default is 127.0.0.1.",
     false},
    {OPTION_HEADER, 0, "header", "'NAME: VALUE'", "A field of the HTTP request.", true},
    {OPTION_METHOD, 0, "method", "METHOD", "The method of the HTTP request; GET by default.", false},
    {OPTION_PATH, 0, "path", "PATH", "The path of the HTTP request, with its query; / by default.", false},
    {OPTION_HOST, 0, "host", "HOST", "The host that the HTTP request names.", false},
    {OPTION_SNI, 0, "sni", "NAME", "The server name in a TLS ClientHello.", false},
    {OPTION_BYTES, 0, "bytes", "FILE", "The first bytes of the connection as they are; - reads standard input.", false},
    {OPTION_LISTENER, 0, "listener", "N", "The Nth listener of the configuration; the first by default.", false},
    {OPTION_JSON, 0, "json", NULL, "Answer in JSON.", false},
    {OPTION_LIVE, 0, "live", NULL,
     "Ask the running limpet, too, and memcached where it shares pins: where the client is pinned, for how long, and "
     "which servers can be had.",
     false},
    {OPTION_ADMIN, 0, "admin", "ADDR",
     "With --live: the admin socket of the limpet that is meant, unix:/path or /path. The default is what the file "
     "says "
     "as `admin`, else as for `limpet status`.",
     false},
};

static const struct option_row demo_options[] = {
    {OPTION_FOR, 0, "for", "TIME", "End after that time: 5s, 2m or a number of seconds. Otherwise Ctrl-C ends it.",
     false},
    {OPTION_CLIENTS, 0, "clients", "N", "So many clients, 1 to 1000; 8 by default.", false},
    {OPTION_LISTEN, 'l', "listen", "ADDR",
     "Where limpet listens; by default 127.0.0.1:8080, or a free port if that is "
     "taken.",
     false},
};

static const struct option_row secret_options[] = {
    {OPTION_APPEND, 0, "append", "FILE", "Add a new secret as the last line of FILE, which is made if it is not there.",
     false},
    {OPTION_PROMOTE, 0, "promote", "FILE", "Move the last secret of FILE to the front, so that it seals.", false},
    {OPTION_RETIRE, 0, "retire", "FILE", "Drop all secrets of FILE but the first.", false},
};

#define ROW_ASK_AT                                                                                                     \
    {                                                                                                                  \
        OPTION_ADMIN, 0, "admin", "ADDR",                                                                              \
            "The admin socket of the limpet that is meant: unix:/path or /path. The default is $LIMPET_ADMIN, else "   \
            "/run/limpet/admin.sock for root, and for others limpet/admin.sock in $XDG_RUNTIME_DIR, or "               \
            "/tmp/limpet-UID/admin.sock if that is not set.",                                                          \
            false                                                                                                      \
    }

static const struct option_row status_options[] = {
    {OPTION_JSON, 0, "json", NULL, "Answer in JSON, with all that limpet tells.", false},
    ROW_ASK_AT,
};

static const struct option_row drain_options[] = {
    {OPTION_WAIT, 0, "wait", NULL, "End when the server has no connections any more.", false},
    {OPTION_TIMEOUT, 0, "timeout", "TIME", "Wait at most so long, such as 30s; then the exit status is 3.", false},
    ROW_ASK_AT,
};

static const struct option_row undrain_options[] = {ROW_ASK_AT};

static const struct option_row pins_options[] = {
    {OPTION_JSON, 0, "json", NULL, "Answer in JSON.", false},
    ROW_ASK_AT,
};

static const struct option_row unpin_options[] = {
    {OPTION_POOL, 0, "pool", "POOL", "Only in this pool; without it: in every pool that remembers keys or sessions.",
     false},
    {OPTION_SERVER, 0, "server", "POOL/NAME", "All that are pinned to this server.", false},
    ROW_ASK_AT,
};

static const struct option_row reload_options[] = {
    {OPTION_WAIT, 0, "wait", NULL, "End when all workers are replaced.", false},
    {OPTION_TIMEOUT, 0, "timeout", "TIME", "Wait at most so long, such as 5m; then the exit status is 3.", false},
    ROW_ASK_AT,
};

#define CHANGE_THE_FILE                                                                                                \
    "Change the servers in the file and restart limpet. Homes depend only on the seed and on the servers' names and "  \
    "weights, so only the clients of the changed server move."

#define JUST_RESTART                                                                                                   \
    "Restart limpet instead: it remembers nothing that it needs, so every client finds its home again. Connections "   \
    "that are open get 25 seconds to finish."

const struct command command_table[] = {
    {
        .name = "serve",
        .summary = "run: listen, find out who each client is, bring it home",
        .synopsis = {"[-c FILE] [--admin ADDR]",
                     "-l ADDR [--mode MODE] [-k SOURCE]... [--trust NET]... [--seed TEXT] [--admin ADDR] SERVER..."},
        .text = "Runs limpet, from a file or from flags alone. SERVER is [name=]ADDR[,weight=N]: the name is the "
                "server's identity, by default its address; the weight, from 1 to 256, is its share.\n\n"
                "For every connection limpet looks at the first bytes, takes the key that tells who the client is, and "
                "relays the connection to the server that ranks highest for this key. The ranking depends only on the "
                "key, the seed and the servers' names and weights; so any number of limpets agree without talking, and "
                "a server that comes or goes moves only its own clients. A trusted peer that speaks HTTP is a proxy, "
                "which may carry many clients: then each request is brought home by itself, whatever connection it "
                "comes on (--mode).\n\n"
                "    limpet serve -l :8080 a=10.0.0.11:3000 b=10.0.0.12:3000,weight=2\n"
                "    limpet serve -l :7000 -k field:Session-Id --trust private 10.0.0.21:7000\n\n"
                "The access log goes to standard output, everything else to standard error. TERM and INT let open "
                "connections finish for 25 seconds, a second one stops at once; HUP replaces worker processes, if the "
                "file has some, one after the other; USR1 opens the log files again.",
        .options = serve_options,
        .option_count = ARRAY_LENGTH(serve_options),
        .operand = "SERVER",
        .run = command_serve,
    },
    {
        .name = "run",
        .summary = "start workers and hand each client to its own",
        .synopsis =
            {"[-w N] [-l ADDR]... [--mode MODE] [-k SOURCE]... [--trust NET]... [--seed TEXT] [--contract WORD] "
             "[--node-message JSON] [--node-preload] [--admin ADDR] -- COMMAND ARG..."},
        .text =
            "Starts N processes of COMMAND, and hands each connection itself, the socket, to the process that is home "
            "to its client. From then on limpet has nothing to do with it. A worker that dies is started again, and "
            "its "
            "clients come back to it. Of a proxy that is trusted and speaks HTTP each request is brought home by "
            "itself, so its connections may carry many clients (--mode).\n\n"
            "    limpet run -w 4 -- node app.js\n\n"
            "A Node program needs no change: its own listen() says where limpet listens, unless -l does. COMMAND has "
            "to be node itself; npm start hides the program from limpet. Behind nginx on this machine, which names the "
            "client in X-Forwarded-For (another machine needs --trust), Socket.IO finds its sessions without an "
            "adapter for sticky ones:\n\n"
            "    limpet run -w auto -l 127.0.0.1:3000 -- node server.js\n\n"
            "Other languages speak a small contract, limpet-worker(7), and need -l:\n\n"
            "    limpet run -w 4 -l :7000 -k field:Session-Id -- python3 worker.py\n\n"
            "Options stand before COMMAND; whatever follows it is its own. The pool is called `app`, for whoever goes "
            "on with a file (see `workers` in limpet.yaml(5)). Logs and signals are as for `serve`: HUP, or `limpet "
            "reload`, replaces the workers one after the other; TERM and INT let them finish. What they write goes "
            "where limpet writes, on a terminal with the worker's name in front.",
        .options = run_options,
        .option_count = ARRAY_LENGTH(run_options),
        .operand = "COMMAND",
        .operand_ends_options = true,
        .run = command_run,
    },
    {
        .name = "check",
        .summary = "read a configuration, say what is wrong with it and what it decides",
        .synopsis = {"[-c FILE] [--strict]"},
        .text =
            "Reads a configuration as `serve` would. What is wrong goes to standard error with its place and, where "
            "there is a near miss, the word that was probably meant; what the configuration decides goes to "
            "standard output: who is trusted, who counts as the client, which server gets which share.\n\n"
            "Directories of logs and Unix sockets, and the user, have to exist on this machine.\n\n"
            "Exit status 0: it can be served; 1: it has errors, or warnings with --strict.",
        .options = check_options,
        .option_count = ARRAY_LENGTH(check_options),
        .run = command_check,
    },
    {
        .name = "why",
        .summary = "explain where a client would go, and why",
        .synopsis = {"[-c FILE] [--peer IP] [--header 'NAME: VALUE']... [--sni NAME] [--bytes FILE] [--listener N] "
                     "[--live [--admin ADDR]] [--json]",
                     "-l ADDR [-k SOURCE]... [--trust NET]... [--seed TEXT] [--peer IP, and so on] SERVER..."},
        .text = "Takes a client that does not exist through the code that runs for real ones: which key source was "
                "present, which were passed over and why, how the servers rank for this key, and which is home. Takes "
                "the file or the flags that `serve` takes.\n\n"
                "What limpet answers by itself is told with its status, and with the reason and the detail that the "
                "log has of it: a request that is refused, one that no route takes, a head that does not end. It "
                "sees what a client sends first, as if nothing came behind it, and of the requests the first, with "
                "the chunks of its body if --bytes has them. What only the running limpet knows it leaves out: servers "
                "that rest, sessions that were learnt and keys that are pinned, how many connections a client has, its "
                "own name in Via.\n\n"
                "With --live the limpet that runs with this file is asked for the first three; and memcached itself, "
                "where it shares pins, so that a difference between the two can be seen. The ways of `stick` are gone "
                "through in their order: who knows the client, where it was, for how long its pin is known, and when "
                "it is forgotten.\n\n"
                "    limpet why --peer 127.0.0.1 --header 'X-Forwarded-For: 203.0.113.9'\n"
                "    limpet why --live --header 'X-User: ann'\n"
                "    limpet why -l :443 -k sni --sni example.org a=10.0.0.11:443 b=10.0.0.12:443",
        .options = why_options,
        .option_count = ARRAY_LENGTH(why_options),
        .operand = "SERVER",
        .run = command_why,
    },
    {
        .name = "demo",
        .summary = "see it work: servers, clients and limpet, in one command",
        .synopsis = {"[--for TIME] [--clients N] [-l ADDR]"},
        .text = "Needs no file and no other program. Starts three small servers, limpet in front of them and some "
                "clients, and shows who went where, while one server goes away and comes back. Your own browser or "
                "curl may join in.",
        .options = demo_options,
        .option_count = ARRAY_LENGTH(demo_options),
        .run = command_demo,
    },
    {
        .name = "secret",
        .summary = "make a secret that seals cookies and pins, or change to a new one",
        .synopsis = {"", "--append FILE | --promote FILE | --retire FILE"},
        .text =
            "Without an option: writes a new secret to standard output, one line of 64 hexadecimal digits. With one: "
            "changes the file that `secret` in the configuration names. The file is replaced as a whole and keeps its "
            "owner and mode; --append makes it, with mode 600, if there is none.\n\n"
            "    limpet secret --append /etc/limpet/secret\n\n"
            "The first secret in the file seals the cookies that are given out and the pins in memcached, and every "
            "secret in it opens those that come back. So a new one takes the place of an old one in two steps, and no "
            "client loses its cookie or its pin:\n\n"
            "1. Append the new secret, bring the file to every frontend, and restart limpet there. From then on "
            "each frontend opens what the new secret seals, and none seals with it yet.\n\n"
            "2. When all were restarted: promote it, bring the file to every frontend, and restart limpet there. Each "
            "frontend seals with the new secret from its restart on, gives whoever comes with an older cookie a "
            "new one, and seals older pins anew when it reads them.\n\n"
            "When what the old secret sealed has run out, which takes as long as `for` in `stick` says, --retire drops "
            "it. If the old secret is known to somebody else, retire it at once: what it sealed is then as if there "
            "were none, and clients go to their home, which is where most of them are.\n\n"
            "limpet reads the file when it starts, and not on HUP or `limpet reload`: each step takes effect with the "
            "restart.",
        .options = secret_options,
        .option_count = ARRAY_LENGTH(secret_options),
        .run = command_secret,
    },
    {
        .name = "status",
        .summary = "show what a running limpet does",
        .synopsis = {"[--json] [--admin ADDR]"},
        .text =
            "Shows the processes of a running limpet, where it listens, and one line for each server: its state, its "
            "process or address, the connections it has (LIVE) and those that wait for it to take them (WAITING), how "
            "many were handed over to it and how many it refused, how soon it takes one on average, and how often it "
            "was started. A dash stands for what is not known or does not exist for such a server. Above the servers "
            "stands how many connections are open, were accepted and were refused since limpet was started, and in "
            "http mode how many requests came and how they were answered; then why visits ended, in the words that "
            "the log has as `reason` (see limpet(1)). Where a pool has a table (`stick` in the file), how many pins "
            "are "
            "kept here is told, and of each memcached server whether it answers. While one does not, clients are "
            "served all the same: those that are known here stay, and for newcomers the ranking decides.\n\n"
            "States: up; starting; busy, a worker that has not answered for a second, with whom its clients wait; "
            "silent, one that takes no connections: it has not answered for three seconds, or does not listen any "
            "more; down; resting, an address that could not be reached; draining; replacing, a worker whose successor "
            "starts.\n\n"
            "What `status` and its like do, other programs can do, too: the admin socket speaks HTTP with JSON.\n\n"
            "    curl --unix-socket /run/limpet/admin.sock http://localhost/v1/status\n\n"
            "It also has /metrics for Prometheus and /healthz and /readyz for whoever starts limpet: see METRICS.",
        .options = status_options,
        .option_count = ARRAY_LENGTH(status_options),
        .run = command_status,
    },
    {
        .name = "drain",
        .summary = "send a server no new clients",
        .synopsis = {"POOL/NAME [--wait [--timeout TIME]] [--admin ADDR]"},
        .text =
            "The server keeps the connections it has, and gets no new ones: its clients go to the server that ranks "
            "next for them, until `undrain` or the end of limpet. Whoever comes with its cookie or session, or is "
            "pinned "
            "(`stick` in the file), still comes to it; `limpet unpin --server` ends that for pins. A worker is not "
            "told, and goes on with what it has. "
            "`limpet status` shows the names.\n\n"
            "    limpet drain app/2 --wait --timeout 10m\n\n"
            "Exit status 0: done; 1: there is no such server, or no limpet; 3: the wait ran out, and the server is "
            "still draining.",
        .options = drain_options,
        .option_count = ARRAY_LENGTH(drain_options),
        .operand = "POOL/NAME",
        .run = command_drain,
    },
    {
        .name = "undrain",
        .summary = "send a server new clients again",
        .synopsis = {"POOL/NAME [--admin ADDR]"},
        .text = "Takes `drain` back: the clients whose home the server is come back to it with their next connection.",
        .options = undrain_options,
        .option_count = ARRAY_LENGTH(undrain_options),
        .operand = "POOL/NAME",
        .run = command_undrain,
    },
    {
        .name = "pins",
        .summary = "show how many clients are pinned to each server of a pool",
        .synopsis = {"POOL [--json] [--admin ADDR]"},
        .text =
            "Counts the pins that this limpet knows: of keys (`stick: {table: ...}` in the file) and of sessions. Of "
            "a table that frontends share in memcached these are the clients who came to this one.\n\n"
            "    limpet pins app\n\n"
            "`--json` writes one object: `pool`; `pins`, how many there are; `servers`, each with `server` and "
            "`pins`.\n\n"
            "Exit status 0: shown; 1: there is no such pool, it pins nothing, or there is no limpet.",
        .options = pins_options,
        .option_count = ARRAY_LENGTH(pins_options),
        .operand = "POOL",
        .run = command_pins,
    },
    {
        .name = "unpin",
        .summary = "let a client, or all of a server, go where the ranking leads",
        .synopsis = {"[--pool POOL] KEY [--admin ADDR]", "--server POOL/NAME [--admin ADDR]"},
        .text =
            "Forgets the pin of a key. With the next visit it is decided anew, as if the client had never been there: "
            "it goes where the ranking leads now, and is pinned there. Connections that are open stay.\n\n"
            "    limpet unpin alice\n"
            "    limpet unpin --pool app 203.0.113.9\n"
            "    limpet unpin --server app/old\n\n"
            "KEY is what the log shows with `log: {keys: plain}`. It counts for all that it may mean: the text, the "
            "address if "
            "it is one (also where `client/24/56` and its like group addresses), and the id of a session. One that "
            "begins with a dash stands behind `--`.\n\n"
            "Where the table is in memcached, a word there tells the other frontends. Each hears of it by itself: it "
            "asks memcached about a pin that is used, every 10 seconds; until then, and with the visit that makes it "
            "ask, its clients go where they went. While memcached does not answer, it is done here alone, and comes "
            "back with memcached: the exit status is 1 then.\n\n"
            "With `--server` all pins to a server count no more, those of sessions, too. Only the limpet that is told "
            "knows: say it on each frontend, and again after a restart if the table is in memcached. Whom the ranking "
            "leads to the same server stays there; so drain it first if nobody is to:\n\n"
            "    limpet drain app/old && limpet unpin --server app/old\n\n"
            "A table that is not in memcached is each frontend's own: say it on each that the client may reach. A "
            "sealed "
            "cookie (`stick: cookie`) is the client's, and an id of a session that ends with the name of a server "
            "leads "
            "there: nothing here forgets those.\n\n"
            "Exit status 0: done, also when nothing was pinned; 1: there is no such pool or server, nothing is pinned "
            "in it, memcached does not answer, or there is no limpet.",
        .options = unpin_options,
        .option_count = ARRAY_LENGTH(unpin_options),
        .operand = "KEY",
        .run = command_unpin,
    },
    {.name = "add", .summary = "add a server", .synopsis = {"SERVER"}, .text = CHANGE_THE_FILE, .kind = COMMAND_LATER},
    {.name = "remove",
     .summary = "remove a server",
     .synopsis = {"SERVER"},
     .text = CHANGE_THE_FILE,
     .kind = COMMAND_LATER},
    {.name = "weight",
     .summary = "change the weight of a server",
     .synopsis = {"SERVER N"},
     .text = CHANGE_THE_FILE,
     .kind = COMMAND_LATER},
    {
        .name = "reload",
        .summary = "replace the workers, one after the other",
        .synopsis = {"[--wait [--timeout TIME]] [--admin ADDR]"},
        .text =
            "Replaces every worker by a new process of the same command, one after the other, as after a new version "
            "of your program. The new process is started first; when it takes connections, the old one is told to "
            "finish, gets TERM if it is still there after `timeouts: drain` (25 seconds), and KILL 5 seconds later; "
            "then it is the next one's turn. So no client is refused, and whoever has a WebSocket open may lose it "
            "after that time. HUP does the same.\n\n"
            "If a new process dies, or takes no connections within 30 seconds, the restart stops, and the workers that "
            "were not replaced yet stay.\n\n"
            "This version does not read its configuration again: for that, restart limpet.",
        .options = reload_options,
        .option_count = ARRAY_LENGTH(reload_options),
        .run = command_reload,
    },
    {.name = "upgrade",
     .summary = "replace the running program",
     .synopsis = {""},
     .text = JUST_RESTART,
     .kind = COMMAND_LATER},
    {
        .name = "help",
        .summary = "show help",
        .synopsis = {"[COMMAND]"},
        .text = "Shows all commands, or the help of one.",
        .operand = "COMMAND",
        .run = command_help,
        .kind = COMMAND_HIDDEN,
    },
    {
        .name = "manual",
        .summary = "write a manual page",
        .synopsis = {"limpet.1|limpet.yaml.5|limpet-worker.7"},
        .text = "Writes a manual page to standard output, made of the tables that the program itself uses.",
        .operand = "PAGE",
        .run = command_manual,
        .kind = COMMAND_HIDDEN,
    },
    {
        .name = "engine",
        .summary = "the part that faces the clients; started by serve and run themselves",
        .synopsis = {""},
        .text = "Started by `limpet serve` and `limpet run`, not by hand.",
        .run = command_engine,
        .kind = COMMAND_HIDDEN,
    },
};
const size_t command_count = ARRAY_LENGTH(command_table);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(command_table[i].name, name) == 0)
            return &command_table[i];
    return NULL;
}
