#ifndef LIMPET_ALGO_RANK_LOG2_H
#define LIMPET_ALGO_RANK_LOG2_H

/* log2(1 + i / RANK_LOG2_STEPS) in 1/2^RANK_LOG2_BITS, rounded to the nearest. Part of the frozen ranking. */

#include <stdint.h>

#define RANK_LOG2_STEPS_BITS 10
#define RANK_LOG2_STEPS (1 << RANK_LOG2_STEPS_BITS)
#define RANK_LOG2_BITS 56

extern const uint64_t rank_log2[RANK_LOG2_STEPS + 1];

#endif
