/* Says how limpet reads what clients send, for whoever wants to compare it. Standard input holds conversations, each a
 * length (four bytes, the lowest first) and so many bytes. For each it prints what requests were read, whole ones only:
 * "request METHOD TARGET BODY", target and body in hexadecimal digits, and then "end WHY": `closed` after a request that
 * asked for it, `more` if the bytes do not end with a request, `none` if they do, or else what is wrong. */

#include "proto/chunked.h"
#include "proto/message.h"

#include <stdio.h>
#include <stdlib.h>

#define CONVERSATION_MAX (1 << 20)

static uint8_t body[CONVERSATION_MAX];
static size_t body_length;
static struct message message;

static struct span rest_of(struct span bytes, size_t used)
{
    return span_part(bytes, used, bytes.length - used);
}

static void add_to_body(struct span data)
{
    if (data.length > 0)
        memcpy(body + body_length, data.data, data.length);
    body_length += data.length;
}

/* Takes a chunked body with its trailers off *bytes: null, or why not. */
static const char *read_chunks(struct span *bytes)
{
    struct chunked chunked = {0};
    struct chunked_result result;
    do {
        result = chunked_read(&chunked, *bytes);
        add_to_body(result.data);
        *bytes = rest_of(*bytes, result.used);
    } while (result.verdict == CHUNKED_DATA);
    if (result.verdict != CHUNKED_LAST)
        return result.verdict == CHUNKED_BAD ? result.why : "more";
    struct head trailers = {0};
    struct parse_result end = head_read_trailers(&trailers, *bytes);
    if (end.verdict != PARSE_DONE)
        return end.verdict == PARSE_BAD ? end.why : "more";
    *bytes = rest_of(*bytes, end.used);
    return NULL;
}

static const char *read_body(struct span *bytes)
{
    body_length = 0;
    if (message.body == BODY_CHUNKED)
        return read_chunks(bytes);
    if (message.length > bytes->length)
        return "more";
    add_to_body(span_part(*bytes, 0, message.length));
    *bytes = rest_of(*bytes, message.length);
    return NULL;
}

static void print_hex(struct span bytes)
{
    putchar(' ');
    for (size_t i = 0; i < bytes.length; i++)
        printf("%02x", bytes.data[i]);
}

/* Takes one request off *bytes: null, or why it was the last or none. */
static const char *read_request(struct span *bytes)
{
    struct head head = {.target_wins = true};
    struct span all = *bytes;
    if (all.length == 0)
        return "none";
    struct parse_result result = head_read(&head, all);
    if (result.verdict != PARSE_DONE)
        return result.verdict == PARSE_MORE ? "more" : result.verdict == PARSE_NONE ? "no request" : result.why;
    struct message_verdict verdict = message_read_request(&message, &head, all);
    if (verdict.status != 0)
        return verdict.why;
    *bytes = rest_of(all, result.used);
    const char *why = read_body(bytes);
    if (why != NULL)
        return why;
    struct span method = head_method(&head, all);
    printf("request %.*s", (int)method.length, (const char *)method.data);
    print_hex(head_target(&head, all));
    print_hex(span_of(body, body_length));
    putchar('\n');
    bool stays = head.version_minor > 0 ? !message.close : message.keep_alive;
    return stays ? NULL : "closed";
}

static bool read_exactly(void *bytes, size_t length)
{
    return fread(bytes, 1, length, stdin) == length;
}

int main(void)
{
    static uint8_t bytes[CONVERSATION_MAX];
    uint8_t size[4];
    while (read_exactly(size, sizeof(size))) {
        size_t length = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
        if (length > sizeof(bytes) || !read_exactly(bytes, length))
            return 2;
        struct span rest = span_of(bytes, length);
        const char *why = NULL;
        while (why == NULL)
            why = read_request(&rest);
        printf("end %s\n", why);
    }
    return 0;
}
