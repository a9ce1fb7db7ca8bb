#include "route/forwarding.h"

#include "proto/head_lookup.h"

const char *forwarding_field_name(enum client_from field)
{
    return field == CLIENT_FROM_FORWARDED ? "Forwarded" : "X-Forwarded-For";
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
