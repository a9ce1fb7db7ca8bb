#include "route/decide.h"

#include "proto/byte_class.h"
#include "proto/field.h"
#include "proto/head_lookup.h"
#include "proto/message.h"
#include "proto/parse.h"
#include "proto/target.h"

#include <assert.h>
#include <stddef.h>

static const char no_head[] = "the first bytes are no complete HTTP/1 request head";
static const char too_long[] = "the request head is longer than 16 KiB, so nothing in it counts";
static const char cut_short[] = "the request head did not end in time, so nothing in it counts";
static const char no_hello[] = "the first bytes are no complete TLS ClientHello";

static void end_with(struct decision *decision, enum reason reason, const char *why)
{
    decision->verdict = DECIDE_END;
    decision->reason = reason;
    decision->why = why;
}

/* Empty counts as absent. */
static enum known found(struct decision *decision, struct span key, const char *if_empty, const char **why)
{
    if (key.length == 0) {
        *why = if_empty;
        return KNOWN_ABSENT;
    }
    decision->tag = KEY_TAG_TEXT;
    decision->key = key;
    return KNOWN_PRESENT;
}

static enum known found_address(struct decision *decision, const struct endpoint *address, const char **why)
{
    if (address->kind != ENDPOINT_IP) {
        *why = "it is on a Unix socket and has no address";
        return KNOWN_ABSENT;
    }
    memcpy(decision->own, address->ip, sizeof(address->ip));
    decision->tag = KEY_TAG_ADDRESS;
    decision->key = span_of(decision->own, sizeof(address->ip));
    return KNOWN_PRESENT;
}

static enum known client_source(struct decision *decision, struct facts *facts, struct span bytes,
                                const struct plan_key *source, const char **why)
{
    const char *bad = NULL;
    if (facts_client(facts, bytes, &bad) == KNOWN_NOT_YET)
        return KNOWN_NOT_YET;
    if (bad) {
        *why = bad;
        return KNOWN_ABSENT;
    }
    enum known known = found_address(decision, &facts->client, why);
    if (known == KNOWN_PRESENT && source->kind == KEY_CLIENT_NETWORK)
        ip_mask(decision->own, endpoint_is_ip4(&facts->client) ? 96u + source->ip4_bits : source->ip6_bits);
    return known;
}

static enum known header_source(struct decision *decision, struct facts *facts, struct span bytes, const char *name,
                                const char **why)
{
    unsigned count = 0;
    struct span value = head_field(&facts->head, bytes, span_text(name), &count);
    if (count > 1) {
        *why = facts->head_bad = "the field that is the key occurs more than once in the request";
        return KNOWN_ABSENT;
    }
    return found(decision, value, count == 0 ? "the request has no such field" : "the field is empty", why);
}

static enum known host_source(struct decision *decision, struct facts *facts, struct span bytes, const char **why)
{
    struct span host = host_without_port(head_host(&facts->head, bytes));
    if (host.length > DECIDE_HOST_MAX) {
        *why = "the host is longer than any host name";
        return KNOWN_ABSENT;
    }
    for (size_t i = 0; i < host.length; i++)
        decision->own[i] = byte_lower(host.data[i]);
    return found(decision, span_of(decision->own, host.length), "the request names no host", why);
}

/* The sources that need the head of a request. */
static enum known head_source(struct decision *decision, struct facts *facts, struct span bytes,
                              const struct plan_key *source, const char **why)
{
    const struct head *head = &facts->head;
    const char *bad = NULL;
    enum known known = facts_head(facts, bytes, &bad);
    if (known != KNOWN_PRESENT) {
        *why = bad ? bad : facts->head_too_long ? too_long : facts->head_cut_short ? cut_short : no_head;
        return known;
    }
    switch (source->kind) {
    case KEY_HEADER:
        return header_source(decision, facts, bytes, source->name, why);
    case KEY_COOKIE:
        return found(decision, head_cookie(head, bytes, span_text(source->name)),
                     "the request has no such cookie, or it is empty", why);
    case KEY_QUERY:
        return found(decision, query_parameter(head_query(head, bytes), span_text(source->name)),
                     "the query has no such parameter, or it is empty", why);
    case KEY_PATH:
        return found(decision, head_path(head, bytes), "the request has no path", why);
    case KEY_PATH_SEGMENT:
        return found(decision, path_segment(head_path(head, bytes), source->segment),
                     "the path has no such segment, or it is empty", why);
    case KEY_HOST:
        return host_source(decision, facts, bytes, why);
    default:
        assert(source->kind == KEY_METHOD);
        return found(decision, head_method(head, bytes), no_head, why);
    }
}

/* The sources that need a ClientHello. */
static enum known hello_source(struct decision *decision, struct facts *facts, struct span bytes,
                               const struct plan_key *source, const char **why)
{
    enum known known = facts_hello(facts, bytes);
    if (known != KNOWN_PRESENT) {
        *why = no_hello;
        return known;
    }
    const struct hello *hello = facts->hello;
    if (source->kind == KEY_SNI)
        return found(decision, span_text(hello->sni), "the ClientHello has no server name", why);
    return found(decision, span_of(hello->alpn, hello->alpn_length), "the ClientHello offers no protocol", why);
}

static enum known bytes_source(struct decision *decision, struct facts *facts, struct span bytes,
                               const struct plan_key *source, const char **why)
{
    if (bytes.length >= (size_t)source->offset + source->length)
        return found(decision, span_part(bytes, source->offset, source->length), "", why);
    if (!facts_is_over(facts, bytes))
        return KNOWN_NOT_YET;
    *why = "there were not so many bytes";
    return KNOWN_ABSENT;
}

static enum known field_source(struct decision *decision, struct facts *facts, struct span bytes,
                               const struct plan_key *source, const char **why)
{
    if (facts->field_key != source) {
        facts->field_key = source;
        facts->field = (struct field_reader){0};
    }
    struct span value = {0};
    enum parse_verdict verdict = field_read(&facts->field, bytes, span_text(source->name), &value).verdict;
    if (verdict == PARSE_DONE)
        return found(decision, value, "the line is empty behind its name", why);
    if (verdict == PARSE_MORE && !facts_is_over(facts, bytes))
        return KNOWN_NOT_YET;
    *why = "no such line was seen";
    return KNOWN_ABSENT;
}

enum known decide_source(struct decision *decision, struct facts *facts, struct span bytes,
                         const struct plan_key *source, const char **why)
{
    if (!facts->of_request)
        bytes = facts_within_limit(bytes);
    switch (source->kind) {
    case KEY_CLIENT:
    case KEY_CLIENT_NETWORK:
        return client_source(decision, facts, bytes, source, why);
    case KEY_PEER:
        return found_address(decision, &facts->peer, why);
    case KEY_HEADER:
    case KEY_COOKIE:
    case KEY_QUERY:
    case KEY_PATH:
    case KEY_PATH_SEGMENT:
    case KEY_HOST:
    case KEY_METHOD:
        return head_source(decision, facts, bytes, source, why);
    case KEY_SNI:
    case KEY_ALPN:
        return hello_source(decision, facts, bytes, source, why);
    case KEY_UNWRAPPED:
        return found(decision, span_of(facts->unwrapped, facts->unwrapped_length), "the listener takes off no prefix",
                     why);
    case KEY_BYTES:
        return bytes_source(decision, facts, bytes, source, why);
    case KEY_FIELD:
        return field_source(decision, facts, bytes, source, why);
    case KEY_KIND_COUNT:
        break;
    }
    assert(false);
    return KNOWN_ABSENT;
}

bool decide_sni_matches(const char *pattern, const char *name)
{
    if (!pattern)
        return true;
    if (pattern[0] != '*')
        return strcmp(pattern, name) == 0;
    const char *below = pattern + 1; /* ".example.org" */
    size_t length = strlen(name);
    return length > strlen(below) && strcmp(name + length - strlen(below), below) == 0;
}

bool decide_host_matches(const char *pattern, struct span host)
{
    struct span below = span_text(pattern);
    if (pattern[0] != '*')
        return span_equal_nocase(host, below);
    below = span_part(below, 1, below.length - 1); /* ".example.org" */
    return host.length > below.length &&
           span_equal_nocase(span_part(host, host.length - below.length, below.length), below);
}

static bool host_fits(const struct plan_route *route, struct span host)
{
    for (size_t i = 0; i < route->host_count; i++)
        if (decide_host_matches(route->hosts[i], host))
            return true;
    return route->host_count == 0;
}

static bool path_fits(const struct plan_route *route, struct span path)
{
    return path.length >= route->path.length &&
           (route->path.length == 0 || memcmp(path.data, route->path.data, route->path.length) == 0);
}

static bool method_fits(const struct plan_route *route, struct span method)
{
    for (size_t i = 0; i < route->method_count; i++)
        if (span_equal(method, span_text(route->methods[i])))
            return true;
    return route->method_count == 0;
}

static bool headers_fit(const struct plan_route *route, const struct head *head, struct span bytes)
{
    unsigned count;
    for (size_t i = 0; i < route->header_count; i++) {
        (void)head_field(head, bytes, span_text(route->headers[i]), &count);
        if (count == 0)
            return false;
    }
    return true;
}

enum known decide_forwarded_https(const struct head *head, struct span bytes)
{
    unsigned count = 0;
    struct span proto = head_field(head, bytes, span_text("X-Forwarded-Proto"), &count);
    if (count == 0)
        return KNOWN_NOT_YET;
    return message_lists(proto, "https") || message_lists(proto, "wss") ? KNOWN_PRESENT : KNOWN_ABSENT;
}

/* As far as is known: whoever is trusted may end TLS, and says so. */
static bool came_with_https(const struct facts *facts, struct span bytes)
{
    enum known said = facts->source_trusted ? decide_forwarded_https(&facts->head, bytes) : KNOWN_NOT_YET;
    return said == KNOWN_NOT_YET ? facts->source_tls : said == KNOWN_PRESENT;
}

/* To the same URL with https: who came with it would come back to it for ever. */
static bool leads_in_a_circle(const struct plan_route *route, const struct facts *facts, struct span bytes)
{
    return route->action == ROUTE_REDIRECT && !route->location && came_with_https(facts, bytes);
}

/* Null, or which condition on the request is not met. The host costs a search, which all routes share. */
static const char *misfit(const struct plan_route *route, const struct facts *facts, struct span bytes,
                          struct span *host)
{
    const struct head *head = &facts->head;
    if (route->host_count > 0 && host->data == NULL) {
        *host = host_without_port(head_host(head, bytes));
        if (host->data == NULL)
            *host = span_text("");
    }
    if (!host_fits(route, *host))
        return "the request is for another host";
    if (!path_fits(route, head_path(head, bytes)))
        return "the path begins otherwise";
    if (!method_fits(route, head_method(head, bytes)))
        return "the request has another method";
    if (!headers_fit(route, head, bytes))
        return "the request lacks a field";
    return leads_in_a_circle(route, facts, bytes) ? "the request came with https already" : NULL;
}

/* What only a request can meet: nobody else could read an answer. */
static bool is_for_requests(const struct plan_route *route)
{
    return route->host_count > 0 || route->path.length > 0 || route->method_count > 0 || route->header_count > 0 ||
           route->action != ROUTE_POOL;
}

static enum known meets(const struct plan_route *route, struct facts *facts, struct span bytes, struct span *host,
                        const char **why)
{
    const char *ignored;
    enum known known = route->sni ? facts_hello(facts, bytes) : KNOWN_PRESENT;
    *why = "the client sends no TLS ClientHello";
    if (known == KNOWN_PRESENT && route->sni && !decide_sni_matches(route->sni, facts->hello->sni)) {
        *why = "the TLS server name is another";
        return KNOWN_ABSENT;
    }
    if (known != KNOWN_PRESENT || !is_for_requests(route))
        return known;
    known = facts_head(facts, bytes, &ignored);
    *why = known == KNOWN_PRESENT ? misfit(route, facts, bytes, host) : no_head;
    return known == KNOWN_PRESENT && *why ? KNOWN_ABSENT : known;
}

enum known decide_route(const struct plan_route *route, struct facts *facts, struct span bytes, const char **why)
{
    struct span host = {0};
    return meets(route, facts, bytes, &host, why);
}

/* False: more bytes are needed. */
static bool find_route(struct decision *decision, struct facts *facts, struct span bytes)
{
    const struct plan_listener *listener = facts->listener;
    struct span host = {0};
    for (size_t i = 0; i < listener->route_count; i++) {
        const char *why;
        enum known fits = meets(&listener->routes[i], facts, bytes, &host, &why);
        if (fits == KNOWN_NOT_YET)
            return false;
        if (fits == KNOWN_ABSENT)
            continue;
        decision->route = (int)i;
        return true;
    }
    end_with(decision, REASON_NO_ROUTE, "no route of the listener matches");
    return true;
}

/* What no other visit has. */
static void number(struct decision *decision, uint64_t serial)
{
    const char *ignored;
    decision->verdict = DECIDE_SPREAD;
    for (int i = 0; i < 8; i++)
        decision->own[i] = (uint8_t)(serial >> (8 * i));
    (void)found(decision, span_of(decision->own, 8), "", &ignored);
}

/* Whatever tells this peer from others. */
static void spread(struct decision *decision, const struct facts *facts, uint64_t serial)
{
    const char *ignored;
    decision->verdict = DECIDE_SPREAD;
    if (found_address(decision, &facts->peer, &ignored) != KNOWN_PRESENT)
        number(decision, serial);
}

static void end_with_bad_head(struct decision *decision, const struct facts *facts)
{
    end_with(decision, REASON_BAD_HEAD, facts->head_bad);
    decision->answer_400 = facts->head.is_http;
}

static bool tells_server_the_client(const struct plan_pool *pool)
{
    return pool->send_proxy != SEND_PROXY_OFF || pool->send_prefix == SEND_PREFIX_IP4 ||
           pool->send_prefix == SEND_PREFIX_IP6;
}

/* Logs, limits and servers want the client even if the key is something else. What costs no waiting is found out
 * always; more bytes are only waited for if the server is told. Whether the head was read depends on the configuration
 * and the bytes, never on the pieces they came in. */
static void find_client(struct decision *decision, struct facts *facts, struct span bytes)
{
    const char *bad = NULL;
    bool needs_no_head = !facts->source_trusted || facts->listener->client_from == CLIENT_FROM_NONE;
    if (!needs_no_head && facts->head_known == KNOWN_NOT_YET && !tells_server_the_client(decision->pool))
        return;
    if (facts_client(facts, bytes, &bad) == KNOWN_NOT_YET)
        decision->verdict = DECIDE_MORE;
    else if (bad)
        end_with_bad_head(decision, facts);
}

/* The log of a visit that ends here wants him too, if the head was read anyway. */
static void note_client(struct facts *facts, struct span bytes)
{
    const char *ignored = NULL;
    if (facts->head_known != KNOWN_NOT_YET || !facts->source_trusted)
        (void)facts_client(facts, bytes, &ignored);
}

static void find_key(struct decision *decision, struct facts *facts, struct span bytes, uint64_t serial)
{
    const struct plan_pool *pool = decision->pool;
    for (size_t i = facts->sources_absent; i < pool->key_count; i++) {
        const char *why = NULL;
        enum known known = decide_source(decision, facts, bytes, &pool->keys[i], &why);
        if (known == KNOWN_NOT_YET)
            return;
        if (known == KNOWN_PRESENT) {
            decision->verdict = DECIDE_KEY;
            decision->source = (int)i;
            return;
        }
        if (facts->head_bad) {
            end_with_bad_head(decision, facts);
            return;
        }
        facts->sources_absent = i + 1;
    }
    if (pool->no_key == NO_KEY_RANDOM)
        number(decision, serial);
    else if (pool->no_key == NO_KEY_END)
        end_with(decision, REASON_NO_KEY, "no key source was present");
    else
        spread(decision, facts, serial);
}

/* Where routes look into requests, nobody gets past them by saying too little in time, by white space in front, over which
 * lenient servers read, or by a method longer than ours may be. */
static bool may_be_http(const struct facts *facts, struct span bytes)
{
    if (!facts->listener->per_request)
        return false;
    if (bytes.length == 0 || facts->head_cut_short || facts->head_too_long)
        return true;
    bool space = bytes.data[0] == ' ' || (bytes.data[0] >= '\t' && bytes.data[0] <= '\r');
    return space || (bytes.length > HEAD_METHOD_MAX && is_token(span_part(bytes, 0, HEAD_METHOD_MAX + 1)));
}

/* Which mode serves this connection? KNOWN_PRESENT: each of its requests is decided. A trusted peer that speaks HTTP is a
 * proxy, which may carry many clients; everybody else connects for himself. */
static enum known is_per_request(struct facts *facts, struct span bytes)
{
    const struct plan_listener *listener = facts->listener;
    if (listener->mode == MODE_HTTP)
        return KNOWN_PRESENT;
    if (listener->mode == MODE_TCP || (!facts->source_trusted && !listener->per_request))
        return KNOWN_ABSENT;
    enum known speaks = facts_speaks_http(facts, bytes);
    return speaks == KNOWN_ABSENT && may_be_http(facts, bytes) ? KNOWN_PRESENT : speaks;
}

static void begin(struct decision *decision)
{
    memset(decision, 0, offsetof(struct decision, own));
    decision->source = DECIDE_NO_SOURCE;
    decision->route = -1;
}

/* Where ids of sessions are known, a head is worth waiting for, even if the key is something else. */
static void find_head(struct decision *decision, struct facts *facts, struct span bytes)
{
    const char *bad = NULL;
    bool wanted = facts->of_request || plan_learns_sessions(decision->pool);
    enum known known = wanted ? facts_head(facts, bytes, &bad) : KNOWN_ABSENT;
    if (known == KNOWN_NOT_YET) {
        decision->verdict = DECIDE_MORE;
    } else if (known == KNOWN_PRESENT) {
        decision->head = &facts->head;
        decision->bytes = bytes;
    } else if (facts->head_bad) {
        end_with_bad_head(decision, facts);
    }
}

/* Of a connection or a request. */
static void decide_visit(struct decision *decision, struct facts *facts, struct span bytes, uint64_t serial)
{
    if (!find_route(decision, facts, bytes))
        return;
    const struct plan_route *route = decision->route < 0 ? NULL : &facts->listener->routes[decision->route];
    if (route && route->action != ROUTE_POOL) {
        decision->verdict = DECIDE_ANSWER;
    } else if (route) {
        decision->pool = &facts->pools[route->pool];
        find_key(decision, facts, bytes, serial);
        if (decision->pool->stick_count > 0 && decision->verdict != DECIDE_MORE && decision->verdict != DECIDE_END)
            find_head(decision, facts, bytes);
    }
    if (decision->verdict == DECIDE_END)
        note_client(facts, bytes);
    else if (decision->verdict != DECIDE_MORE)
        find_client(decision, facts, bytes);
    if (!decision->why)
        decision->why = facts->head_too_long ? too_long : facts->head_cut_short ? cut_short : NULL;
}

void decide(struct decision *decision, struct facts *facts, struct span bytes, uint64_t serial)
{
    assert(facts->stage == FACTS_CONTENT && !facts->of_request);
    begin(decision);
    switch (is_per_request(facts, bytes)) {
    case KNOWN_NOT_YET:
        decision->verdict = DECIDE_MORE;
        break;
    case KNOWN_PRESENT:
        decision->verdict = DECIDE_HTTP;
        break;
    case KNOWN_ABSENT:
        decide_visit(decision, facts, bytes, serial);
        break;
    }
}

void decide_request(struct decision *decision, struct facts *facts, struct span bytes, uint64_t serial)
{
    assert(facts->of_request && bytes.length >= facts->head.length);
    begin(decision);
    decide_visit(decision, facts, span_part(bytes, 0, facts->head.length), serial);
    assert(decision->verdict != DECIDE_MORE);
}
