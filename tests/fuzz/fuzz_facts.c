#include "../unit/walk.h"
#include "pieces.h"

#include "proto/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first bytes choose a listener, a pool and a peer; the rest is what the peer sends. */
#define CHOICES 8
#define KEYS 3

static const struct plan_key all_keys[] = {
    {.kind = KEY_CLIENT, .text = "client"},
    {.kind = KEY_CLIENT_NETWORK, .text = "client/24/56", .ip4_bits = 24, .ip6_bits = 56},
    {.kind = KEY_PEER, .text = "peer"},
    {.kind = KEY_HEADER, .text = "header:a", .name = "a"},
    {.kind = KEY_COOKIE, .text = "cookie:a", .name = "a"},
    {.kind = KEY_QUERY, .text = "query:a", .name = "a"},
    {.kind = KEY_PATH, .text = "path"},
    {.kind = KEY_PATH_SEGMENT, .text = "path:2", .segment = 2},
    {.kind = KEY_HOST, .text = "host"},
    {.kind = KEY_METHOD, .text = "method"},
    {.kind = KEY_SNI, .text = "sni"},
    {.kind = KEY_ALPN, .text = "alpn"},
    {.kind = KEY_UNWRAPPED, .text = "unwrapped"},
    {.kind = KEY_BYTES, .text = "bytes:3+2", .offset = 3, .length = 2},
    {.kind = KEY_FIELD, .text = "field:a", .name = "a"},
    {.kind = KEY_FIELD, .text = "field:b", .name = "b"},
};

struct world {
    struct network network;
    struct plan_key keys[KEYS];
    struct plan_pool pool;
    struct plan_route routes[2];
    struct plan_listener listener;
    struct endpoint peer;
};

static void choose_pool(struct world *world, const uint8_t *choices)
{
    for (size_t i = 0; i < KEYS; i++)
        world->keys[i] = all_keys[choices[i] % ARRAY_LENGTH(all_keys)];
    world->pool = (struct plan_pool){
        .keys = world->keys,
        .key_count = 1 + choices[KEYS] % KEYS,
        .no_key = choices[KEYS] & 0x80 ? NO_KEY_END : NO_KEY_SPREAD,
        .send_proxy = choices[KEYS] & 0x40 ? SEND_PROXY_V1 : SEND_PROXY_OFF,
    };
}

static const char *const hosts[] = {"a", "*.a"};

static void choose_listener(struct world *world, uint8_t choice, uint8_t other)
{
    static const uint32_t lengths[] = {[UNWRAP_OFF] = 0, [UNWRAP_IP4] = 4, [UNWRAP_IP6] = 16, [UNWRAP_BYTES] = 7};
    struct plan_listener *listener = &world->listener;
    CHECK(network_parse(span_text("10.0.0.0/8"), &world->network) == NULL);
    *listener = (struct plan_listener){
        .mode = other & 8 ? MODE_AUTO : MODE_TCP,
        .per_request = other & 16,
        .trust = {.loopback = true, .networks = &world->network, .network_count = 1},
        .client_from = (enum client_from)(choice & 3),
        .client_header = "a",
        .proxy_protocol = (enum proxy_protocol)((choice >> 2 & 3) % 3),
        .unwrap = (enum unwrap)(choice >> 4 & 3),
        .unwrap_length = lengths[choice >> 4 & 3],
        .routes = world->routes,
        .route_count = 1 + (other & 1),
    };
    world->routes[0].sni = other & 2 ? "*.a" : NULL;
    world->routes[1].sni = other & 4 ? "a" : NULL;
    world->routes[0].hosts = hosts;
    world->routes[0].host_count = other & 32 ? 2 : 0;
    world->routes[1].path = other & 64 ? span_text("/a") : span_of(NULL, 0);
    world->routes[1].action = other & 128 ? ROUTE_ANSWER : ROUTE_POOL;
}

static void choose_peer(struct world *world, uint8_t choice)
{
    static const uint8_t addresses[][4] = {{127, 0, 0, 1}, {10, 0, 0, 1}, {203, 0, 113, 9}};
    if (choice % 4 == 3)
        world->peer = (struct endpoint){.kind = ENDPOINT_UNIX};
    else
        world->peer = endpoint_from_ip4(addresses[choice % 4], 4711);
}

static void check_inside(const struct walk *walk)
{
    const struct decision *decision = &walk->decision;
    if (decision->verdict != DECIDE_KEY && decision->verdict != DECIDE_SPREAD)
        return;
    CHECK(decision->key.length > 0);
    CHECK(span_is_inside(decision->key, walk->left) ||
          span_is_inside(decision->key, span_of(decision->own, sizeof(decision->own))) ||
          span_is_inside(decision->key, span_of(&walk->facts, sizeof(walk->facts))) ||
          span_is_inside(decision->key, span_of(walk->facts.hello, sizeof(*walk->facts.hello))));
}

static void check_same(const struct walk *a, const struct walk *b)
{
    CHECK(a->decision.verdict == b->decision.verdict && a->decision.reason == b->decision.reason);
    CHECK(a->decision.answer_400 == b->decision.answer_400 && a->decision.route == b->decision.route);
    CHECK(a->decision.source == b->decision.source && a->decision.tag == b->decision.tag);
    CHECK(span_equal(a->decision.key, b->decision.key));
    CHECK(endpoint_equal(&a->facts.source, &b->facts.source));
    CHECK(a->facts.client_known == b->facts.client_known);
    if (a->facts.client_known == KNOWN_PRESENT)
        CHECK(endpoint_equal(&a->facts.client, &b->facts.client));
}

/* Where each request is decided: the first one. */
static void decide_first_request(struct walk *walk, const struct world *world)
{
    struct head head = {0};
    struct facts connection = walk->facts;
    struct facts_origin origin;
    if (walk->decision.verdict != DECIDE_HTTP || head_read(&head, walk->left).verdict != PARSE_DONE)
        return;
    facts_origin_of(&connection, &origin);
    facts_request(&walk->facts, &world->listener, &world->pool, &origin, &head);
    facts_fini(&connection);
    decide_request(&walk->decision, &walk->facts, walk->left, 7);
    CHECK(walk->decision.verdict != DECIDE_MORE && walk->decision.verdict != DECIDE_HTTP);
    CHECK(walk->facts.client_known == KNOWN_PRESENT || walk->decision.verdict == DECIDE_END);
    check_inside(walk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    if (size < CHOICES)
        return 0;
    choose_pool(&world, data);
    choose_listener(&world, data[KEYS + 1], data[KEYS + 2]);
    choose_peer(&world, data[KEYS + 3]);
    struct span bytes = span_of(data + CHOICES, size - CHOICES);
    size_t step = 1 + data[CHOICES - 1] % (4 + bytes.length / 64);

    struct walk whole, pieced;
    walk_run(&whole, &world.listener, &world.pool, &world.peer, bytes, SIZE_MAX);
    walk_run(&pieced, &world.listener, &world.pool, &world.peer, bytes, step);
    CHECK(whole.decision.verdict != DECIDE_MORE);
    check_inside(&whole);
    check_inside(&pieced);
    check_same(&whole, &pieced);
    decide_first_request(&whole, &world);
    walk_fini(&whole);
    walk_fini(&pieced);
    return 0;
}
