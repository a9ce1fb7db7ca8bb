#include "yaml/quotes.h"

/* Nothing longer is shown as advice. */
#define WORD_MAX 100

static struct span line_around(struct span text, size_t offset)
{
    size_t start = offset, end = offset;
    while (start > 0 && text.data[start - 1] != '\n')
        start--;
    while (end < text.length && text.data[end] != '\n')
        end++;
    return span_part(text, start, end - start);
}

static struct span without(struct span s, size_t count)
{
    return span_part(s, count, s.length - count);
}

static struct span without_comment(struct span s)
{
    for (size_t i = 1; i < s.length; i++)
        if (s.data[i] == '#' && (s.data[i - 1] == ' ' || s.data[i - 1] == '\t'))
            return span_part(s, 0, i);
    return s;
}

static struct span trimmed(struct span s)
{
    while (s.length > 0 && s.data[s.length - 1] == '\r')
        s.length--;
    return span_trim(s);
}

/* What stands behind "- " and "key: " on a line. */
static struct span value_of(struct span line)
{
    struct span value = trimmed(without_comment(line));
    while (value.length > 1 && value.data[0] == '-' && value.data[1] == ' ')
        value = trimmed(without(value, 2));
    for (size_t i = 0; i + 1 < value.length; i++) {
        uint8_t c = value.data[i];
        if (c == ':' && value.data[i + 1] == ' ')
            return trimmed(without(value, i + 1));
        if (c == '"' || c == '\'' || c == '{' || c == '[')
            break;
    }
    return value;
}

static size_t count_of(struct span s, uint8_t byte)
{
    size_t count = 0;
    for (size_t i = 0; i < s.length; i++)
        count += s.data[i] == byte;
    return count;
}

/* The word around the error, on a line such as `- {sni: *.example.org, pool: a}`; brackets that are not its own stay
 * out: `[[::1]:80, ...` has the word `[::1]:80`. */
static struct span word_around(struct span text, size_t offset, struct span line)
{
    size_t from = offset, to = offset, least = (size_t)(line.data - text.data), most = least + line.length;
    while (from > least && !strchr(" ,{\t", text.data[from - 1]))
        from--;
    while (to < most && !strchr(" ,}\t\r", text.data[to]))
        to++;
    struct span word = span_part(text, from, to - from);
    while (word.length > 0 && word.data[0] == '[' && count_of(word, '[') > count_of(word, ']'))
        word = without(word, 1);
    while (word.length > 0 && word.data[word.length - 1] == ']' && count_of(word, '[') < count_of(word, ']'))
        word.length--;
    bool list_of_one = word.length > 2 && word.data[0] == '[' && word.data[word.length - 1] == ']';
    return list_of_one ? span_part(word, 1, word.length - 2) : word;
}

static bool has(struct span s, const char *words)
{
    return s.length > 0 && memmem(s.data, s.length, words, strlen(words)) != NULL;
}

/* A value that YAML reads as something else than text. */
static bool needs_quotes(struct span value)
{
    if (value.length == 0 || value.length > WORD_MAX || value.data[0] == '"' || value.data[0] == '\'' ||
        value.data[0] == '{')
        return false;
    if (value.data[0] == '[')
        return has(value, "]:") || has(value, "::");
    return strchr("*&!%@`|>", value.data[0]) || has(value, ": ");
}

static const char *put_in_quotes(struct arena *arena, struct span value)
{
    const uint8_t *colon = memmem(value.data, value.length, ": ", 2);
    if (!colon)
        return arena_format(arena, "put it in quotes: \"%.*s\"", (int)value.length, value.data);
    /* `key: header: X` is meant as header:X. */
    struct span head = span_of(value.data, (size_t)(colon - value.data) + 1);
    struct span tail = trimmed(without(value, head.length));
    return arena_format(arena, "put it in quotes: \"%.*s%.*s\"", (int)head.length, head.data, (int)tail.length,
                        tail.data);
}

const char *quotes_find(struct arena *arena, struct place at)
{
    struct span line = line_around(at.source->text, at.offset);
    struct span word = word_around(at.source->text, at.offset, line);
    if (needs_quotes(word))
        return put_in_quotes(arena, word);
    struct span value = value_of(line);
    return needs_quotes(value) ? put_in_quotes(arena, value) : NULL;
}

const char *quotes_help(struct arena *arena, struct place at)
{
    struct span text = at.source->text;
    struct span line = line_around(text, at.offset);
    const char *quotes = quotes_find(arena, at);
    if (quotes)
        return quotes;
    if (at.offset < text.length && strchr("\"'", text.data[at.offset]))
        return "is its closing quote missing?";
    if (has(line, "\t"))
        return "indent with spaces; YAML takes no tabs there";
    return "check quotes, brackets and indentation here and in the line before";
}
