#include "proto/target.h"

#include "base/endpoint.h"
#include "proto/cut.h"

/* RFC 3986 section 3.2.2, reg-name, but for ','. */
static const bool name_bytes[256] = {
    ['!'] = true, ['$' ... '+'] = true, ['-' ... '.'] = true, ['0' ... '9'] = true, [';'] = true,
    ['='] = true, ['A' ... 'Z'] = true, ['_'] = true,         ['a' ... 'z'] = true, ['~'] = true,
};

struct scheme {
    const char *prefix, *port;
};

/* Null: the target is not of absolute form. */
static const struct scheme *scheme_of(struct span target)
{
    static const struct scheme schemes[] = {{"http://", "80"}, {"https://", "443"}};
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
        struct span prefix = span_text(schemes[i].prefix);
        if (target.length >= prefix.length && span_equal_nocase(span_part(target, 0, prefix.length), prefix))
            return &schemes[i];
    }
    return NULL;
}

static struct span host_behind(struct span target, const struct scheme *scheme)
{
    size_t length = strlen(scheme->prefix);
    return cut_before(cut_before(span_part(target, length, target.length - length), '/'), '?');
}

static bool is_asterisk(struct span target)
{
    return span_equal(target, span_text("*"));
}

/* The colon and what is behind it, or nothing. */
static struct span port_of(struct span host)
{
    size_t length = host_without_port(host).length;
    return span_part(host, length, host.length - length);
}

const char *target_judge(struct span method, struct span target)
{
    /* Reserved for the preface of HTTP/2 (RFC 9113 section 11.6): servers take it for one, whatever follows. */
    if (span_equal(method, span_text("PRI")))
        return "PRI is no method of HTTP/1";
    if (span_equal(method, span_text("CONNECT")))
        return host_is_valid(target) && port_of(target).length > 1 ? NULL : "CONNECT without host and port";
    if (target.data[0] == '/')
        return NULL;
    if (is_asterisk(target))
        return span_equal(method, span_text("OPTIONS")) ? NULL : "target * without OPTIONS";
    const struct scheme *scheme = scheme_of(target);
    if (scheme == NULL)
        return "request target of no known form";
    return host_is_valid(host_behind(target, scheme)) ? NULL : "invalid host in the request target";
}

/* RFC 3986 section 6.2.3: an empty port is the scheme's own, too. */
static struct span without_own_port(struct span host, const struct scheme *scheme)
{
    struct span port = port_of(host);
    bool own = port.length == 1 || span_equal(cut_behind(port, ':'), span_text(scheme->port));
    return own ? host_without_port(host) : host;
}

bool target_fits_host(struct span target, struct span host)
{
    const struct scheme *scheme = scheme_of(target);
    return scheme == NULL ||
           span_equal_nocase(without_own_port(host_behind(target, scheme), scheme), without_own_port(host, scheme));
}

struct span target_host(struct span target)
{
    if (target.data[0] == '/' || is_asterisk(target))
        return span_of(NULL, 0);
    const struct scheme *scheme = scheme_of(target);
    return scheme != NULL ? host_behind(target, scheme) : target;
}

static struct span path_and_query(struct span target)
{
    if (target.data[0] == '/')
        return target;
    const struct scheme *scheme = scheme_of(target);
    if (scheme == NULL)
        return span_of(NULL, 0);
    struct span host = host_behind(target, scheme);
    size_t start = (size_t)(host.data + host.length - target.data);
    return span_part(target, start, target.length - start);
}

struct span target_path(struct span target)
{
    struct span both = path_and_query(target);
    struct span path = cut_before(both, '?');
    /* RFC 9110 section 4.2.3: no path is the same as "/". */
    return both.data != NULL && path.length == 0 ? span_text("/") : path;
}

struct span target_query(struct span target)
{
    return cut_behind(path_and_query(target), '?');
}

bool host_is_valid(struct span host)
{
    enum { PORT_MAX = 6 }; /* ":65535" */
    struct span name = host_without_port(host), port = port_of(host);
    if (name.length == 0 || port.length > PORT_MAX)
        return false;
    for (size_t i = 0; i < port.length; i++)
        if (i == 0 ? port.data[i] != ':' : port.data[i] < '0' || port.data[i] > '9')
            return false;
    if (name.data[0] == '[') {
        struct endpoint e;
        return name.data[name.length - 1] == ']' && ip_parse(span_part(name, 1, name.length - 2), AF_INET6, &e);
    }
    for (size_t i = 0; i < name.length; i++)
        if (!name_bytes[name.data[i]])
            return false;
    return true;
}

struct span host_without_port(struct span host)
{
    if (host.length == 0 || host.data[0] != '[')
        return cut_before(host, ':');
    struct span inside = cut_before(host, ']');
    return inside.length < host.length ? span_part(host, 0, inside.length + 1) : host;
}
