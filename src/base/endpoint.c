#include "base/endpoint.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#define IP4_IN_IP6_BITS 96

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct endpoint endpoint_from_ip4(const uint8_t ip[4], uint16_t port)
{
    struct endpoint e = {.port = port, .kind = ENDPOINT_IP};
    memcpy(e.ip, mapped_prefix, sizeof(mapped_prefix));
    memcpy(e.ip + sizeof(mapped_prefix), ip, 4);
    return e;
}

struct endpoint endpoint_from_ip6(const uint8_t ip[16], uint16_t port)
{
    struct endpoint e = {.port = port, .kind = ENDPOINT_IP};
    memcpy(e.ip, ip, sizeof(e.ip));
    return e;
}

struct endpoint endpoint_from_sockaddr(const struct sockaddr *address)
{
    const struct sockaddr_in *in4 = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    switch (address->sa_family) {
    case AF_INET:
        return endpoint_from_ip4((const uint8_t *)&in4->sin_addr, ntohs(in4->sin_port));
    case AF_INET6:
        return endpoint_from_ip6(in6->sin6_addr.s6_addr, ntohs(in6->sin6_port));
    case AF_UNIX:
        return (struct endpoint){.kind = ENDPOINT_UNIX};
    default:
        return (struct endpoint){.kind = ENDPOINT_NONE};
    }
}

bool endpoint_is_ip4(const struct endpoint *e)
{
    return e->kind == ENDPOINT_IP && memcmp(e->ip, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind != ENDPOINT_IP || (a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0);
}

/* The C library's goes through its printf: three per cent of all that a request costs. */
static void add_ip4(struct text *t, const uint8_t ip[4])
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            text_add_char(t, '.');
        text_add_unsigned(t, ip[i]);
    }
}

/* The IP address alone, IPv6 in brackets if asked for; the shortest form (RFC 5952) is what the C library writes. */
static void add_ip(struct text *t, const struct endpoint *e, bool brackets)
{
    char digits[INET6_ADDRSTRLEN];
    if (endpoint_is_ip4(e)) {
        add_ip4(t, e->ip + sizeof(mapped_prefix));
        return;
    }
    inet_ntop(AF_INET6, e->ip, digits, sizeof(digits));
    text_add(t, brackets ? "[" : "");
    text_add(t, digits);
    text_add(t, brackets ? "]" : "");
}

static void add_port(struct text *t, uint16_t port)
{
    text_add_char(t, ':');
    text_add_unsigned(t, port);
}

void endpoint_text(const struct endpoint *e, char text[ENDPOINT_TEXT_SIZE])
{
    struct text t;
    text_init(&t, text, ENDPOINT_TEXT_SIZE);
    if (e->kind != ENDPOINT_IP) {
        text_add(&t, e->kind == ENDPOINT_UNIX ? "unix" : "-");
        return;
    }
    add_ip(&t, e, e->port != 0);
    if (e->port != 0)
        add_port(&t, e->port);
}

bool port_parse(struct span text, uint16_t *port)
{
    if (text.length < 1 || text.length > 5 || (text.data[0] == '0' && text.length > 1))
        return false;
    uint32_t number = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

bool ip_parse(struct span text, int family, struct endpoint *e)
{
    char digits[INET6_ADDRSTRLEN];
    uint8_t ip[16];
    if (text.length == 0 || text.length >= sizeof(digits) || memchr(text.data, '\0', text.length) != NULL)
        return false;
    memcpy(digits, text.data, text.length);
    digits[text.length] = '\0';
    /* The C library refuses leading zeros, zones, and everything behind the address. */
    if (inet_pton(family, digits, ip) != 1)
        return false;
    *e = family == AF_INET ? endpoint_from_ip4(ip, 0) : endpoint_from_ip6(ip, 0);
    return true;
}

static bool ip_parse_any(struct span text, struct endpoint *e)
{
    bool colon = text.length > 0 && memchr(text.data, ':', text.length) != NULL;
    return ip_parse(text, colon ? AF_INET6 : AF_INET, e);
}

/* Splits at the last colon: "1.2.3.4:5", "[::1]:5". False when there is none behind the host. */
static bool split_port(struct span text, struct span *host, struct span *port)
{
    const uint8_t *colon = text.length > 0 ? memrchr(text.data, ':', text.length) : NULL;
    if (colon == NULL || (text.data[0] == '[' && memrchr(colon, ']', text.length - (size_t)(colon - text.data))))
        return false;
    size_t at = (size_t)(colon - text.data);
    *host = span_part(text, 0, at);
    *port = span_part(text, at + 1, text.length - at - 1);
    return true;
}

static bool bracketed_parse(struct span text, struct endpoint *e)
{
    if (text.length < 2 || text.data[0] != '[' || text.data[text.length - 1] != ']')
        return false;
    return ip_parse(span_part(text, 1, text.length - 2), AF_INET6, e);
}

bool endpoint_parse(struct span text, struct endpoint *e)
{
    if (ip_parse_any(text, e) || bracketed_parse(text, e))
        return true;
    struct span host, digits;
    uint16_t port;
    if (!split_port(text, &host, &digits) || !port_parse(digits, &port))
        return false;
    if (!ip_parse(host, AF_INET, e) && !bracketed_parse(host, e))
        return false;
    e->port = port;
    return true;
}

void ip_mask(uint8_t ip[16], unsigned bits)
{
    assert(bits <= 128);
    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = bits <= i * 8 ? 0 : bits - i * 8;
        if (kept < 8)
            ip[i] &= (uint8_t)(0xff00u >> kept);
    }
}

bool network_contains(const struct network *n, const struct endpoint *e)
{
    if (e->kind != ENDPOINT_IP || (n->bits < IP4_IN_IP6_BITS && endpoint_is_ip4(e)))
        return false;
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->ip, e->ip, whole) != 0)
        return false;
    return rest == 0 || ((n->ip[whole] ^ e->ip[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

const char *network_parse(struct span text, struct network *n)
{
    const uint8_t *slash = text.length > 0 ? memchr(text.data, '/', text.length) : NULL;
    struct span address = slash != NULL ? span_part(text, 0, (size_t)(slash - text.data)) : text;
    struct endpoint e;
    if (!ip_parse_any(address, &e))
        return "not an IP address or network such as 192.0.2.0/24 or 2001:db8::/32";
    bool ip6_text = memchr(address.data, ':', address.length) != NULL;
    uint16_t bits = ip6_text ? 128 : 32;
    if (slash != NULL) {
        uint16_t limit = bits;
        /* A prefix length is written like a port: digits, no leading zeros. */
        if (!port_parse(span_part(text, address.length + 1, text.length - address.length - 1), &bits))
            return "the prefix length is no number";
        if (bits > limit)
            return ip6_text ? "the prefix length is over 128" : "the prefix length is over 32";
    }
    n->bits = (uint8_t)(bits + (ip6_text ? 0 : IP4_IN_IP6_BITS));
    memcpy(n->ip, e.ip, sizeof(n->ip));
    ip_mask(n->ip, n->bits);
    return memcmp(n->ip, e.ip, sizeof(n->ip)) == 0 ? NULL : "bits are set behind the prefix";
}

static void address_set_endpoint(struct address *a, const struct endpoint *e)
{
    struct sockaddr_in *in4 = (void *)&a->storage;
    struct sockaddr_in6 *in6 = (void *)&a->storage;
    memset(&a->storage, 0, sizeof(a->storage));
    if (endpoint_is_ip4(e)) {
        in4->sin_family = AF_INET;
        memcpy(&in4->sin_addr, e->ip + sizeof(mapped_prefix), 4);
        a->length = sizeof(*in4);
    } else {
        in6->sin6_family = AF_INET6;
        memcpy(in6->sin6_addr.s6_addr, e->ip, sizeof(e->ip));
        a->length = sizeof(*in6);
    }
}

static const char *unix_parse(struct span path, struct address *a)
{
    struct sockaddr_un *un = (void *)&a->storage;
    if (path.length == 0)
        return "the path of the Unix socket is missing";
    if (path.length >= sizeof(un->sun_path))
        return "the path of the Unix socket is too long (107 bytes at most)";
    if (memchr(path.data, '\0', path.length) != NULL)
        return "a NUL byte in the path of the Unix socket";
    memset(&a->storage, 0, sizeof(a->storage));
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.data, path.length);
    a->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.length + 1);
    struct text t;
    text_init(&t, a->text, sizeof(a->text));
    text_add(&t, "unix:");
    text_add_bytes(&t, path.data, path.length);
    return NULL;
}

static const char *host_parse(struct span host, struct endpoint *e)
{
    static const uint8_t localhost[4] = {127, 0, 0, 1};
    struct endpoint bare;
    if (span_equal_nocase(host, span_text("localhost"))) {
        *e = endpoint_from_ip4(localhost, 0);
        return NULL;
    }
    if (ip_parse(host, AF_INET, e) || bracketed_parse(host, e))
        return NULL;
    if (ip_parse(host, AF_INET6, &bare))
        return "an IPv6 address needs brackets: [2001:db8::1]:80";
    return "not a numeric address (names are not resolved)";
}

const char *address_parse(struct span text, struct address *a)
{
    static const uint8_t any[16];
    struct span host, digits;
    struct endpoint e;
    uint16_t port;
    if (text.length >= 5 && memcmp(text.data, "unix:", 5) == 0)
        return unix_parse(span_part(text, 5, text.length - 5), a);
    if (ip_parse(text, AF_INET6, &e))
        return "an IPv6 address needs brackets and a port: [2001:db8::1]:80";
    if (!split_port(text, &host, &digits))
        return "the port is missing: host:port, [v6]:port, :port or unix:/path";
    const char *wrong = NULL;
    bool everywhere = host.length == 0;
    if (everywhere)
        e = endpoint_from_ip6(any, 0);
    else
        wrong = host_parse(host, &e);
    if (wrong != NULL)
        return wrong;
    if (!port_parse(digits, &port))
        return "the port is no number from 1 to 65535";
    address_set_endpoint(a, &e);
    a->text[0] = everywhere ? ':' : '\0';
    address_set_port(a, port);
    return NULL;
}

bool address_is_unix(const struct address *a)
{
    return a->storage.ss_family == AF_UNIX;
}

uint16_t address_port(const struct address *a)
{
    return address_is_unix(a) ? 0 : endpoint_from_sockaddr((const struct sockaddr *)&a->storage).port;
}

void address_set_port(struct address *a, uint16_t port)
{
    struct sockaddr_in *in4 = (void *)&a->storage;
    struct sockaddr_in6 *in6 = (void *)&a->storage;
    if (a->storage.ss_family == AF_INET)
        in4->sin_port = htons(port);
    else if (a->storage.ss_family == AF_INET6)
        in6->sin6_port = htons(port);
    else
        return;
    bool everywhere = a->text[0] == ':';
    struct endpoint e = endpoint_from_sockaddr((const struct sockaddr *)&a->storage);
    struct text t;
    text_init(&t, a->text, sizeof(a->text));
    if (!everywhere)
        add_ip(&t, &e, true);
    add_port(&t, port);
}
