#include "why/explain.h"

#include "why/paragraph.h"

#include <inttypes.h>
#include <string.h>

/* The two largest units: "3h 5m", "7s". */
static void print_time(FILE *out, long long seconds)
{
    if (seconds < 0)
        seconds = 0;
    if (seconds >= 86400)
        fprintf(out, "%lldd %lldh", seconds / 86400, seconds % 86400 / 3600);
    else if (seconds >= 3600)
        fprintf(out, "%lldh %lldm", seconds / 3600, seconds % 3600 / 60);
    else if (seconds >= 60)
        fprintf(out, "%lldm %llds", seconds / 60, seconds % 60);
    else
        fprintf(out, "%llds", seconds);
}

static const char *name_of(const struct explanation *e, uint32_t server)
{
    return server < e->decision.pool->server_count ? e->decision.pool->servers[server].name
                                                   : "a server that this file has not";
}

/* ---- what the request itself tells ----------------------------------------------------------------------------------- */

static void print_cookie(const struct explanation *e, const struct way *way, FILE *out)
{
    if (way->state == WAY_KNOWS)
        fprintf(out, "the cookie knows the client: it was at %s%s", name_of(e, way->server),
                e->ways.renew ? ", and gets a new cookie" : "");
    else if (e->ways.refused > 0)
        fprintf(out, "%u cookie%s could not be opened: forged, too old, of another pool or under another secret",
                e->ways.refused, e->ways.refused == 1 ? "" : "s");
    else
        fputs(e->ways.gone > 0 ? "the cookie names a server that the pool has not" : "the request has none", out);
}

static const char *thing_of(const struct way *way)
{
    return way->stick->kind == STICK_SESSION ? "session" : "key";
}

static const char *why_nothing(const struct explanation *e, const struct way *way)
{
    if (way->stick->kind == STICK_SESSION)
        return e->decision.head ? "the request has no such id" : "there is no request that could have such an id";
    return "the client brings no key that could be pinned";
}

/* ---- what was asked -------------------------------------------------------------------------------------------------- */

static void print_here(const struct explanation *e, const struct way *way, FILE *out)
{
    if (!way->here.pinned) {
        fprintf(out, "this limpet knows no pin of the %s", thing_of(way));
        return;
    }
    fprintf(out, "the %s is pinned to %s: made ", thing_of(way), name_of(e, way->here.server));
    print_time(out, way->here.made);
    fputs(" ago, and forgotten in ", out);
    print_time(out, way->here.left);
    fputs(" if nobody comes back", out);
}

static void print_there_pinned(const struct explanation *e, const struct way *way, FILE *out)
{
    const struct way_there *there = &way->there;
    if (way->here.pinned && there->server == way->here.server) {
        fputs("says the same", out);
        return;
    }
    fprintf(out, "says %s, since ", name_of(e, there->server));
    print_time(out, there->made);
    if (way->here.pinned)
        fputs(": another frontend has moved it, and this limpet obeys within 10s of the client's next visit", out);
    else
        fputs(", and this limpet will obey", out);
}

/* What is the same on every frontend is told last, since a difference is what is looked for. */
static void print_there(const struct explanation *e, const struct way *way, FILE *out)
{
    const struct way_there *there = &way->there;
    bool pinned = way->here.pinned;
    fprintf(out, LABEL "  memcached %s ", "", there->address);
    switch (there->state) {
    case WAY_THERE_NOT_ASKED:
        break;
    case WAY_THERE_AWAY:
        fprintf(out, "does not answer: %s", strerror(-there->error));
        break;
    case WAY_THERE_STRANGE:
        fputs("says what no memcached says; is it one?", out);
        break;
    case WAY_THERE_FREE:
        fputs(pinned
                  ? "has no pin of it: it was emptied, or has no room; the pin is made there again with the next visits"
                  : "knows none either",
              out);
        break;
    case WAY_THERE_UNPINNED:
        fputs(pinned ? "says that it was unpinned, and this limpet obeys within 10s of the client's next visit"
                     : "says that it was unpinned",
              out);
        break;
    case WAY_THERE_PINNED:
        print_there_pinned(e, way, out);
        break;
    case WAY_THERE_VOID:
        fprintf(out, "says %s, from before its pins were unpinned here, so that does not count",
                name_of(e, there->server));
        break;
    case WAY_THERE_STRANGER:
        fprintf(out, "says %s, which this file has not: another frontend has a newer one", there->name);
        break;
    case WAY_THERE_JUNK:
        fputs("has something there that is no pin of ours: made under another secret, or damaged", out);
        break;
    }
    fputc('\n', out);
}

/* ---- each in its turn ------------------------------------------------------------------------------------------------ */

static void print_unknown(const struct way *way, bool live, FILE *out)
{
    fputs(way->stick->kind == STICK_SESSION
              ? "the request carries a session id; from whom it was learnt only the running limpet knows"
              : "whether the key is pinned only the running limpet knows",
          out);
    fputs(live ? ", which cannot be asked about such bytes" : " (--live asks it)", out);
}

static void print_way(const struct explanation *e, const struct way *way, bool decided, FILE *out)
{
    if (decided)
        fputs("not asked, the one before knows the client", out);
    else if (way->stick->kind == STICK_COOKIE)
        print_cookie(e, way, out);
    else if (way->here.asked)
        print_here(e, way, out);
    else if (way->state == WAY_KNOWS && way->by_itself)
        fprintf(out, "the id says itself that it is of %s", name_of(e, way->server));
    else if (way->state == WAY_UNKNOWN || way->state == WAY_KNOWS)
        print_unknown(way, e->ways.live, out);
    else if (way->state == WAY_TOO_LONG)
        fprintf(out, "the %s is too long to be remembered", thing_of(way));
    else
        fputs(why_nothing(e, way), out);
    fputc('\n', out);
    if (!decided && way->there.state != WAY_THERE_NOT_ASKED)
        print_there(e, way, out);
    if (!decided && way->here.asked && way->by_itself && !way->here.pinned)
        fprintf(out, LABEL "  the id says itself that it is of %s\n", "", name_of(e, way->server));
}

static bool would_be_pinned(const struct explanation *e)
{
    for (size_t i = 0; i < e->ways.count; i++)
        if (e->ways.all[i].stick->kind == STICK_TABLE && e->ways.all[i].has_mark)
            return true;
    return false;
}

static void print_verdict(const struct explanation *e, FILE *out)
{
    const struct way *known = ways_known(&e->ways);
    bool more = ways_may_know_more(&e->ways);
    if (known && !explain_can_be_had(e, known->server))
        fprintf(out, LABEL "but %s is not to be had now, so the key decides\n", "", name_of(e, known->server));
    if (known && !more)
        return;
    fprintf(out, LABEL "%s", "",
            more           ? "if it knows nothing, "
            : e->ways.live ? "nobody knows where the client was, so "
                           : "nothing in the request says where the client was, so ");
    if (known)
        fprintf(out, "the next way does\n");
    else
        fprintf(out, "%s decides%s\n", explain_is_random(e) ? "chance" : "the key",
                would_be_pinned(e) ? ", and is pinned to the server that it leads to" : "");
}

void explain_print_ways(const struct explanation *e, FILE *out)
{
    const struct way *known = ways_known(&e->ways);
    bool decided = false;
    for (size_t i = 0; i < e->ways.count; i++) {
        const struct way *way = &e->ways.all[i];
        fprintf(out, LABEL "%s: ", i == 0 ? "Stick" : "", way->stick->text);
        print_way(e, way, decided, out);
        decided |= way == known;
    }
    if (e->ways.count > 0)
        print_verdict(e, out);
}
