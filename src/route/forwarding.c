#include "route/forwarding.h"

#include "proto/head_lookup.h"

const char *forwarding_field_name(enum client_from field)
{
    return field == CLIENT_FROM_FORWARDED ? "Forwarded" : "X-Forwarded-For";
}

const char *forwarding_field_word(enum client_from field)
{
    return field == CLIENT_FROM_FORWARDED ? "forwarded" : "x-forwarded-for";
}

enum client_from forwarding_field_of(const struct head *head, struct span bytes, enum client_from preferred)
{
    static const enum client_from fields[] = {CLIENT_FROM_X_FORWARDED_FOR, CLIENT_FROM_FORWARDED};
    enum client_from sent = CLIENT_FROM_NONE;
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        unsigned count = 0;
        (void)head_field(head, bytes, span_text(forwarding_field_name(fields[i])), &count);
        if (count > 0 && (sent == CLIENT_FROM_NONE || fields[i] == preferred))
            sent = fields[i];
    }
    return sent;
}

enum client_from forwarding_field_sent(struct span bytes, enum client_from preferred)
{
    struct head head = {0};
    bool complete = head_read(&head, bytes).verdict == PARSE_DONE;
    return complete ? forwarding_field_of(&head, bytes, preferred) : CLIENT_FROM_NONE;
}

void forwarding_init(struct forwarding *walk, enum client_from field, const struct head *head, struct span bytes)
{
    struct span wanted = span_text(forwarding_field_name(field));
    struct span name, value;
    uint32_t cursor = 0;

    walk->field = field;
    walk->line_count = 0;
    while (walk->line_count < HEAD_FIELDS_MAX && head_next_field(head, bytes, &cursor, &name, &value))
        if (span_equal_nocase(name, wanted))
            walk->lines[walk->line_count++] = value;
}

/* What a reader took off the end of a list, without the separators around it. */
static struct span taken_off(struct span before, struct span after)
{
    struct span text = span_trim(span_part(before, after.length, before.length - after.length));
    while (text.length > 0 && (text.data[0] == ',' || text.data[text.length - 1] == ',')) {
        size_t from = text.data[0] == ',';
        size_t to = text.length - (text.data[text.length - 1] == ',' && text.length > from);
        text = span_trim(span_part(text, from, to - from));
    }
    return text;
}

enum forwarded_verdict forwarding_next(struct forwarding *walk, struct forwarding_element *element)
{
    while (walk->line_count > 0) {
        struct span *list = &walk->lines[walk->line_count - 1];
        struct span before = *list;
        enum forwarded_verdict verdict = walk->field == CLIENT_FROM_FORWARDED
                                             ? forwarded_last(list, &element->address)
                                             : x_forwarded_for_last(list, &element->address);
        if (verdict != FORWARDED_END) {
            element->text = taken_off(before, *list);
            return verdict;
        }
        walk->line_count--;
    }
    return FORWARDED_END;
}
