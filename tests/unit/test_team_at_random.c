/* Random deliveries, answers, deaths and silences over two slots, beside a model of what each worker has got: every delivery
 * is answered once, and nobody can read a connection that somebody else could read as well. */

#include "crew.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ACTORS 10
#define STEPS 150
#define ROUNDS 400
#define DELIVERIES 100

enum said { SAID_NOTHING, SAID_ARRIVED, SAID_YES, SAID_NO };

struct actor {
    struct fake fake;
    size_t server;
    bool alive; /* its end is open */
    bool known; /* the team has it */
    bool leaving;
    size_t arrived; /* Node: so many descriptors were acknowledged, in order */
    uint8_t said[CREW_SEEN_MOST];
};

struct trip {
    struct parcel *parcel;
    bool waiting;
    bool taken;
    int tries;
};

static struct actor actors[ACTORS];
static size_t actor_count;
static struct trip trips[DELIVERIES];
static size_t trip_count;
static uint64_t randomness;
static unsigned seed; /* of this round, for whoever looks for the cause */
static int outcomes[DELIVERY_SILENT + 1];

static unsigned draw(unsigned below)
{
    randomness = randomness * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(randomness >> 33) % below;
}

#define must(what)                                                                                                     \
    do {                                                                                                               \
        if (!(what))                                                                                                   \
            fail_msg("seed %u: %s", seed, #what);                                                                      \
    } while (0)

/* ---- the model ------------------------------------------------------------------------------------------------------ */

static bool holds(const struct actor *actor, ino_t file)
{
    for (size_t i = 0; actor->alive && i < actor->fake.count; i++)
        if (actor->fake.seen[i].file == file && actor->said[i] != SAID_NO)
            return true;
    return false;
}

static size_t count_holders(ino_t file)
{
    size_t count = 0;
    for (size_t i = 0; i < actor_count; i++)
        count += holds(&actors[i], file);
    return count;
}

static bool somebody_said_yes(ino_t file)
{
    for (size_t i = 0; i < actor_count; i++)
        for (size_t j = 0; j < actors[i].fake.count; j++)
            if (actors[i].fake.seen[j].file == file && actors[i].said[j] == SAID_YES)
                return true;
    return false;
}

static struct trip *trip_of(const struct delivery *delivery)
{
    return delivery->sender;
}

static void send_off(struct trip *trip, size_t server)
{
    trip->waiting = true;
    trip->tries++;
    trip->parcel->delivery.server = server;
    trip->parcel->delivery.answer = DELIVERY_NONE;
    team_deliver(&crew.team, &trip->parcel->delivery);
}

/* As a visit does: taken, or on to the next one, at once. */
static void answered(struct delivery *delivery)
{
    struct trip *trip = trip_of(delivery);
    must(trip->waiting);
    trip->waiting = false;
    outcomes[delivery->answer]++;
    if (delivery->answer == DELIVERY_TAKEN) {
        must(somebody_said_yes(trip->parcel->file));
        must(count_holders(trip->parcel->file) <= 1); /* it may have died since */
        trip->taken = true;
    } else {
        must(count_holders(trip->parcel->file) == 0);
        must(!somebody_said_yes(trip->parcel->file));
    }
    if (!trip->taken && trip->tries < 3 && !crew.team.stopped)
        send_off(trip, 1 - delivery->server);
    else
        trip->parcel->answers = 1;
}

/* ---- what happens --------------------------------------------------------------------------------------------------- */

static struct actor *somebody(void)
{
    return actor_count > 0 ? &actors[draw((unsigned)actor_count)] : NULL;
}

static void come(void)
{
    if (actor_count == ACTORS)
        return;
    struct actor *actor = &actors[actor_count++];
    memset(actor, 0, sizeof(*actor));
    actor->server = draw(2);
    actor->alive = actor->known = true;
    bool follows = draw(4) == 0;
    crew_hire(&actor->fake, &(struct hire){.server = actor->server,
                                           .contract = draw(2) ? CONTRACT_NODE : CONTRACT_LIMPET,
                                           .id = (uint32_t)actor_count,
                                           .doors = follows,
                                           .adopted = follows});
    if (!follows && draw(8) > 0)
        fake_open(&actor->fake);
}

static void deliver(void)
{
    if (trip_count == DELIVERIES)
        return;
    struct trip *trip = &trips[trip_count++];
    *trip = (struct trip){.parcel = crew_parcel(0)};
    trip->parcel->delivery.sender = trip;
    trip->parcel->delivery.answered = answered;
    send_off(trip, draw(2));
}

static void read_some(struct actor *actor)
{
    if (!actor->alive)
        return;
    for (unsigned left = 1 + draw(4); left > 0 && fake_read_once(&actor->fake); left--)
        if (actor->fake.seen[actor->fake.count - 1].kind == SEEN_CONNECTION)
            must(count_holders(actor->fake.seen[actor->fake.count - 1].file) == 1);
}

/* Node's own library acknowledges in order. */
static void acknowledge(struct actor *actor)
{
    while (actor->arrived < actor->fake.count && !actor->fake.seen[actor->arrived].handle)
        actor->arrived++;
    if (actor->arrived == actor->fake.count)
        return;
    bool arrives = actor->fake.seen[actor->arrived].file != 0 && draw(10) > 0;
    actor->said[actor->arrived++] = arrives ? SAID_ARRIVED : SAID_NO;
    fake_line(&actor->fake, arrives ? FAKE_ACK : FAKE_NACK);
}

static void answer_one(struct actor *actor)
{
    struct fake *fake = &actor->fake;
    bool node = fake->contract == CONTRACT_NODE;
    if (fake->count == 0)
        return;
    size_t i = draw((unsigned)fake->count);
    const struct seen *seen = &fake->seen[i];
    if (actor->said[i] != (node ? SAID_ARRIVED : SAID_NOTHING))
        return;
    bool yes = seen->kind == SEEN_CONNECTION && draw(4) > 0;
    actor->said[i] = yes ? SAID_YES : SAID_NO;
    if (node)
        fake_accepted(fake, seen->number, yes);
    else if (seen->kind == SEEN_NOBODY)
        fake_answer_nobody(fake, seen);
    else if (yes)
        fake_take(fake, seen);
    else
        fake_refuse(fake, seen);
}

static void answer_some(struct actor *actor)
{
    if (!actor->alive)
        return;
    for (unsigned left = 1 + draw(8); left > 0; left--) {
        if (actor->fake.contract == CONTRACT_NODE)
            acknowledge(actor);
        answer_one(actor);
    }
    if (draw(2))
        crew_turn();
}

static void answer_all(struct actor *actor)
{
    for (int i = 0; i < 200; i++) {
        read_some(actor);
        answer_some(actor);
    }
}

static void die(struct actor *actor)
{
    if (actor->alive)
        close(actor->fake.end);
    actor->fake.end = -1;
    actor->alive = false;
}

static void bury(struct actor *actor)
{
    if (actor->alive || !actor->known)
        return;
    actor->known = false;
    team_remove(&crew.team, actor->fake.id);
    crew_bury();
}

static void leave(struct actor *actor)
{
    actor->leaving = true;
    team_leave(&crew.team, actor->fake.id);
}

static void happen(void)
{
    struct actor *actor = somebody();
    unsigned what = draw(100);
    if (what < 8 || !actor)
        come();
    else if (what < 35)
        deliver();
    else if (what < 55)
        read_some(actor);
    else if (what < 80)
        answer_some(actor);
    else if (what < 88)
        crew_pass(draw(1500) * CREW_MS);
    else if (what < 90)
        answer_all(actor);
    else if (what < 93)
        die(actor);
    else if (what < 97)
        bury(actor);
    else
        leave(actor);
}

/* What was said before the end is heard; what nobody said anything about is answered in the end all the same. */
static void end_of_round(void **state)
{
    crew_turn();
    for (size_t i = 0; i < trip_count; i++)
        if (somebody_said_yes(trips[i].parcel->file) && count_holders(trips[i].parcel->file) == 1)
            must(trips[i].taken);
    for (size_t i = 0; i < actor_count; i++)
        die(&actors[i]);
    must(crew_stop(state) == 0);
    for (size_t i = 0; i < trip_count; i++)
        must(!trips[i].waiting);
}

static void every_delivery_is_answered_once_and_read_by_nobody_twice(void **state)
{
    memset(outcomes, 0, sizeof(outcomes));
    for (seed = 0; seed < ROUNDS; seed++) {
        actor_count = trip_count = 0;
        randomness = seed;
        must(crew_start(state) == 0);
        crew_workers.kill_silent = seed % 2 ? 5 * CREW_SECOND : 0;
        for (int step = 0; step < STEPS; step++)
            happen();
        end_of_round(state);
    }
    for (int i = DELIVERY_TAKEN; i <= DELIVERY_SILENT; i++)
        assert_true(outcomes[i] > 100); /* it was no walk in the sun */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_delivery_is_answered_once_and_read_by_nobody_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
