#include "proto/message.h"

#include "proto/byte_class.h"
#include "proto/cut.h"

#include <assert.h>

#define FINE ((struct message_verdict){.status = 0})
#define REFUSE(code, words) ((struct message_verdict){.status = (code), .why = (words)})

enum {
    NAMED_MAX = 32, /* fields that Connection may name: each costs a walk over all fields */
};

/* What is known on the way through the fields. */
struct reader {
    struct message *message;
    bool answer;
    bool trailers;      /* only kinds are wanted */
    bool old;           /* HTTP/1.0 */
    bool names_upgrade; /* Connection: upgrade */
    bool names_others;  /* Connection: and a field that is not known to be of this hop anyway */
    bool expect_seen;
    bool id_seen;
    struct span coding;  /* value of Transfer-Encoding */
    struct span upgrade; /* ... of Upgrade */
};

/* A field that says something about the message, or that limpet treats in its own way. */
struct known {
    const char *name;
    size_t length;
    enum field_kind kind;
    struct message_verdict (*note)(struct reader *reader, struct span value); /* null: nothing to learn */
};

/* The next element of a comma-separated list, trimmed, taken off it; empty ones, too. Null data: the end. */
static struct span next_element(struct span *list)
{
    if (list->data == NULL)
        return *list;
    struct span element = span_trim(cut_before(*list, ','));
    *list = cut_behind(*list, ',');
    return element;
}

static bool is_word(struct span element, const char *word)
{
    return span_equal_nocase(element, span_text(word));
}

/* RFC 9112 section 6.3: digits and nothing else. */
static struct message_verdict note_length(struct reader *reader, struct span value)
{
    enum { DIGITS_MAX = 19 }; /* of 2^63 - 1, so that the sum below stays under 2^64 */
    uint64_t length = 0;
    if (reader->message->has_length)
        return REFUSE(400, "more than one Content-Length");
    if (value.length == 0 || value.length > DIGITS_MAX)
        return REFUSE(400, "Content-Length is no number below 2^63");
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return REFUSE(400, "Content-Length is no plain number");
        length = length * 10 + (value.data[i] - '0');
    }
    if (length > INT64_MAX)
        return REFUSE(400, "Content-Length is no number below 2^63");
    reader->message->has_length = true;
    reader->message->length = length;
    return FINE;
}

/* "gzip, chunked" is right but nothing that limpet can read; the rest is wrong (RFC 9112 section 6.1). */
static struct message_verdict refuse_coding(struct span list)
{
    bool last_is_chunked = false;
    while (list.data != NULL) {
        struct span coding = next_element(&list);
        if (last_is_chunked || !is_token(coding))
            return REFUSE(400, "Transfer-Encoding is not chunked");
        last_is_chunked = is_word(coding, "chunked");
    }
    return last_is_chunked ? REFUSE(501, "Transfer-Encoding other than chunked")
                           : REFUSE(400, "Transfer-Encoding does not end with chunked");
}

static struct message_verdict note_coding(struct reader *reader, struct span value)
{
    if (reader->coding.data != NULL)
        return REFUSE(400, "more than one Transfer-Encoding");
    if (reader->old)
        return REFUSE(400, "Transfer-Encoding in HTTP/1.0");
    reader->coding = value;
    return is_word(value, "chunked") ? FINE : refuse_coding(value);
}

static struct message_verdict note_connection(struct reader *reader, struct span value)
{
    struct message *message = reader->message;
    while (value.data != NULL) {
        struct span word = next_element(&value);
        if (is_word(word, "close"))
            message->close = true;
        else if (is_word(word, "keep-alive"))
            message->keep_alive = true;
        else if (is_word(word, "upgrade"))
            reader->names_upgrade = true;
        else if (word.length > 0 && !is_word(word, "te"))
            reader->names_others = true;
    }
    return FINE;
}

static struct message_verdict note_upgrade(struct reader *reader, struct span value)
{
    if (reader->upgrade.data != NULL)
        return REFUSE(400, "more than one Upgrade");
    reader->upgrade = value;
    return FINE;
}

static struct message_verdict note_te(struct reader *reader, struct span value)
{
    reader->message->trailers |= message_lists(value, "trailers");
    return FINE;
}

static struct message_verdict note_expect(struct reader *reader, struct span value)
{
    if (reader->answer)
        return FINE;
    if (reader->expect_seen)
        return REFUSE(400, "more than one Expect");
    reader->expect_seen = true;
    return is_word(value, "100-continue") ? FINE : REFUSE(417, "Expect other than 100-continue");
}

static struct message_verdict note_id(struct reader *reader, struct span value)
{
    if (reader->id_seen && !reader->answer)
        return REFUSE(400, "more than one X-Request-Id");
    reader->id_seen = true;
    return FINE;
}

static struct message_verdict note_via(struct reader *reader, struct span value)
{
    while (value.data != NULL)
        reader->message->via_count += next_element(&value).length > 0;
    return FINE;
}

/* Found by their first letter and length, which are another pair for each: a collision does not compile. */
#define SLOTS 64
#define SLOT(first, length) (((first)*31u + (length)) % SLOTS)
#define KNOWN(first, name, ...) [SLOT(first, sizeof(name) - 1)] = {name, sizeof(name) - 1, __VA_ARGS__}

static const struct known known[SLOTS] = {
    KNOWN('t', "te", FIELD_HOP, note_te),
    KNOWN('v', "via", FIELD_VIA, note_via),
    KNOWN('h', "host", FIELD_HOST, NULL),
    KNOWN('p', "proxy", FIELD_HOP, NULL),
    KNOWN('c', "cookie", FIELD_COOKIE, NULL),
    KNOWN('e', "expect", FIELD_EXPECT, note_expect),
    KNOWN('u', "upgrade", FIELD_HOP, note_upgrade),
    KNOWN('f', "forwarded", FIELD_FORWARDED, NULL),
    KNOWN('c', "connection", FIELD_HOP, note_connection),
    KNOWN('k', "keep-alive", FIELD_HOP, NULL),
    KNOWN('s', "set-cookie", FIELD_SET_COOKIE, NULL),
    KNOWN('x', "x-request-id", FIELD_X_REQUEST_ID, note_id),
    KNOWN('c', "content-length", FIELD_CONTENT_LENGTH, note_length),
    KNOWN('h', "http2-settings", FIELD_HOP, NULL),
    KNOWN('x', "x-forwarded-for", FIELD_X_FORWARDED_FOR, NULL),
    KNOWN('x', "x-forwarded-host", FIELD_X_FORWARDED_HOST, NULL),
    KNOWN('p', "proxy-connection", FIELD_HOP, NULL),
    KNOWN('x', "x-forwarded-proto", FIELD_X_FORWARDED_PROTO, NULL),
    KNOWN('t', "transfer-encoding", FIELD_HOP, note_coding),
};

/* Null: none of them. *exact: the name itself, not one that servers fold into it. */
static const struct known *known_of(struct span name, bool *exact)
{
    const struct known *candidate = &known[SLOT(byte_fold(name.data[0]), name.length)];
    if (candidate->name == NULL || candidate->length != name.length)
        return NULL;
    *exact = true;
    for (size_t i = 0; i < name.length; i++) {
        if (byte_fold(name.data[i]) != (uint8_t)candidate->name[i])
            return NULL;
        *exact &= byte_lower(name.data[i]) == (uint8_t)candidate->name[i];
    }
    return candidate;
}

/* Sets the kind, and notes what the field says. */
static struct message_verdict note_field(struct reader *reader, struct message_field *field)
{
    bool exact;
    const struct known *found = known_of(message_field_name(field), &exact);
    field->kind = FIELD_OTHER;
    if (found == NULL)
        return FINE;
    field->kind = exact ? (uint8_t)found->kind : FIELD_HOP;
    return exact && found->note != NULL && !reader->trailers ? found->note(reader, field->value) : FINE;
}

/* Cuts the line at the beginning of `bytes`: the head is complete and was judged. Member by member: a field that is made
 * elsewhere and copied costs twice as much. */
static void cut_line(struct message_field *field, struct span bytes)
{
    const uint8_t *end = memchr(bytes.data, '\r', bytes.length);
    const uint8_t *colon = memchr(bytes.data, ':', (size_t)(end - bytes.data));
    struct span value = span_trim(span_of(colon + 1, (size_t)(end - colon - 1)));
    field->line.data = bytes.data;
    field->line.length = (size_t)(end + 2 - bytes.data);
    field->value.data = value.data;
    field->value.length = value.length;
    field->name_length = (uint16_t)(colon - bytes.data);
}

static bool name_is_too_long(const struct message_field *field)
{
    return field->line.data[field->name_length] != ':';
}

static struct message_verdict read_fields(struct reader *reader, const struct head *head, struct span bytes)
{
    enum { EMPTY_LINE = 2 };
    struct message *message = reader->message;
    size_t at = head->fields_start, end = head->length - EMPTY_LINE;
    message->count = 0;
    while (at < end) {
        struct message_field *field = &message->fields[message->count];
        cut_line(field, span_part(bytes, at, end - at));
        if (name_is_too_long(field))
            return REFUSE(431, "field name of 64 KiB or more");
        struct message_verdict verdict = note_field(reader, field);
        if (verdict.status != 0)
            return verdict;
        message->count++;
        at += field->line.length;
    }
    return FINE;
}

static bool is_connection(const struct message_field *field)
{
    return field->kind == FIELD_HOP && is_word(message_field_name(field), "connection");
}

static bool begins_with(struct span name, const char *prefix)
{
    struct span beginning = span_text(prefix);
    return name.length >= beginning.length && span_equal_nocase(span_part(name, 0, beginning.length), beginning);
}

static bool is_one_of(struct span name, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_word(name, words[i]))
            return true;
    return false;
}

/* Who may strip these on their way decides for others what a server gets to know. */
static bool is_protected(const struct message_field *field)
{
    static const char *const names[] = {"authorization", "cache-control", "content-type", "date", "location"};
    struct span name = message_field_name(field);
    return field->kind != FIELD_OTHER || begins_with(name, "x-forwarded-") ||
           is_one_of(name, names, ARRAY_LENGTH(names));
}

static void strip_named(struct message *message, struct span name)
{
    for (size_t i = 0; i < message->count; i++) {
        struct message_field *field = &message->fields[i];
        if (span_equal_nocase(message_field_name(field), name) && !is_protected(field))
            field->kind = FIELD_HOP;
    }
}

/* RFC 9110 section 7.6.1. Fields may stand before the Connection that names them, so this comes last. */
static struct message_verdict strip_what_connection_names(struct message *message)
{
    unsigned named = 0;
    for (size_t i = 0; i < message->count; i++) {
        struct span list = message->fields[i].value;
        if (!is_connection(&message->fields[i]))
            continue;
        while (list.data != NULL) {
            struct span word = next_element(&list);
            if (word.length == 0)
                continue;
            if (++named > NAMED_MAX)
                return REFUSE(400, "Connection names more than 32 fields");
            strip_named(message, word);
        }
    }
    return FINE;
}

/* h2c and TLS would end here, not at the server, which must not hear of them: what followed would be unseen. */
static bool is_for_servers(struct span protocols)
{
    return protocols.length > 0 && !message_lists(protocols, "h2c") && !message_lists(protocols, "tls");
}

/* What needs more than one field. */
static struct message_verdict conclude(struct reader *reader)
{
    struct message *message = reader->message;
    message->keep_alive &= !message->close;
    /* RFC 9110 section 7.8: an Upgrade in HTTP/1.0 is ignored. */
    if (reader->names_upgrade && !reader->old && is_for_servers(reader->upgrade))
        message->upgrade = reader->upgrade;
    if (message->has_length && reader->coding.data != NULL)
        return REFUSE(400, "Content-Length with Transfer-Encoding");
    return reader->names_others ? strip_what_connection_names(message) : FINE;
}

/* Everything but the fields, which are written as they are read. */
static void clear(struct message *message)
{
    memset(message, 0, offsetof(struct message, fields));
}

static struct message_verdict read_message(struct reader *reader, const struct head *head, struct span bytes)
{
    assert(head->length > 0 && bytes.length >= head->length);
    reader->old = head->version_minor == 0;
    clear(reader->message);
    struct message_verdict verdict = read_fields(reader, head, bytes);
    return verdict.status == 0 ? conclude(reader) : verdict;
}

static void set_body(struct message *message, const struct reader *reader, enum body_kind unframed)
{
    if (reader->coding.data != NULL)
        message->body = BODY_CHUNKED;
    else if (message->has_length)
        message->body = message->length > 0 ? BODY_LENGTH : BODY_NONE;
    else
        message->body = unframed;
}

struct message_verdict message_read_request(struct message *message, const struct head *head, struct span bytes)
{
    struct reader reader = {.message = message};
    struct message_verdict verdict = read_message(&reader, head, bytes);
    if (verdict.status != 0)
        return verdict;
    set_body(message, &reader, BODY_NONE);
    /* RFC 9110 section 10.1.1: ignored in HTTP/1.0; without a body nobody waits. */
    message->expects = reader.expect_seen && !reader.old && message->body != BODY_NONE;
    if (message->upgrade.data != NULL && message->body != BODY_NONE)
        return REFUSE(400, "Upgrade with a body");
    return FINE;
}

/* RFC 9112 section 6.3: the first rules that make the end of an answer clear. */
static bool has_no_body(const struct head *head, bool to_head)
{
    return to_head || head->status < 200 || head->status == 204 || head->status == 304;
}

struct message_verdict message_read_answer(struct message *message, const struct head *head, struct span bytes,
                                           bool to_head)
{
    struct reader reader = {.message = message, .answer = true};
    struct message_verdict verdict = read_message(&reader, head, bytes);
    if (verdict.status != 0)
        return REFUSE(502, verdict.why);
    set_body(message, &reader, BODY_UNTIL_END);
    bool announced = message->body == BODY_LENGTH || message->body == BODY_CHUNKED;
    if (announced && (head->status < 200 || head->status == 204))
        return REFUSE(502, "body in an answer that has none");
    if (has_no_body(head, to_head)) {
        message->body = BODY_NONE;
        message->length = 0;
    }
    return FINE;
}

struct message_verdict message_read_trailers(struct message *message, const struct head *head, struct span bytes)
{
    struct reader reader = {.message = message, .trailers = true};
    clear(message);
    return read_fields(&reader, head, bytes);
}

bool message_lists(struct span list, const char *word)
{
    while (list.data != NULL) {
        struct span element = next_element(&list);
        if (is_word(span_trim(cut_before(cut_before(element, ';'), '/')), word))
            return true;
    }
    return false;
}

bool message_allows_trailer(const struct message_field *field)
{
    static const char *const names[] = {
        "age",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-range",
        "content-type",
        "date",
        "expires",
        "location",
        "max-forwards",
        "pragma",
        "range",
        "proxy-authenticate",
        "proxy-authorization",
        "retry-after",
        "te",
        "trailer",
        "vary",
        "warning",
        "www-authenticate",
        "authentication-info",
    };
    struct span name = message_field_name(field);
    return field->kind == FIELD_OTHER && !begins_with(name, "if-") && !begins_with(name, "x-forwarded-") &&
           !is_one_of(name, names, ARRAY_LENGTH(names));
}
