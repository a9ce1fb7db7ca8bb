#include "carry/chunks.h"

#include "base/text.h"
#include "proto/message.h"

#include <stdio.h>
#include <string.h>

/* In front of the data: 16 digits and CRLF. */
#define SIZE_ROOM 18

/* What is being made of one read. */
struct pass {
    struct chunks *chunks;
    struct span bytes;
    size_t used;
    uint8_t *data; /* in the room, behind SIZE_ROOM */
    size_t length; /* of the data */
    size_t tail;   /* bytes behind it: line ends, the last chunk, trailers */
    const char *why;
};

static void add_tail(struct pass *pass, const void *bytes, size_t length)
{
    memcpy(pass->data + pass->length + pass->tail, bytes, length);
    pass->tail += length;
}

/* Gathers the data of all chunks in these bytes. */
static enum chunked_verdict gather(struct pass *pass)
{
    for (;;) {
        struct span rest = span_part(pass->bytes, pass->used, pass->bytes.length - pass->used);
        struct chunked_result result = chunked_read(&pass->chunks->reader, rest);
        pass->used += result.used;
        if (result.verdict == CHUNKED_DATA) {
            memcpy(pass->data + pass->length, result.data.data, result.data.length);
            pass->length += result.data.length;
            continue;
        }
        pass->why = result.why;
        return result.verdict;
    }
}

static void add_trailers(struct pass *pass, struct span section)
{
    struct message message;
    struct message_verdict verdict = message_read_trailers(&message, &pass->chunks->trailers, section);
    pass->why = verdict.why;
    add_tail(pass, "0\r\n", 3);
    for (size_t i = 0; verdict.status == 0 && i < message.count; i++)
        if (message_allows_trailer(&message.fields[i]))
            add_tail(pass, message.fields[i].line.data, message.fields[i].line.length);
    add_tail(pass, "\r\n", 2);
}

static enum chunks_verdict read_trailers(struct pass *pass)
{
    struct span section = span_part(pass->bytes, pass->used, pass->bytes.length - pass->used);
    struct parse_result result = head_read_trailers(&pass->chunks->trailers, section);
    switch (result.verdict) {
    case PARSE_DONE:
        break;
    case PARSE_MORE:
        if (section.length < CHUNKS_TRAILERS_MOST)
            return CHUNKS_MORE;
        pass->why = "the trailers are too long";
        return CHUNKS_BAD;
    default:
        pass->why = result.why;
        return CHUNKS_BAD;
    }
    pass->used += result.used;
    if (!pass->chunks->plain)
        add_trailers(pass, section);
    return pass->why ? CHUNKS_BAD : CHUNKS_DONE;
}

/* Writes the size in front of the data and an end behind it. */
static struct span frame_data(struct pass *pass)
{
    char size[SIZE_ROOM + 1];
    if (pass->chunks->plain || pass->length == 0)
        return span_of(pass->data, pass->length);
    int length = snprintf(size, sizeof(size), "%zx\r\n", pass->length);
    memcpy(pass->data - length, size, (size_t)length);
    add_tail(pass, "\r\n", 2);
    return span_of(pass->data - length, (size_t)length + pass->length);
}

struct chunks_result chunks_pass(struct chunks *chunks, struct span bytes, uint8_t *room)
{
    struct pass pass = {.chunks = chunks, .bytes = bytes, .data = room + SIZE_ROOM};
    enum chunks_verdict verdict = CHUNKS_MORE;
    bool bad = false;
    if (bytes.length == 0)
        return (struct chunks_result){.verdict = CHUNKS_MORE};
    if (!chunks->at_trailers) {
        enum chunked_verdict read = gather(&pass);
        chunks->at_trailers = read == CHUNKED_LAST;
        bad = read == CHUNKED_BAD;
    }
    chunks->data += pass.length;
    struct span out = frame_data(&pass);
    if (bad)
        verdict = CHUNKS_BAD;
    else if (chunks->at_trailers)
        verdict = read_trailers(&pass);
    out.length += pass.tail;
    return (struct chunks_result){.verdict = verdict, .used = pass.used, .out = out, .why = pass.why};
}
