#include "pieces.h"
#include "proto/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every step takes something off the end, nothing else changes, and what is an address is a well-formed one. */
static void walk(enum forwarded_verdict (*last)(struct span *list, struct endpoint *address), struct span all)
{
    struct span list = all;
    struct endpoint address;
    enum forwarded_verdict verdict = FORWARDED_OPAQUE;
    while (verdict != FORWARDED_END) {
        size_t before = list.length;
        verdict = last(&list, &address);
        CHECK(list.data == all.data && (list.length < before || (verdict == FORWARDED_END && before == 0)));
        CHECK(verdict != FORWARDED_ADDRESS || address.kind == ENDPOINT_IP);
        CHECK(verdict != FORWARDED_END || list.length == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    walk(x_forwarded_for_last, span_of(data, size));
    walk(forwarded_last, span_of(data, size));
    return 0;
}
