#include "seal/secret.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>

_Static_assert(crypto_kdf_KEYBYTES == SECRET_SIZE, "a line of the secret is a key of crypto_kdf");
_Static_assert(crypto_kdf_CONTEXTBYTES == 8, "a purpose is a context of crypto_kdf");

#define DIGITS (2 * (size_t)SECRET_SIZE)

/* The next line that counts, without its end; false behind the last one. `number` counts all lines, from 1. */
static bool next_line(struct span *rest, struct span *line, unsigned *number)
{
    while (rest->length > 0) {
        const uint8_t *end = memchr(rest->data, '\n', rest->length);
        size_t length = end ? (size_t)(end - rest->data) : rest->length;
        size_t used = end ? length + 1 : length;
        *line = span_part(*rest, 0, length);
        *rest = span_part(*rest, used, rest->length - used);
        ++*number;
        if (line->length > 0 && line->data[line->length - 1] == '\r')
            line->length--;
        *line = span_trim(*line);
        if (line->length > 0 && line->data[0] != '#')
            return true;
    }
    return false;
}

static bool read_line(struct span line, uint8_t secret[SECRET_SIZE])
{
    size_t length = 0;
    return line.length == DIGITS &&
           sodium_hex2bin(secret, SECRET_SIZE, (const char *)line.data, line.length, NULL, &length, NULL) == 0 &&
           length == SECRET_SIZE;
}

static const char *judge_line(struct span line)
{
    uint8_t secret[SECRET_SIZE];
    if (line.length != DIGITS)
        return line.length < DIGITS ? "this line is too short: 64 hexadecimal digits are expected"
                                    : "this line is too long: 64 hexadecimal digits are expected";
    bool right = read_line(line, secret);
    bool empty = right && sodium_is_zero(secret, sizeof(secret));
    sodium_memzero(secret, sizeof(secret));
    if (!right)
        return "there is something else than a hexadecimal digit in this line";
    return empty ? "this secret is all zeros, which everybody can guess" : NULL;
}

const char *secret_judge(struct span text, unsigned *line)
{
    struct span each;
    size_t count = 0;
    *line = 0;
    while (next_line(&text, &each, line)) {
        const char *wrong = judge_line(each);
        if (wrong)
            return wrong;
        if (++count > SECRET_LINES_MOST)
            return "there are more than 16 secrets: retire the old ones";
    }
    *line = 0;
    return count == 0 ? "there is no secret in this file" : NULL;
}

size_t secret_derive(struct span text, const char purpose[8], uint8_t keys[][SECRET_SIZE])
{
    uint8_t secret[SECRET_SIZE];
    struct span line;
    unsigned number = 0;
    size_t count = 0;
    int failed = sodium_init();
    assert(failed >= 0);
    while (count < SECRET_LINES_MOST && next_line(&text, &line, &number)) {
        if (!read_line(line, secret))
            continue; /* judged before */
        failed = crypto_kdf_derive_from_key(keys[count++], SECRET_SIZE, 1, purpose, secret);
        assert(!failed); /* it only judges the length of the key */
    }
    (void)failed;
    sodium_memzero(secret, sizeof(secret));
    return count;
}

void secret_make(char line[SECRET_LINE_SIZE])
{
    uint8_t secret[SECRET_SIZE];
    int failed = sodium_init();
    assert(failed >= 0);
    (void)failed;
    randombytes_buf(secret, sizeof(secret));
    sodium_bin2hex(line, SECRET_LINE_SIZE, secret, sizeof(secret));
    sodium_memzero(secret, sizeof(secret));
    line[DIGITS] = '\n';
    line[DIGITS + 1] = '\0';
}

size_t secret_count(struct span text)
{
    struct span line;
    unsigned number = 0;
    size_t count = 0;
    while (next_line(&text, &line, &number))
        count++;
    return count;
}

struct output {
    char *text;
    size_t length;
};

static void put(struct output *out, struct span bytes)
{
    if (bytes.length > 0)
        memcpy(out->text + out->length, bytes.data, bytes.length);
    out->length += bytes.length;
}

/* The last line of a file may have no newline. */
static void put_line(struct output *out, struct span line)
{
    put(out, line);
    if (line.length > 0 && line.data[line.length - 1] != '\n')
        put(out, span_text("\n"));
}

static struct span whole_line(struct span *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->length);
    size_t length = end ? (size_t)(end - rest->data) + 1 : rest->length;
    struct span line = span_part(*rest, 0, length);
    *rest = span_part(*rest, length, rest->length - length);
    return line;
}

/* The whole line of the last secret. */
static struct span last_secret(struct span text)
{
    struct span last = span_of(NULL, 0);
    while (text.length > 0) {
        struct span line = whole_line(&text);
        if (secret_count(line) > 0)
            last = line;
    }
    return last;
}

size_t secret_rewrite(struct span text, enum secret_step step, char *after)
{
    struct output out = {.text = after};
    struct span promoted = step == SECRET_PROMOTE ? last_secret(text) : span_of(NULL, 0);
    size_t secrets = 0;
    while (text.length > 0) {
        struct span line = whole_line(&text);
        bool counts = secret_count(line) > 0, first = counts && secrets == 0;
        secrets += counts;
        if (first)
            put_line(&out, promoted);
        bool moved = promoted.data == line.data, retired = step == SECRET_RETIRE && counts && !first;
        if (!moved && !retired)
            put_line(&out, line);
    }
    if (step == SECRET_APPEND) {
        char line[SECRET_LINE_SIZE];
        secret_make(line);
        put(&out, span_text(line));
        sodium_memzero(line, sizeof(line));
    }
    return out.length;
}
