#include "plan/describe.h"

static void add_word(struct text *text, const char *before, const char *words)
{
    text_add(text, before);
    text_add(text, words);
}

/* "host a or b", with a comma in front where something was said before. */
static void add_alternatives(struct text *text, const char *what, const char *const *words, size_t count,
                             const char *between)
{
    if (count > 0)
        add_word(text, text->length > 0 ? ", " : "", what);
    for (size_t i = 0; i < count; i++)
        add_word(text, i == 0 ? " " : between, words[i]);
}

void describe_conditions(const struct plan_route *route, struct text *text)
{
    if (route->sni)
        add_word(text, "TLS server name ", route->sni);
    add_alternatives(text, "host", route->hosts, route->host_count, " or ");
    if (route->path.length > 0) {
        add_word(text, text->length > 0 ? ", " : "", "path ");
        text_add_bytes(text, route->path.data, route->path.length);
        text_add(text, "...");
    }
    add_alternatives(text, "method", route->methods, route->method_count, " or ");
    add_alternatives(text, "with", route->headers, route->header_count, " and ");
    if (route->action == ROUTE_REDIRECT && !route->location)
        add_word(text, text->length > 0 ? ", " : "", "not https yet");
}

void describe_answer(const struct plan_route *route, struct text *text)
{
    text_add_unsigned(text, route->status);
    if (route->action == ROUTE_REDIRECT && !route->location)
        text_add(text, " to the same URL with https");
    else if (route->action == ROUTE_REDIRECT)
        text_add_format(text, " to %s%s", route->location,
                        route->location_is_origin ? " with the request's path and query" : "");
    else if (route->body.length > 0)
        text_add_format(text, ", %zu bytes of %s", route->body.length, route->type);
}

void describe_changes(const struct plan_changes *changes, struct text *text)
{
    static const char *const verbs[] = {[CHANGE_SET] = "sets ", [CHANGE_ADD] = "adds ", [CHANGE_REMOVE] = "removes "};
    for (size_t i = 0; i < changes->count; i++) {
        const struct plan_change *change = &changes->all[i];
        bool same_verb = i > 0 && changes->all[i - 1].kind == change->kind;
        add_word(text, i > 0 ? ", " : "", same_verb ? "" : verbs[change->kind]);
        text_add_bytes(text, change->name.data, change->name.length);
    }
}
