#include "session/homing.h"

#include "base/log.h"

/* A worker answers its client before it tells of the session, and may be held up in between: the client's next request can be
 * here first. So whoever brings an id that nobody knows is given so many looks, the pauses between which double: 255 ms in all.
 */
#define REPORT_LOOK ((micros)MILLIS_IN_MICROS)
#define REPORT_LOOKS 8

_Static_assert(PIN_NO_SERVER == STICK_NOBODY, "both rooms say nobody alike");

static const struct share *share_of(const struct homing *homing)
{
    return homing->context->share;
}

static struct pin_question question_of(const struct homing *homing, const struct plan_stick *stick, struct mark mark)
{
    return (struct pin_question){.pool = homing->pool, .stick = stick, .mark = mark};
}

static bool found(struct homing *homing, enum stick_kind kind, uint32_t server)
{
    if (server == STICK_NOBODY)
        return false;
    homing->known = server;
    homing->kind = (uint8_t)kind;
    return true;
}

/* ---- without waiting ------------------------------------------------------------------------------------------------- */

static bool look_for_cookie(struct homing *homing, const struct stick_request *request, const struct plan_stick *stick)
{
    struct stick_answer answer = {.server = STICK_NOBODY};
    bool known = stick_find_cookie(share_of(homing)->sticks, request, stick, clock_wall(), &answer);
    if (answer.refused > 0)
        counter_add(homing->context->counters, COUNTER_COOKIES_REFUSED, answer.refused);
    homing->renew = known && answer.renew;
    return known && found(homing, STICK_COOKIE, answer.server);
}

static void ask_later(struct homing *homing, const struct plan_stick *stick, struct mark mark, uint32_t server)
{
    homing->asks[homing->ask_count++] = (struct homing_ask){stick, mark, server};
}

/* Whether a worker's word is worth waiting for: only workers tell of ids that stand in a query, and to go anywhere is to go
 * wrong. */
static bool may_be_reported(const struct plan_pool *pool, const struct plan_stick *stick)
{
    return pool->no_key == NO_KEY_RANDOM && pool->workers && pool->workers->contract != CONTRACT_LIMPET &&
           stick->where.kind == KEY_QUERY;
}

static bool look_for_session(struct homing *homing, const struct stick_request *request, const struct plan_stick *stick)
{
    struct mark mark;
    uint32_t server = STICK_NOBODY;
    struct span id = stick_session_id(request, stick);
    if (id.length == 0)
        return false;
    if (!pins_mark_session(&share_of(homing)->pins->mark_key, homing->pool, id, &mark))
        return found(homing, STICK_SESSION, stick_server_in_id(homing->pool, id));
    struct pin_question question = question_of(homing, stick, mark);
    enum pins_answer answer = pins_find(homing->context->pins, &question, &server);
    if (server == STICK_NOBODY)
        server = stick_server_in_id(homing->pool, id);
    if (server == STICK_NOBODY && may_be_reported(homing->pool, stick))
        homing->awaited = (struct homing_ask){stick, mark, server};
    if (answer != PINS_ASK)
        return found(homing, STICK_SESSION, server);
    ask_later(homing, stick, mark, server);
    return false;
}

static bool look_for_pin(struct homing *homing, const struct decision *decision, const struct plan_stick *stick)
{
    uint32_t server = STICK_NOBODY;
    const struct mark_key *key = &share_of(homing)->pins->mark_key;
    if (decision->verdict != DECIDE_KEY ||
        !pins_mark_key(key, homing->pool, decision->tag, decision->key, &homing->key))
        return false;
    homing->table = stick;
    struct pin_question question = question_of(homing, stick, homing->key);
    enum pins_answer answer = pins_find(homing->context->pins, &question, &server);
    if (answer == PINS_ASK) {
        ask_later(homing, stick, homing->key, server);
        return false;
    }
    homing->pinned = server;
    return found(homing, STICK_TABLE, server);
}

static bool look(struct homing *homing, const struct stick_request *request, const struct decision *decision,
                 const struct plan_stick *stick)
{
    switch (stick->kind) {
    case STICK_COOKIE:
        return look_for_cookie(homing, request, stick);
    case STICK_SESSION:
        return look_for_session(homing, request, stick);
    case STICK_TABLE:
        break;
    }
    return look_for_pin(homing, decision, stick);
}

/* ---- with waiting ---------------------------------------------------------------------------------------------------- */

/* Whom the key is to be pinned to if nobody has pinned it yet. */
static uint32_t candidate(const struct homing *homing)
{
    if (homing->known != STICK_NOBODY)
        return homing->known;
    const struct share *share = share_of(homing);
    return pick_first(homing->pick, share->ranking, share->states, homing->context->loop.now);
}

static bool begin_to_wait(struct homing *homing)
{
    struct loop *loop = &homing->context->loop;
    return timer_set(&loop->timers, &homing->timer, loop->now + (REPORT_LOOK << homing->looks++)) == 0;
}

/* All that could be asked was asked. */
static enum homing_verdict conclude(struct homing *homing)
{
    if (homing->awaited.stick && homing->known == STICK_NOBODY && homing->looks < REPORT_LOOKS && begin_to_wait(homing))
        return HOMING_WAIT;
    if (!homing->table || homing->pinned != STICK_NOBODY)
        return HOMING_DONE;
    struct pin_question question = question_of(homing, homing->table, homing->key);
    uint32_t wanted = candidate(homing);
    homing->pinned = pins_claim_here(homing->context->pins, &question, wanted);
    if (homing->pinned != wanted && homing->known == STICK_NOBODY)
        found(homing, STICK_TABLE, homing->pinned); /* another thread was quicker */
    return HOMING_DONE;
}

static enum homing_verdict ask_next(struct homing *homing);

/* What is known from elsewhere counts no more, once one that stands before it in the list knows. */
static enum homing_verdict told(struct homing *homing, const struct homing_ask *ask, uint32_t server)
{
    found(homing, ask->stick->kind, server);
    homing->ask_count = homing->asked;
    if (ask->stick->kind == STICK_TABLE)
        homing->pinned = server;
    else
        homing->table = NULL; /* the key has nothing to do with where the session is */
    return HOMING_DONE;
}

static enum homing_verdict take_answer(struct homing *homing, enum query_outcome outcome, uint32_t server)
{
    struct homing_ask *ask = &homing->asks[homing->asked - 1];
    switch (outcome) {
    case QUERY_PINNED:
        return told(homing, ask, server);
    case QUERY_CLAIMED:
        if (ask->stick->kind == STICK_SESSION || server == ask->server)
            return told(homing, ask, server);
        homing->pinned = server;
        return ask_next(homing);
    case QUERY_STRANGE:
        if (ask->stick->kind == STICK_TABLE)
            homing->table = NULL; /* it is not ours to decide */
        break;
    case QUERY_UNPINNED:
        homing->asked -= ask->server != STICK_NOBODY; /* once more, as if it had never been known here */
        ask->server = STICK_NOBODY;
        break;
    case QUERY_FREE:
    case QUERY_FAILED:
        break;
    }
    if (ask->server != STICK_NOBODY)
        return told(homing, ask, ask->server);
    return ask_next(homing);
}

static void answered(void *owner, enum query_outcome outcome, uint32_t server)
{
    struct homing *homing = owner;
    homing->query = NULL;
    if (take_answer(homing, outcome, server) == HOMING_DONE)
        homing->woken(homing);
}

/* In what is left of the visit's time. One that could only come late would cost others the connection, and memcached its good
 * name. */
static struct query *ask_about(struct homing *homing, const struct homing_ask *ask)
{
    micros left = homing->deadline - homing->context->loop.now;
    if (left < share_of(homing)->plan->timeouts.memcached / 4)
        return NULL;
    struct pin_question question = question_of(homing, ask->stick, ask->mark);
    question.deadline = homing->deadline;
    bool claims = ask->stick->kind == STICK_TABLE || ask->server != STICK_NOBODY;
    uint32_t server = ask->server != STICK_NOBODY ? ask->server : claims ? candidate(homing) : STICK_NOBODY;
    return pins_ask(homing->context->pins, claims ? QUERY_CLAIM : QUERY_FIND, &question, server, answered, homing);
}

static enum homing_verdict ask_next(struct homing *homing)
{
    while (homing->asked < homing->ask_count) {
        const struct homing_ask *ask = &homing->asks[homing->asked++];
        homing->query = ask_about(homing, ask);
        if (homing->query)
            return HOMING_WAIT;
        if (ask->server != STICK_NOBODY)
            return told(homing, ask, ask->server);
    }
    return conclude(homing);
}

/* Has it been reported meanwhile? Who else might know was asked before. */
static void look_again(struct timer *timer)
{
    struct homing *homing = container_of(timer, struct homing, timer);
    const struct homing_ask *awaited = &homing->awaited;
    struct pin_question question = question_of(homing, awaited->stick, awaited->mark);
    uint32_t server;
    (void)pins_find(homing->context->pins, &question, &server);
    if (found(homing, STICK_SESSION, server))
        homing->table = NULL; /* as in told() */
    if (server != STICK_NOBODY || conclude(homing) == HOMING_DONE)
        homing->woken(homing);
}

bool homing_waits(const struct homing *homing)
{
    return homing->query || timer_is_set(&homing->timer);
}

void homing_none(struct homing *homing)
{
    timer_init(&homing->timer, look_again);
    homing->query = NULL;
    homing->table = NULL;
    homing->known = STICK_NOBODY;
    homing->renew = false;
}

enum homing_verdict homing_begin(struct homing *homing, struct context *context, const struct decision *decision,
                                 const struct endpoint *client, const struct pick *pick,
                                 void (*woken)(struct homing *homing))
{
    const struct plan_pool *pool = decision->pool;
    const struct stick_request request = {pool, decision->head, decision->bytes, client};
    *homing = (struct homing){
        .context = context,
        .pool = pool,
        .pick = pick,
        .woken = woken,
        .deadline = context->loop.now + context->share->plan->timeouts.memcached,
        .pinned = STICK_NOBODY,
        .known = STICK_NOBODY,
    };
    timer_init(&homing->timer, look_again);
    for (size_t i = 0; i < pool->stick_count; i++)
        if (look(homing, &request, decision, &pool->sticks[i]))
            break;
    return ask_next(homing);
}

void homing_give_up(struct homing *homing)
{
    if (homing->query)
        pins_cancel(homing->query);
    homing->query = NULL;
    if (timer_is_set(&homing->timer))
        timer_clear(&homing->context->loop.timers, &homing->timer);
}

/* ---- afterwards ------------------------------------------------------------------------------------------------------ */

void homing_arrived(struct homing *homing, uint32_t server)
{
    if (!homing->table || homing->pinned == server)
        return;
    struct pin_question question = question_of(homing, homing->table, homing->key);
    pins_move(homing->context->pins, &question, homing->pinned, server);
    homing->pinned = server;
}

static void word_answered(void *owner, enum query_outcome outcome, uint32_t server)
{
    struct homing_word *word = owner;
    (void)outcome;
    (void)server;
    word->query = NULL;
    if (--word->news->waiting == 0)
        word->news->told(word->news);
}

/* Answers with more ids than places are rare enough not to be waited for. */
static void wait_for(struct homing_news *news, struct query *query)
{
    for (size_t i = 0; i < ARRAY_LENGTH(news->words); i++) {
        struct homing_word *word = &news->words[i];
        if (word->query)
            continue;
        *word = (struct homing_word){news, query};
        news->waiting++;
        pins_await(query, word_answered, word);
        return;
    }
}

void homing_drop_news(struct homing_news *news)
{
    for (size_t i = 0; i < ARRAY_LENGTH(news->words); i++) {
        if (news->words[i].query)
            pins_cancel(news->words[i].query);
        news->words[i].query = NULL;
    }
    news->waiting = 0;
}

bool homing_learn(struct context *context, const struct plan_pool *pool, const struct stick_gift *gifts, size_t count,
                  uint32_t server, struct homing_news *news)
{
    bool learnt = false;
    for (size_t i = 0; i < count; i++) {
        struct pin_question question = {.pool = pool, .stick = gifts[i].stick};
        if (!pins_mark_session(&context->share->pins->mark_key, pool, gifts[i].id, &question.mark))
            continue;
        learnt |= !gifts[i].ended;
        if (gifts[i].ended) {
            pins_end(context->pins, &question, server);
            continue;
        }
        struct query *query = pins_set(context->pins, &question, server);
        if (query)
            wait_for(news, query);
    }
    return learnt;
}

static void hear_of_new(struct context *context, const struct pin_question *question, uint32_t server)
{
    static struct log_limit limit;
    unsigned long skipped;
    if (pins_report(context->pins, question, server))
        counter_add(context->counters, COUNTER_SESSIONS_LEARNT, 1);
    else if (log_limit_pass(&limit, 10, &skipped))
        log_warning("%s/%s reports a session that another server has: it stays there", question->pool->name,
                    question->pool->servers[server].name);
}

/* Wherever requests carry ids of sessions, it may be this one. */
void homing_hear(struct context *context, const struct plan_pool *pool, uint32_t server, struct span id, bool ended)
{
    for (size_t i = 0; i < pool->stick_count; i++) {
        struct pin_question question = {.pool = pool, .stick = &pool->sticks[i]};
        if (question.stick->kind != STICK_SESSION ||
            !pins_mark_session(&context->share->pins->mark_key, pool, id, &question.mark))
            continue;
        if (ended)
            pins_end(context->pins, &question, server);
        else
            hear_of_new(context, &question, server);
    }
}
