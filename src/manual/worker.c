#include "manual/manual.h"

#include "base/attr.h"
#include "base/text.h"
#include "manual/roff.h"

#include <limpet/worker.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char description[] =
    "A worker is a process that limpet starts itself, `limpet run`, or `workers` in limpet.yaml(5), and to which it "
    "hands connections: not their bytes, but the client's own socket. limpet accepts the client, looks at its first "
    "bytes without taking them, finds the worker that is home to it, and gives it the socket. From then on limpet has "
    "no part in the connection and spends nothing on it.\n\n"
    "A pool of N workers has N slots, counted from 1. The slot is the server's name, so it decides the homes, and "
    "whatever process is in it serves the slot's clients. A worker that dies is started again into its slot.\n\n"
    "There are two ways to be a worker. A Node program is one as it is: limpet speaks what Node's own cluster module "
    "speaks. Every other program speaks the limpet contract: a socket, a message of 64 bytes, an answer of 8. "
    "`contract` says which; without it limpet finds out from the command and from what the program says first.";

static const char node_text[] =
    "    limpet run -w 4 -- node app.js\n\n"
    "Nothing has to be changed, loaded or configured in the program. Its `listen()` opens no port: it asks limpet, "
    "which "
    "listens there; or, with `-l`, or `bind` in the file, where these say, for the first listen() of the program. "
    "Express, Socket.IO, ws, plain http and https work, with long "
    "polling "
    "too, and without an adapter for sticky sessions, because every client always comes to the same worker. Several "
    "calls of `listen()` work, port 0, which is the same free port for all workers, and Unix paths. https in the "
    "program works: all workers get the same keys for TLS tickets, so a client may resume its session at another "
    "one.\n\n"
    "The worker sees the client's own socket. `socket.remoteAddress` is whoever connected to limpet, which is the "
    "proxy where there is one in front; `X-Forwarded-For` is there as always. Where limpet took a PROXY header or a "
    "prefix off, the address in it would be lost: `--node-preload`, or `node-preload: true`, loads a few lines before "
    "the program, so that `socket.remoteAddress`, `remotePort` and `encrypted` tell of the client.\n\n"
    "Where each request is decided by itself (`mode: http`; `auto` behind a proxy), limpet is a proxy on the same "
    "machine: `socket.remoteAddress` is 127.0.0.1, and the client is in `X-Forwarded-For`, its scheme in "
    "`X-Forwarded-Proto`. So what frameworks advise holds, such as `app.set('trust proxy', 'loopback')` of Express. "
    "Name "
    "whom to trust there, with the addresses of the proxies in front, rather than their number: limpet is one more, "
    "but "
    "not for clients that connect to it themselves. limpet loads the same few lines for this (NODE_OPTIONS, "
    "a script in $TMPDIR or /tmp), unless `node-preload: false` is in the file; then the address is undefined there. "
    "The --experimental-permission of Node 20 needs --allow-fs-read for it.\n\n"
    "A program that uses the cluster module itself finds that it is a worker already: `cluster.isPrimary` is false. So "
    "it "
    "works too, and limpet counts its workers, not its primary. But what `process.send()` says reaches no other "
    "worker, "
    "so an "
    "adapter that speaks through the primary, such as @socket.io/cluster-adapter, has to give way to one that speaks "
    "through a database.";

static const char node_sessions[] =
    "When all clients have one address, or a key tells too little of them, they can be spread, and each come back to "
    "the worker that has its session:\n\n"
    "    pools:\n"
    "      chat:\n"
    "        key: \"query:sid\"\n"
    "        no-key: random\n"
    "        stick: {session: \"query:sid\"}\n"
    "        workers: {command: [node, chat.js], count: 4}\n\n"
    "Whoever has no session yet goes to any worker, and limpet learns from that worker which id it gave out. Where "
    "`stick` learns sessions, the lines that limpet loads before the program see to it for every program with "
    "Socket.IO 2 to 4, or Engine.IO alone. With `node-preload: false` it is the program's own task: the worker side of "
    "@socket.io/sticky (`setupWorker`) tells of its sessions, and any other program can say the same:\n\n"
    "    process.send({type: 'sticky:connection', data: id});\n"
    "    process.send({type: 'sticky:disconnection', data: id});\n\n"
    "An id is a text of at most 256 bytes. It belongs to the first worker that tells of it, until that one says that "
    "the session has ended, or dies; limpet warns when another worker tells of it before. The client may be back "
    "before the worker has told: with `no-key: random`, an id in the query that nobody knows is waited for, at most a "
    "quarter of a second. So long does a client, too, whose session has ended wait until he is told so.\n\n"
    "In `mode: tcp` a connection stays where its first request went. Whoever has several sessions, such as a browser "
    "with two pages, may send the second one's requests on the first one's connection: take another mode, which "
    "decides for each request, or let the program answer with `Connection: close`, as @socket.io/sticky does.\n\n"
    "Workers belong to one limpet. Where several share their pins, a session at a worker of one is nothing to the "
    "workers of another, which have the same names: let whoever is in front keep clients with one limpet, by their "
    "address.";

static const struct roff_row node_not[] = {
    {"listen({exclusive: true})",
     "Binds for real, past limpet, and the second worker fails: the port is in use. Leave `exclusive` out."},
    {"UDP",
     "`dgram` sockets are refused with EACCES. Bind them in a program of its own, or with `exclusive: true` on a "
     "port that depends on LIMPET_SLOT."},
    {"npm start",
     "npm is a Node program itself: it takes what limpet offers and keeps it from yours, which then opens "
     "its own port. Neither do yarn, pnpm and npx pass it on. Name the command that package.json has under "
     "`scripts: start`, such as `node server.js`; limpet says so when it starts, with that command. "
     "A shell is fine if it ends with exec: sh -c 'exec node app.js'."},
    {"Bun", "Binds its port itself. limpet recognises it and says so. Run the program with node; or start each Bun on "
            "a port of its own and name these as `servers`."},
};

static const char node_messages[] =
    "Some programs do not listen, but wait for sockets from a parent of their own:\n\n"
    "    process.on('message', (message, socket) => {\n"
    "        if (message === 'sticky-session:connection')\n"
    "            server.emit('connection', socket);\n"
    "    });\n\n"
    "They get them when limpet knows the message that they wait for, in JSON: `--node-message "
    "'\"sticky-session:connection\"'`, or `node-message` in the file; the word `sticky` stands for what the worker "
    "side of @socket.io/sticky waits for. They need `-l`, for they never say where. These messages have no numbers, so "
    "what such a program has not read yet cannot be taken back from it.";

static const char contract_text[] =
    "    limpet run -w 4 -l :7000 -- ./worker\n\n"
    "The environment variable LIMPET_FD has the number of a descriptor: one end of a Unix socket of type "
    "SOCK_SEQPACKET, on which each message stays whole. It blocks until the worker wants it otherwise, and it is not "
    "close-on-exec. A worker sets that, and takes the variable out of its environment, so that its children do not "
    "speak there.\n\n"
    "The worker sends READY once it can serve. Then limpet sends connections, each with one descriptor (unix(7), "
    "SCM_RIGHTS), and lets at most 32 of them be unanswered. The worker answers each with its number, in any order: "
    "TAKEN, or REFUSED, and then it closes its copy.\n\n"
    "At last the socket ends. What was sent before the end is still to be answered, and answers still arrive. The "
    "worker "
    "finishes what it has and exits.\n\n"
    "All numbers are in the machine's own byte order. What is called nothing is 0 when sent, and ignored when read. An "
    "address is 16 bytes in the order of the network, IPv4 as ::ffff:a.b.c.d; then 2 bytes of port, 0 where it is not "
    "known; then 1 byte: 0 where nothing is known, 1 for an IP address, 2 for somebody on a Unix socket; then nothing, "
    "1 "
    "byte.";

/* A field on the wire, out of the header that workers include. */
struct wire_field {
    unsigned offset;
    unsigned size;
    const char *name;
    const char *text;
};

#define FIELD(type, name, text)                                                                                        \
    {                                                                                                                  \
        offsetof(struct type, name), sizeof(((struct type *)0)->name), #name, text                                     \
    }

#define QUOTED(number) #number
#define NUMBER(macro) QUOTED(macro)
#define WORD(name) NUMBER(LIMPET_##name) " " #name

static const struct wire_field message_fields[] = {
    FIELD(limpet_message, version, NUMBER(LIMPET_WORKER_VERSION) "; a later one may be longer"),
    FIELD(limpet_message, word, WORD(CONNECTION) ", " WORD(PING)),
    FIELD(limpet_message, flags, WORD(TLS) ", " WORD(PAIR) ", or their sum"),
    FIELD(limpet_message, number, "for the answer; never 0"),
    FIELD(limpet_message, key, "the same for the same client"),
    FIELD(limpet_message, readable, "bytes known to be there"),
    FIELD(limpet_message, zero, "nothing"),
    FIELD(limpet_message, client, "address: who it is"),
    FIELD(limpet_message, peer, "address: who connected"),
};

static const struct wire_field answer_fields[] = {
    FIELD(limpet_answer, number, "of the message; for LIVE the count"),
    FIELD(limpet_answer, word, WORD(READY) ", " WORD(TAKEN) ", " WORD(REFUSED) ", " WORD(PONG) ", " WORD(LIVE)),
    FIELD(limpet_answer, zero, "nothing"),
};

static const struct roff_row message_words[] = {
    {"CONNECTION",
     "Comes with one descriptor, the client's socket, non-blocking. No byte of it has been read, but what "
     "limpet was told to take off. With PAIR it is one end of a socketpair instead, so getpeername(2) "
     "knows nothing. With TLS the client speaks TLS, and limpet has taken it off, which this version never does. "
     "`client` is whom a "
     "trusted proxy, a PROXY header or a prefix named, else the peer. `readable` may be less than there "
     "is. In http mode a connection is a PAIR that brings requests of many clients, one after the other: then neither "
     "key nor client nor peer is told, and X-Forwarded-For in each request tells who its client is."},
    {"PING", "Is the worker there? It answers PONG with the same number, soon: see below. Comes about once a second, "
             "when there is nothing else to say."},
};

static const struct roff_row answer_words[] = {
    {"READY", "Once, at the start, with number 0. Before it no connection comes."},
    {"TAKEN", "The connection is the worker's. limpet closes its copy and forgets it."},
    {"REFUSED", "It is not: limpet gives it to the next-ranked worker. A worker that is full says so, and one that got "
                "a CONNECTION without a descriptor, see below."},
    {"PONG", "To a PING."},
    {"LIVE", "How many connections the worker has, for `limpet status`. At any time, or never."},
};

static const struct roff_row rules[] = {
    {"Answer before the first read.",
     "Until it is answered limpet has the connection too, and gives it to another worker if this one dies. If a byte "
     "of "
     "it had been read, that worker would get a stream without its beginning. For the same reason a connection whose "
     "TAKEN could not be sent is not the worker's: close it."},
    {"Leave O_NONBLOCK and SO_RCVLOWAT as they are until then.",
     "They belong to the open file, which limpet shares until it has the answer. The same holds for the channel: do "
     "not "
     "rely on it to block or not, say MSG_DONTWAIT."},
    {"Take it out of epoll before you close it.",
     "limpet may have its copy a moment longer, and as long as anybody has one, epoll(7) goes on telling of the file: "
     "EPOLL_CTL_DEL first, then close(2)."},
    {"Pass over what you do not know.",
     "Words and longer messages come with later versions: ignore the one, take the first 64 bytes of the other, and "
     "close the descriptors that come with them."},
    {"Look at MSG_CTRUNC.",
     "When the worker's table of descriptors is full, the message arrives without its descriptor, and the kernel has "
     "closed it. Answer REFUSED."},
    {"Let no answer get lost.",
     "The socket has room for as many as limpet lets be under way. A worker that says LIVE very often may find it full "
     "(EAGAIN) and has to wait for room with the others."},
};

static const char helpers[] =
    "C and C++ include <limpet/worker.h>, which is all there is: nothing is linked. The header says what each function "
    "does.\n\n"
    "    struct limpet_worker worker;\n"
    "    struct limpet_connection connection;\n"
    "    if (limpet_worker_open(&worker) != 0)\n"
    "        return 1;\n"
    "    limpet_worker_ready(&worker);\n"
    "    while (limpet_worker_next(&worker, &connection) == 1)\n"
    "        if (limpet_worker_take(&worker, &connection) == 0)\n"
    "            serve(connection.fd);\n\n"
    "This worker serves one client after the other, and hears nothing meanwhile. One that lasts puts `worker.fd` into "
    "its poll(2) or epoll(7), as the example worker.c does.\n\n"
    "Python 3.9 and later have limpet_worker.py, one file for asyncio, to be copied or named by PYTHONPATH:\n\n"
    "    import asyncio\n"
    "    import limpet_worker\n\n"
    "    async def handle(reader, writer, client):\n"
    "        line = await reader.readline()\n"
    "        writer.write(str(client).encode() + b\" says \" + line)\n\n"
    "    asyncio.run(limpet_worker.serve(handle, limit=1000))\n\n"
    "`serve_protocol(factory)` does the same for an asyncio.Protocol.";

static const struct roff_row life[] = {
    {"Start", "limpet starts all workers of a pool at once, each as the leader of a process group of its own, with "
              "/dev/null as its standard input. A Node worker gets clients from its first listen() on, any other from "
              "READY on. Until then its clients go to the next-ranked, or, when none is there yet, wait, at most "
              "`timeouts: worker`. A command that has said nothing after 5 seconds, or does not listen after 10, is "
              "named in the messages, with the usual cause."},
    {"Listen", "Where a Node worker's own listen() says, limpet opens a socket, which all workers of the pool share "
               "that ask for the same. It stays open while they come and go, and is closed when none of them listens "
               "there any more."},
    {"limpet drain", "Only clients hear of it: they go to the next-ranked. The worker is told nothing, and keeps the "
                     "connections that it has."},
    {"Rolling restart",
     "`limpet reload`, or HUP: the new process of a slot is started first, and when it takes connections, the old one "
     "is told to finish. When that has ended it is the next slot's turn. A new process that dies, or takes no "
     "connections within 30 seconds, stops the restart."},
    {"Finish",
     "In a rolling restart, and at the end of limpet. The worker gets no more clients. Node: the "
     "cluster protocol's `disconnect`, at which Node closes its servers, drops idle connections, finishes "
     "requests, and exits when nothing is left; before Node 19 idle connections stay for its keepAliveTimeout, which "
     "is 5 seconds. The limpet contract: end of file on LIMPET_FD. WebSockets keep both alive."},
    {"TERM, KILL", "A worker that is still there when `timeouts: drain` is over gets SIGTERM, with all of its process "
                   "group, and SIGKILL 5 seconds later; one that takes no connections yet gets it at once. What it "
                   "leaves behind in its group gets SIGTERM."},
};

static const struct roff_row faults[] = {
    {"It dies",
     "limpet reads what it had answered. What it had not taken goes to another process of the slot or to the "
     "next-ranked worker, unread, so that those clients notice nothing; what it had taken is lost with it. A "
     "new process takes its slot, at once, or with growing pauses if it dies again and again. When it takes "
     "connections its clients come home."},
    {"It shuts its channel down",
     "Nothing can be given to it any more: it gets SIGTERM, and a new process takes its slot. A mere close(2) is not "
     "seen, because limpet holds that end, too: such a worker is silent."},
    {"It is silent for 1 second",
     "It has a connection or a ping and does not answer: it is busy, as `limpet status` shows. Its clients wait with "
     "it, because it is the one that knows them."},
    {"It is silent for 3 seconds",
     "Or it says that it is there, and takes nobody. It is down. What was sent to it and what it has not read yet is "
     "taken back out of its socket, and goes to the next-ranked; so do its clients from now on. What it has read and "
     "not answered cannot be given to anybody else: those clients wait, at most `timeouts: worker`. When it answers "
     "again, it is up, and its clients come home. `kill-silent` kills it instead, after a time."},
    {"It is silent, and requests are decided one by one",
     "In mode http, and in auto behind a proxy. A request that needs a new connection to the worker goes to the "
     "next-ranked after these 3 seconds, with that connection. One that was sent on a connection which the worker has "
     "taken before waits for it, at most `timeouts: answer`, and is answered 504 then: nobody can take back what "
     "stands "
     "unread in such a connection, so the worker might still do what it says when it goes on."},
    {"It is stopped (SIGSTOP)", "As silent. Continued, it goes on, and finds in its socket nothing that another has "
                                "got."},
    {"Its table of descriptors is full",
     "The connection that does not fit comes back: REFUSED, or Node's NACK. The next-ranked gets it. `limits: "
     "open-files` raises the limit."},
    {"limpet's engine dies", "The keeper holds all channels, so workers and their connections live on and notice "
                             "nothing. The next engine goes on with other numbers; answers with the old ones mean "
                             "nothing to it. Connections that it had not handed over end with it; those that a "
                             "worker finds in its socket are served."},
    {"limpet's keeper is killed",
     "Everything else ends in order: the workers are told as in a drain, so that a Node "
     "worker finishes its requests and exits, and a worker of the limpet contract sees the "
     "end of its socket and drains. When `timeouts: drain` is over the engine ends, and sends SIGTERM to those who are "
     "still there, where its user may: not where limpet was started as root and the worker is somebody else. Such a "
     "worker lives as long as its clients do. Nobody starts a new one: that is for whoever restarts limpet."},
};

static const struct roff_row environment[] = {
    {"LIMPET_POOL", "Name of the pool."},
    {"LIMPET_SLOT", "The worker's slot, from 1: stable over restarts, so it can name a log file or a port."},
    {"LIMPET_FD", "The limpet contract's descriptor."},
    {"LIMPET_SESSIONS",
     "For the lines that are loaded before Node programs: sessions are to be told of. They take it out."},
    {"NODE_CHANNEL_FD, NODE_CHANNEL_SERIALIZATION_MODE, NODE_UNIQUE_ID",
     "What Node's cluster module looks for: the descriptor, `json`, and the slot. Node takes "
     "them "
     "out of the environment. As long as limpet does not know which contract the program speaks, it offers both; a "
     "program that does not use the helpers should take these away from its children, too."},
};

static const struct roff_row files[] = {
    {"include/limpet/worker.h", "The header, below the prefix of the installation, such as /usr/local."},
    {"share/limpet/python/limpet_worker.py", "The helper for Python."},
    {"share/doc/limpet/examples/worker.c, worker.py", "Small complete workers."},
};

/* Columns stay where they are only in an example. */
static void wire_table(const struct wire_field *fields, unsigned count)
{
    char space[2048];
    struct text text;
    text_init(&text, space, sizeof(space));
    text_add(&text, "    byte size field\n");
    for (unsigned i = 0; i < count; i++) {
        const char *name = strcmp(fields[i].name, "zero") == 0 ? "" : fields[i].name;
        text_add_format(&text, "    %4u %4u %-9s %s\n", fields[i].offset, fields[i].size, name, fields[i].text);
    }
    space[text.length - 1] = '\0'; /* the last newline */
    roff_text(space);
}

static void contract(void)
{
    roff_section("THE LIMPET CONTRACT");
    roff_text(contract_text);
    roff_subsection("What limpet sends: 64 bytes");
    wire_table(message_fields, ARRAY_LENGTH(message_fields));
    roff_rows(message_words, ARRAY_LENGTH(message_words));
    roff_subsection("What the worker sends: 8 bytes");
    wire_table(answer_fields, ARRAY_LENGTH(answer_fields));
    roff_rows(answer_words, ARRAY_LENGTH(answer_words));
    roff_subsection("Rules");
    roff_rows(rules, ARRAY_LENGTH(rules));
    roff_subsection("Helpers");
    roff_text(helpers);
}

void manual_worker(void)
{
    roff_title("limpet-worker", "7");
    roff_section("NAME");
    puts("limpet\\-worker \\- programs to which limpet hands connections");
    roff_section("DESCRIPTION");
    roff_text(description);
    roff_section("NODE PROGRAMS");
    roff_text(node_text);
    roff_subsection("Sessions");
    roff_text(node_sessions);
    roff_subsection("What does not work");
    roff_rows(node_not, ARRAY_LENGTH(node_not));
    roff_subsection("Programs that wait for sockets");
    roff_text(node_messages);
    contract();
    roff_section("LIFE OF A WORKER");
    roff_rows(life, ARRAY_LENGTH(life));
    roff_subsection("When something goes wrong");
    roff_rows(faults, ARRAY_LENGTH(faults));
    roff_section("ENVIRONMENT");
    roff_rows(environment, ARRAY_LENGTH(environment));
    roff_section("FILES");
    roff_rows(files, ARRAY_LENGTH(files));
    roff_section("SEE ALSO");
    puts("\\fBlimpet\\fR(1), \\fBlimpet.yaml\\fR(5), \\fBunix\\fR(7)");
}
