#ifndef LIMPET_BASE_ENDPOINT_H
#define LIMPET_BASE_ENDPOINT_H

/* An endpoint says who is at one end of a connection, in 20 bytes: an IP address with its port, somebody on a Unix
 * socket, or nobody known. IPv4 is kept as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2): one client has one form.
 *
 * A network is an address with a prefix length on the same 128 bits (10.0.0.0/8 is 104 bits here).
 *
 * An address is what can be bound or connected to: the kernel's structure with its canonical text. */

#include "base/attr.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum endpoint_kind { ENDPOINT_NONE, ENDPOINT_IP, ENDPOINT_UNIX };

struct endpoint {
    uint8_t ip[16];
    uint16_t port; /* host byte order */
    uint8_t kind;  /* enum endpoint_kind */
};

struct network {
    uint8_t ip[16];
    uint8_t bits; /* 0 to 128 */
};

/* Longest text of each, with the NUL. */
#define ENDPOINT_TEXT_SIZE 64
#define ADDRESS_TEXT_SIZE 128

struct address {
    struct sockaddr_storage storage;
    socklen_t length;
    char text[ADDRESS_TEXT_SIZE]; /* "10.0.0.1:80", "[2001:db8::1]:80", "unix:/path"; identity of an unnamed server */
};

/* From what accept() or getpeername() gave. */
struct endpoint endpoint_from_sockaddr(const struct sockaddr *address);
struct endpoint endpoint_from_ip4(const uint8_t ip[4], uint16_t port);
struct endpoint endpoint_from_ip6(const uint8_t ip[16], uint16_t port);

bool endpoint_is_ip4(const struct endpoint *e);
/* The port counts too. */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* "203.0.113.9:4711", "[2001:db8::1]:4711", "unix", "-"; port 0 is left out: "203.0.113.9", "2001:db8::1". */
void endpoint_text(const struct endpoint *e, char text[ENDPOINT_TEXT_SIZE]);

/* Reads an address as proxies write it: "1.2.3.4", "1.2.3.4:5", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5".
 * Strict: no leading zeros, nothing behind it. Port 0 when there was none. */
MUST_CHECK bool endpoint_parse(struct span text, struct endpoint *e);

/* The parts of it: an address of one family (AF_INET, AF_INET6) without brackets, port 0; a number from 0 to 65535. */
MUST_CHECK bool ip_parse(struct span text, int family, struct endpoint *e);
MUST_CHECK bool port_parse(struct span text, uint16_t *port);

/* True if the endpoint is an IP address inside the network. A network of fewer than 96 bits is one of IPv6 and holds no
 * IPv4 address: ::/0 does not mean 0.0.0.0/0. */
bool network_contains(const struct network *n, const struct endpoint *e);

/* Reads "10.0.0.0/8", "2001:db8::/32" or a single address. Returns null, or what is wrong with it (a static text).
 * Bits set behind the prefix are an error: they hide a mistake. */
MUST_CHECK const char *network_parse(struct span text, struct network *n);

/* Clears all but the first `bits` of an address in place. */
void ip_mask(uint8_t ip[16], unsigned bits);

/* Reads "host:port", "[v6]:port", ":port" (all addresses, both families), "unix:/path" where host is a numeric
 * address. "localhost" is 127.0.0.1. Names are not resolved. Returns null, or what is wrong (a static text).
 *
 * ":port" and "[::]:port" have the same storage; the text of the first begins with a colon, and whoever binds it opens
 * it for both families. */
MUST_CHECK const char *address_parse(struct span text, struct address *a);

bool address_is_unix(const struct address *a);
/* 0 for a Unix socket. */
uint16_t address_port(const struct address *a);
/* Changes the text too. Nothing happens to a Unix socket. */
void address_set_port(struct address *a, uint16_t port);

#endif
