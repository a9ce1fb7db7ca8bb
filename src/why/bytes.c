#include "why/bytes.h"

#include "control/powers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest host name (RFC 1035 section 2.3.4). */
#define NAME_MAX_LENGTH 253

static bool wants_head(const struct why_bytes *bytes)
{
    return bytes->method || bytes->path || bytes->host || bytes->header_count > 0;
}

const char *why_bytes_check(const struct why_bytes *bytes)
{
    if (bytes->file && (bytes->sni || wants_head(bytes)))
        return "--bytes already is all that the client sends; leave out --sni, --header, --method, --path and --host";
    if (bytes->sni && wants_head(bytes))
        return "--sni makes a TLS client, whose request cannot be seen; leave out --header, --method, --path and "
               "--host";
    if (bytes->sni && strlen(bytes->sni) > NAME_MAX_LENGTH)
        return "--sni is longer than any host name";
    for (size_t i = 0; i < bytes->header_count; i++)
        if (!strchr(bytes->headers[i], ':'))
            return "a --header has no colon; write --header 'Name: value'";
    return NULL;
}

static void add(struct why_bytes *bytes, const void *data, size_t length)
{
    size_t room = sizeof(bytes->data) - bytes->length;
    if (length > room) {
        bytes->too_long = true;
        length = room;
    }
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static void add_text(struct why_bytes *bytes, const char *text)
{
    add(bytes, text, strlen(text));
}

static bool names_host(const char *header)
{
    return span_equal_nocase(span_of(header, strcspn(header, ":")), span_text("Host"));
}

/* HTTP/1.1 wants a Host, and an empty one says that there is no name (RFC 9110 section 7.2). */
static void add_host(struct why_bytes *bytes)
{
    for (size_t i = 0; i < bytes->header_count && !bytes->host; i++)
        if (names_host(bytes->headers[i]))
            return;
    add_text(bytes, "Host: ");
    add_text(bytes, bytes->host ? bytes->host : "");
    add_text(bytes, "\r\n");
}

static void make_head(struct why_bytes *bytes)
{
    add_text(bytes, bytes->method ? bytes->method : "GET");
    add_text(bytes, " ");
    add_text(bytes, bytes->path ? bytes->path : "/");
    add_text(bytes, " HTTP/1.1\r\n");
    add_host(bytes);
    for (size_t i = 0; i < bytes->header_count; i++) {
        add_text(bytes, bytes->headers[i]);
        add_text(bytes, "\r\n");
    }
    add_text(bytes, "\r\n");
}

static void add_number(struct why_bytes *bytes, unsigned width, size_t number)
{
    while (width-- > 0) {
        uint8_t byte = (uint8_t)(number >> (8 * width));
        add(bytes, &byte, 1);
    }
}

/* As short as RFC 8446 section 4.1.2 allows: no session, one cipher suite, no compression, the server name. */
static void make_hello(struct why_bytes *bytes)
{
    static const uint8_t random[32];
    size_t name = strlen(bytes->sni);
    size_t extensions = 4 + 2 + 3 + name;
    size_t body = 2 + sizeof(random) + 1 + 2 + 2 + 2 + 2 + extensions;

    add_number(bytes, 3, 0x160301); /* handshake record */
    add_number(bytes, 2, 4 + body);
    add_number(bytes, 1, 1); /* ClientHello */
    add_number(bytes, 3, body);
    add_number(bytes, 2, 0x0303);
    add(bytes, random, sizeof(random));
    add_number(bytes, 1, 0);
    add_number(bytes, 2, 2);
    add_number(bytes, 2, 0x1301); /* TLS_AES_128_GCM_SHA256 */
    add_number(bytes, 2, 0x0100);
    add_number(bytes, 2, extensions);
    add_number(bytes, 2, 0); /* server_name (RFC 6066 section 3) */
    add_number(bytes, 2, 2 + 3 + name);
    add_number(bytes, 2, 3 + name);
    add_number(bytes, 1, 0);
    add_number(bytes, 2, name);
    add_text(bytes, bytes->sni);
}

static int read_standard_input(struct why_bytes *bytes)
{
    bytes->length = fread(bytes->data, 1, sizeof(bytes->data), stdin);
    bytes->too_long = bytes->length == sizeof(bytes->data) && getc(stdin) != EOF;
    return ferror(stdin) ? -EIO : 0;
}

/* No capture that anybody would hand us is longer. */
#define FILE_MOST (64UL << 20)

static int read_file(struct why_bytes *bytes)
{
    char *text;
    size_t length;
    int error = powers_read_input(bytes->file, FILE_MOST, &text, &length);
    if (error)
        return error;
    add(bytes, text, length);
    free(text);
    return 0;
}

int why_bytes_make(struct why_bytes *bytes)
{
    bytes->length = 0;
    bytes->too_long = false;
    if (bytes->file)
        return strcmp(bytes->file, "-") == 0 ? read_standard_input(bytes) : read_file(bytes);
    if (bytes->sni)
        make_hello(bytes);
    else if (wants_head(bytes))
        make_head(bytes);
    return 0;
}
