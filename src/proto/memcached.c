#include "proto/memcached.h"

/* A line with all flags that we ask for is about 40 bytes long. */
#define LINE_MOST 512

static const char strange_line[] = "this is no line of memcached";

/* ---- commands -------------------------------------------------------------------------------------------------------- */

static void begin(struct text *out, const char *command, struct span key)
{
    text_add(out, command);
    text_add_char(out, ' ');
    text_add_bytes(out, key.data, key.length);
}

static void add_number(struct text *out, char flag, uint64_t number)
{
    text_add_char(out, ' ');
    text_add_char(out, flag);
    text_add_unsigned(out, number);
}

void memcached_write_get(struct text *out, struct span key, uint32_t seconds, uint32_t opaque)
{
    begin(out, "mg", key);
    text_add(out, " v c");
    add_number(out, 'O', opaque);
    if (seconds > 0)
        add_number(out, 'T', seconds);
    text_add(out, "\r\n");
}

void memcached_write_store(struct text *out, struct span key, const struct memcached_store *store)
{
    begin(out, "ms", key);
    text_add_char(out, ' ');
    text_add_unsigned(out, store->value.length);
    add_number(out, 'T', store->seconds);
    add_number(out, 'O', store->opaque);
    if (store->mode == MEMCACHED_ADD)
        text_add(out, " ME");
    else if (store->mode == MEMCACHED_REPLACE)
        add_number(out, 'C', store->number);
    text_add(out, "\r\n");
    text_add_bytes(out, store->value.data, store->value.length);
    text_add(out, "\r\n");
}

/* ---- replies --------------------------------------------------------------------------------------------------------- */

/* The next word of a line, without the blank behind it; empty at its end, and where two blanks meet. */
static struct span next_word(struct span *line)
{
    const uint8_t *blank = line->length > 0 ? memchr(line->data, ' ', line->length) : NULL;
    size_t length = blank ? (size_t)(blank - line->data) : line->length;
    struct span word = span_part(*line, 0, length);
    size_t used = blank ? length + 1 : length;
    *line = span_part(*line, used, line->length - used);
    return word;
}

/* Decimal digits and nothing else, at most `most`. */
static bool read_number(struct span digits, uint64_t most, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < digits.length; i++) {
        unsigned digit = (unsigned)digits.data[i] - '0';
        if (digit > 9 || *number > (most - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return digits.length > 0;
}

/* Flags that were not asked for are none of ours, but may come: they say nothing. */
static bool read_flags(struct span line, struct memcached_reply *reply)
{
    uint64_t number;
    while (line.length > 0) {
        struct span flag = next_word(&line);
        if (flag.length == 0)
            return false;
        struct span token = span_part(flag, 1, flag.length - 1);
        if (flag.data[0] == 'O') {
            if (reply->has_opaque || !read_number(token, UINT32_MAX, &number))
                return false;
            reply->has_opaque = true;
            reply->opaque = (uint32_t)number;
        } else if (flag.data[0] == 'c' && !read_number(token, UINT64_MAX, &reply->number)) {
            return false;
        }
    }
    return true;
}

static bool is_refusal(struct span word)
{
    return span_equal(word, span_text("SERVER_ERROR")) || span_equal(word, span_text("CLIENT_ERROR")) ||
           span_equal(word, span_text("ERROR"));
}

/* All but values. */
static bool read_word(struct span word, struct memcached_reply *reply)
{
    static const struct {
        const char *text;
        enum memcached_word word;
    } words[] = {
        {"EN", MEMCACHED_NONE},    {"HD", MEMCACHED_STORED}, {"NS", MEMCACHED_KEPT},
        {"EX", MEMCACHED_CHANGED}, {"NF", MEMCACHED_GONE},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (span_equal(word, span_text(words[i].text))) {
            reply->word = words[i].word;
            return true;
        }
    return false;
}

/* `begun` bytes were the line of a value; it follows, and the end of a line. */
static struct parse_result read_value(struct span bytes, size_t begun, struct span line, struct memcached_reply *reply)
{
    uint64_t length;
    if (!read_number(next_word(&line), MEMCACHED_VALUE_MOST, &length))
        return PARSE_RESULT_BAD("the value of memcached has no length that we could have stored");
    if (!read_flags(line, reply))
        return PARSE_RESULT_BAD(strange_line);
    size_t all = begun + length + 2;
    struct span end = span_part(bytes, begun, bytes.length - begun);
    for (size_t i = length; i < length + 2 && i < end.length; i++)
        if (end.data[i] != (i == length ? '\r' : '\n'))
            return PARSE_RESULT_BAD("the value of memcached does not end where it says");
    if (bytes.length < all)
        return PARSE_RESULT_MORE;
    reply->word = MEMCACHED_VALUE;
    reply->value = span_part(bytes, begun, length);
    return PARSE_RESULT_DONE(all);
}

static struct parse_result read_line(struct span bytes, size_t length, struct memcached_reply *reply)
{
    struct span line = span_part(bytes, 0, length);
    struct span word = next_word(&line);
    *reply = (struct memcached_reply){.word = MEMCACHED_REFUSED};
    if (span_equal(word, span_text("VA")))
        return read_value(bytes, length + 2, line, reply);
    if (is_refusal(word))
        return PARSE_RESULT_DONE(length + 2);
    return read_word(word, reply) && read_flags(line, reply) ? PARSE_RESULT_DONE(length + 2)
                                                             : PARSE_RESULT_BAD(strange_line);
}

struct parse_result memcached_read(struct span bytes, struct memcached_reply *reply)
{
    size_t shown = bytes.length < LINE_MOST ? bytes.length : LINE_MOST;
    const uint8_t *end = shown > 0 ? memchr(bytes.data, '\n', shown) : NULL;
    if (!end)
        return shown == LINE_MOST ? PARSE_RESULT_BAD("the line of memcached is too long") : PARSE_RESULT_MORE;
    size_t length = (size_t)(end - bytes.data);
    if (length == 0 || bytes.data[length - 1] != '\r')
        return PARSE_RESULT_BAD(strange_line);
    return read_line(bytes, length - 1, reply);
}
