#include "front/crowd.h"

#include "base/log.h"
#include "base/text.h"
#include "route/forwarding.h"
#include "route/trust.h"

#include <string.h>

#define ADVICE_SIZE 256

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

static void host_text(const struct endpoint *peer, char text[ENDPOINT_TEXT_SIZE])
{
    struct endpoint host = *peer;
    host.port = 0;
    endpoint_text(&host, text);
}

/* What makes the field count. Returns whether the peer is trusted already. */
static bool write_advice(char advice[ADVICE_SIZE], const struct endpoint *peer, const struct plan_listener *listener,
                         enum client_from sent)
{
    struct text text;
    text_init(&text, advice, ADVICE_SIZE);
    bool trusted = trust_believes(&listener->trust, peer);
    if (!trusted) {
        char host[ENDPOINT_TEXT_SIZE];
        host_text(peer, host);
        text_add_format(&text, "`--trust %s`, or in the file `trust` of this listener, beside what stands there", host);
    }
    if (sent != listener->client_from)
        text_add_format(&text, "%s`client-from: %s` in the file", trusted ? "" : "; and ", forwarding_field_word(sent));
    return trusted;
}

void crowd_warn(const struct crowd *crowd, const struct plan_listener *listener, enum client_from sent,
                micros *quiet_until, micros now)
{
    micros until = __atomic_load_n(quiet_until, __ATOMIC_RELAXED);
    if (now < until ||
        !__atomic_compare_exchange_n(quiet_until, &until, now + QUIET, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    char host[ENDPOINT_TEXT_SIZE];
    char advice[ADVICE_SIZE];
    host_text(&crowd->suspect, host);
    if (sent == listener->client_from && trust_believes(&listener->trust, &crowd->suspect)) {
        log_warning(
            "%s: %u of the last %u connections came from %s and share one home, because the %s that it sends names "
            "no client",
            listener->name, crowd->suspect_hits, CROWD_WINDOW, host, forwarding_field_name(sent));
        return;
    }
    bool trusted = write_advice(advice, &crowd->suspect, listener, sent);
    log_warning("%s: %u of the last %u connections came from %s and share one home, because the %s that it sends %s; "
                "if it is your proxy: %s",
                listener->name, crowd->suspect_hits, CROWD_WINDOW, host, forwarding_field_name(sent),
                trusted ? "is not the field that counts" : "is not believed", advice);
}
