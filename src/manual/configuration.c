#include "manual/manual.h"

#include "cli/version.h"
#include "conf/conf.h"
#include "manual/roff.h"

#include <stdio.h>
#include <string.h>

static const char description[] =
    "The configuration of limpet(1): where clients knock, whom to believe, what tells one client from another, and "
    "which "
    "servers there are. `limpet check` reads it and says what is wrong with it and what it decides.\n\n"
    "The file is YAML. Keys that do not exist, values of a wrong type and names that lead nowhere are errors. Keys "
    "that "
    "a later version brings are known, and are refused with what can be used instead.\n\n"
    "Durations carry their unit: `250ms`, `5s`, `2m`, `1h`, `1d`. Booleans are true or false; on and off do "
    "as well. A single value is accepted where a list of one is meant. Relative paths start at the directory of the "
    "file. Quote what YAML would read otherwise: \"[::]:443\", \"*.example.org\", \":443\".\n\n"
    "What is decided is where a connection goes, or each of the requests on it: that is the listener's `mode`. By "
    "default a trusted peer that speaks HTTP is taken for a proxy, which carries many clients, and each of its "
    "requests "
    "is decided; everybody else's connection is decided once.\n\n"
    "At the front of a connection that is decided once, at most 16 KiB are looked at. Of the head of a request that is "
    "longer, with big cookies for example, nothing counts: its key sources are absent, and so is the field that names "
    "the client, whose place the peer takes. The line in the log then says so in `detail`. Where each request is "
    "decided, `limits: head` holds instead.";

static const char examples[] =
    "One listener, three servers, the second with twice the share:\n\n"
    "    listeners:\n"
    "      - {bind: \":8080\", pool: app}\n"
    "    pools:\n"
    "      app:\n"
    "        servers:\n"
    "          a: 10.0.0.11:3000\n"
    "          b: {address: \"10.0.0.12:3000\", weight: 2}\n"
    "          c: 10.0.0.13:3000\n\n"
    "Behind proxies of one's own, each user at home at one server, with the same homes on every frontend:\n\n"
    "    seed: prod-eu\n"
    "    listeners:\n"
    "      - {bind: \":8080\", trust: [loopback, 10.0.0.0/24], pool: app}\n"
    "    pools:\n"
    "      app:\n"
    "        key: [\"header:X-User\", client]\n"
    "        servers: {a: \"10.0.0.11:3000\", b: \"10.0.0.12:3000\"}\n\n"
    "Requests by host, path and method; an answer, a redirect, a field that is added; and a pool that remembers "
    "by the session ids that its servers give out where its clients were:\n\n"
    "    listeners:\n"
    "      - bind: \":8080\"\n"
    "        routes:\n"
    "          - {host: old.example.org, redirect: https}\n"
    "          - {path: /robots.txt, answer: {body: \"User-agent: *\"}}\n"
    "          - {path: /api/, method: [PUT, POST], pool: api}\n"
    "          - {pool: shop, response-headers: {set: {X-Frame-Options: DENY}}}\n"
    "    pools:\n"
    "      api: {servers: [\"10.0.0.21:3000\", \"10.0.0.22:3000\"]}\n"
    "      shop: {stick: {session: \"cookie:JSESSIONID\"}, servers: [\"10.0.0.11:3000\", \"10.0.0.12:3000\"]}\n\n"
    "Two frontends, the same file on both: a server that is added later gets new clients only, whichever frontend they "
    "come to:\n\n"
    "    seed: prod-eu\n"
    "    secret: /etc/limpet/secret\n"
    "    memcached: \"10.0.9.1:11211\"\n"
    "    listeners:\n"
    "      - {bind: \":8080\", mode: http, trust: 10.0.0.0/24, pool: app}\n"
    "    pools:\n"
    "      app:\n"
    "        stick: [{cookie: limpet, for: 7d}, {table: memcached, for: 1h}]\n"
    "        servers: {a: \"10.0.0.11:3000\", b: \"10.0.0.12:3000\", c: \"10.0.0.13:3000\"}\n\n"
    "TLS passed through by server name, and a protocol of one's own with 4 bytes of client address in front:\n\n"
    "    listeners:\n"
    "      - bind: \":8443\"\n"
    "        routes: [{sni: a.example.org, pool: a}, {pool: app}]\n"
    "      - {bind: \":7000\", trust: 192.0.2.0/28, unwrap: ipv4, pool: game}\n"
    "    pools:\n"
    "      a: {servers: [\"10.0.0.11:443\"]}\n"
    "      app: {servers: [\"10.0.0.12:443\", \"10.0.0.13:443\"]}\n"
    "      game: {servers: {g1: \"10.0.0.21:7000\", g2: \"10.0.0.22:7000\"}, send-proxy: v2}\n\n"
    "A Node program that limpet starts once per CPU, listening where the program says, each user at home in one of the "
    "processes:\n\n"
    "    listeners:\n"
    "      - {pool: app}\n"
    "    pools:\n"
    "      app:\n"
    "        key: [\"cookie:user\", client]\n"
    "        workers:\n"
    "          command: [node, app.js]\n"
    "          environment: {PORT: 3000}\n"
    "          limits: {open-files: 65536}";

/* The schema has the keys of a map behind the map itself; here each map has its own heading instead. */
#define SECTIONS_MOST 32
#define SECTION_SIZE 64

struct sections {
    char names[SECTIONS_MOST][SECTION_SIZE]; /* "" is the top, "pools.NAME" a map */
    unsigned count;
    unsigned current;
};

static void section_of(const struct conf_schema_row *row, char name[SECTION_SIZE])
{
    const char *dot = strrchr(row->path, '.');
    snprintf(name, SECTION_SIZE, "%.*s", dot ? (int)(dot - row->path) : 0, row->path);
}

static void gather(void *context, const struct conf_schema_row *row)
{
    struct sections *sections = context;
    char name[SECTION_SIZE];
    section_of(row, name);
    for (unsigned i = 0; i < sections->count; i++)
        if (strcmp(sections->names[i], name) == 0)
            return;
    if (sections->count < SECTIONS_MOST)
        memcpy(sections->names[sections->count++], name, SECTION_SIZE);
}

static void key_row(void *context, const struct conf_schema_row *row)
{
    const struct sections *sections = context;
    char term[160];
    char text[2048];
    char name[SECTION_SIZE];
    section_of(row, name);
    if (row->since || strcmp(name, sections->names[sections->current]) != 0)
        return;
    const char *dot = strrchr(row->path, '.');
    bool has_fallback = strcmp(row->fallback, "none") != 0;
    snprintf(term, sizeof(term), "`%s`: %s", dot ? dot + 1 : row->path, row->type);
    snprintf(text, sizeof(text), "%s%s%s%s", row->help, has_fallback ? " Default: " : "",
             has_fallback ? row->fallback : "", has_fallback ? "." : "");
    roff_entry_text(term, text);
}

static void later_row(void *context, const struct conf_schema_row *row)
{
    if (row->since)
        roff_entry(row->path, NULL, row->help);
}

static void keys(void)
{
    struct sections sections = {.count = 0};
    conf_schema_each(gather, &sections);
    for (; sections.current < sections.count; sections.current++) {
        const char *name = sections.names[sections.current];
        roff_subsection(name[0] ? name : "At the top");
        conf_schema_each(key_row, &sections);
    }
}

void manual_configuration(void)
{
    roff_title("limpet.yaml", "5");
    roff_section("NAME");
    puts("limpet.yaml \\- configuration of limpet");
    roff_section("DESCRIPTION");
    roff_text(description);
    roff_section("EXAMPLES");
    roff_text(examples);
    roff_section("KEYS");
    keys();
    roff_section("KEY SOURCES");
    roff_text("What `key` may name. An empty value counts as absent.");
    manual_key_sources();
    roff_section("NOT IN THIS VERSION");
    roff_text("Known, and refused by " LIMPET_VERSION ":");
    conf_schema_each(later_row, NULL);
    roff_section("FILES");
    roff_entry("/etc/limpet/limpet.yaml", NULL, "What limpet reads when no other file is named.");
    roff_text(
        "Coming from flags, `limpet serve -l ...`: call the pool `default`, and give the servers and the seed as "
        "the flags did. Coming from `limpet run`: call the pool `app`, and give the same number of workers. Then no "
        "client moves.");
    roff_section("SEE ALSO");
    puts("\\fBlimpet\\fR(1), \\fBlimpet\\-worker\\fR(7)");
}
