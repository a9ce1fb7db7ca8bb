/* Seals and opens cookies for whoever wants to compare them. Reads one task per line from standard input, its words parted by
 * tabs, and answers each with a line. CLIENT is an address, "unix", or "-" for a cookie that is bound to nobody; SECRETS are
 * lines of a secret file, parted by commas; times are whole seconds:
 *
 *   seal SECRETS POOL NAME CLIENT ISSUED SERVER              the text
 *   open SECRETS POOL NAME CLIENT LIFETIME NOW TEXT          "fresh SERVER ISSUED", "old-key ...", "bad" or "expired" */

#include "seal/cookie.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_SIZE 65536
#define WORDS_MOST 8

static struct sealed_keys keys;
static struct cookie_scope scope;
static struct endpoint client;

static size_t split(char *line, char *words[WORDS_MOST])
{
    size_t count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *next = line; next && count < WORDS_MOST; count++)
        words[count] = strsep(&next, "\t");
    return count;
}

static bool read_client(const char *word)
{
    scope.client = strcmp(word, "-") == 0 ? NULL : &client;
    client = (struct endpoint){.kind = ENDPOINT_UNIX};
    return !scope.client || strcmp(word, "unix") == 0 || endpoint_parse(span_text(word), &client);
}

static bool read_scope(char *words[WORDS_MOST])
{
    unsigned line;
    for (char *comma = words[1]; (comma = strchr(comma, ','));)
        *comma = '\n';
    if (secret_judge(span_text(words[1]), &line) || !read_client(words[4]))
        return false;
    cookie_keys_make(&keys, span_text(words[1]));
    scope.pool = span_text(words[2]);
    scope.name = span_text(words[3]);
    return true;
}

static micros seconds(const char *word)
{
    return strtoll(word, NULL, 10) * SECOND_IN_MICROS;
}

static bool seal(char *words[WORDS_MOST])
{
    char text[COOKIE_TEXT_MOST];
    size_t length = span_text(words[6]).length;
    struct sealed_content content = {.time = seconds(words[5]), .server_length = (uint8_t)length};
    if (length > SEALED_SERVER_MOST)
        return false;
    memcpy(content.server, words[6], length);
    if (cookie_seal(&keys, &scope, &content, text, &length) != 0)
        return false;
    printf("%.*s\n", (int)length, text);
    return true;
}

static bool open_text(char *words[WORDS_MOST])
{
    static const char *const verdicts[] = {
        [COOKIE_FRESH] = "fresh", [COOKIE_OLD_KEY] = "old-key", [COOKIE_BAD] = "bad", [COOKIE_EXPIRED] = "expired"};
    struct sealed_content content = {.time = 0};
    enum cookie_verdict verdict =
        cookie_open(&keys, &scope, span_text(words[7]), seconds(words[5]), seconds(words[6]), &content);
    if (verdict == COOKIE_FRESH || verdict == COOKIE_OLD_KEY)
        printf("%s\t%.*s\t%lld\n", verdicts[verdict], content.server_length, content.server,
               (long long)(content.time / SECOND_IN_MICROS));
    else
        puts(verdicts[verdict]);
    return true;
}

int main(void)
{
    static char line[LINE_SIZE];
    while (fgets(line, sizeof(line), stdin)) {
        char *words[WORDS_MOST];
        size_t count = split(line, words);
        bool seals = count == 7 && strcmp(words[0], "seal") == 0, opens = count == 8 && strcmp(words[0], "open") == 0;
        if ((!seals && !opens) || !read_scope(words) || !(seals ? seal(words) : open_text(words)))
            return 1;
    }
    return 0;
}
