#include "main/plan_text.h"

#include "base/attr.h"
#include "base/text.h"
#include "pins/pins.h"
#include "plan/describe.h"

#include <inttypes.h>
#include <string.h>

/* Longer lists are cut: nobody reads them here. */
#define NETWORKS_SHOWN 8
#define SERVERS_SHOWN 40

/* Of a word of a command. */
#define WORD_SIZE 256

/* Of what is said of a route. */
#define TEXT_SIZE 512

static void label(FILE *out, const char *name)
{
    fprintf(out, "  %-11s ", name);
}

static void duration(FILE *out, micros time)
{
    static const struct unit {
        micros size;
        const char *name;
    } units[] = {{86400 * (micros)SECOND_IN_MICROS, "d"},
                 {3600 * (micros)SECOND_IN_MICROS, "h"},
                 {60 * (micros)SECOND_IN_MICROS, "m"},
                 {SECOND_IN_MICROS, "s"},
                 {MILLIS_IN_MICROS, "ms"},
                 {1, "us"}};
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (time % units[i].size == 0 && (time >= units[i].size || units[i].size == SECOND_IN_MICROS)) {
            fprintf(out, "%" PRId64 "%s", time / units[i].size, units[i].name);
            return;
        }
    }
}

static void network(FILE *out, const struct network *n)
{
    char text[ENDPOINT_TEXT_SIZE];
    struct endpoint e = endpoint_from_ip6(n->ip, 0);
    endpoint_text(&e, text);
    unsigned bits = endpoint_is_ip4(&e) && n->bits >= 96 ? n->bits - 96U : n->bits;
    fprintf(out, "%s/%u", text, bits);
}

static void trust(FILE *out, const struct plan_trust *t)
{
    label(out, "trusts");
    if (!t->loopback && t->network_count == 0)
        fputs("nobody", out);
    if (t->loopback)
        fputs("loopback and Unix sockets", out);
    for (size_t i = 0; i < t->network_count && i < NETWORKS_SHOWN; i++) {
        fputs(i > 0 || t->loopback ? ", " : "", out);
        network(out, &t->networks[i]);
    }
    if (t->network_count > NETWORKS_SHOWN)
        fprintf(out, " and %zu more networks", t->network_count - NETWORKS_SHOWN);
    fputc('\n', out);
}

static void proxy(FILE *out, const struct plan_listener *l)
{
    if (l->proxy_protocol == PROXY_PROTOCOL_OFF)
        return;
    label(out, "PROXY");
    fputs(l->proxy_protocol == PROXY_PROTOCOL_REQUIRE ? "required, from trusted peers only\n"
                                                      : "taken if it is there, from trusted peers only\n",
          out);
}

static void unwrap(FILE *out, const struct plan_listener *l)
{
    if (l->unwrap == UNWRAP_OFF)
        return;
    label(out, "unwrap");
    fprintf(out, "takes %" PRIu32 " byte%s off the front of each connection: ", l->unwrap_length,
            l->unwrap_length == 1 ? "" : "s");
    fputs(l->unwrap == UNWRAP_BYTES ? "the key `unwrapped`\n" : "the client's address\n", out);
}

static void client(FILE *out, const struct plan_listener *l)
{
    const char *address = l->unwrap == UNWRAP_IP4 || l->unwrap == UNWRAP_IP6 ? "the address taken off the front"
                          : l->proxy_protocol == PROXY_PROTOCOL_OFF          ? "the address that connects"
                                                                             : "the address that connects, or the one "
                                                                               "that its PROXY header names";
    label(out, "client is");
    fputs(address, out);
    const char *field = l->client_from == CLIENT_FROM_X_FORWARDED_FOR ? "X-Forwarded-For"
                        : l->client_from == CLIENT_FROM_FORWARDED     ? "Forwarded"
                                                                      : l->client_header;
    if (l->client_from != CLIENT_FROM_NONE)
        fprintf(out, ";\n%14sif that is trusted: whom its %s field names", "", field);
    fputc('\n', out);
}

static void mode(FILE *out, const struct plan_listener *l)
{
    label(out, "mode");
    if (l->mode == MODE_TCP)
        fputs("tcp: one decision for each connection\n", out);
    else if (l->mode == MODE_HTTP)
        fputs("http: one decision for each request; nothing else is served\n", out);
    else if (l->per_request)
        fprintf(out, "auto: one decision for each request, since routes or `stick` look into them;\n%14s%s\n", "",
                "for each connection where no HTTP is spoken");
    else
        fprintf(out,
                "auto: one decision for each request where a trusted peer speaks HTTP, for it is a proxy;\n%14s%s\n",
                "", "for each connection otherwise");
}

static void changes(FILE *out, const char *whose, const struct plan_changes *changes)
{
    char words[TEXT_SIZE];
    struct text text;
    if (changes->count == 0)
        return;
    text_init(&text, words, sizeof(words));
    describe_changes(changes, &text);
    fprintf(out, "%16sof %s: %s%s\n", "", whose, words, text.cut ? "..." : "");
}

static void route(FILE *out, const struct plan *plan, const struct plan_route *route, bool first)
{
    char words[TEXT_SIZE];
    struct text text;
    label(out, first ? "goes to" : "");
    text_init(&text, words, sizeof(words));
    if (route->action == ROUTE_POOL)
        fprintf(out, "pool %s", plan->pools[route->pool].name);
    else
        describe_answer(route, &text);
    if (route->action != ROUTE_POOL)
        fprintf(out, "%s%s", route->action == ROUTE_REDIRECT ? "redirect " : "answer ", words);
    text_init(&text, words, sizeof(words));
    describe_conditions(route, &text);
    if (words[0])
        fprintf(out, ", if %s%s", words, text.cut ? "..." : "");
    else if (!first)
        fputs(route->action == ROUTE_POOL ? ", everything else" : ", every other request", out);
    fputc('\n', out);
    changes(out, "requests", &route->request);
    changes(out, "answers", &route->response);
}

static void routes(FILE *out, const struct plan *plan, const struct plan_listener *l)
{
    for (size_t i = 0; i < l->route_count; i++)
        route(out, plan, &l->routes[i], i == 0);
}

static void upgrades(FILE *out, const struct plan_listener *l)
{
    if (l->mode == MODE_TCP)
        return;
    label(out, "upgrades");
    for (size_t i = 0; i < l->upgrade_count; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", l->upgrades[i]);
    fprintf(out, "%s%s\n", l->upgrade_count > 0 ? "" : "none", l->via ? "" : "; no Via is written");
}

static void listener(FILE *out, const struct plan *plan, const struct plan_listener *l)
{
    fputs("listener", out);
    if (l->bind_count == 0)
        fprintf(out, " wherever the workers of pool %s listen", plan->pools[l->routes[0].pool].name);
    for (size_t i = 0; i < l->bind_count; i++)
        fprintf(out, "%s %s", i > 0 ? "," : "", l->binds[i].text);
    fputc('\n', out);
    mode(out, l);
    trust(out, &l->trust);
    proxy(out, l);
    unwrap(out, l);
    client(out, l);
    routes(out, plan, l);
    upgrades(out, l);
    if (l->connection_limit > 0) {
        label(out, "at most");
        fprintf(out, "%" PRIu32 " connections\n", l->connection_limit);
    }
    fputc('\n', out);
}

static void keys(FILE *out, const struct plan_pool *pool)
{
    label(out, "key");
    for (size_t i = 0; i < pool->key_count; i++)
        fprintf(out, "%s%s", i > 0 ? ", else " : "", pool->keys[i].text);
    fputs(pool->no_key == NO_KEY_END      ? ", else the connection ends"
          : pool->no_key == NO_KEY_RANDOM ? ", else any server"
                                          : ", else the address that connects",
          out);
    fputc('\n', out);
}

static void stick(FILE *out, const struct plan_stick *s, bool first)
{
    static const char *const sites[] = {
        [SAME_SITE_LAX] = "Lax", [SAME_SITE_STRICT] = "Strict", [SAME_SITE_NONE] = "None"};
    label(out, first ? "remembers" : "");
    fputs(s->text, out);
    fputs(", for ", out);
    duration(out, s->lifetime);
    fputs(s->kind == STICK_TABLE ? " after the last visit" : " after the last request", out);
    if (s->kind != STICK_COOKIE)
        fputs(s->shared ? "; all frontends know it" : "; this limpet knows it", out);
    if (s->kind == STICK_COOKIE)
        fprintf(out, "; SameSite=%s%s", sites[s->same_site], s->bind_client ? ", from one address alone" : "");
    fputc('\n', out);
}

static double all_weights(const struct plan_pool *pool)
{
    double weights = 0;
    for (size_t i = 0; i < pool->server_count; i++)
        weights += pool->servers[i].weight;
    return weights;
}

/* Those that have an address. */
static void servers(FILE *out, const struct plan_pool *pool)
{
    double weights = all_weights(pool);
    int name_width = 0, address_width = 0;
    size_t count = pool->server_count - (pool->workers ? pool->workers->count : 0);
    size_t shown = count <= SERVERS_SHOWN ? count : SERVERS_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        int name = (int)strlen(pool->servers[i].name);
        int address = (int)strlen(pool->servers[i].address.text);
        name_width = name > name_width ? name : name_width;
        address_width = address > address_width ? address : address_width;
    }
    for (size_t i = 0; i < shown; i++) {
        const struct plan_server *s = &pool->servers[i];
        label(out, i == 0 ? "servers" : "");
        fprintf(out, "%-*s  %-*s  weight %-3u  %5.1f %% of the clients\n", name_width, s->name, address_width,
                s->address.text, s->weight, 100.0 * s->weight / weights);
    }
    if (shown < count)
        fprintf(out, "%14sand %zu more\n", "", count - shown);
}

/* As a shell would take them, as far as they are plain; a terminal obeys nothing that is in them. */
static void command(FILE *out, const struct plan_workers *w)
{
    char word[WORD_SIZE];
    for (size_t i = 0; w->command[i]; i++) {
        struct text t;
        text_init(&t, word, sizeof(word));
        text_add_escaped(&t, span_text(w->command[i]));
        fprintf(out, "%s%s%s", i > 0 ? " " : "", word[0] ? word : "\"\"", t.cut ? "..." : "");
    }
}

static void contract(FILE *out, const struct plan_workers *w)
{
    static const char *const words[] = {
        [CONTRACT_AUTO] = "found out from the command, and from what it says first",
        [CONTRACT_NODE] = "node: what Node's cluster module speaks",
        [CONTRACT_LIMPET] = "limpet: see limpet-worker(7)",
    };
    label(out, "contract");
    fputs(w->node_message ? "node: sockets come with a message, as from process.send()" : words[w->contract], out);
    fputs(w->node_preload == NODE_PRELOAD_ALL ? ", with a preload that names the client\n" : "\n", out);
    if (!w->node_message)
        return;
    label(out, "message");
    fprintf(out, "%s\n", w->node_message);
}

static void limit(FILE *out, const char *name, uint64_t number, const char **comma)
{
    if (number == PLAN_NO_LIMIT)
        return;
    fprintf(out, "%s%" PRIu64 " %s", *comma, number, name);
    *comma = ", ";
}

static void limits(FILE *out, const struct plan_workers *w)
{
    const char *comma = "";
    if (w->open_files == PLAN_NO_LIMIT && w->processes == PLAN_NO_LIMIT && w->core == PLAN_NO_LIMIT)
        return;
    label(out, "limits");
    limit(out, "open files", w->open_files, &comma);
    limit(out, "processes", w->processes, &comma);
    limit(out, "bytes of core", w->core, &comma);
    fputs(" each\n", out);
}

static void environment(FILE *out, const struct plan_workers *w)
{
    if (!w->environment || !w->environment[0])
        return;
    label(out, "variables");
    /* Their values may be secret. */
    for (size_t i = 0; w->environment[i]; i++)
        fprintf(out, "%s%.*s", i > 0 ? ", " : "", (int)strcspn(w->environment[i], "="), w->environment[i]);
    fputc('\n', out);
}

static void workers(FILE *out, const struct plan_pool *pool)
{
    const struct plan_workers *w = pool->workers;
    if (!w)
        return;
    label(out, "workers");
    fprintf(out, "%" PRIu32 ", each with %.1f %% of the clients\n", w->count, 100.0 / all_weights(pool));
    label(out, "command");
    command(out, w);
    fputc('\n', out);
    contract(out, w);
    if (w->directory) {
        label(out, "directory");
        fprintf(out, "%s\n", w->directory);
    }
    if (w->user) {
        label(out, "user");
        fprintf(out, "%s, if started as root\n", w->user);
    }
    environment(out, w);
    limits(out, w);
    if (w->kill_silent > 0) {
        label(out, "if silent");
        fputs("killed after ", out);
        duration(out, w->kill_silent);
        fputc('\n', out);
    }
}

static void sends(FILE *out, const struct plan_pool *pool)
{
    static const char *const proxy_words[] = {
        [SEND_PROXY_OFF] = NULL, [SEND_PROXY_V1] = "a PROXY v1 header", [SEND_PROXY_V2] = "a PROXY v2 header"};
    static const char *const prefix_words[] = {[SEND_PREFIX_OFF] = NULL,
                                               [SEND_PREFIX_IP4] = "4 bytes of client address",
                                               [SEND_PREFIX_IP6] = "16 bytes of client address",
                                               [SEND_PREFIX_UNWRAPPED] = "the prefix that was taken off"};
    const char *first = proxy_words[pool->send_proxy];
    const char *second = prefix_words[pool->send_prefix];
    if (!first && !second)
        return;
    label(out, "tells them");
    fprintf(out, "%s%s%s\n", first ? first : "", first && second ? ", then " : "", second ? second : "");
}

static void pool(FILE *out, const struct plan_pool *p)
{
    fprintf(out, "pool %s\n", p->name);
    for (size_t i = 0; i < p->stick_count; i++)
        stick(out, &p->sticks[i], i == 0);
    keys(out, p);
    servers(out, p);
    sends(out, p);
    workers(out, p);
    fputc('\n', out);
}

static void timeouts(FILE *out, const struct plan_timeouts *t)
{
    const struct row {
        const char *name;
        micros time;
        const char *meaning;
    } rows[] = {
        {"first-bytes", t->first_bytes, "to say who the client is; then it counts as not said"},
        {"proxy-header", t->proxy_header, "for the PROXY header; then the connection ends"},
        {"head", t->head, "for the head of a request; then it is answered 408"},
        {"connect", t->connect, "to reach a server; then the next in the ranking is tried"},
        {"worker", t->worker, "for a worker to take the connection; then it ends"},
        {"answer", t->answer, "for a server to begin its answer to a request; then it is 504"},
        {"memcached", t->memcached, "for memcached to know a client; then the ranking decides"},
        {"idle", t->idle, "without a byte; then the connection ends"},
        {"tunnel", t->tunnel, "without a byte on an upgraded connection; then it ends"},
        {"drain", t->drain, "to finish when limpet is stopped"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        fprintf(out, "  %-14s", rows[i].name);
        duration(out, rows[i].time);
        fprintf(out, " %s\n", rows[i].meaning);
    }
}

static void size(FILE *out, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    for (; unit + 1 < ARRAY_LENGTH(units) && bytes > 0 && bytes % 1024 == 0; unit++)
        bytes /= 1024;
    fprintf(out, "%" PRIu64 " %s", bytes, units[unit]);
}

/* What only matters where requests are served one by one. */
static void requests(FILE *out, const struct plan *plan)
{
    label(out, "requests");
    fputs("heads of at most ", out);
    size(out, plan->limits.head);
    if (plan->limits.body > 0) {
        fputs(", bodies of at most ", out);
        size(out, plan->limits.body);
    }
    fputc('\n', out);
    if (plan->page_count > 0) {
        label(out, "pages");
        for (size_t i = 0; i < plan->page_count; i++)
            fprintf(out, "%s%u", i > 0 ? ", " : "for ", plan->pages[i].status);
        fputc('\n', out);
    }
    if (plan->secret.length > 0) {
        label(out, "secret");
        fputs("given: frontends with the same one open each other's cookies and pins\n", out);
    }
    if (plan->metrics) {
        label(out, "metrics");
        fprintf(out, "%s\n", plan->metrics->text);
    }
}

/* The table itself, and what finds a pin in it. */
#define BYTES_OF_A_PIN 64

static void memory(FILE *out, uint64_t bytes)
{
    uint64_t kib = bytes / 1024;
    if (kib < 10240)
        fprintf(out, "%" PRIu64 " KiB", kib);
    else
        fprintf(out, "%" PRIu64 " MiB", kib / 1024);
}

static void pins(FILE *out, const struct plan *plan)
{
    if (pins_are_wanted(plan)) {
        label(out, "pins");
        fprintf(out, "%" PRIu32 " are kept here at most, then in about ", plan->pins.most);
        memory(out, (uint64_t)plan->pins.most * BYTES_OF_A_PIN);
        fputs(" of memory;\n", out);
        if (plan->pins.file)
            fprintf(out, "%14ssaved in %s, every minute and at the end\n", "", plan->pins.file);
        else
            fprintf(out, "%14sthey end with limpet (`pins: {file: PATH}` saves them)\n", "");
    }
    for (size_t i = 0; i < plan->memcached_count; i++) {
        label(out, i == 0 ? "memcached" : "");
        fprintf(out, "%s%s\n", plan->memcached[i].text,
                i > 0 && i + 1 == plan->memcached_count ? "; each of them keeps its part of the pins" : "");
    }
}

static bool any_requests(const struct plan *plan)
{
    for (size_t i = 0; i < plan->listener_count; i++)
        if (plan->listeners[i].mode != MODE_TCP)
            return true;
    return plan->metrics || plan->page_count > 0 || plan->secret.length > 0;
}

static void everything(FILE *out, const struct plan *plan)
{
    fputs("in all\n", out);
    label(out, "seed");
    fputs(plan->seed_given ? "given: frontends with the same one agree on every home\n"
                           : "not given: all frontends without one agree, and so can anybody who guesses\n",
          out);
    label(out, "connections");
    fprintf(out, "%" PRIu32 " at most", plan->limits.connections);
    if (plan->limits.per_client > 0)
        fprintf(out, ", %" PRIu32 " of one client", plan->limits.per_client);
    fputc('\n', out);
    if (any_requests(plan))
        requests(out, plan);
    pins(out, plan);
    label(out, "threads");
    fprintf(out, "%u\n", plan->threads);
    if (plan->user) {
        label(out, "user");
        fprintf(out, "%s, if started as root\n", plan->user);
    }
    if (plan->admin) {
        label(out, "admin");
        fprintf(out, "%s", plan->admin->text);
        fprintf(out, plan->admin_group ? ", for the group %s too\n" : "%s\n",
                plan->admin_group ? plan->admin_group : "");
    }
    label(out, "log");
    fprintf(out, "visits to %s as %s, with %s; messages to %s\n", plan->log.access,
            plan->log.format == LOG_FORMAT_JSON ? "JSON" : "text",
            plan->log.plain_keys ? "keys as they are" : "keyed hashes of keys", plan->log.errors);
    fputs("\ntimeouts\n", out);
    timeouts(out, &plan->timeouts);
}

void plan_text_print(FILE *out, const struct plan *plan)
{
    for (size_t i = 0; i < plan->listener_count; i++)
        listener(out, plan, &plan->listeners[i]);
    for (size_t i = 0; i < plan->pool_count; i++)
        pool(out, &plan->pools[i]);
    everything(out, plan);
}
