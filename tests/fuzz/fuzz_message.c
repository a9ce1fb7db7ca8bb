#include "pieces.h"
#include "proto/head_lookup.h"
#include "proto/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_name(const struct message_field *field, const char *name)
{
    return span_equal_nocase(message_field_name(field), span_text(name));
}

/* The lines touch each other, fill the head, and say what proto/head_lookup says. */
static void check_lines(const struct message *message, const struct head *head, struct span bytes)
{
    const uint8_t *at = bytes.data + head->fields_start;
    struct span name, value;
    uint32_t cursor = 0;
    CHECK(message->count == head->field_count);
    for (size_t i = 0; i < message->count; i++) {
        const struct message_field *field = &message->fields[i];
        CHECK(field->line.data == at && span_is_inside(field->value, field->line));
        at += field->line.length;
        CHECK(at[-2] == '\r' && at[-1] == '\n' && field->line.data[field->name_length] == ':');
        CHECK(head_next_field(head, bytes, &cursor, &name, &value));
        CHECK(span_equal(name, message_field_name(field)) && span_equal(value, field->value));
    }
    CHECK(at == bytes.data + head->length - 2);
}

static void check_kinds(const struct message *message)
{
    static const char *const stay[] = {
        "host",          "cookie",    "set-cookie", "authorization",   "date",         "location",      "content-type",
        "cache-control", "forwarded", "via",        "x-forwarded-for", "x-request-id", "content-length"};
    static const char *const end[] = {"connection", "keep-alive", "te", "transfer-encoding", "upgrade", "proxy"};
    for (size_t i = 0; i < message->count; i++) {
        const struct message_field *field = &message->fields[i];
        CHECK(field->kind <= FIELD_X_REQUEST_ID);
        for (size_t j = 0; j < ARRAY_LENGTH(stay); j++)
            CHECK(!is_name(field, stay[j]) || field->kind != FIELD_HOP);
        for (size_t j = 0; j < ARRAY_LENGTH(end); j++)
            CHECK(!is_name(field, end[j]) || field->kind == FIELD_HOP);
        CHECK(!message_allows_trailer(field) || field->kind == FIELD_OTHER);
    }
}

/* What frames a body is there once, or nothing does. */
static void check_framing(const struct message *message)
{
    unsigned lengths = 0, codings = 0;
    struct span length = span_of(NULL, 0);
    for (size_t i = 0; i < message->count; i++) {
        bool is_length = is_name(&message->fields[i], "content-length");
        lengths += is_length;
        codings += is_name(&message->fields[i], "transfer-encoding");
        length = is_length ? message->fields[i].value : length;
    }
    CHECK(lengths + codings <= 1 && message->has_length == (lengths == 1));
    CHECK(message->body != BODY_CHUNKED || codings == 1);
    CHECK((message->body == BODY_LENGTH) == (message->length > 0));
    if (message->body == BODY_LENGTH) {
        char digits[24] = {0};
        CHECK(lengths == 1 && length.length < sizeof(digits));
        memcpy(digits, length.data, length.length);
        CHECK(strspn(digits, "0123456789") == length.length && strtoull(digits, NULL, 10) == message->length);
    }
    CHECK(message->upgrade.data == NULL || message->upgrade.length > 0);
    CHECK(!message->close || !message->keep_alive);
}

static void check_request(struct span all)
{
    static struct message message;
    struct head head = {0};
    if (head_read(&head, all).verdict != PARSE_DONE)
        return;
    struct message_verdict verdict = message_read_request(&message, &head, all);
    CHECK((verdict.status == 0) == (verdict.why == NULL));
    if (verdict.status != 0)
        return;
    check_lines(&message, &head, all);
    check_kinds(&message);
    check_framing(&message);
    CHECK(message.body != BODY_UNTIL_END && (message.upgrade.data == NULL || message.body == BODY_NONE));
    CHECK(head.version_minor > 0 || (message.body != BODY_CHUNKED && message.upgrade.data == NULL));
}

static void check_answer(struct span all, bool to_head)
{
    static struct message message;
    struct head head = {0};
    if (head_read_answer(&head, all).verdict != PARSE_DONE)
        return;
    struct message_verdict verdict = message_read_answer(&message, &head, all, to_head);
    CHECK(verdict.status == 0 || (verdict.status == 502 && verdict.why != NULL));
    if (verdict.status != 0)
        return;
    check_lines(&message, &head, all);
    check_kinds(&message);
    check_framing(&message);
    CHECK(message.body == BODY_NONE || (!to_head && head.status >= 200 && head.status != 204 && head.status != 304));
}

static void check_trailers(struct span all)
{
    static struct message message;
    struct head head = {0};
    if (head_read_trailers(&head, all).verdict != PARSE_DONE || message_read_trailers(&message, &head, all).status != 0)
        return;
    check_lines(&message, &head, all);
    CHECK(message.body == BODY_NONE && !message.has_length && message.upgrade.data == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_of(data, size);
    check_request(all);
    check_answer(all, false);
    check_answer(all, true);
    check_trailers(all);
    return 0;
}
