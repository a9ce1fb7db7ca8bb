#include "main/plan_text.h"

#include "base/attr.h"

#include <inttypes.h>
#include <string.h>

/* Longer lists are cut: nobody reads them here. */
#define NETWORKS_SHOWN 8
#define SERVERS_SHOWN 40

static void label(FILE *out, const char *name)
{
    fprintf(out, "  %-11s ", name);
}

static void duration(FILE *out, micros time)
{
    static const struct unit {
        micros size;
        const char *name;
    } units[] = {{3600 * (micros)SECOND_IN_MICROS, "h"},
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

static void routes(FILE *out, const struct plan *plan, const struct plan_listener *l)
{
    for (size_t i = 0; i < l->route_count; i++) {
        const struct plan_route *route = &l->routes[i];
        label(out, i == 0 ? "goes to" : "");
        fprintf(out, "pool %s", plan->pools[route->pool].name);
        if (route->sni)
            fprintf(out, ", if the TLS server name is %s", route->sni);
        else if (i > 0)
            fputs(", everything else", out);
        fputc('\n', out);
    }
}

static void listener(FILE *out, const struct plan *plan, const struct plan_listener *l)
{
    fputs("listener", out);
    for (size_t i = 0; i < l->bind_count; i++)
        fprintf(out, "%s %s", i > 0 ? "," : "", l->binds[i].text);
    fputc('\n', out);
    trust(out, &l->trust);
    proxy(out, l);
    unwrap(out, l);
    client(out, l);
    routes(out, plan, l);
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
    fputs(pool->no_key == NO_KEY_END ? ", else the connection ends" : ", else the address that connects", out);
    fputc('\n', out);
}

static void servers(FILE *out, const struct plan_pool *pool)
{
    double weights = 0;
    int name_width = 0, address_width = 0;
    size_t shown = pool->server_count <= SERVERS_SHOWN ? pool->server_count : SERVERS_SHOWN;
    for (size_t i = 0; i < pool->server_count; i++)
        weights += pool->servers[i].weight;
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
    if (shown < pool->server_count)
        fprintf(out, "%14sand %zu more\n", "", pool->server_count - shown);
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
    keys(out, p);
    servers(out, p);
    sends(out, p);
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
        {"connect", t->connect, "to reach a server; then the next in the ranking is tried"},
        {"idle", t->idle, "without a byte; then the connection ends"},
        {"drain", t->drain, "to finish when limpet is stopped"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        fprintf(out, "  %-14s", rows[i].name);
        duration(out, rows[i].time);
        fprintf(out, " %s\n", rows[i].meaning);
    }
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
    label(out, "threads");
    fprintf(out, "%u\n", plan->threads);
    if (plan->user) {
        label(out, "user");
        fprintf(out, "%s, if started as root\n", plan->user);
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
