/* Names, seals and opens pins for whoever wants to compare them. Reads one task per line from standard input, its words parted by
 * tabs, and answers each with a line. SECRETS are lines of a secret file, parted by commas; KIND is text, address or session;
 * times are whole seconds, bytes are hexadecimal digits:
 *
 *   name SEED POOL KIND BYTES                     the key under which the pin is stored
 *   seal SECRETS POOL KEY MADE SERVER             the value
 *   open SECRETS POOL KEY VALUE                   "pin SERVER MADE" or "bad" */

#include "pins/pins.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_SIZE 65536
#define BYTES_MOST 16384
#define WORDS_MOST 6

static struct sealed_keys keys;
static struct pin_scope scope;
static uint8_t bytes[BYTES_MOST];

static size_t split(char *line, char *words[WORDS_MOST])
{
    size_t count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *next = line; next && count < WORDS_MOST; count++)
        words[count] = strsep(&next, "\t");
    return count;
}

static struct span read_hex(const char *text)
{
    size_t length = 0;
    unsigned byte;
    for (; length < BYTES_MOST && sscanf(text, "%2x", &byte) == 1; text += 2)
        bytes[length++] = (uint8_t)byte;
    return span_of(bytes, length);
}

static bool read_scope(char *words[WORDS_MOST])
{
    unsigned line;
    for (char *comma = words[1]; (comma = strchr(comma, ','));)
        *comma = '\n';
    if (secret_judge(span_text(words[1]), &line))
        return false;
    pin_keys_make(&keys, span_text(words[1]));
    scope = (struct pin_scope){.pool = span_text(words[2]), .key = span_text(words[3])};
    return true;
}

static bool name(char *words[WORDS_MOST])
{
    struct plan_pool pool = {.name = words[2]};
    struct span what = read_hex(words[4]);
    struct rank_seed seed;
    struct mark_key key;
    struct mark mark;
    char text[PINS_KEY_SIZE];
    rank_seed_derive(&seed, span_text(words[1]));
    memcpy(key.bytes, seed.pin_key, sizeof(key.bytes));
    enum key_tag tag = strcmp(words[3], "address") == 0 ? KEY_TAG_ADDRESS : KEY_TAG_TEXT;
    bool made = strcmp(words[3], "session") == 0 ? pins_mark_session(&key, &pool, what, &mark)
                                                 : pins_mark_key(&key, &pool, tag, what, &mark);
    if (made)
        printf("%.*s\n", (int)pins_key_text(mark, text), text);
    return made;
}

static bool seal(char *words[WORDS_MOST])
{
    uint8_t value[SEALED_MOST];
    size_t length = strlen(words[5]);
    struct sealed_content content = {.time = strtoll(words[4], NULL, 10) * SECOND_IN_MICROS,
                                     .server_length = (uint8_t)length};
    if (length > SEALED_SERVER_MOST || !read_scope(words))
        return false;
    memcpy(content.server, words[5], length);
    if (pin_seal(&keys, &scope, &content, value, &length) != 0)
        return false;
    for (size_t i = 0; i < length; i++)
        printf("%02x", value[i]);
    putchar('\n');
    return true;
}

static bool open_value(char *words[WORDS_MOST])
{
    struct sealed_content content;
    if (!read_scope(words))
        return false;
    if (pin_open(&keys, &scope, read_hex(words[4]), &content))
        printf("pin\t%.*s\t%lld\n", content.server_length, content.server,
               (long long)(content.time / SECOND_IN_MICROS));
    else
        puts("bad");
    return true;
}

int main(void)
{
    static char line[LINE_SIZE];
    while (fgets(line, sizeof(line), stdin)) {
        char *words[WORDS_MOST];
        size_t count = split(line, words);
        bool done = (count == 5 && strcmp(words[0], "name") == 0 && name(words)) ||
                    (count == 6 && strcmp(words[0], "seal") == 0 && seal(words)) ||
                    (count == 5 && strcmp(words[0], "open") == 0 && open_value(words));
        if (!done)
            return 1;
    }
    return 0;
}
