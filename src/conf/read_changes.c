#include "conf/read_changes.h"

#include "conf/read.h"
#include "proto/byte_class.h"

#define VALUE_MOST 4096
#define NAME_MOST 256

/* In the order in which they are made, whatever the order in the file: a map has none. */
static void append(struct build *b, struct draft_changes *changes, struct plan_change change)
{
    if (changes->count == changes->capacity) {
        size_t capacity = changes->capacity ? 2 * changes->capacity : 8;
        struct plan_change *all = arena_alloc(b->arena, capacity * sizeof(*all));
        if (changes->count > 0)
            memcpy(all, changes->all, changes->count * sizeof(*all));
        changes->all = all;
        changes->capacity = capacity;
    }
    changes->all[changes->count++] = change;
}

/* Fields that say where a message ends, or are between two neighbours alone (RFC 9110 section 7.6.1, RFC 9112 section 6). */
static bool is_of_one_hop(struct span name)
{
    static const char *const names[] = {
        "Content-Length", "Transfer-Encoding", "Connection",       "Upgrade", "TE",
        "Trailer",        "Keep-Alive",        "Proxy-Connection", "Expect",  "HTTP2-Settings"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (span_equal_nocase(name, span_text(names[i])))
            return true;
    return false;
}

static bool may_change(struct build *b, const struct node *name, const struct draft_changes *changes,
                       enum change_kind kind)
{
    const char *wrong = NULL, *help = "take it out";
    bool is_host = span_equal_nocase(name->text, span_text("Host"));
    if (!is_token(name->text) || name->text.length > NAME_MOST) {
        wrong = "is no name of a field";
        help = "write a name such as X-Frame-Options";
    } else if (is_of_one_hop(name->text)) {
        wrong = "cannot be changed: limpet writes it itself for each connection";
    } else if (is_host && !changes->of_request) {
        wrong = "is no field of answers";
    } else if (is_host && kind != CHANGE_SET) {
        wrong = "is there exactly once in every request";
        help = "write it under `set`";
    }
    if (wrong)
        report_error(b->report, name->at, help, "%s %s", report_quote(b->report, name->text), wrong);
    return !wrong;
}

static void read_value(struct build *b, const struct node *name, const struct node *value, enum change_kind kind,
                       struct draft_changes *changes)
{
    if (value->kind != NODE_TEXT || node_is_null(value))
        report_error(b->report, value->kind == NODE_TEXT ? name->at : value->at,
                     arena_format(b->arena, "write `%s: \"VALUE\"`", (const char *)name->text.data),
                     "the value of a field is text, but this is %s",
                     value->kind == NODE_TEXT ? "nothing" : node_kind_name(value));
    else if (!read_is_field_value(value->text) || value->text.length > VALUE_MOST)
        report_error(b->report, value->at, "write at most 4096 bytes on one line, without control characters",
                     "this cannot be the value of a field");
    else
        append(b, changes, (struct plan_change){kind, name->text, value->text});
}

static void read_values(struct build *b, const struct schema_row *row, const struct node *value, enum change_kind kind,
                        struct draft_changes *changes)
{
    if (value->kind != NODE_MAP) {
        read_wrong_type(b, row, value);
        return;
    }
    for (const struct node *item = value->first; item; item = item->next) {
        bool many = kind == CHANGE_ADD && item->kind == NODE_LIST;
        if (!may_change(b, item->key, changes, kind))
            continue;
        if (!many)
            read_value(b, item->key, item, kind, changes);
        for (const struct node *one = many ? item->first : NULL; one; one = one->next)
            read_value(b, item->key, one, kind, changes);
    }
}

void read_changes_set(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    read_values(b, row, value, CHANGE_SET, target);
}

void read_changes_add(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    read_values(b, row, value, CHANGE_ADD, target);
}

void read_changes_remove(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (value->kind == NODE_MAP) {
        read_wrong_type(b, row, value);
        return;
    }
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item))
        if (read_is_text(b, row, item) && may_change(b, item, target, CHANGE_REMOVE))
            append(b, target, (struct plan_change){.kind = CHANGE_REMOVE, .name = item->text});
}

/* The rest of the plan is read in the order of the file; changes are made in the order of their kinds. */
static struct plan_changes in_order(struct build *b, const struct draft_changes *draft)
{
    static const enum change_kind order[] = {CHANGE_REMOVE, CHANGE_SET, CHANGE_ADD};
    struct plan_change *all = arena_alloc(b->arena, draft->count * sizeof(*all) + 1);
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(order); i++)
        for (size_t j = 0; j < draft->count; j++)
            if (draft->all[j].kind == order[i])
                all[count++] = draft->all[j];
    return (struct plan_changes){all, count};
}

static struct plan_changes read_changes(struct build *b, const struct schema_row *row, const struct node *value,
                                        bool of_request)
{
    struct draft_changes draft = {.of_request = of_request};
    if (value->kind == NODE_MAP)
        schema_fill(b, SECTION_CHANGES, value, &draft);
    else
        read_wrong_type(b, row, value);
    return in_order(b, &draft);
}

void read_changes_request(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    ((struct draft_route *)target)->plan.request = read_changes(b, row, value, true);
}

void read_changes_response(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    ((struct draft_route *)target)->plan.response = read_changes(b, row, value, false);
}
