#include "carry/changes.h"

bool changes_drop(const struct plan_changes *changes, struct span name)
{
    for (size_t i = 0; i < changes->count; i++)
        if (changes->all[i].kind != CHANGE_ADD && span_equal_nocase(changes->all[i].name, name))
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
