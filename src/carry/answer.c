#include "carry/answer.h"

#include "carry/changes.h"

#include <string.h>

#define ADD(text, words) text_add_bytes(text, words, sizeof(words) - 1)

static void add_span(struct text *text, struct span span)
{
    text_add_bytes(text, span.data, span.length);
}

static bool goes_on(const struct message_field *field, const struct answer_telling *telling)
{
    if (telling->changes->count > 0 && changes_drop(telling->changes, span_of(field->line.data, field->name_length)))
        return false;
    return field->kind != FIELD_HOP;
}

static bool is_in_run(const struct message_field *field, const struct answer_telling *telling)
{
    return field->kind != FIELD_CONTENT_LENGTH && goes_on(field, telling);
}

/* Neighbours that go on as they are go on as one piece. */
static void add_fields(struct text *text, const struct message *message, const struct answer_telling *telling)
{
    for (size_t i = 0; i < message->count;) {
        if (!goes_on(&message->fields[i], telling)) {
            i++;
            continue;
        }
        if (message->fields[i].kind == FIELD_CONTENT_LENGTH) { /* written anew: some take spaces behind it ill */
            ADD(text, "Content-Length: ");
            add_span(text, message->fields[i++].value);
            ADD(text, "\r\n");
            continue;
        }
        const uint8_t *begin = message->fields[i].line.data;
        const uint8_t *end = begin;
        for (; i < message->count && is_in_run(&message->fields[i], telling); i++)
            end = message->fields[i].line.data + message->fields[i].line.length;
        text_add_bytes(text, begin, (size_t)(end - begin));
    }
}

static void add_hop(struct text *text, const struct answer_telling *telling)
{
    if (telling->upgraded) {
        ADD(text, "Connection: upgrade\r\nUpgrade: ");
        add_span(text, telling->upgrade);
        ADD(text, "\r\n");
    } else if (telling->close) {
        ADD(text, "Connection: close\r\n");
    } else if (telling->http10 && telling->keep_alive) {
        ADD(text, "Connection: keep-alive\r\n");
    }
}

static void add_ours(struct text *text, const struct answer_telling *telling)
{
    if (telling->cookie.length > 0) {
        ADD(text, "Set-Cookie: ");
        add_span(text, telling->cookie);
        ADD(text, "\r\n");
    }
    changes_add(telling->changes, text);
    add_hop(text, telling);
}

void answer_write(struct text *text, const struct head *head, struct span bytes, const struct message *message,
                  const struct answer_telling *telling)
{
    ADD(text, "HTTP/1.1 ");
    text_add_unsigned(text, head->status);
    text_add_char(text, ' ');
    add_span(text, head_reason(head, bytes));
    ADD(text, "\r\n");
    add_fields(text, message, telling);
    if (message->body == BODY_CHUNKED && !telling->http10)
        ADD(text, "Transfer-Encoding: chunked\r\n");
    add_ours(text, telling);
    ADD(text, "\r\n");
}

/* ---- our own -------------------------------------------------------------------------------------------------------- */

static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {508, "Loop Detected"},
};

/* The phrase may be empty (RFC 9112 section 4). */
const char *answer_reason(unsigned status)
{
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

void answer_page(struct text *text, unsigned status)
{
    text_add_format(text,
                    "<!doctype html>\n<meta charset=utf-8>\n<title>%u %s</title>\n<h1>%u %s</h1>\n<p>limpet</p>\n",
                    status, answer_reason(status), status, answer_reason(status));
}

/* 204 and 304 have neither body nor length (RFC 9110 section 8.6). */
static bool has_length(unsigned status)
{
    return status != 204 && status != 304;
}

void answer_write_own(struct text *text, const struct answer_own *own)
{
    text_add_format(text, "HTTP/1.1 %u %s\r\n", own->status, answer_reason(own->status));
    if (!changes_touch(own->telling.changes, span_text("Date")))
        text_add_format(text, "Date: %s\r\n", own->date);
    if (own->location)
        text_add_format(text, "Location: %s\r\n", own->location);
    if (own->type && has_length(own->status))
        text_add_format(text, "Content-Type: %s\r\n", own->type);
    if (own->status == 405 || own->allow)
        ADD(text, "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
    if (own->retry_after > 0)
        text_add_format(text, "Retry-After: %u\r\n", own->retry_after);
    if (has_length(own->status))
        text_add_format(text, "Content-Length: %zu\r\n", own->body.length);
    add_ours(text, &own->telling);
    ADD(text, "\r\n");
    if (!own->without_body && has_length(own->status))
        add_span(text, own->body);
}
