#include "carry/changes.h"

static bool is_sign(uint8_t byte)
{
    return !(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z');
}

static bool is_meant(struct span change, struct span name)
{
    if (change.length != name.length)
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (byte_lower(change.data[i]) != byte_lower(name.data[i]) && (change.data[i] != '-' || !is_sign(name.data[i])))
            return false;
    return true;
}

bool changes_drop(const struct plan_changes *changes, struct span name)
{
    for (size_t i = 0; i < changes->count; i++)
        if (changes->all[i].kind != CHANGE_ADD && is_meant(changes->all[i].name, name))
            return true;
    return false;
}

/* Set and then removed is removed; set twice is the last one. */
static bool is_undone(const struct plan_changes *changes, size_t number)
{
    for (size_t i = number + 1; i < changes->count; i++)
        if (changes->all[i].kind != CHANGE_ADD && span_equal_nocase(changes->all[i].name, changes->all[number].name))
            return true;
    return false;
}

void changes_add(const struct plan_changes *changes, struct text *text)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct plan_change *change = &changes->all[i];
        if (change->kind == CHANGE_REMOVE || is_undone(changes, i))
            continue;
        text_add_bytes(text, change->name.data, change->name.length);
        text_add(text, ": ");
        text_add_bytes(text, change->value.data, change->value.length);
        text_add(text, "\r\n");
    }
}
