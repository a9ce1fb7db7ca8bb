#include "pieces.h"
#include "seal/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* After a step the text is a good one still, with as many secrets as the step says. */
static void try_step(struct span text, enum secret_step step, size_t expected)
{
    uint8_t before[SECRET_LINES_MOST][SECRET_SIZE], after[SECRET_LINES_MOST][SECRET_SIZE];
    unsigned line;
    char *rewritten = malloc(text.length + SECRET_STEP_ROOM);
    CHECK(rewritten != NULL);
    struct span result = span_of(rewritten, secret_rewrite(text, step, rewritten));
    size_t count = secret_derive(text, SECRET_FOR_COOKIES, before);
    CHECK(result.length <= text.length + SECRET_STEP_ROOM && secret_count(result) == expected);
    if (expected <= SECRET_LINES_MOST) {
        CHECK(secret_judge(result, &line) == NULL);
        CHECK(secret_derive(result, SECRET_FOR_COOKIES, after) == expected);
        CHECK(memcmp(after[0], before[step == SECRET_PROMOTE ? count - 1 : 0], SECRET_SIZE) == 0);
    }
    free(rewritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned line;
    struct span text = span_of(data, size);
    size_t count = secret_count(text);
    if (secret_judge(text, &line)) {
        CHECK(line <= size + 1);
        return 0;
    }
    CHECK(count > 0 && count <= SECRET_LINES_MOST);
    try_step(text, SECRET_APPEND, count + 1);
    try_step(text, SECRET_PROMOTE, count);
    try_step(text, SECRET_RETIRE, 1);
    return 0;
}
