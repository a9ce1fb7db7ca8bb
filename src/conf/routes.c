#include "conf/routes.h"

#include "conf/checks.h"

/* Only a request can meet it. */
static bool is_for_requests(const struct plan_route *route)
{
    return route->host_count > 0 || route->path.length > 0 || route->method_count > 0 || route->header_count > 0 ||
           route->action != ROUTE_POOL;
}

bool routes_takes_all(const struct draft_route *route)
{
    return !route->plan.sni && !is_for_requests(&route->plan);
}

/* Each of these is true if everything that `later` matches is taken by `earlier`. */

static bool name_covers(const char *earlier, const char *later)
{
    if (strcmp(earlier, later) == 0)
        return true;
    size_t tail = strlen(earlier + 1), length = strlen(later);
    return strncmp(earlier, "*.", 2) == 0 && length > tail && strcmp(later + length - tail, earlier + 1) == 0;
}

static bool sni_covers(const struct plan_route *earlier, const struct plan_route *later)
{
    return !earlier->sni || (later->sni && name_covers(earlier->sni, later->sni));
}

static bool any_host_covers(const struct plan_route *earlier, const char *later)
{
    for (size_t i = 0; i < earlier->host_count; i++)
        if (name_covers(earlier->hosts[i], later))
            return true;
    return false;
}

static bool hosts_cover(const struct plan_route *earlier, const struct plan_route *later)
{
    for (size_t i = 0; earlier->host_count > 0 && i < later->host_count; i++)
        if (!any_host_covers(earlier, later->hosts[i]))
            return false;
    return earlier->host_count == 0 || later->host_count > 0;
}

static bool path_covers(const struct plan_route *earlier, const struct plan_route *later)
{
    return earlier->path.length == 0 || (earlier->path.length <= later->path.length &&
                                         memcmp(earlier->path.data, later->path.data, earlier->path.length) == 0);
}

static bool has_word(const char *const *words, size_t count, const char *word, bool any_case)
{
    for (size_t i = 0; i < count; i++)
        if (any_case ? span_equal_nocase(span_text(words[i]), span_text(word)) : strcmp(words[i], word) == 0)
            return true;
    return false;
}

static bool methods_cover(const struct plan_route *earlier, const struct plan_route *later)
{
    for (size_t i = 0; earlier->method_count > 0 && i < later->method_count; i++)
        if (!has_word(earlier->methods, earlier->method_count, later->methods[i], false))
            return false;
    return earlier->method_count == 0 || later->method_count > 0;
}

static bool headers_cover(const struct plan_route *earlier, const struct plan_route *later)
{
    for (size_t i = 0; i < earlier->header_count; i++)
        if (!has_word(later->headers, later->header_count, earlier->headers[i], true))
            return false;
    return true;
}

/* Where not everything is a request, a route for requests leaves the rest to others. */
static bool kind_covers(const struct plan_route *earlier, const struct plan_route *later, enum mode mode)
{
    return mode == MODE_HTTP || !is_for_requests(earlier) || is_for_requests(later);
}

static bool is_to_https(const struct plan_route *route)
{
    return route->action == ROUTE_REDIRECT && !route->location;
}

/* Who came with https is not redirected to it, and goes on to the next route. */
static bool action_covers(const struct plan_route *earlier, const struct plan_route *later)
{
    return !is_to_https(earlier) || is_to_https(later);
}

static bool covers(const struct plan_route *earlier, const struct plan_route *later, enum mode mode)
{
    return kind_covers(earlier, later, mode) && sni_covers(earlier, later) && hosts_cover(earlier, later) &&
           path_covers(earlier, later) && methods_cover(earlier, later) && headers_cover(earlier, later) &&
           action_covers(earlier, later);
}

/* TLS is passed through as it is, and shows no requests. */
static bool is_impossible(struct build *b, const struct draft_listener *listener, const struct draft_route *route)
{
    const struct plan_route *plan = &route->plan;
    if (!plan->sni || listener->plan.mode == MODE_TCP || (listener->plan.mode == MODE_AUTO && !is_for_requests(plan)))
        return false;
    report_error(b->report, checks_place(route->node, "sni"),
                 is_for_requests(plan) ? "write `host` instead of `sni`"
                                       : "write `host` for requests, or `mode: auto`, which passes TLS through",
                 "nothing ever comes to this route: TLS that is passed through shows no requests");
    return true;
}

/* Routes before this one are compared with it; a listener with more is not searched to the end. */
#define COVERED_BY_MAX 200

void routes_check(struct build *b, const struct draft_listener *listener, const struct draft_route *route)
{
    size_t count = 0;
    if (route->broken || is_impossible(b, listener, route))
        return;
    for (const struct draft_route *r = listener->routes; r != route && count < COVERED_BY_MAX; r = r->next, count++)
        if (!r->broken && covers(&r->plan, &route->plan, listener->plan.mode)) {
            report_error(b->report, route->node->at,
                         arena_format(b->arena, "move it up, before the route in line %zu, or take it out",
                                      report_line(r->node->at)),
                         "nothing ever comes to this route: the one in line %zu takes it all",
                         report_line(r->node->at));
            return;
        }
}
