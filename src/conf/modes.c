#include "conf/modes.h"

#include "conf/checks.h"

/* The key of a route that says something about requests; null if none does. */
static const char *key_of_requests(const struct plan_route *route)
{
    return route->host_count > 0             ? "host"
           : route->path.length > 0          ? "path"
           : route->method_count > 0         ? "method"
           : route->header_count > 0         ? "header"
           : route->action == ROUTE_REDIRECT ? "redirect"
           : route->action == ROUTE_ANSWER   ? "answer"
           : route->request.count > 0        ? "request-headers"
           : route->response.count > 0       ? "response-headers"
                                             : NULL;
}

/* Has the pool such a way to remember? What could not be read is none, whatever kind it has then. */
static bool remembers(const struct draft_route *route, enum stick_kind kind)
{
    for (size_t i = 0; route->target && i < route->target->plan.stick_count; i++)
        if (route->target->plan.sticks[i].kind == kind && (kind != STICK_COOKIE || route->target->sticks[i].cookie))
            return true;
    return false;
}

bool modes_need_requests(const struct draft_route *route)
{
    return key_of_requests(&route->plan) || remembers(route, STICK_COOKIE) || remembers(route, STICK_SESSION);
}

static void check_tcp(struct build *b, const struct draft_listener *listener, const struct draft_route *route)
{
    const char *key = key_of_requests(&route->plan);
    if (key)
        report_error(b->report, checks_place(route->node, key),
                     "write `mode: auto` or `mode: http`, which decide for each request",
                     "`%s` is about requests, and this listener's `mode: tcp` decides once for each connection", key);
    else if (remembers(route, STICK_COOKIE))
        report_error(b->report, checks_place(listener->node, "mode"),
                     "write `mode: auto` or `mode: http`, which see every request and its answer",
                     "the pool `%s` remembers clients with a cookie, and `mode: tcp` decides once for each connection",
                     route->target->plan.name);
    else if (remembers(route, STICK_SESSION) && !route->target->workers)
        report_error(b->report, checks_place(listener->node, "mode"),
                     "write `mode: auto` or `mode: http`, which see every answer",
                     "the pool `%s` learns sessions from answers, which nobody sees with `mode: tcp`; only workers "
                     "can report them",
                     route->target->plan.name);
}

void modes_check(struct build *b, struct draft_listener *listener)
{
    bool needs_requests = false;
    for (const struct draft_route *route = listener->routes; route; route = route->next) {
        needs_requests |= modes_need_requests(route);
        if (listener->plan.mode == MODE_TCP && !route->broken)
            check_tcp(b, listener, route);
    }
    listener->plan.per_request = listener->plan.mode == MODE_AUTO && needs_requests;
}
