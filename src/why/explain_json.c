#include "why/explain.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Members are written one after the other; `first` knows whether a comma is due. */
struct json {
    FILE *out;
    bool first;
};

static void open_with(struct json *json, char bracket)
{
    fputc(bracket, json->out);
    json->first = true;
}

static void close_with(struct json *json, char bracket)
{
    fputc(bracket, json->out);
    json->first = false;
}

static void next(struct json *json)
{
    if (!json->first)
        fputc(',', json->out);
    json->first = false;
}

static void name(struct json *json, const char *member)
{
    next(json);
    fprintf(json->out, "\"%s\":", member);
}

static void add_null(struct json *json, const char *member)
{
    name(json, member);
    fputs("null", json->out);
}

static void add_number(struct json *json, const char *member, unsigned long long number)
{
    name(json, member);
    fprintf(json->out, "%llu", number);
}

static void add_number_or_null(struct json *json, const char *member, unsigned long long number)
{
    if (number > 0)
        add_number(json, member, number);
    else
        add_null(json, member);
}

static void add_bool(struct json *json, const char *member, bool value)
{
    name(json, member);
    fputs(value ? "true" : "false", json->out);
}

/* Every byte takes six characters at most. */
static void add_bytes(struct json *json, const char *member, struct span bytes)
{
    size_t size = 6 * bytes.length + 3;
    char *buffer = malloc(size);
    if (!buffer) {
        add_null(json, member);
        return;
    }
    struct text text;
    text_init(&text, buffer, size);
    text_add_json(&text, bytes);
    name(json, member);
    fputs(text.data, json->out);
    free(buffer);
}

static void add_hex(struct json *json, const char *member, struct span bytes)
{
    name(json, member);
    fputc('"', json->out);
    for (size_t i = 0; i < bytes.length; i++)
        fprintf(json->out, "%02x", bytes.data[i]);
    fputc('"', json->out);
}

static void add_text(struct json *json, const char *member, const char *value)
{
    if (value)
        add_bytes(json, member, span_text(value));
    else
        add_null(json, member);
}

static void add_endpoint(struct json *json, const char *member, const struct endpoint *endpoint)
{
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_text(endpoint, text);
    add_text(json, member, text);
}

static void add_trust(struct json *json, const struct plan_listener *listener, const struct endpoint *who)
{
    char network[EXPLAIN_TRUST_SIZE];
    explain_trust(&listener->trust, who, network);
    add_bool(json, "trusted", network[0] != '\0');
    add_text(json, "by", network[0] ? network : NULL);
}

static void add_who(struct json *json, const char *member, const struct plan_listener *listener,
                    const struct endpoint *who)
{
    name(json, member);
    open_with(json, '{');
    add_endpoint(json, "address", who);
    add_trust(json, listener, who);
    close_with(json, '}');
}

static void add_connection(struct json *json, const struct explanation *e)
{
    name(json, "listener");
    open_with(json, '{');
    add_number(json, "number", e->listener_number);
    add_text(json, "name", e->listener->name);
    close_with(json, '}');
    add_who(json, "peer", e->listener, &e->facts.peer);
    add_number(json, "bytes", e->bytes_given);
    add_number(json, "proxy_header_bytes", e->proxy_length);
    add_number(json, "prefix_bytes", e->prefix_length);
    add_who(json, "source", e->listener, &e->facts.source);
    add_text(json, "server_name", e->facts.hello ? e->facts.hello->sni : NULL);
    add_bool(json, "waits_for_more", e->waited);
}

static void add_elements(struct json *json, const struct explanation *e)
{
    static const char *const words[] = {
        [EXPLAIN_PASSED_OVER] = "passed over: trusted",
        [EXPLAIN_TAKEN] = "taken: not trusted",
        [EXPLAIN_OPAQUE] = "names no address",
        [EXPLAIN_NOT_REACHED] = "not looked at",
    };
    name(json, "elements");
    open_with(json, '[');
    for (size_t i = 0; i < e->element_count; i++) {
        next(json);
        open_with(json, '{');
        add_bytes(json, "text", e->elements[i].element.text);
        add_text(json, "verdict", words[e->elements[i].verdict]);
        close_with(json, '}');
    }
    close_with(json, ']');
}

static void add_client(struct json *json, const struct explanation *e)
{
    if (!e->client_how) {
        add_null(json, "client");
        return;
    }
    name(json, "client");
    open_with(json, '{');
    add_endpoint(json, "address", &e->facts.client);
    add_text(json, "why", e->client_how);
    add_elements(json, e);
    add_text(json, "other_field", e->other_field ? forwarding_field_name(e->other_field) : NULL);
    add_bool(json, "forwarding_field_ignored", e->has_forwarding_field && !e->facts.source_trusted);
    close_with(json, '}');
}

static void add_sources(struct json *json, const struct explanation *e)
{
    static const char *const words[] = {
        [KNOWN_NOT_YET] = "not asked", [KNOWN_PRESENT] = "present", [KNOWN_ABSENT] = "absent"};
    name(json, "sources");
    open_with(json, '[');
    for (size_t i = 0; i < e->source_count; i++) {
        next(json);
        open_with(json, '{');
        add_text(json, "source", e->sources[i].key->text);
        add_text(json, "state", words[e->sources[i].known]);
        add_text(json, "why", e->sources[i].why);
        close_with(json, '}');
    }
    close_with(json, ']');
}

static void add_key(struct json *json, const struct explanation *e)
{
    char buffer[ENDPOINT_TEXT_SIZE], hash[16];
    if (e->entry_count == 0) {
        add_null(json, "key");
        return;
    }
    snprintf(hash, sizeof(hash), "%08lx", (unsigned long)e->log_hash);
    name(json, "key");
    open_with(json, '{');
    add_text(json, "source",
             explain_is_random(e)     ? "random"
             : e->decision.source < 0 ? "spread"
                                      : e->sources[e->decision.source].key->text);
    add_text(json, "type", e->decision.tag == KEY_TAG_ADDRESS ? "address" : "text");
    add_bytes(json, "value", explain_key(e, buffer));
    add_hex(json, "hex", e->decision.key);
    add_text(json, "hash", hash);
    close_with(json, '}');
}

/* A worker has no address. */
static void add_place(struct json *json, const struct plan_server *server)
{
    add_text(json, "address", server->slot == 0 ? server->address.text : NULL);
    if (server->slot == 0)
        add_null(json, "worker");
    else
        add_number(json, "worker", server->slot);
}

/* Of a running limpet; null: it was not asked, or has no such server. */
static void add_condition(struct json *json, const struct explanation *e, size_t index)
{
    const struct explain_server *server = e->servers ? &e->servers[index] : NULL;
    add_text(json, "state", server && server->state[0] ? server->state : NULL);
    add_bool(json, "draining", server && server->draining);
}

static void add_ranking(struct json *json, const struct explanation *e)
{
    const struct plan_pool *pool = e->decision.pool;
    name(json, "ranking");
    open_with(json, '[');
    for (size_t i = 0; pool && i < e->entry_count; i++) {
        const struct rank_entry *entry = &e->entries[i];
        char score[EXPLAIN_SCORE_SIZE];
        explain_score(entry, score);
        next(json);
        open_with(json, '{');
        add_text(json, "server", entry->name);
        add_place(json, &pool->servers[entry->index]);
        add_number(json, "weight", entry->weight);
        name(json, "score");
        fputs(score, json->out);
        add_condition(json, e, entry->index);
        close_with(json, '}');
    }
    close_with(json, ']');
}

static void add_mode(struct json *json, const struct explanation *e)
{
    static const char *const words[] = {[MODE_AUTO] = "auto", [MODE_TCP] = "tcp", [MODE_HTTP] = "http"};
    name(json, "mode");
    open_with(json, '{');
    add_text(json, "listener", words[e->listener->mode]);
    add_bool(json, "per_request", e->per_request);
    add_text(json, "why", e->mode_why);
    close_with(json, '}');
}

static void add_misses(struct json *json, const struct explanation *e)
{
    name(json, "routes_passed_over");
    open_with(json, '[');
    for (size_t i = 0; i < e->miss_count; i++) {
        next(json);
        open_with(json, '{');
        add_number(json, "route", i + 1);
        add_text(json, "why", e->misses[i]);
        close_with(json, '}');
    }
    close_with(json, ']');
}

static const char *server_name(const struct explanation *e, uint32_t server)
{
    return server < e->decision.pool->server_count ? e->decision.pool->servers[server].name : NULL;
}

static void add_here(struct json *json, const struct explanation *e, const struct way_here *here)
{
    if (!here->asked) {
        add_null(json, "here");
        return;
    }
    name(json, "here");
    open_with(json, '{');
    add_bool(json, "pinned", here->pinned);
    if (here->pinned) {
        add_text(json, "server", server_name(e, here->server));
        add_number(json, "made", (unsigned long long)here->made);
        add_number(json, "left", (unsigned long long)here->left);
    }
    close_with(json, '}');
}

static void add_there(struct json *json, const struct explanation *e, const struct way_there *there)
{
    static const char *const words[] = {
        [WAY_THERE_AWAY] = "does not answer", [WAY_THERE_STRANGE] = "is no memcached",
        [WAY_THERE_FREE] = "not pinned",      [WAY_THERE_UNPINNED] = "unpinned",
        [WAY_THERE_PINNED] = "pinned",        [WAY_THERE_STRANGER] = "unknown server",
        [WAY_THERE_JUNK] = "no pin of ours",  [WAY_THERE_VOID] = "server unpinned",
    };
    if (there->state == WAY_THERE_NOT_ASKED) {
        add_null(json, "memcached");
        return;
    }
    bool named =
        there->state == WAY_THERE_PINNED || there->state == WAY_THERE_STRANGER || there->state == WAY_THERE_VOID;
    name(json, "memcached");
    open_with(json, '{');
    add_text(json, "address", there->address);
    add_text(json, "state", words[there->state]);
    add_text(json, "error", there->state == WAY_THERE_AWAY ? strerror(-there->error) : NULL);
    add_text(json, "server", named ? there->name : NULL);
    if (named && there->made > 0)
        add_number(json, "made", (unsigned long long)there->made);
    else
        add_null(json, "made");
    close_with(json, '}');
}

static void add_ways(struct json *json, const struct explanation *e)
{
    static const char *const words[] = {
        [WAY_NOTHING] = "nothing to go by", [WAY_TOO_LONG] = "too long", [WAY_UNKNOWN] = "unknown",
        [WAY_NOBODY] = "not pinned",        [WAY_KNOWS] = "knows",
    };
    const struct way *known = ways_known(&e->ways);
    bool decided = false;
    name(json, "ways");
    open_with(json, '[');
    for (size_t i = 0; i < e->ways.count; i++) {
        const struct way *way = &e->ways.all[i];
        next(json);
        open_with(json, '{');
        add_text(json, "way", way->stick->text);
        add_text(json, "state", decided ? "not asked" : words[way->state]);
        add_text(json, "server", decided ? NULL : server_name(e, way->server));
        add_here(json, e, &way->here);
        add_there(json, e, &way->there);
        close_with(json, '}');
        decided |= way == known;
    }
    close_with(json, ']');
}

static bool has_unknown_session(const struct ways *ways)
{
    for (size_t i = 0; i < ways->count; i++)
        if (ways->all[i].state == WAY_UNKNOWN && ways->all[i].stick->kind == STICK_SESSION)
            return true;
    return false;
}

static void add_stick(struct json *json, const struct explanation *e)
{
    static const char *const words[] = {[STICK_COOKIE] = "cookie", [STICK_SESSION] = "session", [STICK_TABLE] = "pin"};
    const struct way *known = ways_known(&e->ways);
    if (!e->sticks || !e->decision.pool) {
        add_null(json, "stick");
        return;
    }
    name(json, "stick");
    open_with(json, '{');
    add_text(json, "by", known ? words[known->stick->kind] : NULL);
    add_text(json, "server", known ? server_name(e, known->server) : NULL);
    add_bool(json, "renew", known && known->stick->kind == STICK_COOKIE && e->ways.renew);
    add_number(json, "refused", e->ways.refused);
    add_number(json, "gone", e->ways.gone);
    add_bool(json, "unknown_session", has_unknown_session(&e->ways));
    add_bool(json, "may_know_more", ways_may_know_more(&e->ways));
    add_ways(json, e);
    close_with(json, '}');
}

static void add_answer(struct json *json, const struct explanation *e)
{
    if (e->decision.verdict != DECIDE_ANSWER) {
        add_null(json, "answer");
        return;
    }
    const struct plan_route *route = e->answers_options ? NULL : &e->listener->routes[e->decision.route];
    name(json, "answer");
    open_with(json, '{');
    add_number(json, "status", route ? route->status : EXPLAIN_OPTIONS_STATUS);
    add_bool(json, "redirect", route && route->action == ROUTE_REDIRECT);
    add_text(json, "location", route ? route->location : NULL);
    add_text(json, "why", e->answer_why);
    close_with(json, '}');
}

static void add_end(struct json *json, const struct explanation *e)
{
    if (e->decision.verdict != DECIDE_END) {
        add_null(json, "end");
        return;
    }
    name(json, "end");
    open_with(json, '{');
    add_text(json, "reason", reason_text(e->decision.reason));
    add_text(json, "why", e->decision.why);
    add_bool(json, "answer_400", e->decision.answer_400);
    add_number_or_null(json, "status", e->end_status);
    add_number_or_null(json, "line", e->bad_line);
    add_number_or_null(json, "byte", e->bad_byte);
    add_text(json, "meaning", e->decision.reason == REASON_NONE ? NULL : reason_help(e->decision.reason));
    close_with(json, '}');
}

static void add_body(struct json *json, const struct explanation *e)
{
    if (e->entry_count == 0 || e->body.status == 0) {
        add_null(json, "body");
        return;
    }
    name(json, "body");
    open_with(json, '{');
    add_text(json, "reason", reason_text(e->body.reason));
    add_text(json, "why", e->body.why);
    add_number(json, "status", e->body.status);
    close_with(json, '}');
}

static void add_decision(struct json *json, const struct explanation *e)
{
    const struct decision *decision = &e->decision;
    add_text(json, "pool", decision->pool ? decision->pool->name : NULL);
    if (decision->route >= 0)
        add_number(json, "route", (unsigned)decision->route + 1);
    else
        add_null(json, "route");
    add_misses(json, e);
    add_stick(json, e);
    add_sources(json, e);
    add_key(json, e);
    add_ranking(json, e);
    bool has_home = e->entry_count > 0 && !explain_is_random(e);
    add_text(json, "server", has_home ? explain_home(e)->name : NULL);
    add_text(json, "why", e->entry_count > 0 ? explain_why(e) : NULL);
    add_bool(json, "live", e->ways.live);
    add_answer(json, e);
    add_end(json, e);
    add_bool(json, "may_be_a_loop", e->may_be_loop);
    add_body(json, e);
}

void explain_print_json(const struct explanation *e, FILE *out)
{
    struct json json = {.out = out};
    open_with(&json, '{');
    add_connection(&json, e);
    add_mode(&json, e);
    add_client(&json, e);
    add_decision(&json, e);
    close_with(&json, '}');
    fputc('\n', out);
}
