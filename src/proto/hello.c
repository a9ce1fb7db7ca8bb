#include "proto/hello.h"

#include "base/attr.h"
#include "base/endpoint.h"

enum { RECORD_HANDSHAKE = 22, RECORD_HEADER = 5, RECORD_LONGEST = 16384 };
enum { HANDSHAKE_CLIENT_HELLO = 1, HANDSHAKE_HEADER = 4 };
enum { EXTENSION_SERVER_NAME = 0, EXTENSION_ALPN = 16 };

static const char malformed[] = "malformed ClientHello";

/* The handshake message without the headers of the records it came in. It is copied, because a name may be split. */
struct message {
    size_t length; /* bytes here so far */
    size_t whole;  /* of the message, with its header; 0 while unknown */
    uint8_t bytes[PEEK_LIMIT];
};

/* Big-endian number of 1 to 3 bytes off the front. */
static bool take_number(struct span *from, unsigned size, size_t *number)
{
    if (from->length < size)
        return false;
    *number = 0;
    for (unsigned i = 0; i < size; i++)
        *number = *number << 8 | from->data[i];
    *from = span_part(*from, size, from->length - size);
    return true;
}

static bool take_bytes(struct span *from, size_t length, struct span *part)
{
    if (from->length < length)
        return false;
    *part = span_part(*from, 0, length);
    *from = span_part(*from, length, from->length - length);
    return true;
}

/* A vector behind a length of `size` bytes (RFC 8446 section 3.4). */
static bool take_vector(struct span *from, unsigned size, struct span *part)
{
    size_t length;
    return take_number(from, size, &length) && take_bytes(from, length, part);
}

/* The whole of an extension is one vector. */
static bool is_vector(struct span extension, struct span *part)
{
    return take_vector(&extension, 2, part) && extension.length == 0;
}

static const char *copy_name(struct span name, struct hello *hello)
{
    struct endpoint address;
    if (name.length == 0 || name.length > HELLO_NAME_MAX)
        return "server name is empty or longer than 255 bytes";
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
            return "forbidden byte in the server name";
    if (endpoint_parse(name, &address))
        return NULL;
    for (size_t i = 0; i < name.length; i++)
        hello->sni[i] = (char)byte_lower(name.data[i]);
    hello->sni[name.length] = '\0';
    return NULL;
}

/* RFC 6066 section 3. The only type of name is 0, and of each type there is one name at most. */
static const char *read_server_name(struct span extension, struct hello *hello)
{
    struct span list, name;
    size_t type;
    if (!is_vector(extension, &list) || !take_number(&list, 1, &type) || !take_vector(&list, 2, &name))
        return malformed;
    if (type != 0)
        return "server name of an unknown type";
    if (list.length > 0)
        return "more than one server name";
    return copy_name(name, hello);
}

/* RFC 7301 section 3.1. */
static const char *read_alpn(struct span extension, struct hello *hello)
{
    struct span list, protocol;
    if (!is_vector(extension, &list) || list.length == 0)
        return malformed;
    while (list.length > 0) {
        if (!take_vector(&list, 1, &protocol) || protocol.length == 0)
            return malformed;
        if (hello->alpn_length > 0)
            continue;
        hello->alpn_length = (uint8_t)protocol.length;
        memcpy(hello->alpn, protocol.data, protocol.length);
    }
    return NULL;
}

static const char *read_extensions(struct span extensions, struct hello *hello)
{
    bool name_seen = false, alpn_seen = false;
    while (extensions.length > 0) {
        size_t type;
        struct span extension;
        const char *why = NULL;
        if (!take_number(&extensions, 2, &type) || !take_vector(&extensions, 2, &extension))
            return malformed;
        if ((type == EXTENSION_SERVER_NAME && name_seen) || (type == EXTENSION_ALPN && alpn_seen))
            return "an extension is there twice";
        if (type == EXTENSION_SERVER_NAME) {
            name_seen = true;
            why = read_server_name(extension, hello);
        } else if (type == EXTENSION_ALPN) {
            alpn_seen = true;
            why = read_alpn(extension, hello);
        }
        if (why != NULL)
            return why;
    }
    return NULL;
}

/* RFC 8446 section 4.1.2; without extensions it is one of TLS 1.2 or older. */
static const char *read_body(struct span body, struct hello *hello)
{
    struct span version_and_random, session, ciphers, compressions, extensions;
    if (!take_bytes(&body, 2 + 32, &version_and_random) || !take_vector(&body, 1, &session) || session.length > 32 ||
        !take_vector(&body, 2, &ciphers) || ciphers.length < 2 || ciphers.length % 2 != 0 ||
        !take_vector(&body, 1, &compressions) || compressions.length < 1)
        return malformed;
    if (body.length == 0)
        return NULL;
    return is_vector(body, &extensions) ? read_extensions(extensions, hello) : malformed;
}

/* Adds what is here of a record's content, and judges the message's header as soon as it can. */
static const char *message_add(struct message *message, struct span content)
{
    size_t room = sizeof(message->bytes) - message->length;
    size_t length = content.length < room ? content.length : room;
    if (length > 0)
        memcpy(message->bytes + message->length, content.data, length);
    message->length += length;
    struct span header = span_of(message->bytes, message->length);
    size_t type;
    if (take_number(&header, 1, &type) && type != HANDSHAKE_CLIENT_HELLO)
        return "TLS, but no ClientHello";
    if (message->whole > 0 || !take_number(&header, 3, &message->whole))
        return NULL;
    message->whole += HANDSHAKE_HEADER;
    return message->whole <= sizeof(message->bytes) ? NULL : "ClientHello longer than 16 KiB";
}

/* Judges what is here of a record's header, a byte at a time so that the answer does not depend on how many came at
 * once. PARSE_DONE: *length is that of its content. */
static struct parse_result read_record_header(struct span bytes, size_t *length)
{
    if (bytes.length > 0 && bytes.data[0] != RECORD_HANDSHAKE)
        return PARSE_RESULT_BAD("another record inside the ClientHello");
    if (bytes.length > 1 && bytes.data[1] != 3)
        return PARSE_RESULT_BAD("TLS record of an unknown version");
    if (bytes.length < RECORD_HEADER)
        return PARSE_RESULT_MORE;
    struct span number = span_part(bytes, 3, 2);
    if (!take_number(&number, 2, length) || *length == 0 || *length > RECORD_LONGEST)
        return PARSE_RESULT_BAD("TLS record of a forbidden length");
    return PARSE_RESULT_DONE(RECORD_HEADER);
}

/* Collects the message from its records. PARSE_DONE: it is complete. */
static struct parse_result collect(struct span bytes, struct message *message)
{
    for (size_t at = 0;;) {
        size_t length;
        struct parse_result header = read_record_header(span_part(bytes, at, bytes.length - at), &length);
        if (header.verdict != PARSE_DONE)
            return header;
        at += RECORD_HEADER;
        size_t here = bytes.length - at < length ? bytes.length - at : length;
        size_t before = message->length;
        const char *why = message_add(message, span_part(bytes, at, here));
        if (why != NULL)
            return PARSE_RESULT_BAD(why);
        at += length;
        if (message->whole > 0 && message->length >= message->whole)
            return before + length == message->whole
                       ? PARSE_RESULT_DONE(at)
                       : PARSE_RESULT_BAD("something follows the ClientHello in its record");
        if (at >= bytes.length)
            return PARSE_RESULT_MORE;
    }
}

struct parse_result hello_read(struct span bytes, struct hello *hello)
{
    *hello = (struct hello){.alpn_length = 0};
    if (bytes.length == 0)
        return PARSE_RESULT_MORE;
    if (bytes.data[0] != RECORD_HANDSHAKE || (bytes.length > 1 && bytes.data[1] != 3))
        return PARSE_RESULT_NONE;
    /* Only its used part is ever written: clearing 16 KiB would cost more than reading. */
    struct message message;
    message.length = 0;
    message.whole = 0;
    struct parse_result result = collect(bytes, &message);
    if (result.verdict != PARSE_DONE)
        return result;
    struct span body = span_of(message.bytes + HANDSHAKE_HEADER, message.whole - HANDSHAKE_HEADER);
    const char *why = read_body(body, hello);
    return why != NULL ? PARSE_RESULT_BAD(why) : result;
}
