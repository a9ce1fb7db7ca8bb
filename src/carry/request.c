#include "carry/request.h"

#include "carry/changes.h"
#include "proto/head_lookup.h"
#include "proto/target.h"
#include "route/stick.h"

#include <string.h>

#define ADD(text, words) text_add_bytes(text, words, sizeof(words) - 1)

struct writer {
    struct text *text;
    struct span bytes;
    const struct head *head;
    const struct message *message;
    const struct request_telling *telling;
    /* A trusted peer's, to be gone on with. */
    const struct message_field *proto, *host;
    bool has_for, has_forwarded;
    bool is_options;
    bool looks_closely;        /* at the name of each field */
    struct span claims_client; /* the field in which nobody but a trusted proxy names the client */
    bool absolute;             /* the target names the host, and wins over Host */
};

static void add_span(struct text *text, struct span span)
{
    text_add_bytes(text, span.data, span.length);
}

static bool is_name(struct span name, const char *words, size_t length)
{
    return span_equal_nocase(name, span_of(words, length));
}

/* A route that sets or removes a field means ours, too. */
static bool is_ours_to_add(const struct writer *w, const char *name)
{
    return !changes_touch(w->telling->changes, span_text(name));
}

/* ---- request line --------------------------------------------------------------------------------------------------- */

/* An absolute target with neither path nor query; there is no '/' or '?' in a host. */
static bool is_bare(struct span target)
{
    struct span rest = span_part(target, strlen("http://"), target.length - strlen("http://"));
    if (rest.data[0] == '/')
        rest = span_part(rest, 1, rest.length - 1); /* https */
    return !memchr(rest.data, '/', rest.length) && !memchr(rest.data, '?', rest.length);
}

static void add_request_line(struct writer *w)
{
    struct span method = head_method(w->head, w->bytes), target = head_target(w->head, w->bytes);
    w->is_options = is_name(method, "OPTIONS", 7);
    w->absolute = target.data[0] != '/' && target_host(target).data != NULL;
    add_span(w->text, method);
    text_add_char(w->text, ' ');
    if (w->absolute && w->is_options && is_bare(target)) {
        text_add_char(w->text, '*'); /* RFC 9112 section 3.2.4 */
    } else if (w->absolute) {
        struct span query = target_query(target);
        add_span(w->text, target_path(target));
        if (query.data != NULL)
            text_add_char(w->text, '?');
        add_span(w->text, query);
    } else {
        add_span(w->text, target);
    }
    ADD(w->text, " HTTP/1.1\r\n");
}

/* ---- fields of the request ------------------------------------------------------------------------------------------ */

static void add_cookie(struct writer *w, const struct message_field *field)
{
    uint8_t *kept;
    struct text *text = w->text;
    if (!w->telling->hides_cookies) {
        add_span(text, field->line);
        return;
    }
    size_t before = text->length;
    ADD(text, "Cookie: ");
    kept = (uint8_t *)text->data + text->length;
    if (text->capacity - text->length <= field->value.length) {
        text->cut = true;
        return;
    }
    size_t length = stick_hide(w->telling->pool, field->value, kept);
    text->length = length > 0 ? text->length + length : before;
    text->data[text->length] = '\0';
    if (length > 0)
        ADD(text, "\r\n");
}

/* Who is trusted has told of the client: the first of each is looked at again when ours are added. */
static void note(struct writer *w, const struct message_field *field)
{
    if (field->kind == FIELD_X_FORWARDED_PROTO && !w->proto)
        w->proto = field;
    if (field->kind == FIELD_X_FORWARDED_HOST && !w->host)
        w->host = field;
    w->has_for |= field->kind == FIELD_X_FORWARDED_FOR;
    w->has_forwarded |= field->kind == FIELD_FORWARDED;
}

static bool is_max_forwards(const struct message_field *field)
{
    return field->name_length == 12 && is_name(span_of(field->line.data, 12), "max-forwards", 12);
}

/* One hop less, for OPTIONS (RFC 9110 section 7.6.2). */
static void add_other(struct writer *w, const struct message_field *field)
{
    uint64_t hops = 0;
    if (!w->is_options || !is_max_forwards(field)) {
        add_span(w->text, field->line);
        return;
    }
    for (size_t i = 0; i < field->value.length; i++) {
        unsigned digit = (unsigned)field->value.data[i] - '0';
        if (digit > 9 || hops > 1000000)
            return;
        hops = 10 * hops + digit;
    }
    ADD(w->text, "Max-Forwards: ");
    text_add_unsigned(w->text, hops > 0 ? hops - 1 : 0);
    ADD(w->text, "\r\n");
}

static void add_special(struct writer *w, const struct message_field *field)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_HOST:
        if (!w->absolute && field->value.length > 0)
            add_span(w->text, field->line);
        break;
    case FIELD_COOKIE:
        add_cookie(w, field);
        break;
    case FIELD_X_FORWARDED_FOR:
    case FIELD_X_FORWARDED_PROTO:
    case FIELD_X_FORWARDED_HOST:
    case FIELD_FORWARDED:
        if (w->telling->trusted)
            note(w, field);
        break;
    case FIELD_HOP:
    case FIELD_X_REQUEST_ID:
        break;
    case FIELD_CONTENT_LENGTH: /* written anew: some take spaces behind it ill */
        ADD(w->text, "Content-Length: ");
        add_span(w->text, field->value);
        ADD(w->text, "\r\n");
        break;
    case FIELD_OTHER:
        add_other(w, field);
        break;
    case FIELD_SET_COOKIE:
    case FIELD_EXPECT:
    case FIELD_VIA:
        add_span(w->text, field->line);
        break;
    }
}

/* Neighbours that go on as they are go on as one piece. */
static size_t add_run(struct writer *w, size_t from)
{
    const struct message_field *fields = w->message->fields;
    size_t to = from;
    while (to < w->message->count && fields[to].kind == FIELD_OTHER)
        to++;
    const uint8_t *begin = fields[from].line.data;
    const uint8_t *end = fields[to - 1].line.data + fields[to - 1].line.length;
    text_add_bytes(w->text, begin, (size_t)(end - begin));
    return to;
}

static bool is_dropped(const struct writer *w, const struct message_field *field)
{
    struct span name = span_of(field->line.data, field->name_length);
    if (!w->looks_closely)
        return false;
    return changes_drop(w->telling->changes, name) ||
           (w->claims_client.length > 0 && changes_same_name(w->claims_client, name));
}

static void add_fields(struct writer *w)
{
    const struct message *message = w->message;
    for (size_t i = 0; i < message->count;) {
        const struct message_field *field = &message->fields[i];
        if (is_dropped(w, field)) {
            i++;
        } else if (field->kind == FIELD_OTHER && !w->looks_closely) {
            i = add_run(w, i);
        } else {
            add_special(w, field);
            i++;
        }
    }
}

/* ---- fields of ours ------------------------------------------------------------------------------------------------- */

/* All that was said before in fields of this kind, as one list. */
static void add_earlier(struct writer *w, enum field_kind kind)
{
    for (size_t i = 0; i < w->message->count; i++) {
        const struct message_field *field = &w->message->fields[i];
        if (field->kind != kind || field->value.length == 0)
            continue;
        add_span(w->text, field->value);
        ADD(w->text, ", ");
    }
}

/* Takes the last ", " off again, when nothing follows. */
static void end_list(struct writer *w, bool follows)
{
    struct text *text = w->text;
    if (!follows && text->length > 2 && text->data[text->length - 2] == ',')
        text->length -= 2;
    ADD(text, "\r\n");
}

static void add_address(struct text *text, const struct endpoint *source)
{
    struct endpoint bare = *source;
    char words[ENDPOINT_TEXT_SIZE];
    bare.port = 0;
    endpoint_text(&bare, words);
    text_add(text, words);
}

static void add_forwarded_for(struct writer *w)
{
    const struct endpoint *source = w->telling->source;
    bool known = source->kind == ENDPOINT_IP;
    if ((!known && !w->has_for) || !is_ours_to_add(w, "X-Forwarded-For"))
        return;
    ADD(w->text, "X-Forwarded-For: ");
    if (w->has_for)
        add_earlier(w, FIELD_X_FORWARDED_FOR);
    if (known)
        add_address(w->text, source);
    end_list(w, known);
}

/* A host goes into a quoted string as it is: it was checked, and has no quotes (RFC 7239 section 4). */
static void add_forwarded(struct writer *w, struct span host, const char *proto)
{
    const struct endpoint *source = w->telling->source;
    if (!is_ours_to_add(w, "Forwarded"))
        return;
    ADD(w->text, "Forwarded: ");
    if (w->has_forwarded)
        add_earlier(w, FIELD_FORWARDED);
    if (source->kind != ENDPOINT_IP) {
        ADD(w->text, "for=unknown");
    } else if (endpoint_is_ip4(source)) {
        ADD(w->text, "for=");
        add_address(w->text, source);
    } else {
        ADD(w->text, "for=\"[");
        add_address(w->text, source);
        ADD(w->text, "]\"");
    }
    if (host.length > 0) {
        ADD(w->text, ";host=\"");
        add_span(w->text, host);
        text_add_char(w->text, '"');
    }
    ADD(w->text, ";proto=");
    text_add(w->text, proto);
    ADD(w->text, "\r\n");
}

static void add_field(struct writer *w, const char *name, struct span value)
{
    if (value.length == 0 || !is_ours_to_add(w, name))
        return;
    text_add(w->text, name);
    ADD(w->text, ": ");
    add_span(w->text, value);
    ADD(w->text, "\r\n");
}

static void add_ours(struct writer *w)
{
    const struct request_telling *t = w->telling;
    const char *proto = request_is_https(w->message, t->trusted, t->tls) ? "https" : "http";
    add_forwarded_for(w);
    add_field(w, "X-Forwarded-Proto", w->proto ? w->proto->value : span_text(proto));
    add_field(w, "X-Forwarded-Host", w->host ? w->host->value : t->host);
    add_forwarded(w, t->host, proto);
    add_field(w, "X-Request-Id", t->id);
    if (t->via.length > 0 && is_ours_to_add(w, "Via")) {
        ADD(w->text, "Via: 1.");
        text_add_char(w->text, w->head->version_minor > 0 ? '1' : '0');
        text_add_char(w->text, ' ');
        add_span(w->text, t->via);
        ADD(w->text, "\r\n");
    }
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static void add_host(struct writer *w)
{
    bool has_own = !w->absolute && w->telling->host.length > 0; /* its line went on */
    if (has_own || changes_touch(w->telling->changes, span_text("Host")))
        return;
    ADD(w->text, "Host: ");
    add_span(w->text, w->telling->host.length > 0 ? w->telling->host : w->telling->local);
    ADD(w->text, "\r\n");
}

static void add_hop(struct writer *w)
{
    if (w->message->body == BODY_CHUNKED)
        ADD(w->text, "Transfer-Encoding: chunked\r\n");
    if (w->telling->upgrade.length > 0) {
        ADD(w->text, "Connection: upgrade\r\nUpgrade: ");
        add_span(w->text, w->telling->upgrade);
        ADD(w->text, "\r\n");
    } else if (w->message->trailers) {
        ADD(w->text, "TE: trailers\r\nConnection: TE\r\n");
    }
}

bool request_is_https(const struct message *message, bool trusted, bool tls)
{
    for (size_t i = 0; trusted && i < message->count; i++)
        if (message->fields[i].kind == FIELD_X_FORWARDED_PROTO)
            return message_lists(message->fields[i].value, "https") || message_lists(message->fields[i].value, "wss");
    return tls;
}

void request_write(struct text *text, const struct head *head, struct span bytes, const struct message *message,
                   const struct request_telling *telling)
{
    struct writer w = {.text = text, .bytes = bytes, .head = head, .message = message, .telling = telling};
    add_request_line(&w);
    w.claims_client = telling->trusted ? span_of(NULL, 0) : telling->client_header;
    w.looks_closely = w.is_options || telling->changes->count > 0 || w.claims_client.length > 0;
    add_host(&w);
    add_fields(&w);
    add_ours(&w);
    changes_add(telling->changes, text);
    add_hop(&w);
    ADD(text, "\r\n");
}
