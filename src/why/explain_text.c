#include "why/explain.h"

#include "base/text.h"
#include "plan/describe.h"
#include "why/paragraph.h"

#include <string.h>

/* Long rankings are cut here; --json has all of it. */
#define RANKING_SHOWN 10
#define MISSES_SHOWN 10
#define PLACE_SHOWN 60 /* bytes */

static void print_escaped(FILE *out, struct span bytes)
{
    char buffer[4 * 64 + 1];
    for (size_t from = 0; from < bytes.length; from += 64) {
        size_t left = bytes.length - from;
        struct text text;
        text_init(&text, buffer, sizeof(buffer));
        text_add_escaped(&text, span_part(bytes, from, left < 64 ? left : 64));
        fputs(text.data, out);
    }
}

static void print_trust(FILE *out, const struct plan_listener *listener, const struct endpoint *who)
{
    char network[EXPLAIN_TRUST_SIZE];
    explain_trust(&listener->trust, who, network);
    if (network[0])
        fprintf(out, "trusted (%s)", network);
    else
        fputs("outside `trust`", out);
}

static void print_endpoint(FILE *out, const struct endpoint *endpoint)
{
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_text(endpoint, text);
    fputs(endpoint->kind == ENDPOINT_UNIX ? "somebody on a Unix socket" : text, out);
}

static void print_peer(const struct explanation *e, FILE *out)
{
    fprintf(out, LABEL "%s (%zu of %zu)\n", "Listener", e->listener->name, e->listener_number, e->plan->listener_count);
    fprintf(out, LABEL, "Peer");
    print_endpoint(out, &e->facts.peer);
    fputs(": ", out);
    print_trust(out, e->listener, &e->facts.peer);
    fprintf(out, "\n" LABEL, "Bytes");
    if (e->bytes_given == 0)
        fputs("none; give some with --header, --path, --sni or --bytes\n", out);
    else
        fprintf(out, "%zu\n", e->bytes_given);
    if (e->waited)
        fprintf(out, LABEL "too few to be sure: limpet waits for more until `timeouts: first-bytes`, then decides\n",
                "");
}

static void print_taken_off(const struct explanation *e, FILE *out)
{
    if (e->proxy_length > 0)
        fprintf(out, LABEL "a PROXY header, %zu bytes\n", "Taken off", e->proxy_length);
    if (e->prefix_length > 0) {
        fprintf(out, LABEL "a prefix, %zu bytes: ", "Taken off", e->prefix_length);
        for (size_t i = 0; i < e->prefix_length; i++)
            fprintf(out, "%02x", e->facts.unwrapped[i]);
        fputc('\n', out);
    }
    if (e->proxy_length == 0 && e->prefix_length == 0)
        return;
    fprintf(out, LABEL, "Source");
    print_endpoint(out, &e->facts.source);
    fputs(": ", out);
    print_trust(out, e->listener, &e->facts.source);
    fputc('\n', out);
}

static void print_hello(const struct explanation *e, FILE *out)
{
    const struct hello *hello = e->facts.hello;
    if (!hello)
        return;
    fprintf(out, LABEL "a ClientHello ", "TLS");
    fputs(hello->sni[0] ? "for " : "without a server name", out);
    print_escaped(out, span_text(hello->sni));
    fputc('\n', out);
}

static void print_element(const struct explanation *e, const struct explain_element *element, FILE *out)
{
    fprintf(out, LABEL "  ", "");
    print_escaped(out, element->element.text);
    switch (element->verdict) {
    case EXPLAIN_PASSED_OVER:
        fputs(": passed over, it is ", out);
        print_trust(out, e->listener, &element->element.address);
        break;
    case EXPLAIN_TAKEN:
        fputs(": taken, it is outside `trust`", out);
        break;
    case EXPLAIN_OPAQUE:
        fputs(": names no address, so nothing to the left of it is believed", out);
        break;
    case EXPLAIN_NOT_REACHED:
        fputs(": not looked at, since anybody could have written it", out);
        break;
    }
    fputc('\n', out);
}

static const char *forwarding_field(const struct plan_listener *listener)
{
    switch (listener->client_from) {
    case CLIENT_FROM_NONE:
        return "no field";
    case CLIENT_FROM_HEADER:
        return listener->client_header;
    case CLIENT_FROM_X_FORWARDED_FOR:
    case CLIENT_FROM_FORWARDED:
        break;
    }
    return forwarding_field_name(listener->client_from);
}

static void print_ignored_field(const struct explanation *e, FILE *out)
{
    if (!e->has_forwarding_field || e->facts.source_trusted)
        return;
    fprintf(out, LABEL "The request has a forwarding field, which is ignored: anybody could have written it.\n", "");
    if (e->facts.source.kind != ENDPOINT_IP)
        return;
    char text[ENDPOINT_TEXT_SIZE];
    struct endpoint source = e->facts.source;
    source.port = 0;
    endpoint_text(&source, text);
    fprintf(out, LABEL "If %s is a proxy of yours, add it to `trust` (--trust %s).\n", "", text, text);
}

static void print_other_field(const struct explanation *e, FILE *out)
{
    if (e->other_field != CLIENT_FROM_NONE)
        fprintf(out, LABEL "it sent %s, which counts with `client-from: %s`\n", "",
                forwarding_field_name(e->other_field), forwarding_field_word(e->other_field));
}

static void print_client(const struct explanation *e, FILE *out)
{
    if (!e->client_how)
        return;
    fprintf(out, LABEL, "Client");
    print_endpoint(out, &e->facts.client);
    fprintf(out, ": %s\n", e->client_how);
    if (e->facts.source_trusted)
        fprintf(out, LABEL "%s counts (`client-from`)%s\n", "", forwarding_field(e->listener),
                e->element_count > 0 ? ", read from the right:" : "");
    print_other_field(e, out);
    for (size_t i = 0; i < e->element_count; i++)
        print_element(e, &e->elements[i], out);
    print_ignored_field(e, out);
}

static void print_sources(const struct explanation *e, FILE *out)
{
    char buffer[ENDPOINT_TEXT_SIZE];
    const char *label = "Key";
    for (size_t i = 0; i < e->source_count; i++, label = "") {
        const struct explain_source *source = &e->sources[i];
        fprintf(out, LABEL "%s: ", label, source->key->text);
        if (source->known == KNOWN_PRESENT)
            print_escaped(out, explain_key(e, buffer));
        else if (source->known == KNOWN_ABSENT)
            fprintf(out, "%s, %s", e->facts.head_bad && i == e->facts.sources_absent ? "refused" : "absent",
                    source->why);
        else
            fputs("not asked, the first that is present wins", out);
        fputc('\n', out);
    }
    if (explain_is_random(e)) {
        fprintf(out, LABEL "none is present; `no-key: random` sends each visit to any server\n", "");
        return;
    }
    if (e->decision.verdict == DECIDE_SPREAD && e->decision.pool->no_key == NO_KEY_RANDOM)
        return;
    if (e->decision.verdict == DECIDE_SPREAD) {
        fprintf(out, LABEL "none is present; `no-key: spread` takes %s: ", "",
                e->decision.tag == KEY_TAG_ADDRESS ? "the peer's address" : "a number");
        print_escaped(out, explain_key(e, buffer));
        fputc('\n', out);
    }
    if (e->entry_count > 0)
        fprintf(out, LABEL "In the log it is key=%08lx\n", "", (unsigned long)e->log_hash);
}

static void print_mode(const struct explanation *e, FILE *out)
{
    if (e->mode_why)
        fprintf(out, LABEL "%s: %s\n", "Decided", e->per_request ? "for each request" : "once for the connection",
                e->mode_why);
}

static void print_route(const struct explanation *e, FILE *out)
{
    const struct decision *decision = &e->decision;
    char words[256];
    struct text text;
    if (decision->route < 0)
        return;
    text_init(&text, words, sizeof(words));
    describe_conditions(&e->listener->routes[decision->route], &text);
    if (decision->pool)
        fprintf(out, LABEL "%s, by route", "Pool", decision->pool->name);
    else
        fprintf(out, LABEL "number", "Route");
    fprintf(out, " %d of %zu%s%s%s\n", decision->route + 1, e->listener->route_count, words[0] ? ": " : "", words,
            text.cut ? "..." : "");
}

static void print_misses(const struct explanation *e, FILE *out)
{
    size_t shown = e->miss_count < MISSES_SHOWN ? e->miss_count : MISSES_SHOWN;
    for (size_t i = 0; i < shown; i++)
        fprintf(out, LABEL "not by route %zu: %s\n", "", i + 1, e->misses[i]);
    if (shown < e->miss_count)
        fprintf(out, LABEL "and not by %zu more; --json shows them all\n", "", e->miss_count - shown);
}

static int longest_name(const struct explanation *e, size_t shown)
{
    size_t longest = 0;
    for (size_t i = 0; i < shown; i++)
        if (strlen(e->entries[i].name) > longest)
            longest = strlen(e->entries[i].name);
    return (int)longest;
}

static const char *place_of(const struct plan_server *server)
{
    return server->slot == 0 ? server->address.text : "worker";
}

/* Only if it is worth a word. */
static void print_condition(const struct explanation *e, size_t index, FILE *out)
{
    const struct explain_server *server = e->servers ? &e->servers[index] : NULL;
    if (!server)
        return;
    if (!server->state[0])
        fputs(", which the running limpet has not", out);
    else if (strcmp(server->state, "up") != 0)
        fprintf(out, ", %s", server->state);
    if (server->draining && strcmp(server->state, "draining") != 0)
        fputs(", draining", out);
}

static void print_ranking(const struct explanation *e, FILE *out)
{
    size_t shown = e->entry_count < RANKING_SHOWN ? e->entry_count : RANKING_SHOWN;
    int width = longest_name(e, shown);
    const char *label = "Ranking";
    for (size_t i = 0; i < shown && !explain_is_random(e); i++, label = "") {
        const struct rank_entry *entry = &e->entries[i];
        char score[EXPLAIN_SCORE_SIZE];
        explain_score(entry, score);
        fprintf(out, LABEL "%zu. %-*s  score %12s  weight %-3u  %s", label, i + 1, width, entry->name, score,
                (unsigned)entry->weight, place_of(&e->decision.pool->servers[entry->index]));
        print_condition(e, entry->index, out);
        fputc('\n', out);
    }
    if (!explain_is_random(e) && shown < e->entry_count)
        fprintf(out, LABEL "and %zu more; --json shows them all\n", "", e->entry_count - shown);
}

/* The piece of the line in which it breaks off. */
static void print_place(const struct explanation *e, FILE *out)
{
    size_t at = e->bad_byte, from = at > PLACE_SHOWN / 2 ? at - PLACE_SHOWN / 2 : 0;
    size_t left = e->bad_text.length - from;
    if (e->bad_line == 0)
        return;
    fprintf(out, LABEL "in line %zu: %s", "", e->bad_line, from > 0 ? "..." : "");
    print_escaped(out, span_part(e->bad_text, from, left < PLACE_SHOWN ? left : PLACE_SHOWN));
    fputs(left > PLACE_SHOWN ? "..." : "", out);
    if (e->bad_byte > 0)
        fprintf(out, ", at its byte %zu", e->bad_byte);
    fputc('\n', out);
}

static void print_end(const struct explanation *e, FILE *out)
{
    const struct decision *decision = &e->decision;
    if (decision->reason == REASON_NONE) {
        fprintf(out, LABEL "the connection is ended without a word: %s\n", "Result", decision->why);
        fprintf(out, LABEL "In the log there is no line of it\n", "");
        return;
    }
    fprintf(out, LABEL "the %s", "Result", e->per_request ? "request is refused" : "connection is ended");
    if (e->end_status > 0)
        fprintf(out, ", answered %u", e->end_status);
    fprintf(out, ": %s\n", decision->why);
    print_place(e, out);
    fprintf(out, LABEL "In the log it is ", "");
    if (e->per_request)
        fprintf(out, "status=%u ", e->end_status);
    fprintf(out, "reason=%s\n", reason_text(decision->reason));
    fprintf(out, LABEL "%s\n", "", reason_help(decision->reason));
}

static void print_answer(const struct explanation *e, FILE *out)
{
    char words[256];
    struct text text;
    if (e->answers_options) {
        fprintf(out, LABEL "limpet answers itself: %d, %s\n", "Result", EXPLAIN_OPTIONS_STATUS, e->answer_why);
        return;
    }
    text_init(&text, words, sizeof(words));
    describe_answer(&e->listener->routes[e->decision.route], &text);
    fprintf(out, LABEL "limpet answers itself: %s%s\n", "Result", words, text.cut ? "..." : "");
    if (e->answer_why)
        fprintf(out, LABEL "%s\n", "", e->answer_why);
}

static void print_loop(const struct explanation *e, FILE *out)
{
    if (e->may_be_loop)
        fprintf(out,
                LABEL "its Via names a limpet; if that is this one, the request was here before, and is answered 508 "
                      "(reason=%s)\n",
                "", reason_text(REASON_LOOP));
}

/* Whoever comes next if `home` cannot be reached; null: nobody. */
static const struct plan_server *next_after(const struct explanation *e, const struct plan_server *home)
{
    for (size_t i = 0; i < e->entry_count; i++) {
        const struct plan_server *server = &e->decision.pool->servers[e->entries[i].index];
        if (server != home && explain_takes_newcomers(e, e->entries[i].index))
            return server;
    }
    return NULL;
}

static void print_home(const struct explanation *e, FILE *out)
{
    const struct plan_server *home = explain_home(e), *next = next_after(e, home);
    const char *why = explain_why(e);
    if (explain_is_random(e)) {
        fprintf(out, LABEL "any of %zu server%s, by chance\n", "Result", e->entry_count,
                e->entry_count == 1 ? "" : "s");
        return;
    }
    if (home->slot == 0)
        fprintf(out, LABEL "%s, at %s", "Result", home->name, home->address.text);
    else
        fprintf(out, LABEL "worker %s, which is handed the %s", "Result", home->name,
                e->per_request ? "request" : "connection");
    if (next)
        fprintf(out, "; if it cannot be reached, %s%s", next->slot == 0 ? "" : "worker ", next->name);
    fputc('\n', out);
    if (e->ways.count > 0 && why)
        fprintf(out, LABEL "In the log it is why=%s\n", "", why);
}

static void print_body(const struct explanation *e, FILE *out)
{
    if (e->entry_count == 0 || e->body.status == 0)
        return;
    const char *why = e->body.why ? e->body.why : "it is too long";
    fprintf(out, LABEL "But the request breaks off in its body, answered %u: %s\n", "", e->body.status, why);
    fprintf(out, LABEL "In the log it is status=%u reason=%s, if the server has not answered before\n", "",
            e->body.status, reason_text(e->body.reason));
}

static void print_result(const struct explanation *e, FILE *out)
{
    if (e->decision.verdict == DECIDE_END)
        print_end(e, out);
    else if (e->decision.verdict == DECIDE_ANSWER)
        print_answer(e, out);
    else
        print_home(e, out);
}

void explain_print_text(const struct explanation *e, FILE *out)
{
    print_peer(e, out);
    print_taken_off(e, out);
    print_hello(e, out);
    print_mode(e, out);
    print_client(e, out);
    print_route(e, out);
    print_misses(e, out);
    explain_print_ways(e, out);
    print_sources(e, out);
    print_ranking(e, out);
    print_result(e, out);
    print_loop(e, out);
    print_body(e, out);
}
