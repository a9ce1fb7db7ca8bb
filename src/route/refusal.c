#include "route/refusal.h"

#include <string.h>

const struct refusal refusal_of_late_head = {408, REASON_SLOW_HEAD, "the head of the request was not complete in time"};

static const struct refusal nothing_refused;

static bool method_is(struct span method, const char *word)
{
    return span_equal(method, span_text(word));
}

/* The request line may be the one that is too long. */
static struct refusal too_long(const struct head *head, uint64_t limit)
{
    if (head->fields_start == 0 || head->fields_start > limit)
        return (struct refusal){414, REASON_TARGET_TOO_LONG, "the request line is too long"};
    return (struct refusal){431, REASON_HEAD_TOO_LARGE, "the head of the request is too long"};
}

static struct refusal bad_head(const struct head *head, const char *why)
{
    if (head->field_count == HEAD_FIELDS_MAX)
        return (struct refusal){431, REASON_HEAD_TOO_LARGE, why};
    return (struct refusal){400, REASON_BAD_HEAD, why ? why : "this is no HTTP/1 request"};
}

struct refusal refusal_of_head(const struct head *head, const struct parse_result *result, size_t seen, uint64_t limit)
{
    switch (result->verdict) {
    case PARSE_MORE:
        return seen >= limit ? too_long(head, limit) : nothing_refused;
    case PARSE_DONE: /* perhaps in one piece */
        return head->length > limit ? too_long(head, limit) : nothing_refused;
    case PARSE_NONE:
    case PARSE_BAD:
        break;
    }
    return bad_head(head, result->why);
}

static enum reason reason_of(unsigned status)
{
    switch (status) {
    case 417:
        return REASON_EXPECTATION;
    case 431:
        return REASON_HEAD_TOO_LARGE;
    case 501:
        return REASON_CODING;
    default:
        return REASON_BAD_HEAD;
    }
}

/* Our own name in a Via: it was here before (RFC 9110 section 7.6.3). */
static bool was_here(const struct message *message, struct span via)
{
    for (size_t i = 0; message->via_count > 0 && i < message->count; i++) {
        const struct message_field *field = &message->fields[i];
        if (field->kind == FIELD_VIA && memmem(field->value.data, field->value.length, via.data, via.length))
            return true;
    }
    return message->via_count > REFUSAL_VIA_MOST;
}

struct refusal refusal_of_request(struct message *message, const struct head *head, struct span bytes, struct span via,
                                  uint64_t body_most)
{
    struct span method = head_method(head, bytes);
    struct message_verdict verdict = message_read_request(message, head, bytes);
    if (verdict.status != 0)
        return (struct refusal){verdict.status, reason_of(verdict.status), verdict.why};
    if (head->target_length > REFUSAL_TARGET_MOST)
        return (struct refusal){414, REASON_TARGET_TOO_LONG, "the target of the request is too long"};
    if (method_is(method, "CONNECT") || method_is(method, "TRACE"))
        return (struct refusal){405, REASON_METHOD_REFUSED, "CONNECT and TRACE are not passed on"};
    if (via.length > 0 && was_here(message, via))
        return (struct refusal){508, REASON_LOOP, "the request was here before"};
    if (body_most > 0 && message->body == BODY_LENGTH && message->length > body_most)
        return (struct refusal){413, REASON_BODY_TOO_LARGE, "the body of the request is too long"};
    return nothing_refused;
}

bool refusal_answers_options(const struct message *message, struct span method)
{
    if (!method_is(method, "OPTIONS"))
        return false;
    for (size_t i = 0; i < message->count; i++) {
        const struct message_field *field = &message->fields[i];
        if (span_equal_nocase(message_field_name(field), span_text("max-forwards")) &&
            span_equal(field->value, span_text("0")))
            return true;
    }
    return false;
}

static unsigned status_of(enum reason reason)
{
    switch (reason) {
    case REASON_NO_ROUTE:
        return 404;
    case REASON_NO_KEY:
        return 403;
    default:
        return 400;
    }
}

struct refusal refusal_of_decision(const struct decision *decision)
{
    if (decision->verdict != DECIDE_END)
        return nothing_refused;
    return (struct refusal){status_of(decision->reason), decision->reason, decision->why};
}
