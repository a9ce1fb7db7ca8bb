#include "carry/changes.h"

#include "proto/byte_class.h"

bool changes_same_name(struct span one, struct span other)
{
    if (one.length != other.length)
        return false;
    for (size_t i = 0; i < one.length; i++)
        if (byte_fold(one.data[i]) != byte_fold(other.data[i]))
            return false;
    return true;
}

bool changes_drop(const struct plan_changes *changes, struct span name)
{
    for (size_t i = 0; i < changes->count; i++)
        if (changes->all[i].kind != CHANGE_ADD && changes_same_name(changes->all[i].name, name))
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
