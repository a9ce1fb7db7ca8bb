#include "control/admin_http.h"

#include "proto/cut.h"
#include "proto/head_lookup.h"

#include <errno.h>

static struct parse_result refuse(struct admin_request *request, int status, const char *why)
{
    request->refusal = status;
    request->last = request->unread = true;
    return PARSE_RESULT_BAD(why);
}

/* Is the word in the list of one of the fields with this name (RFC 9110 section 5.6.1)? */
static bool field_lists(const struct admin_request *request, struct span bytes, const char *field, const char *word)
{
    struct span name, value;
    uint32_t cursor = 0;
    while (head_next_field(&request->head, bytes, &cursor, &name, &value)) {
        if (!span_equal_nocase(name, span_text(field)))
            continue;
        for (struct span rest = value; rest.data; rest = cut_behind(rest, ','))
            if (span_equal_nocase(span_trim(cut_before(rest, ',')), span_text(word)))
                return true;
    }
    return false;
}

static struct span only_field(const struct admin_request *request, struct span bytes, const char *name, unsigned *count)
{
    return head_field(&request->head, bytes, span_text(name), count);
}

/* Content-Length as RFC 9110 section 8.6 writes it: digits and nothing else. */
static struct parse_result read_length(struct admin_request *request, struct span digits)
{
    uint64_t length = 0;
    if (digits.length == 0)
        return refuse(request, 400, "Content-Length is no number");
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return refuse(request, 400, "Content-Length is no number");
        if (length <= ADMIN_BODY_MOST)
            length = length * 10 + (digits.data[i] - '0');
    }
    if (length > ADMIN_BODY_MOST)
        return refuse(request, 413, "the body is longer than 64 KiB; none is needed");
    request->body = (uint32_t)length;
    return PARSE_RESULT_DONE(request->head.length);
}

/* Where the body ends (RFC 9112 section 6). Chunks are not read: nobody needs a body here. */
static struct parse_result read_framing(struct admin_request *request, struct span bytes)
{
    unsigned codings = 0, lengths = 0;
    only_field(request, bytes, "Transfer-Encoding", &codings);
    struct span length = only_field(request, bytes, "Content-Length", &lengths);
    if (lengths > 1 || (lengths > 0 && codings > 0))
        return refuse(request, 400, "the length of the body is given twice");
    if (codings > 0)
        return refuse(request, 411, "chunked bodies are not read; none is needed");
    return lengths > 0 ? read_length(request, length) : PARSE_RESULT_DONE(request->head.length);
}

/* A client that waits for "100 Continue" (RFC 9110 section 10.1.1) has not sent its body, and need not. */
static void forgo_body(struct admin_request *request)
{
    request->body = 0;
    request->last = request->unread = true;
}

static struct parse_result read_fields(struct admin_request *request, struct span bytes)
{
    struct parse_result result = read_framing(request, bytes);
    if (result.verdict != PARSE_DONE)
        return result;
    request->last = request->head.version_minor == 0 || field_lists(request, bytes, "Connection", "close");
    if (request->body > 0 && field_lists(request, bytes, "Expect", "100-continue"))
        forgo_body(request);
    return result;
}

struct parse_result admin_request_read(struct admin_request *request, struct span bytes)
{
    struct parse_result result = head_read(&request->head, bytes);
    switch (result.verdict) {
    case PARSE_MORE:
        return bytes.length < ADMIN_HEAD_MOST ? result : refuse(request, 431, "the head is longer than 16 KiB");
    case PARSE_DONE:
        return read_fields(request, bytes);
    case PARSE_NONE:
        return refuse(request, 400, "this is not HTTP/1.1");
    case PARSE_BAD:
        break;
    }
    return refuse(request, 400, result.why);
}

bool admin_request_has_method(const struct admin_request *request, struct span bytes, const char *method)
{
    return span_equal(head_method(&request->head, bytes), span_text(method));
}

/* -1: no hexadecimal digit. */
static int digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    uint8_t lower = byte_lower(digit);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int decode(struct span coded, struct text *value)
{
    for (size_t i = 0; i < coded.length; i++) {
        uint8_t byte = coded.data[i];
        if (byte == '%') {
            int high = i + 2 < coded.length ? digit_value(coded.data[i + 1]) : -1;
            int low = high >= 0 ? digit_value(coded.data[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return -EINVAL;
            byte = (uint8_t)(high * 16 + low);
            i += 2;
        }
        text_add_char(value, (char)byte);
    }
    return value->cut ? -E2BIG : 0;
}

int admin_request_parameter(const struct admin_request *request, struct span bytes, const char *name,
                            struct text *value)
{
    struct span coded = query_parameter(head_query(&request->head, bytes), span_text(name));
    return coded.data ? decode(coded, value) : -ENOENT;
}
