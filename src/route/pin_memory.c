#include "route/pin_memory.h"

#include <string.h>

uint32_t pin_shard_most(size_t most)
{
    return (uint32_t)(most / PIN_SHARDS);
}

/* The low half of a mark chooses the shard; the high half is the table's. */
size_t pin_shard_of(struct mark mark)
{
    return mark.low % PIN_SHARDS;
}

size_t pin_memory_size(size_t most)
{
    return PIN_SHARDS * (sizeof(struct pin_head) + pin_shard_most(most) * sizeof(struct pin));
}

struct pin_head *pin_shard_head(void *memory, size_t shard)
{
    return (struct pin_head *)memory + shard;
}

struct pin *pin_shard_slots(void *memory, size_t most, size_t shard)
{
    struct pin *slots = (void *)((struct pin_head *)memory + PIN_SHARDS);
    return slots + shard * pin_shard_most(most);
}

uint32_t pin_head_count(const uint32_t *count, uint32_t most)
{
    uint32_t read = __atomic_load_n(count, __ATOMIC_RELAXED);
    return read < most ? read : most;
}

/* ---- slots ----------------------------------------------------------------------------------------------------------- */

static uint64_t stir(uint64_t sum, uint64_t more)
{
    sum = (sum ^ more) * 0x9e3779b97f4a7c15;
    return sum ^ sum >> 32;
}

/* Never 0, so that an empty slot is no pin. */
static uint32_t sum_of(const struct pin *pin)
{
    uint64_t sum = stir(stir(stir(1, pin->mark.low), pin->mark.high), pin->server);
    sum = stir(sum, (uint64_t)pin->until << 32 | pin->claimed);
    sum = stir(stir(sum, (uint64_t)pin->confirmed << 32 | pin->asked), pin->seen);
    return (uint32_t)sum | 1;
}

void pin_sign(struct pin *slot)
{
    slot->sum = sum_of(slot);
}

void pin_clear(struct pin *slot)
{
    *slot = (struct pin){.server = PIN_TABLE_NOBODY};
}

bool pin_is_whole(const struct pin *slot, size_t shard)
{
    return slot->sum == sum_of(slot) && slot->seen <= 1 && slot->server != PIN_TABLE_NOBODY &&
           pin_shard_of(slot->mark) == shard;
}

/* ---- looks ----------------------------------------------------------------------------------------------------------- */

size_t pin_memory_list(const void *memory, size_t table_most, size_t *cursor, struct pin *list, size_t most)
{
    size_t count = 0, per_shard = pin_shard_most(table_most);
    const struct pin_head *heads = memory;
    const struct pin *slots = (const void *)(heads + PIN_SHARDS);
    while (count < most && *cursor < per_shard * PIN_SHARDS) {
        struct pin slot;
        size_t shard = *cursor / per_shard;
        if (*cursor % per_shard >= pin_head_count(&heads[shard].used, (uint32_t)per_shard)) {
            *cursor = (shard + 1) * per_shard;
            continue;
        }
        memcpy(&slot, &slots[(*cursor)++], sizeof(slot));
        if (pin_is_whole(&slot, shard))
            list[count++] = slot;
    }
    return count;
}

bool pin_memory_find(const void *memory, size_t table_most, struct mark mark, struct pin *found)
{
    struct pin list[64];
    size_t per_shard = pin_shard_most(table_most), cursor = pin_shard_of(mark) * per_shard, end = cursor + per_shard,
           count;
    while (cursor < end && (count = pin_memory_list(memory, table_most, &cursor, list, 64)) > 0)
        for (size_t i = 0; i < count; i++)
            if (mark_equal(list[i].mark, mark)) {
                *found = list[i];
                return true;
            }
    return false;
}

size_t pin_memory_count(const void *memory, size_t table_most)
{
    const struct pin_head *heads = memory;
    size_t count = 0;
    for (size_t i = 0; i < PIN_SHARDS; i++)
        count += pin_head_count(&heads[i].pins, pin_shard_most(table_most));
    return count;
}
