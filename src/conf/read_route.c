#include "conf/read_route.h"

#include "conf/read.h"
#include "conf/values.h"
#include "proto/byte_class.h"
#include "proto/target.h"

#define HOST_NAME_MAX_LENGTH 253
#define PATH_MAX_LENGTH 4096
#define BODY_MOST 65536
#define URL_MAX_LENGTH 1000

/* ---- conditions ---------------------------------------------------------------------------------------------------- */

static bool is_host_name(struct span name)
{
    if (name.length > 2 && memcmp(name.data, "*.", 2) == 0)
        name = span_part(name, 2, name.length - 2);
    if (name.length == 0 || name.length > HOST_NAME_MAX_LENGTH || name.data[0] == '.' ||
        name.data[name.length - 1] == '.')
        return false;
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = byte_lower(name.data[i]);
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!letter && (c != '.' || name.data[i - 1] == '.'))
            return false;
    }
    return true;
}

static const char *host_help(struct build *b, const struct schema_row *row, struct span name)
{
    const uint8_t *colon = name.length > 0 ? memrchr(name.data, ':', name.length) : NULL;
    if (span_equal(name, span_text("*")))
        return arena_format(b->arena, "take `%s` out: a route without it matches everything", row->key);
    if (name.data && memmem(name.data, name.length, "://", 3))
        return "write the name alone, such as \"www.example.org\", without a scheme and a path";
    if (colon && is_host_name(span_part(name, 0, (size_t)(colon - name.data))))
        return arena_format(b->arena, "leave the port out: `%.*s`", (int)(colon - name.data), name.data);
    return "write a name such as \"www.example.org\" or \"*.example.org\"";
}

/* A word of a list: the text to keep, or null if it was reported. */
static const char *read_host(struct build *b, const struct schema_row *row, const struct node *item)
{
    if (!is_host_name(item->text)) {
        report_error(b->report, item->at, host_help(b, row, item->text), "%s is no host name",
                     report_quote(b->report, item->text));
        return NULL;
    }
    char *name = arena_text(b->arena, item->text);
    for (char *c = name; *c; c++)
        *c = (char)byte_lower((uint8_t)*c);
    return name;
}

static const char *read_method(struct build *b, const struct schema_row *row, const struct node *item)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"};
    const char *meant = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (span_equal_nocase(item->text, span_text(known[i])) && !span_equal(item->text, span_text(known[i])))
            meant = known[i];
    if (!meant && is_token(item->text))
        return arena_text(b->arena, item->text);
    report_error(b->report, item->at, meant ? arena_format(b->arena, "write `%s`", meant) : "write a word such as GET",
                 meant ? "%s is no method: capitals count" : "%s is no method", report_quote(b->report, item->text));
    return NULL;
}

static const char *read_field_name(struct build *b, const struct schema_row *row, const struct node *item)
{
    if (is_token(item->text))
        return arena_text(b->arena, item->text);
    report_error(b->report, item->at, "write the name alone, such as X-User: a route asks whether the field is there",
                 "%s is no name of a field", report_quote(b->report, item->text));
    return NULL;
}

typedef const char *read_one(struct build *b, const struct schema_row *row, const struct node *item);

static const char *const *read_all(struct build *b, const struct schema_row *row, const struct node *value,
                                   read_one *read, size_t *count)
{
    if (value->kind == NODE_MAP) {
        read_wrong_type(b, row, value);
        return NULL;
    }
    size_t most = value->kind == NODE_LIST ? value->count : 1, good = 0;
    const char **words = arena_alloc(b->arena, most * sizeof(*words) + 1);
    if (most == 0)
        report_error(b->report, value->at, arena_format(b->arena, "take `%s` out, or write one", row->key),
                     "this list is empty");
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item)) {
        const char *word = read_is_text(b, row, item) ? read(b, row, item) : NULL;
        if (word)
            words[good++] = word;
    }
    *count = good;
    return words;
}

void read_route_sni(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (read_is_text(b, row, value))
        ((struct draft_route *)target)->plan.sni = read_host(b, row, value);
}

void read_route_host(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_route *route = &((struct draft_route *)target)->plan;
    route->hosts = read_all(b, row, value, read_host, &route->host_count);
}

void read_route_method(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_route *route = &((struct draft_route *)target)->plan;
    route->methods = read_all(b, row, value, read_method, &route->method_count);
}

void read_route_header(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_route *route = &((struct draft_route *)target)->plan;
    route->headers = read_all(b, row, value, read_field_name, &route->header_count);
}

/* What the path of a request can be made of: visible ASCII without what ends it or is refused in it. */
static bool is_path(struct span path)
{
    for (size_t i = 0; i < path.length; i++)
        if (path.data[i] <= ' ' || path.data[i] >= 0x7f || strchr("?#\\", path.data[i]))
            return false;
    return path.length > 0 && path.length <= PATH_MAX_LENGTH && path.data[0] == '/';
}

static const char *path_help(struct build *b, struct span path)
{
    if (is_path(path)) /* but for the star */
        return arena_format(b->arena, "write `%.*s`: every path that begins so matches", (int)path.length - 1,
                            path.data);
    if (path.length > 0 && path.data[0] != '/' && path.length < PATH_MAX_LENGTH)
        return arena_format(b->arena, "write `/%.*s`", (int)path.length, path.data);
    return "write what the path begins with, as clients send it, such as /api/";
}

void read_route_path(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_route *route = &((struct draft_route *)target)->plan;
    if (!read_is_text(b, row, value))
        return;
    bool star = value->text.length > 1 && value->text.data[value->text.length - 1] == '*';
    if (!is_path(value->text) || star)
        report_error(b->report, value->at, path_help(b, value->text), "%s is not how a path begins",
                     report_quote(b->report, value->text));
    else
        route->path = value->text;
}

/* ---- where to ------------------------------------------------------------------------------------------------------ */

void read_route_pool(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (read_is_text(b, row, value))
        ((struct draft_route *)target)->pool = value;
}

/* A map is read key by key; a scalar is short for its first key. */
static void read_long_or_short(
    struct build *b, const struct schema_row *row, const struct node *value, enum section section,
    void (*read)(struct build *b, const struct schema_row *row, const struct node *value, void *target), void *target)
{
    if (value->kind == NODE_MAP) {
        schema_fill(b, section, value, target);
    } else {
        schema_fill(b, section, NULL, target);
        read(b, row, value, target);
    }
}

void read_route_redirect(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_route *route = target;
    route->redirect = value;
    route->plan.action = ROUTE_REDIRECT;
    if (value->kind == NODE_MAP && !node_find(value, "to"))
        report_error(b->report, value->at, "add `to: https`, or `to: https://example.org`",
                     "this redirect has no `to`");
    read_long_or_short(b, row, value, SECTION_REDIRECT, read_route_redirect_to, target);
}

/* Behind "http://" or "https://"; empty if it is no such URL. */
static struct span authority_and_more(struct span url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (url.length > length && span_equal_nocase(span_part(url, 0, length), span_text(schemes[i])))
            return span_part(url, length, url.length - length);
    }
    return span_of(NULL, 0);
}

static bool is_url(struct span url, bool *origin)
{
    struct span rest = authority_and_more(url);
    size_t host = 0;
    for (size_t i = 0; i < rest.length; i++)
        if (rest.data[i] <= ' ' || rest.data[i] >= 0x7f || strchr("\"<>\\^`{|}", rest.data[i]))
            return false;
    while (host < rest.length && !strchr("/?#", rest.data[host]))
        host++;
    *origin = host == rest.length;
    return host > 0 && url.length <= URL_MAX_LENGTH && host_is_valid(span_part(rest, 0, host));
}

void read_route_redirect_to(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_route *route = &((struct draft_route *)target)->plan;
    if (!read_is_text(b, row, value) || node_is(value, "https"))
        return;
    if (is_url(value->text, &route->location_is_origin))
        route->location = arena_text(b->arena, value->text);
    else
        report_error(b->report, value->at,
                     "write `https` for the same URL with https, or a URL such as https://example.org",
                     "%s is nothing to redirect to", report_quote(b->report, value->text));
}

static bool read_status(struct build *b, const struct node *value, const char *help, bool (*is_fine)(uint64_t status),
                        unsigned *status)
{
    uint64_t number = 0;
    bool fine = value->kind == NODE_TEXT && values_number(value->text, &number) == VALUE_FINE && is_fine(number);
    if (fine)
        *status = (unsigned)number;
    else if (value->kind == NODE_TEXT)
        report_error(b->report, value->at, help, "%s is no status for this", report_quote(b->report, value->text));
    else
        report_error(b->report, value->at, help, "a status is a number, but this is %s", node_kind_name(value));
    return fine;
}

static bool is_status_of_redirect(uint64_t status)
{
    return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

void read_route_redirect_status(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_route *route = &((struct draft_route *)target)->plan;
    (void)read_status(b, value, "write 301, 302, 303, 307 or 308", is_status_of_redirect, &route->status);
}

static bool is_status_of_answer(uint64_t status)
{
    return status >= 200 && status <= 599;
}

void read_route_answer_status(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_route *route = &((struct draft_route *)target)->plan;
    (void)read_status(b, value, "write a status from 200 to 599, such as 404", is_status_of_answer, &route->status);
}

void read_route_answer(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_route *route = target;
    const struct node *body = node_find(value, "body"), *type = node_find(value, "type");
    route->answer = value;
    route->plan.action = ROUTE_ANSWER;
    read_long_or_short(b, row, value, SECTION_ANSWER, read_route_answer_status, target);
    if (body && (route->plan.status == 204 || route->plan.status == 304))
        report_error(b->report, body->key->at, "take it out, or answer 200", "an answer of status %u has no body",
                     route->plan.status);
    if (type && !body)
        report_error(b->report, type->key->at, "add `body: TEXT`, or take it out", "`type` is for a `body`");
    if (body && !route->plan.type)
        route->plan.type = "text/plain; charset=utf-8";
}

void read_route_answer_body(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    static const char scheme[] = "file:";
    struct plan_route *route = &((struct draft_route *)target)->plan;
    size_t length = strlen(scheme);
    if (!read_is_text(b, row, value))
        return;
    if (value->text.length > length && memcmp(value->text.data, scheme, length) == 0) {
        if (!read_file(b, value, span_part(value->text, length, value->text.length - length), BODY_MOST, &route->body))
            route->body = span_of(NULL, 0);
    } else if (value->text.length > BODY_MOST) {
        report_error(b->report, value->at, "let a server of a pool answer this", "a body has at most 64 KiB");
    } else {
        route->body = value->text;
    }
}

void read_route_answer_type(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_route *route = &((struct draft_route *)target)->plan;
    if (!read_is_text(b, row, value))
        return;
    if (read_is_field_value(value->text))
        route->type = arena_text(b->arena, value->text);
    else
        report_error(b->report, value->at, "write a media type, such as text/html", "%s cannot stand in Content-Type",
                     report_quote(b->report, value->text));
}

void read_route_end(struct build *b, struct draft_route *route)
{
    int ways = (route->pool != NULL) + (route->redirect != NULL) + (route->answer != NULL);
    if (ways > 1)
        report_error(b->report, route->node->at, "keep one of them",
                     "a route leads to one of `pool`, `redirect` and `answer`");
    else if (ways == 0 && !route->broken)
        report_error(b->report, route->node->at, "add `pool: NAME`, `redirect: https` or `answer: 404`",
                     "this route leads nowhere");
}
