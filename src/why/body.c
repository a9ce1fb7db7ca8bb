#include "why/body.h"

#include "carry/chunks.h"

/* The proxy reads so much at once. */
#define STEP_MOST 16384

struct refusal why_body_read(struct span bytes, uint64_t most)
{
    struct chunks chunks = {.plain = false};
    struct chunks_result result = {.verdict = CHUNKS_MORE, .used = 1};
    uint8_t room[STEP_MOST + CHUNKS_ROOM];
    while (result.verdict == CHUNKS_MORE && result.used > 0 && bytes.length > 0) {
        result = chunks_pass(&chunks, span_part(bytes, 0, bytes.length < STEP_MOST ? bytes.length : STEP_MOST), room);
        bytes = span_part(bytes, result.used, bytes.length - result.used);
        if (result.verdict == CHUNKS_BAD)
            return (struct refusal){400, REASON_BAD_BODY, result.why};
        if (chunks_exceed(&chunks, most))
            return (struct refusal){413, REASON_BODY_TOO_LARGE, NULL};
    }
    return (struct refusal){.status = 0};
}
