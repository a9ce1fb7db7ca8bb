#ifndef LIMPET_TESTS_UNIT_WALK_H
#define LIMPET_TESTS_UNIT_WALK_H

/* Takes a client that does not exist through facts and decision as a connection does, its bytes coming in pieces,
 * and says in one line what became of it: "header:X-User text ann", "spread address 10.0.0.1", "end bad_head 400",
 * "more". */

#include "base/text.h"
#include "route/decide.h"
#include "route/facts.h"

#include <stdio.h>
#include <stdlib.h>

struct walk {
    struct facts facts;
    struct decision decision;
    struct span left;  /* of the bytes that came, what was not taken off */
    size_t needed;     /* so many bytes had come when it was decided */
    bool was_finished; /* it had to be told that nothing more comes */
    uint8_t *copy;     /* what is shown ends where it ends, so that the sanitizer sees a step too far */
};

static inline void walk_show(struct walk *walk, struct span bytes)
{
    uint8_t *copy = malloc(bytes.length + 1);
    if (!copy)
        abort();
    if (bytes.length > 0)
        memcpy(copy + 1, bytes.data, bytes.length);
    free(walk->copy);
    walk->copy = copy;
    walk->left = span_of(copy + 1, bytes.length);
}

/* True once decided. `taken` grows by what is taken off. */
static inline bool walk_look(struct walk *walk, struct span come, size_t *taken)
{
    for (;;) {
        walk_show(walk, span_part(come, *taken, come.length - *taken));
        struct facts_result result = facts_read(&walk->facts, walk->left);
        if (result.step == FACTS_MORE)
            return false;
        if (result.step == FACTS_END) {
            walk->decision = (struct decision){
                .verdict = DECIDE_END, .reason = result.reason, .why = result.why, .source = DECIDE_NO_SOURCE};
            return true;
        }
        if (result.step == FACTS_READ_ON) {
            decide(&walk->decision, &walk->facts, walk->left, 7);
            return walk->decision.verdict != DECIDE_MORE;
        }
        *taken += result.take;
    }
}

static inline void walk_run(struct walk *walk, const struct plan_listener *listener, const struct plan_pool *pools,
                            const struct endpoint *peer, struct span bytes, size_t step)
{
    size_t taken = 0, come = 0;
    memset(walk, 0, sizeof(*walk));
    facts_init(&walk->facts, listener, pools, peer, NULL);
    while (!walk_look(walk, span_of(bytes.data, come), &taken)) {
        if (come == bytes.length) {
            if (walk->was_finished)
                break;
            walk->was_finished = true;
            facts_finish(&walk->facts);
        }
        come = bytes.length - come < step ? bytes.length : come + step;
    }
    walk->needed = come;
}

static inline void walk_fini(struct walk *walk)
{
    facts_fini(&walk->facts);
    free(walk->copy);
}

#define WALK_TEXT_SIZE 512

static inline void walk_add_key(struct text *text, const struct decision *decision)
{
    if (decision->tag == KEY_TAG_ADDRESS) {
        char address[ENDPOINT_TEXT_SIZE];
        struct endpoint e = endpoint_from_ip6(decision->key.data, 0);
        endpoint_text(&e, address);
        text_add(text, " address ");
        text_add(text, address);
    } else {
        text_add(text, " text ");
        text_add_escaped(text, decision->key);
    }
}

static inline void walk_text(const struct walk *walk, char buffer[WALK_TEXT_SIZE])
{
    const struct decision *decision = &walk->decision;
    struct text text;
    text_init(&text, buffer, WALK_TEXT_SIZE);
    switch (decision->verdict) {
    case DECIDE_MORE:
        text_add(&text, "more");
        break;
    case DECIDE_KEY:
        text_add(&text, decision->pool->keys[decision->source].text);
        walk_add_key(&text, decision);
        break;
    case DECIDE_SPREAD:
        text_add(&text, "spread");
        walk_add_key(&text, decision);
        break;
    case DECIDE_END:
        text_add(&text, "end ");
        text_add(&text, reason_text(decision->reason));
        text_add(&text, decision->answer_400 ? " 400" : "");
        break;
    case DECIDE_HTTP:
        text_add(&text, "http");
        break;
    case DECIDE_ANSWER:
        text_add_format(&text, "answer of route %d", decision->route);
        break;
    }
}

#endif
