#include "why/explain.h"

#include "algo/rank_log2.h"
#include "base/text.h"
#include "proto/head_lookup.h"
#include "route/pick.h"
#include "route/trust.h"
#include "why/body.h"

#include <assert.h>
#include <stdlib.h>

static void end_with(struct explanation *e, const struct facts_result *result)
{
    e->decision = (struct decision){
        .verdict = DECIDE_END, .reason = result->reason, .why = result->why, .route = -1, .source = DECIDE_NO_SOURCE};
}

/* Walks as a connection does whose client sends these bytes and then nothing. Returns the bytes that are left. */
static struct span walk(struct explanation *e, struct span bytes)
{
    for (;;) {
        enum facts_stage stage = e->facts.stage;
        struct facts_result result = facts_read(&e->facts, bytes);
        bool more = result.step == FACTS_MORE;
        if (result.step == FACTS_END) {
            end_with(e, &result);
            return bytes;
        }
        if (result.step == FACTS_TAKE) {
            *(stage == FACTS_PROXY && e->facts.stage == FACTS_UNWRAP ? &e->proxy_length : &e->prefix_length) =
                result.take;
            bytes = span_part(bytes, result.take, bytes.length - result.take);
            continue;
        }
        if (!more) {
            decide(&e->decision, &e->facts, bytes, 0);
            more = e->decision.verdict == DECIDE_MORE;
        }
        if (!more || e->facts.over)
            return bytes;
        e->waited = true;
        facts_finish(&e->facts);
    }
}

static void end_with_refusal(struct explanation *e, struct refusal refusal)
{
    end_with(e, &(struct facts_result){.reason = refusal.reason, .why = refusal.why});
    e->end_status = refusal.status;
    e->decision.answer_400 = refusal.status == 400;
    e->answers_unasked = true;
}

/* The reader stops in the line that is wrong. What is missing has no place: it is found out in the empty line at the end. */
static void tell_place(struct explanation *e, const struct head *head, struct span bytes)
{
    size_t start = 0, line = 1, end = head->position;
    for (size_t i = 0; i < head->position; i++) {
        if (bytes.data[i] == '\n') {
            start = i + 1;
            line++;
        }
    }
    while (end < bytes.length && bytes.data[end] != '\r' && bytes.data[end] != '\n')
        end++;
    while (end > start && (bytes.data[end - 1] == '\r' || bytes.data[end - 1] == '\n'))
        end--;
    e->bad_text = span_part(bytes, start, end - start);
    if (e->bad_text.length == 0)
        return;
    e->bad_line = line;
    e->bad_byte = head->position < end ? head->position - start + 1 : 0;
}

/* As much as a real connection would show: one read takes 16 KiB, and then come more until the head may be no longer. */
static struct span within_head_limit(const struct explanation *e, struct span bytes)
{
    uint64_t limit = e->plan->limits.head > PEEK_LIMIT ? e->plan->limits.head : PEEK_LIMIT;
    return span_part(bytes, 0, bytes.length < limit ? bytes.length : limit);
}

/* True if the head is complete and limpet does not answer it by what stands there. */
static bool read_first_head(struct explanation *e, struct head *head, struct span bytes)
{
    const struct refusal nothing_came = {0, REASON_NONE, "nothing is asked within `timeouts: idle`"};
    struct parse_result result = head_read(head, bytes);
    struct refusal refusal = refusal_of_head(head, &result, bytes.length, e->plan->limits.head);
    if (refusal.status == 0 && result.verdict == PARSE_DONE)
        return true;
    if (refusal.status == 0)
        refusal = bytes.length == 0 ? nothing_came : refusal_of_late_head;
    end_with_refusal(e, refusal);
    if (result.verdict == PARSE_BAD || result.verdict == PARSE_NONE)
        tell_place(e, head, bytes);
    return false;
}

/* True if the request goes on to where routes are asked. Which number stands behind our name in a Via, only the running
 * limpet knows. */
static bool judge_first_request(struct explanation *e, const struct head *head, struct span bytes)
{
    const struct span no_name = span_of("", 0), any_limpet = span_text(REFUSAL_VIA_NAME);
    uint64_t body_most = e->plan->limits.body;
    struct message message;
    struct refusal refusal = refusal_of_request(&message, head, bytes, no_name, body_most);
    if (refusal.status == 0 && e->listener->via) {
        refusal = refusal_of_request(&message, head, bytes, any_limpet, body_most);
        e->may_be_loop = refusal.status != 0 && message.via_count <= REFUSAL_VIA_MOST;
    }
    if (refusal.status != 0 && !e->may_be_loop) {
        end_with_refusal(e, refusal);
        return false;
    }
    if (message.body == BODY_CHUNKED)
        e->body = why_body_read(span_part(bytes, head->length, bytes.length - head->length), body_most);
    e->answers_options = refusal_answers_options(&message, head_method(head, bytes));
    if (e->answers_options) {
        e->answers_unasked = true;
        e->answer_why = "OPTIONS with `Max-Forwards: 0` may go no further";
        e->decision.verdict = DECIDE_ANSWER;
    }
    return !e->answers_options;
}

/* Who ends TLS in front, and does not say so, or is not believed, sends its clients round in circles. */
static const char *why_redirect(const struct explanation *e, struct span bytes)
{
    const struct plan_route *route = &e->listener->routes[e->decision.route];
    if (route->action != ROUTE_REDIRECT || route->location)
        return NULL;
    enum known said = decide_forwarded_https(&e->facts.head, bytes);
    if (!e->facts.source_trusted && said == KNOWN_PRESENT)
        return "X-Forwarded-Proto says https, but the peer is outside `trust`: if it ends TLS, its clients go in a "
               "circle";
    if (e->facts.source_trusted && said == KNOWN_NOT_YET)
        return "it is trusted; if it ends TLS, it has to say `X-Forwarded-Proto: https`, or its clients go in a circle";
    return NULL;
}

/* The first request of a connection on which each one is decided. */
static void decide_first_request(struct explanation *e, struct span bytes)
{
    struct facts_origin origin;
    struct facts connection = e->facts;
    struct head head = {.target_wins = true};
    if (!read_first_head(e, &head, within_head_limit(e, bytes)) || !judge_first_request(e, &head, bytes))
        return;
    facts_origin_of(&connection, &origin);
    facts_request(&e->facts, e->listener, e->plan->pools, &origin, &head);
    facts_fini(&connection);
    decide_request(&e->decision, &e->facts, bytes, 0);
    e->end_status = refusal_of_decision(&e->decision).status;
    if (e->decision.verdict == DECIDE_ANSWER)
        e->answer_why = why_redirect(e, bytes);
}

static void tell_element(struct explanation *e, const struct forwarding_element *element, enum explain_verdict verdict)
{
    if (e->element_count < EXPLAIN_ELEMENTS_MAX)
        e->elements[e->element_count++] = (struct explain_element){*element, verdict};
}

static void tell_other_field(struct explanation *e, struct span bytes)
{
    enum client_from counts = e->listener->client_from;
    enum client_from sent = forwarding_field_of(&e->facts.head, bytes, counts);
    e->client_how = "the field is not there or empty, so it speaks for itself";
    e->other_field = sent == counts ? CLIENT_FROM_NONE : sent;
}

/* The walk of route/facts once more, with a word on each element. The last one that was walked is the client. */
static void tell_forwarding(struct explanation *e, struct span bytes)
{
    struct forwarding list;
    struct forwarding_element element;
    enum forwarded_verdict verdict;
    bool ended = false;

    forwarding_init(&list, e->listener->client_from, &e->facts.head, bytes);
    if (list.line_count == 0)
        tell_other_field(e, bytes);
    else
        e->client_how = "the field is empty, so it speaks for itself";
    while ((verdict = forwarding_next(&list, &element)) != FORWARDED_END) {
        if (ended) {
            tell_element(e, &element, EXPLAIN_NOT_REACHED);
        } else if (verdict == FORWARDED_OPAQUE) {
            tell_element(e, &element, EXPLAIN_OPAQUE);
            e->client_how = "the nearest address that is vouched for: what follows names no address";
            ended = true;
        } else if (trust_believes(&e->listener->trust, &element.address)) {
            tell_element(e, &element, EXPLAIN_PASSED_OVER);
            e->client_how = "the farthest address: all of them are trusted";
        } else {
            tell_element(e, &element, EXPLAIN_TAKEN);
            e->client_how = "the nearest address that is not trusted";
            ended = true;
        }
    }
}

static void tell_client(struct explanation *e, struct span bytes)
{
    struct facts *facts = &e->facts;
    unsigned count = 0;

    facts_finish(facts);
    bool asked = facts->client_known == KNOWN_PRESENT;
    facts->client = asked ? facts->client : facts->source;
    if (!facts->source_trusted)
        e->client_how = "it is outside `trust`, so it speaks for itself only";
    else if (e->answers_unasked)
        e->client_how = e->bytes_given == 0 ? "it is trusted, but sent no request that could name another"
                                            : "it is trusted, but limpet answers before it asks whom it speaks for";
    else if (!asked)
        e->client_how = "it is trusted, but nothing here depends on whom it speaks for, so it was not asked";
    else if (e->listener->client_from == CLIENT_FROM_NONE)
        e->client_how = "the listener says `client-from: none`";
    else if (facts->head_known != KNOWN_PRESENT && facts->head_bad)
        e->client_how = "it is trusted, but its request is malformed";
    else if (facts->head_too_long)
        e->client_how = "it is trusted, but its request head is longer than 16 KiB, so nothing in it counts";
    else if (facts->head_cut_short)
        e->client_how = "it is trusted, but its request head is not complete, so nothing in it counts";
    else if (facts->head_known != KNOWN_PRESENT)
        e->client_how = "it is trusted, but sent no HTTP/1 request that could name another";
    else if (e->listener->client_from != CLIENT_FROM_HEADER)
        tell_forwarding(e, bytes);
    else if (head_field(&facts->head, bytes, span_text(e->listener->client_header), &count).length == 0)
        tell_other_field(e, bytes);
    else if (count > 1)
        e->client_how = "the field names more than one";
    else if (endpoint_equal(&facts->client, &facts->source))
        e->client_how = "the field holds no other address";
    else
        e->client_how = "the field of a trusted peer names it";
}

/* The sources before the deciding one are absent for good; asking again says why. */
static void tell_sources(struct explanation *e, struct span bytes)
{
    const struct plan_pool *pool = e->decision.pool;
    bool refused = e->decision.verdict == DECIDE_END && e->decision.reason == REASON_BAD_HEAD;

    e->source_count = pool->key_count;
    for (size_t i = 0; i < pool->key_count; i++) {
        struct explain_source *source = &e->sources[i];
        struct decision scratch;
        source->key = &pool->keys[i];
        if (i < e->facts.sources_absent || (refused && i == e->facts.sources_absent))
            source->known = decide_source(&scratch, &e->facts, bytes, source->key, &source->why);
        else if ((int)i == e->decision.source)
            source->known = KNOWN_PRESENT;
    }
}

/* The walk through the routes once more. */
static bool tell_misses(struct explanation *e, struct span bytes)
{
    size_t asked = e->decision.route >= 0 ? (size_t)e->decision.route : e->listener->route_count;
    e->misses = calloc(asked + 1, sizeof(*e->misses));
    if (!e->misses)
        return false;
    for (; e->miss_count < asked; e->miss_count++)
        (void)decide_route(&e->listener->routes[e->miss_count], &e->facts, bytes, &e->misses[e->miss_count]);
    return true;
}

static const char *why_of_mode(const struct explanation *e)
{
    switch (e->listener->mode) {
    case MODE_TCP:
        return "the listener says `mode: tcp`";
    case MODE_HTTP:
        return "the listener says `mode: http`";
    case MODE_AUTO:
        break;
    }
    if (e->per_request && e->bytes_given == 0)
        return "no byte came, and a route or `stick` of this listener looks into requests";
    if (e->per_request)
        return e->facts.source_trusted ? "whoever is trusted and speaks HTTP is a proxy, which may carry many clients"
                                       : "it speaks HTTP, and a route or `stick` of this listener looks into requests";
    if (!e->facts.source_trusted && !e->listener->per_request)
        return "it is outside `trust`, so it connects for itself";
    return e->bytes_given == 0 ? "no request was seen; give one with --path, --host or --header"
                               : "it does not begin with an HTTP/1 request";
}

static bool tell_ways(struct explanation *e)
{
    const struct plan_pool *pool = e->decision.pool;
    if (pool->stick_count == 0)
        return true;
    e->sticks = sticks_new(e->plan);
    if (!e->sticks)
        return false;
    pins_names_init(&e->names, e->plan, e->ranking);
    ways_find(&e->ways, e->sticks, &e->names, &e->decision, &e->facts.client);
    return true;
}

static bool tell_ranking(struct explanation *e)
{
    const struct plan_pool *pool = e->decision.pool;
    assert(pool); /* whatever has none was ended */
    e->ranking = ranking_new(e->plan);
    e->entries = calloc(pool->server_count, sizeof(*e->entries));
    if (!e->ranking || !e->entries)
        return false;
    e->entry_count = pool->server_count;
    e->key_hash = rank_key_hash(&e->ranking->seed, e->decision.tag, e->decision.key);
    e->log_hash = rank_log_hash(&e->ranking->seed, e->decision.tag, e->decision.key);
    pick_ranking(pool, e->ranking, e->key_hash, e->entries);
    return true;
}

bool explain_init(struct explanation *e, const struct plan *plan, size_t listener, const struct endpoint *peer,
                  struct span bytes)
{
    memset(e, 0, sizeof(*e));
    e->plan = plan;
    e->listener = &plan->listeners[listener];
    e->listener_number = listener + 1;
    e->bytes_given = bytes.length;
    facts_init(&e->facts, e->listener, plan->pools, peer, NULL);

    bytes = walk(e, bytes);
    e->per_request = e->decision.verdict == DECIDE_HTTP;
    if (e->per_request)
        decide_first_request(e, bytes);
    else if (e->decision.verdict == DECIDE_END && e->decision.answer_400)
        e->end_status = 400;
    e->has_forwarding_field =
        forwarding_field_sent(facts_within_limit(bytes), e->listener->client_from) != CLIENT_FROM_NONE;
    bool has_home = e->decision.verdict == DECIDE_KEY || e->decision.verdict == DECIDE_SPREAD;
    if (e->facts.stage == FACTS_CONTENT) {
        tell_client(e, bytes);
        e->mode_why = why_of_mode(e);
    }
    bool routed = e->decision.pool || e->decision.verdict == DECIDE_ANSWER || e->decision.reason == REASON_NO_ROUTE;
    if (routed && !e->answers_unasked && !tell_misses(e, bytes))
        return false;
    if (e->decision.pool) {
        e->sources = calloc(e->decision.pool->key_count, sizeof(*e->sources));
        if (!e->sources)
            return false;
        tell_sources(e, bytes);
    }
    return !has_home || (tell_ranking(e) && tell_ways(e));
}

/* What does not rest, and a worker that is there; it may drain. */
bool explain_can_be_had(const struct explanation *e, size_t server)
{
    static const char *const states[] = {"up", "busy", "draining", "replacing"};
    for (size_t i = 0; e->servers && i < ARRAY_LENGTH(states); i++)
        if (strcmp(e->servers[server].state, states[i]) == 0)
            return true;
    return !e->servers;
}

bool explain_takes_newcomers(const struct explanation *e, size_t server)
{
    return explain_can_be_had(e, server) && !(e->servers && e->servers[server].draining);
}

/* Index in the ranking; 0 also if none is to be had. */
static size_t first_of_ranking(const struct explanation *e)
{
    for (size_t i = 0; i < e->entry_count; i++)
        if (explain_takes_newcomers(e, e->entries[i].index))
            return i;
    return 0;
}

static const struct way *known_and_there(const struct explanation *e)
{
    const struct way *known = ways_known(&e->ways);
    return known && explain_can_be_had(e, known->server) ? known : NULL;
}

const struct plan_server *explain_home(const struct explanation *e)
{
    const struct way *known = known_and_there(e);
    return &e->decision.pool->servers[known ? known->server : e->entries[first_of_ranking(e)].index];
}

const char *explain_why(const struct explanation *e)
{
    static const char *const words[] = {[STICK_COOKIE] = "cookie", [STICK_SESSION] = "session", [STICK_TABLE] = "pin"};
    const struct way *known = known_and_there(e);
    size_t first = first_of_ranking(e);
    if (ways_may_know_more(&e->ways))
        return NULL;
    if (known)
        return words[known->stick->kind];
    if (first > 0)
        return "next_ranked";
    return explain_takes_newcomers(e, e->entries[0].index) ? "home" : "last_resort";
}

bool explain_is_random(const struct explanation *e)
{
    return e->decision.verdict == DECIDE_SPREAD && e->decision.pool->no_key == NO_KEY_RANDOM && !known_and_there(e);
}

void explain_fini(struct explanation *e)
{
    facts_fini(&e->facts);
    sticks_free(e->sticks);
    ranking_free(e->ranking);
    free(e->servers);
    free(e->misses);
    free(e->sources);
    free(e->entries);
}

static void network_text(const struct network *network, char text[EXPLAIN_TRUST_SIZE])
{
    struct endpoint address = endpoint_from_ip6(network->ip, 0);
    char ip[ENDPOINT_TEXT_SIZE];
    bool ip4 = endpoint_is_ip4(&address) && network->bits >= 96;
    endpoint_text(&address, ip);
    snprintf(text, EXPLAIN_TRUST_SIZE, "%s/%u", ip, network->bits - (ip4 ? 96u : 0u));
}

void explain_trust(const struct plan_trust *trust, const struct endpoint *who, char text[EXPLAIN_TRUST_SIZE])
{
    const struct plan_trust only_loopback = {.loopback = trust->loopback};
    text[0] = '\0';
    if (trust_believes(&only_loopback, who)) {
        snprintf(text, EXPLAIN_TRUST_SIZE, "loopback");
        return;
    }
    for (size_t i = 0; i < trust->network_count; i++) {
        if (network_contains(&trust->networks[i], who)) {
            network_text(&trust->networks[i], text);
            return;
        }
    }
}

struct span explain_key(const struct explanation *e, char buffer[ENDPOINT_TEXT_SIZE])
{
    const struct decision *decision = &e->decision;
    if (decision->verdict != DECIDE_KEY && decision->verdict != DECIDE_SPREAD)
        return span_of(NULL, 0);
    if (decision->tag != KEY_TAG_ADDRESS)
        return decision->key;
    struct endpoint address = endpoint_from_ip6(decision->key.data, 0);
    endpoint_text(&address, buffer);
    return span_text(buffer);
}

void explain_score(const struct rank_entry *entry, char text[EXPLAIN_SCORE_SIZE])
{
    /* 9 bits of weight, 56 of fraction and 20 of decimals. */
    unsigned __int128 millionths = ((unsigned __int128)entry->weight << RANK_LOG2_BITS) * 1000000 / entry->distance;
    snprintf(text, EXPLAIN_SCORE_SIZE, "%llu.%06u", (unsigned long long)(millionths / 1000000),
             (unsigned)(millionths % 1000000));
}
