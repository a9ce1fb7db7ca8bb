#include "front/crowd.h"

#include "base/log.h"

#include <string.h>

#define QUIET (600 * (micros)SECOND_IN_MICROS)

static bool same_host(const struct endpoint *a, const struct endpoint *b)
{
    return a->kind == b->kind && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static void close_window(struct crowd *crowd)
{
    bool most = crowd->hits * 2 > crowd->count;
    crowd->suspect = most ? crowd->candidate : (struct endpoint){.kind = ENDPOINT_NONE};
    crowd->suspect_hits = crowd->hits;
    crowd->votes = crowd->hits = crowd->count = 0;
}

static void vote(struct crowd *crowd, const struct endpoint *peer)
{
    if (crowd->votes == 0 && !same_host(&crowd->candidate, peer)) {
        crowd->candidate = *peer;
        crowd->hits = 0;
    }
    if (same_host(&crowd->candidate, peer)) {
        crowd->votes++;
        crowd->hits++;
    } else {
        crowd->votes--;
    }
    if (++crowd->count == CROWD_WINDOW)
        close_window(crowd);
}

bool crowd_note(struct crowd *crowd, const struct endpoint *peer)
{
    vote(crowd, peer);
    return crowd->suspect.kind == ENDPOINT_IP && same_host(&crowd->suspect, peer);
}

void crowd_warn(const struct crowd *crowd, const struct plan_listener *listener, micros *quiet_until, micros now)
{
    micros until = __atomic_load_n(quiet_until, __ATOMIC_RELAXED);
    if (now < until ||
        !__atomic_compare_exchange_n(quiet_until, &until, now + QUIET, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    struct endpoint host = crowd->suspect;
    host.port = 0;
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_text(&host, text);
    log_warning(
        "%s: %u of the last %u connections came from %s and share one home, because the X-Forwarded-For that it "
        "sends is not believed; if it is your proxy: `--trust %s`, or in the file `trust` of this listener, "
        "beside what stands there",
        listener->name, crowd->suspect_hits, CROWD_WINDOW, text, text);
}
