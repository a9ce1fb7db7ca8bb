#include "conf/read_listener.h"

#include "conf/key_source.h"
#include "conf/networks.h"
#include "conf/read.h"
#include "conf/read_route.h"
#include "conf/values.h"
#include "proto/byte_class.h"

#define UNWRAP_MAX 255

static void add_listener(struct build *b, const struct node *map)
{
    struct draft_listener *draft = arena_alloc(b->arena, sizeof(*draft));
    draft->node = map;
    if (b->last_listener)
        b->last_listener->next = draft;
    else
        b->listeners = draft;
    b->last_listener = draft;
    b->plan->listener_count++;
    unsigned errors = b->report->out->errors;
    schema_fill(b, SECTION_LISTENER, map, draft);
    draft->broken = errors != b->report->out->errors;
}

void read_listeners(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (value->kind == NODE_LIST && value->count == 0)
        report_error(b->report, value->at, "add `- {bind: \":8080\", pool: NAME}`", "there is no listener");
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item)) {
        if (item->kind == NODE_MAP)
            add_listener(b, item);
        else
            report_error(b->report, item->at, "write `- {bind: \":8080\", pool: NAME}`",
                         "a listener is a map, but this is %s", node_kind_name(item));
    }
}

void read_listener_bind(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_listener *draft = target;
    size_t count = value->kind == NODE_LIST ? value->count : 1;
    struct address *binds = arena_alloc(b->arena, count * sizeof(*binds) + 1);
    draft->bind_nodes = arena_alloc(b->arena, count * sizeof(struct node *) + 1);
    if (count == 0)
        report_error(b->report, value->at, "write at least one address, such as \":8080\"", "this list is empty");
    size_t good = 0;
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item))
        if (read_address(b, item, true, &binds[good]))
            draft->bind_nodes[good++] = item;
    draft->plan.binds = binds;
    draft->plan.bind_count = good;
    draft->plan.name = binds->text;
}

/* HTTP/2 without TLS would need HTTP/2 behind it, and TLS inside a connection would hide what is in it. */
static const char *refused_upgrade(struct span word)
{
    if (span_equal_nocase(word, span_text("h2c")))
        return "HTTP/2 is not spoken to servers";
    return word.length >= 3 && span_equal_nocase(span_part(word, 0, 3), span_text("tls"))
               ? "TLS does not begin in the middle of a connection"
               : NULL;
}

static const char *read_upgrade(struct build *b, const struct node *item)
{
    bool is_word = item->kind == NODE_TEXT && is_token(item->text);
    const char *refused = item->kind == NODE_TEXT ? refused_upgrade(item->text) : NULL;
    if (refused)
        report_error(b->report, item->at, "take it out: a client that asks for it is served without", "%s", refused);
    else if (!is_word)
        report_error(b->report, item->at, "write names such as websocket, without a version, or none",
                     "this is no name of a protocol");
    char *word = refused || !is_word ? NULL : arena_text(b->arena, item->text);
    for (char *c = word; c && *c; c++)
        *c = (char)byte_lower((uint8_t)*c);
    return word;
}

void read_listener_upgrade(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_listener *listener = &((struct draft_listener *)target)->plan;
    if (value->kind == NODE_MAP) {
        read_wrong_type(b, row, value);
        return;
    }
    if (node_is(value, "none"))
        return;
    size_t count = value->kind == NODE_LIST ? value->count : 1;
    const char **words = arena_alloc(b->arena, count * sizeof(*words) + 1);
    if (count == 0)
        report_error(b->report, value->at, "write `none` if no upgrade is allowed", "this list is empty");
    size_t good = 0;
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item)) {
        const char *word = read_upgrade(b, item);
        if (word)
            words[good++] = word;
    }
    listener->upgrades = words;
    listener->upgrade_count = good;
}

void read_listener_trust(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_listener *draft = target;
    if (value->kind == NODE_MAP) {
        read_wrong_type(b, row, value);
        return;
    }
    draft->trust_given = value->at.source != NULL;
    networks_read(b, value, &draft->plan.trust);
}

static void read_client_header(struct build *b, const struct node *value, struct plan_listener *listener)
{
    struct plan_key key;
    const char *wrong = key_source_parse(value->text, b->arena, &key);
    if (wrong)
        report_error(b->report, value->at, "write header:NAME, such as header:CF-Connecting-IP", "%s", wrong);
    listener->client_from = CLIENT_FROM_HEADER;
    listener->client_header = wrong ? NULL : key.name;
}

void read_listener_client_from(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    static const char *const words[] = {"none", "x-forwarded-for", "forwarded", NULL};
    struct plan_listener *listener = &((struct draft_listener *)target)->plan;
    if (!read_is_text(b, row, value))
        return;
    for (unsigned i = 0; words[i]; i++)
        if (span_equal_nocase(value->text, span_text(words[i]))) {
            listener->client_from = (enum client_from)i;
            return;
        }
    if (value->text.length >= 7 && memcmp(value->text.data, "header:", 7) == 0) {
        read_client_header(b, value, listener);
        return;
    }
    const char *near = read_near_word(b, value->text, words);
    report_error(b->report, value->at,
                 near ? near
                      : "write x-forwarded-for, forwarded, none, or header:NAME for any other field, such as "
                        "header:X-Real-IP",
                 "%s is no word for `client-from`", report_quote(b->report, value->text));
}

void read_listener_unwrap(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_listener *listener = &((struct draft_listener *)target)->plan;
    uint64_t number;
    if (!read_is_text(b, row, value))
        return;
    if (node_is(value, "ipv4") || node_is(value, "ipv6")) {
        bool ip4 = node_is(value, "ipv4");
        listener->unwrap = ip4 ? UNWRAP_IP4 : UNWRAP_IP6;
        listener->unwrap_length = ip4 ? 4 : 16;
    } else if (values_number(value->text, &number) == VALUE_FINE && number >= 1 && number <= UNWRAP_MAX) {
        listener->unwrap = UNWRAP_BYTES;
        listener->unwrap_length = (uint32_t)number;
    } else {
        report_error(b->report, value->at, "write ipv4, ipv6, or a number of bytes from 1 to 255",
                     "%s cannot be unwrapped", report_quote(b->report, value->text));
    }
}

static struct draft_route *add_route(struct build *b, struct draft_listener *draft, const struct node *node)
{
    struct draft_route *route = arena_alloc(b->arena, sizeof(*route));
    route->node = node;
    if (draft->last_route)
        draft->last_route->next = route;
    else
        draft->routes = route;
    draft->last_route = route;
    draft->route_count++;
    return route;
}

void read_listener_pool(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_listener *draft = target;
    if (!read_is_text(b, row, value))
        return;
    draft->pool = value;
    add_route(b, draft, value)->pool = value;
}

void read_listener_routes(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (value->kind == NODE_LIST && value->count == 0)
        report_error(b->report, value->at, "add `- {pool: NAME}`", "this list is empty");
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item)) {
        if (item->kind != NODE_MAP) {
            report_error(b->report, item->at, "write `- {pool: NAME}`, or `- {host: HOST, pool: NAME}`",
                         "a route is a map, but this is %s", node_kind_name(item));
            continue;
        }
        unsigned errors = b->report->out->errors;
        struct draft_route *route = add_route(b, target, item);
        schema_fill(b, SECTION_ROUTE, item, route);
        route->broken = errors != b->report->out->errors;
        read_route_end(b, route);
        route->broken |= errors != b->report->out->errors;
    }
}

void read_listener_limits(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (value->kind == NODE_MAP)
        schema_fill(b, SECTION_LISTENER_LIMITS, value, target);
    else
        read_wrong_type(b, row, value);
}

void read_listener_unix_mode(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    unsigned mode = 0;
    if (!read_is_text(b, row, value))
        return;
    bool fine = value->text.length >= 3 && value->text.length <= 4;
    for (size_t i = 0; fine && i < value->text.length; i++) {
        unsigned digit = (unsigned)value->text.data[i] - '0';
        fine = digit < 8;
        mode = mode * 8 + digit;
    }
    if (!fine || mode > 0777)
        report_error(b->report, value->at, "write three octal digits, such as \"0660\"", "%s are no permissions",
                     report_quote(b->report, value->text));
    ((struct draft_listener *)target)->plan.unix_mode = mode;
}
