#include "conf/given_out.h"

static bool starts_with(struct span text, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.length >= length && span_equal_nocase(span_part(text, 0, length), span_text(prefix));
}

static bool is_one_of(struct span name, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (span_equal_nocase(name, span_text(words[i])))
            return true;
    return false;
}

static bool begins_like_one_of(struct span name, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (starts_with(name, words[i]))
            return true;
    return false;
}

/* __Host- and __Secure- promise how the server set a cookie; the name that it chose follows. */
static struct span without_promise(struct span name)
{
    static const char *const promises[] = {"__Host-", "__Secure-"};
    for (size_t i = 0; i < ARRAY_LENGTH(promises); i++)
        if (starts_with(name, promises[i]))
            return span_part(name, strlen(promises[i]), name.length - strlen(promises[i]));
    return name;
}

/* Sessions, tokens against forgery, and what other balancers remember a server by. */
static bool is_cookie(struct span name)
{
    static const char *const names[] = {"sid", "io", "csrftoken", "XSRF-TOKEN", "SERVERID", "ROUTEID", NULL};
    static const char *const sessions[] = {"sess",        "_sess",        "SSESS",      "JSESSIONID", "PHPSESSID",
                                           "CFID",        "CFTOKEN",      "ci_session", "sails.sid",  "connect.sid",
                                           "express.sid", "express:sess", "koa.sess",   "koa:sess",   NULL};
    static const char *const long_sessions[] = {"ASPSESSIONID",
                                                "ASP.NET_SessionId",
                                                ".AspNetCore.",
                                                ".ASPXAUTH",
                                                "PLAY_SESSION",
                                                "rack.session",
                                                "beaker.session",
                                                "laravel_session",
                                                "authjs.session",
                                                "next-auth.session",
                                                NULL};
    static const char *const balancers[] = {"AWSALB", "AWSELB",        "ARRAffinity", "BIGipServer",
                                            "GCLB",   "INGRESSCOOKIE", NULL};
    name = without_promise(name);
    return is_one_of(name, names) || begins_like_one_of(name, sessions) || begins_like_one_of(name, long_sessions) ||
           begins_like_one_of(name, balancers);
}

/* Socket.IO and SignalR, and sessions that stand in the URL for lack of a cookie. */
static bool is_parameter(struct span name)
{
    static const char *const names[] = {"sid", "io", "connectionToken", NULL};
    static const char *const beginnings[] = {"sess", "_sess", "JSESSIONID", "PHPSESSID", "CFID", "CFTOKEN", NULL};
    return is_one_of(name, names) || begins_like_one_of(name, beginnings);
}

/* The Model Context Protocol, Transmission, server-sent events, and RTSP (RFC 2326 section 12.37). */
static bool is_field(struct span name)
{
    static const char *const names[] = {"Mcp-Session-Id", "X-Transmission-Session-Id", "Last-Event-ID", "Session",
                                        NULL};
    return is_one_of(name, names);
}

bool given_out(const struct plan_key *key)
{
    switch (key->kind) {
    case KEY_COOKIE:
        return is_cookie(span_text(key->name));
    case KEY_QUERY:
        return is_parameter(span_text(key->name));
    case KEY_HEADER:
    case KEY_FIELD:
        return is_field(span_text(key->name));
    default:
        return false;
    }
}
