#include "route/facts.h"

#include "proto/head_lookup.h"
#include "proto/parse.h"
#include "proto/proxy.h"
#include "route/forwarding.h"
#include "route/trust.h"

#include <assert.h>
#include <stdlib.h>

/* The signatures of both versions of a PROXY header: from there on it cannot be anything else. */
#define PROXY_V1_SIGNATURE 6 /* "PROXY " */
#define PROXY_V2_SIGNATURE 12

void facts_init(struct facts *facts, const struct plan_listener *listener, const struct plan_pool *pools,
                const struct endpoint *peer, const struct endpoint *local)
{
    memset(facts, 0, sizeof(*facts));
    facts->listener = listener;
    facts->pools = pools;
    facts->peer = *peer;
    facts->source = *peer;
    if (local)
        facts->local = *local;
    facts->peer_trusted = trust_believes(&listener->trust, peer);
    facts->source_trusted = facts->peer_trusted;
}

void facts_origin_of(const struct facts *facts, struct facts_origin *origin)
{
    *origin = (struct facts_origin){
        .peer = facts->peer,
        .source = facts->source,
        .local = facts->local,
        .peer_trusted = facts->peer_trusted,
        .source_trusted = facts->source_trusted,
        .source_tls = facts->source_tls,
        .unwrapped_length = facts->unwrapped_length,
        .unwrapped = facts->unwrapped,
    };
}

void facts_request(struct facts *facts, const struct plan_listener *listener, const struct plan_pool *pools,
                   const struct facts_origin *origin, const struct head *head)
{
    assert(head->length > 0);
    memset(facts, 0, offsetof(struct facts, unwrapped)); /* of what follows, only so many bytes count */
    facts->listener = listener;
    facts->pools = pools;
    facts->peer = origin->peer;
    facts->source = origin->source;
    facts->local = origin->local;
    facts->peer_trusted = origin->peer_trusted;
    facts->source_trusted = origin->source_trusted;
    facts->source_tls = origin->source_tls;
    facts->over = facts->of_request = true;
    facts->stage = FACTS_CONTENT;
    facts->head_known = KNOWN_PRESENT;
    facts->hello_known = KNOWN_ABSENT;
    facts->head = *head;
    facts->unwrapped_length = origin->unwrapped_length;
    if (origin->unwrapped_length > 0)
        memcpy(facts->unwrapped, origin->unwrapped, origin->unwrapped_length);
}

void facts_fini(struct facts *facts)
{
    free(facts->hello);
    facts->hello = NULL;
}

void facts_finish_proxy(struct facts *facts)
{
    facts->proxy_late = true;
}

void facts_finish(struct facts *facts)
{
    facts->over = true;
}

bool facts_is_over(const struct facts *facts, struct span bytes)
{
    return facts->over || bytes.length >= PEEK_LIMIT;
}

struct span facts_within_limit(struct span bytes)
{
    return span_of(bytes.data, bytes.length < PEEK_LIMIT ? bytes.length : PEEK_LIMIT);
}

static struct facts_result end_with(enum reason reason, const char *why)
{
    return (struct facts_result){.step = FACTS_END, .reason = reason, .why = why};
}

static struct facts_result step_on(struct facts *facts, enum facts_stage stage, size_t take)
{
    facts->stage = stage;
    return (struct facts_result){.step = take > 0 ? FACTS_TAKE : FACTS_READ_ON, .take = take};
}

static void replace_source(struct facts *facts, struct endpoint source)
{
    facts->source = source;
    facts->source_trusted = trust_believes(&facts->listener->trust, &source);
}

/* Bytes that may be, or are, a PROXY header: is it certain by now? */
static bool proxy_has_begun(struct span bytes)
{
    return bytes.length > 0 && bytes.length >= (bytes.data[0] == 'P' ? PROXY_V1_SIGNATURE : PROXY_V2_SIGNATURE);
}

/* An untrusted peer may connect without a PROXY header (`accept`), never with one. */
static struct facts_result read_untrusted_proxy(struct facts *facts, struct span bytes)
{
    struct proxy_header header;

    if (facts->listener->proxy_protocol == PROXY_PROTOCOL_REQUIRE)
        return end_with(REASON_UNTRUSTED_PROXY,
                        "the listener requires a PROXY header, and the peer is outside `trust`");
    enum parse_verdict verdict = proxy_read(bytes, &header).verdict;
    if (verdict != PARSE_NONE && proxy_has_begun(bytes))
        return end_with(REASON_UNTRUSTED_PROXY, "the peer sent a PROXY header, and is outside `trust`");
    if (verdict == PARSE_MORE && !facts->proxy_late && !facts_is_over(facts, bytes))
        return (struct facts_result){.step = FACTS_MORE};
    return step_on(facts, FACTS_UNWRAP, 0);
}

static struct facts_result absent_proxy(struct facts *facts)
{
    if (facts->listener->proxy_protocol == PROXY_PROTOCOL_REQUIRE)
        return end_with(REASON_BAD_PROXY, "the PROXY header that the listener requires is missing");
    return step_on(facts, FACTS_UNWRAP, 0);
}

static struct facts_result read_proxy(struct facts *facts, struct span bytes)
{
    struct proxy_header header;

    if (!facts->peer_trusted)
        return read_untrusted_proxy(facts, bytes);
    struct parse_result result = proxy_read(bytes, &header);
    switch (result.verdict) {
    case PARSE_MORE:
        if (!facts->proxy_late && !facts_is_over(facts, bytes))
            return (struct facts_result){.step = FACTS_MORE};
        if (proxy_has_begun(bytes))
            return end_with(REASON_BAD_PROXY, "the PROXY header was cut short or late");
        return absent_proxy(facts);
    case PARSE_NONE:
        return absent_proxy(facts);
    case PARSE_BAD:
        return end_with(REASON_BAD_PROXY, result.why);
    case PARSE_DONE:
        break;
    }
    if (header.known) {
        replace_source(facts, header.source);
        facts->source_tls = header.tls;
        facts->local = header.destination;
    }
    return step_on(facts, FACTS_UNWRAP, result.used);
}

static struct facts_result read_unwrap(struct facts *facts, struct span bytes)
{
    const struct plan_listener *listener = facts->listener;
    size_t length = listener->unwrap_length;

    /* Behind a PROXY header it is its source who wrote the prefix. */
    if (!facts->source_trusted)
        return end_with(REASON_BAD_PREFIX, "the listener takes off a prefix, and whoever wrote it is outside `trust`");
    if (bytes.length < length) {
        if (facts->proxy_late || facts_is_over(facts, bytes))
            return end_with(REASON_BAD_PREFIX, "the wrapped prefix was cut short or late");
        return (struct facts_result){.step = FACTS_MORE};
    }
    assert(length <= FACTS_UNWRAPPED_MAX);
    memcpy(facts->unwrapped, bytes.data, length);
    facts->unwrapped_length = (uint8_t)length;
    if (listener->unwrap == UNWRAP_IP4)
        replace_source(facts, endpoint_from_ip4(bytes.data, 0));
    else if (listener->unwrap == UNWRAP_IP6)
        replace_source(facts, endpoint_from_ip6(bytes.data, 0));
    return step_on(facts, FACTS_CONTENT, length);
}

struct facts_result facts_read(struct facts *facts, struct span bytes)
{
    struct facts_result result = {.step = FACTS_READ_ON};

    bytes = facts_within_limit(bytes);
    if (facts->stage == FACTS_PROXY) {
        if (facts->listener->proxy_protocol == PROXY_PROTOCOL_OFF)
            facts->stage = FACTS_UNWRAP;
        else
            result = read_proxy(facts, bytes);
    }
    if (facts->stage == FACTS_UNWRAP && result.step == FACTS_READ_ON) {
        if (facts->listener->unwrap == UNWRAP_OFF)
            facts->stage = FACTS_CONTENT;
        else
            result = read_unwrap(facts, bytes);
    }
    return result;
}

enum known facts_head(struct facts *facts, struct span bytes, const char **bad)
{
    assert(facts->stage == FACTS_CONTENT);
    if (facts->head_known == KNOWN_NOT_YET) {
        bytes = facts_within_limit(bytes);
        struct parse_result result = head_read(&facts->head, bytes);
        if (result.verdict == PARSE_MORE && !facts_is_over(facts, bytes))
            return KNOWN_NOT_YET;
        facts->head_known = result.verdict == PARSE_DONE ? KNOWN_PRESENT : KNOWN_ABSENT;
        if (result.verdict == PARSE_BAD)
            facts->head_bad = result.why;
        facts->head_too_long = result.verdict == PARSE_MORE && bytes.length == PEEK_LIMIT;
        facts->head_cut_short = result.verdict == PARSE_MORE && bytes.length > 0 && bytes.length < PEEK_LIMIT;
    }
    if (facts->head_bad)
        *bad = facts->head_bad;
    return facts->head_known;
}

enum known facts_speaks_http(struct facts *facts, struct span bytes)
{
    const char *ignored;
    enum known head = facts_head(facts, bytes, &ignored);
    if (facts->head.is_http)
        return KNOWN_PRESENT;
    return head == KNOWN_NOT_YET ? KNOWN_NOT_YET : KNOWN_ABSENT;
}

enum known facts_hello(struct facts *facts, struct span bytes)
{
    struct hello hello;

    assert(facts->stage == FACTS_CONTENT);
    if (facts->hello_known != KNOWN_NOT_YET)
        return facts->hello_known;
    bytes = facts_within_limit(bytes);
    enum parse_verdict verdict = hello_read(bytes, &hello).verdict;
    if (verdict == PARSE_MORE && !facts_is_over(facts, bytes))
        return KNOWN_NOT_YET;
    facts->hello_known = KNOWN_ABSENT;
    if (verdict == PARSE_DONE)
        facts->hello = malloc(sizeof(*facts->hello));
    if (facts->hello) {
        *facts->hello = hello;
        facts->hello_known = KNOWN_PRESENT;
    }
    return facts->hello_known;
}

/* The right-most address that is not trusted; if all are, the left-most. What names no address ends the walk: nobody
 * vouches for what stands to the left of it. */
static struct endpoint client_of_list(const struct facts *facts, struct span bytes)
{
    struct forwarding walk;
    struct forwarding_element element;
    struct endpoint client = facts->source;

    forwarding_init(&walk, facts->listener->client_from, &facts->head, bytes);
    while (forwarding_next(&walk, &element) == FORWARDED_ADDRESS) {
        client = element.address;
        if (!trust_believes(&facts->listener->trust, &client))
            break;
    }
    return client;
}

static struct endpoint client_of_header(struct facts *facts, struct span bytes)
{
    struct endpoint client;
    unsigned count = 0;
    struct span value = head_field(&facts->head, bytes, span_text(facts->listener->client_header), &count);

    if (count > 1)
        facts->head_bad = "the field that names the client (`client-from`) occurs more than once";
    else if (count == 1 && endpoint_parse(value, &client))
        return client;
    return facts->source;
}

static struct endpoint client_of_head(struct facts *facts, struct span bytes)
{
    if (facts->listener->client_from == CLIENT_FROM_HEADER)
        return client_of_header(facts, bytes);
    return client_of_list(facts, bytes);
}

enum known facts_client(struct facts *facts, struct span bytes, const char **bad)
{
    if (facts->client_known == KNOWN_NOT_YET) {
        facts->client = facts->source;
        if (facts->source_trusted && facts->listener->client_from != CLIENT_FROM_NONE) {
            enum known head = facts_head(facts, bytes, bad);
            if (head == KNOWN_NOT_YET)
                return KNOWN_NOT_YET;
            if (head == KNOWN_PRESENT)
                facts->client = client_of_head(facts, bytes);
        }
        facts->client_known = KNOWN_PRESENT;
    }
    if (facts->head_bad)
        *bad = facts->head_bad;
    return KNOWN_PRESENT;
}
