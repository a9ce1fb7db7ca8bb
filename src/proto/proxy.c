#include "proto/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t v1_signature[] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t v2_signature[] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

/* Of the text with its CRLF (section 2.1). */
#define V1_LONGEST 107
#define V2_FIXED 16

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21 };
enum {
    V2_UNSPEC = 0x00,
    V2_STREAM4 = 0x11,
    V2_DATAGRAM4,
    V2_STREAM6 = 0x21,
    V2_DATAGRAM6,
    V2_STREAM_UNIX = 0x31,
    V2_DATAGRAM_UNIX
};
enum { TLV_AUTHORITY = 0x02, TLV_CRC32C = 0x03, TLV_SSL = 0x20 };

static uint16_t read_16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read_32(const uint8_t *at)
{
    return (uint32_t)read_16(at) << 16 | read_16(at + 2);
}

static void write_16(uint8_t *at, uint16_t number)
{
    at[0] = (uint8_t)(number >> 8);
    at[1] = (uint8_t)number;
}

/* True if the bytes begin with the signature, or may once there are more of them. */
static bool may_begin_with(struct span bytes, const uint8_t *signature, size_t length)
{
    return bytes.length == 0 || memcmp(bytes.data, signature, bytes.length < length ? bytes.length : length) == 0;
}

/* Splits at single spaces. Returns the number of parts, `room + 1` if there are more. */
static size_t split(struct span line, struct span *parts, size_t room)
{
    size_t count = 0;
    for (size_t start = 0, at = 0; at <= line.length; at++) {
        if (at < line.length && line.data[at] != ' ')
            continue;
        if (count == room)
            return room + 1;
        parts[count++] = span_part(line, start, at - start);
        start = at + 1;
    }
    return count;
}

/* The line behind "PROXY ", without its end. */
static const char *read_v1_line(struct span line, struct proxy_header *header)
{
    enum { PROTOCOL, SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT, PARTS };
    struct span part[PARTS];
    size_t count = split(line, part, PARTS);
    if (span_equal(part[PROTOCOL], span_text("UNKNOWN")))
        return NULL; /* whatever follows is ignored (section 2.1) */
    bool ip4 = span_equal(part[PROTOCOL], span_text("TCP4"));
    if (!ip4 && !span_equal(part[PROTOCOL], span_text("TCP6")))
        return "PROXY header of an unknown protocol";
    if (count != PARTS)
        return "PROXY header with too few or too many fields";
    int family = ip4 ? AF_INET : AF_INET6;
    if (!ip_parse(part[SOURCE], family, &header->source) || !ip_parse(part[DESTINATION], family, &header->destination))
        return "PROXY header with an invalid address";
    if (!port_parse(part[SOURCE_PORT], &header->source.port) ||
        !port_parse(part[DESTINATION_PORT], &header->destination.port))
        return "PROXY header with an invalid port";
    header->known = true;
    return NULL;
}

static struct parse_result read_v1(struct span bytes, struct proxy_header *header)
{
    size_t within = bytes.length < V1_LONGEST ? bytes.length : V1_LONGEST;
    const uint8_t *end = memchr(bytes.data, '\n', within);
    if (end == NULL)
        return within < V1_LONGEST ? PARSE_RESULT_MORE : PARSE_RESULT_BAD("PROXY header longer than 107 bytes");
    if (end[-1] != '\r')
        return PARSE_RESULT_BAD("PROXY header does not end with CRLF");
    size_t used = (size_t)(end + 1 - bytes.data);
    if (used < sizeof(v1_signature) + 2)
        return PARSE_RESULT_BAD("PROXY header without a protocol");
    const char *why = read_v1_line(span_part(bytes, sizeof(v1_signature), used - 2 - sizeof(v1_signature)), header);
    return why != NULL ? PARSE_RESULT_BAD(why) : PARSE_RESULT_DONE(used);
}

/* CRC-32C (RFC 3720 section 12.1), half a byte at a time: a header is short, and a table of 256 would be cold. */
static uint32_t crc32c(uint32_t crc, const uint8_t *data, size_t length)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        crc = table[crc & 15] ^ crc >> 4;
        crc = table[crc & 15] ^ crc >> 4;
    }
    return crc;
}

/* Section 2.2.3: over the whole header, with the checksum itself taken as zero. */
static bool crc_is_right(struct span whole, size_t at)
{
    static const uint8_t zero[4];
    uint32_t crc = crc32c(UINT32_MAX, whole.data, at);
    crc = crc32c(crc, zero, sizeof(zero));
    crc = crc32c(crc, whole.data + at + sizeof(zero), whole.length - at - sizeof(zero));
    return ~crc == read_32(whole.data + at);
}

/* Takes a TLV off the front of bytes [*at, end): its type, its value in [*value, *at). Negative if it does not fit. */
static int take_tlv(struct span whole, size_t *at, size_t end, size_t *value)
{
    enum { TYPE_AND_LENGTH = 3 };
    if (end - *at < TYPE_AND_LENGTH)
        return -1;
    *value = *at + TYPE_AND_LENGTH;
    size_t length = read_16(whole.data + *at + 1);
    if (length > end - *value)
        return -1;
    int type = whole.data[*at];
    *at = *value + length;
    return type;
}

/* PP2_TYPE_SSL holds a byte of flags, four of the result of verification, then TLVs of its own (section 2.2.6). */
static bool ssl_is_well_formed(struct span whole, size_t at, size_t end)
{
    enum { FIXED = 5 };
    size_t value;
    if (end - at < FIXED)
        return false;
    for (at += FIXED; at < end;)
        if (take_tlv(whole, &at, end, &value) < 0)
            return false;
    return true;
}

/* PP2_CLIENT_SSL: the client connected over TLS. */
#define CLIENT_SSL 1

static const char *check_tlvs(struct span whole, size_t at, bool *tls)
{
    while (at < whole.length) {
        size_t value;
        int type = take_tlv(whole, &at, whole.length, &value);
        if (type < 0)
            return "PROXY header with a TLV beyond its end";
        if (type == TLV_AUTHORITY && at - value > 255)
            return "PROXY header with a host name of more than 255 bytes";
        if (type == TLV_SSL && !ssl_is_well_formed(whole, value, at))
            return "PROXY header with a malformed PP2_TYPE_SSL";
        if (type == TLV_SSL)
            *tls = whole.data[value] & CLIENT_SSL;
        if (type == TLV_CRC32C && (at - value != 4 || !crc_is_right(whole, value)))
            return "PROXY header with a wrong checksum";
    }
    return NULL;
}

static size_t v2_addresses_length(uint8_t family)
{
    switch (family) {
    case V2_STREAM4:
    case V2_DATAGRAM4:
        return 2 * (4 + 2);
    case V2_STREAM6:
    case V2_DATAGRAM6:
        return 2 * (16 + 2);
    case V2_STREAM_UNIX:
    case V2_DATAGRAM_UNIX:
        return 2 * 108;
    default:
        return 0;
    }
}

/* The whole header is here. A datagram's address is taken too: it is the client all the same. */
static const char *read_v2_body(struct span whole, struct proxy_header *header)
{
    uint8_t family = whole.data[13];
    /* Nothing says where TLVs would begin. */
    if (whole.data[12] == V2_LOCAL || family == V2_UNSPEC)
        return NULL;
    size_t addresses = v2_addresses_length(family);
    if (whole.length - V2_FIXED < addresses)
        return "PROXY header too short for its addresses";
    const uint8_t *at = whole.data + V2_FIXED;
    if (addresses == 2 * (4 + 2)) {
        header->source = endpoint_from_ip4(at, read_16(at + 8));
        header->destination = endpoint_from_ip4(at + 4, read_16(at + 10));
    } else if (addresses == 2 * (16 + 2)) {
        header->source = endpoint_from_ip6(at, read_16(at + 32));
        header->destination = endpoint_from_ip6(at + 16, read_16(at + 34));
    }
    const char *why = check_tlvs(whole, V2_FIXED + addresses, &header->tls);
    header->known = why == NULL && header->source.kind == ENDPOINT_IP;
    return why;
}

/* Each byte is judged as soon as it is there, so that nobody is waited for in vain. */
static struct parse_result read_v2(struct span bytes, struct proxy_header *header)
{
    if (bytes.length > 12 && bytes.data[12] != V2_LOCAL && bytes.data[12] != V2_PROXY)
        return PARSE_RESULT_BAD("PROXY header of an unknown version or command");
    if (bytes.length > 13 && bytes.data[12] == V2_PROXY && bytes.data[13] != V2_UNSPEC &&
        v2_addresses_length(bytes.data[13]) == 0)
        return PARSE_RESULT_BAD("PROXY header of an unknown address family");
    if (bytes.length < V2_FIXED)
        return PARSE_RESULT_MORE;
    size_t used = V2_FIXED + (size_t)read_16(bytes.data + 14);
    if (used > PEEK_LIMIT)
        return PARSE_RESULT_BAD("PROXY header longer than 16 KiB");
    if (bytes.length < used)
        return PARSE_RESULT_MORE;
    const char *why = read_v2_body(span_part(bytes, 0, used), header);
    return why != NULL ? PARSE_RESULT_BAD(why) : PARSE_RESULT_DONE(used);
}

struct parse_result proxy_read(struct span bytes, struct proxy_header *header)
{
    *header = (struct proxy_header){.known = false};
    if (bytes.length == 0)
        return PARSE_RESULT_MORE;
    if (may_begin_with(bytes, v1_signature, sizeof(v1_signature)))
        return read_v1(bytes, header);
    if (may_begin_with(bytes, v2_signature, sizeof(v2_signature)))
        return read_v2(bytes, header);
    return PARSE_RESULT_NONE;
}

static bool both_are_ip(const struct endpoint *a, const struct endpoint *b)
{
    return a->kind == ENDPOINT_IP && b->kind == ENDPOINT_IP;
}

static bool both_are_ip4(const struct endpoint *a, const struct endpoint *b)
{
    return endpoint_is_ip4(a) && endpoint_is_ip4(b);
}

size_t proxy_write_v1(uint8_t buffer[PROXY_V1_MAX], const struct endpoint *source, const struct endpoint *destination)
{
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    if (!both_are_ip(source, destination))
        return (size_t)snprintf((char *)buffer, PROXY_V1_MAX, "PROXY UNKNOWN\r\n");
    bool ip4 = both_are_ip4(source, destination);
    int family = ip4 ? AF_INET : AF_INET6;
    inet_ntop(family, source->ip + (ip4 ? 12 : 0), from, sizeof(from));
    inet_ntop(family, destination->ip + (ip4 ? 12 : 0), to, sizeof(to));
    return (size_t)snprintf((char *)buffer, PROXY_V1_MAX, "PROXY %s %s %s %u %u\r\n", ip4 ? "TCP4" : "TCP6", from, to,
                            source->port, destination->port);
}

size_t proxy_write_v2(uint8_t buffer[PROXY_V2_MAX], const struct endpoint *source, const struct endpoint *destination)
{
    bool known = both_are_ip(source, destination);
    bool ip4 = both_are_ip4(source, destination);
    size_t size = !known ? 0 : ip4 ? 4 : 16;
    uint8_t *at = buffer + V2_FIXED;
    memcpy(buffer, v2_signature, sizeof(v2_signature));
    buffer[12] = known ? V2_PROXY : V2_LOCAL;
    buffer[13] = !known ? V2_UNSPEC : ip4 ? V2_STREAM4 : V2_STREAM6;
    write_16(buffer + 14, (uint16_t)(known ? 2 * (size + 2) : 0));
    if (!known)
        return V2_FIXED;
    memcpy(at, source->ip + 16 - size, size);
    memcpy(at + size, destination->ip + 16 - size, size);
    write_16(at + 2 * size, source->port);
    write_16(at + 2 * size + 2, destination->port);
    return V2_FIXED + 2 * (size + 2);
}
