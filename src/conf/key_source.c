#include "conf/key_source.h"

#include "conf/suggest.h"
#include "conf/values.h"
#include "proto/byte_class.h"

/* Peeking ends here, so bytes beyond are never seen. */
#define BYTES_END_MAX 16384
#define SEGMENT_MAX 1000
#define NAME_MAX_LENGTH 256

/* The name of a parameter as it may stand in a query (RFC 3986 section 3.4). */
static bool is_parameter(struct span name)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f || strchr("&=#+", name.data[i]))
            return false;
    return name.length > 0;
}

static const char *parse_name(struct span name, struct arena *arena, struct plan_key *key)
{
    if (name.length == 0)
        return "the name is missing behind the colon";
    if (name.length > NAME_MAX_LENGTH)
        return "the name is too long (256 bytes at most)";
    if (key->kind == KEY_QUERY ? !is_parameter(name) : !is_token(name))
        return "the name has a character that cannot be in it";
    key->name = arena_text(arena, name);
    return NULL;
}

static bool number_up_to(struct span text, uint64_t least, uint64_t most, uint64_t *number)
{
    return values_number(text, number) == VALUE_FINE && *number >= least && *number <= most;
}

static const char *parse_segment(struct span argument, struct plan_key *key)
{
    uint64_t number;
    if (!number_up_to(argument, 1, SEGMENT_MAX, &number))
        return "segments of a path are counted from 1 to 1000";
    key->segment = (uint32_t)number;
    return NULL;
}

static const char *parse_bytes(struct span argument, struct plan_key *key)
{
    const uint8_t *plus = argument.length > 0 ? memchr(argument.data, '+', argument.length) : NULL;
    if (!plus)
        return "bytes are written as bytes:OFFSET+LENGTH";
    size_t at = (size_t)(plus - argument.data);
    uint64_t offset, length;
    if (!number_up_to(span_part(argument, 0, at), 0, BYTES_END_MAX, &offset) ||
        !number_up_to(span_part(argument, at + 1, argument.length - at - 1), 1, BYTES_END_MAX, &length) ||
        offset + length > BYTES_END_MAX)
        return "bytes:OFFSET+LENGTH wants a length from 1, and an end within the first 16384 bytes";
    key->offset = (uint32_t)offset;
    key->length = (uint32_t)length;
    return NULL;
}

/* "24/56" */
static const char *parse_network(struct span argument, struct plan_key *key)
{
    const uint8_t *slash = argument.length > 0 ? memchr(argument.data, '/', argument.length) : NULL;
    if (!slash)
        return "a network is written with both prefix lengths, IPv4 and IPv6";
    size_t at = (size_t)(slash - argument.data);
    uint64_t ip4, ip6;
    if (!number_up_to(span_part(argument, 0, at), 0, 32, &ip4) ||
        !number_up_to(span_part(argument, at + 1, argument.length - at - 1), 0, 128, &ip6))
        return "the prefix lengths go from 0 to 32 (IPv4) and from 0 to 128 (IPv6)";
    key->ip4_bits = (uint8_t)ip4;
    key->ip6_bits = (uint8_t)ip6;
    return NULL;
}

/* The row of the table for a word with the kind of argument that follows it. */
static bool find_kind(struct span word, uint8_t separator, enum key_kind *kind)
{
    for (size_t i = 0; i < KEY_KIND_COUNT; i++)
        if (span_equal(word, span_text(key_sources[i].word)) && (uint8_t)key_sources[i].argument[0] == separator) {
            *kind = (enum key_kind)i;
            return true;
        }
    return false;
}

static struct span word_of(struct span text)
{
    size_t length = 0;
    while (length < text.length && text.data[length] != ':' && text.data[length] != '/')
        length++;
    return span_of(text.data, length);
}

static const char *wrong_shape(struct span word)
{
    for (size_t i = 0; i < KEY_KIND_COUNT; i++)
        if (span_equal(word, span_text(key_sources[i].word)))
            return key_sources[i].argument[0] ? "this key source needs an argument of another shape"
                                              : "this key source takes no argument";
    return "unknown key source";
}

const char *key_source_parse(struct span text, struct arena *arena, struct plan_key *key)
{
    struct span word = word_of(text);
    uint8_t separator = word.length < text.length ? text.data[word.length] : 0;
    *key = (struct plan_key){0};
    if (!find_kind(word, separator, &key->kind))
        return wrong_shape(word);
    key->text = arena_text(arena, text);
    struct span argument = span_of(NULL, 0);
    if (separator)
        argument = span_part(text, word.length + 1, text.length - word.length - 1);
    switch (key->kind) {
    case KEY_HEADER:
    case KEY_COOKIE:
    case KEY_QUERY:
    case KEY_FIELD:
        return parse_name(argument, arena, key);
    case KEY_PATH_SEGMENT:
        return parse_segment(argument, key);
    case KEY_BYTES:
        return parse_bytes(argument, key);
    case KEY_CLIENT_NETWORK:
        return parse_network(argument, key);
    default:
        return NULL;
    }
}

static const char *all_sources(struct arena *arena)
{
    const char *all = "the key sources are";
    for (size_t i = 0; i < KEY_KIND_COUNT; i++)
        all = arena_format(arena, "%s%s %s%s", all, i > 0 ? "," : "", key_sources[i].word, key_sources[i].argument);
    return all;
}

/* Other proxies' words for the client's address. */
static bool means_client(struct span word)
{
    static const char *const theirs[] = {"ip",        "source",    "src",         "source-ip", "remote-addr",
                                         "remote-ip", "client-ip", "client-addr", "address",   "x-forwarded-for"};
    for (size_t i = 0; i < ARRAY_LENGTH(theirs); i++)
        if (suggest_is_same(word, theirs[i]))
            return true;
    return false;
}

const char *key_source_help(struct span text, struct arena *arena)
{
    struct span word = word_of(text);
    struct suggest s;
    if (means_client(word))
        return "write `client`, the client's address";
    suggest_init(&s, word);
    for (size_t i = 0; i < KEY_KIND_COUNT; i++)
        suggest_try(&s, key_sources[i].word);
    if (!s.best || text.length > NAME_MAX_LENGTH)
        return all_sources(arena);
    if (span_equal(word, span_text(s.best))) {
        const char *shapes = NULL;
        for (size_t i = 0; i < KEY_KIND_COUNT; i++)
            if (strcmp(key_sources[i].word, s.best) == 0)
                shapes = arena_format(arena, "%s%s%s%s", shapes ? shapes : "write ", shapes ? " or " : "", s.best,
                                      key_sources[i].argument);
        return shapes;
    }
    struct span rest = span_of(text.data + word.length, text.length - word.length);
    return arena_format(arena, "did you mean `%s%.*s`?", s.best, (int)rest.length, rest.data);
}
