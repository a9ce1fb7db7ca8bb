#include "control/output.h"

#include "base/log.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* A worker that dies has often just said why, and its death may be noticed first. A pipe holds 16 times this much; somebody
 * else may still fill it. */
#define LAST_READS 32

static void put(const struct output *output, const char *words, size_t length)
{
    char buffer[sizeof(output->name) + OUTPUT_LINE_MOST + 8];
    static_assert(sizeof(buffer) <= PIPE_BUF, "a line with its name is written whole or not at all");
    struct text line;
    text_init(&line, buffer, sizeof(buffer));
    text_add(&line, output->name);
    text_add(&line, " | ");
    text_add_bytes(&line, words, length);
    text_add_char(&line, '\n');
    log_put(output->target, line.data, line.length);
}

static void put_lines(struct output *output)
{
    char *start = output->line;
    char *end = start + output->length;
    for (char *newline; (newline = memchr(start, '\n', (size_t)(end - start))); start = newline + 1)
        put(output, start, (size_t)(newline - start));
    output->length = (size_t)(end - start);
    memmove(output->line, start, output->length);
    if (output->length == sizeof(output->line)) {
        put(output, output->line, output->length);
        output->length = 0;
    }
}

/* As read(2). */
static ssize_t read_once(struct output *output)
{
    ssize_t got = read(output->source.fd, output->line + output->length, sizeof(output->line) - output->length);
    if (got > 0) {
        output->length += (size_t)got;
        put_lines(output);
    }
    return got;
}

static void ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct output *output = container_of(source, struct output, source);
    ssize_t got = read_once(output);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        output_close(output);
}

int output_open(struct output *output, struct loop *loop, int target, const char *name)
{
    int ends[2];
    struct text text;
    output->source.fd = -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    output->loop = loop;
    output->target = target;
    output->length = 0;
    text_init(&text, output->name, sizeof(output->name));
    text_add(&text, name);
    loop_source_init(&output->source, ends[0], ready);
    int failure = loop_add(loop, &output->source, LOOP_READ);
    if (!failure)
        return ends[1];
    close(ends[0]);
    close(ends[1]);
    output->source.fd = -1;
    return failure;
}

void output_close(struct output *output)
{
    if (output->source.fd < 0)
        return;
    for (int i = 0; i < LAST_READS && read_once(output) > 0; i++)
        continue;
    if (output->length > 0)
        put(output, output->line, output->length);
    loop_ignore(&output->source);
    close(output->source.fd);
    output->source.fd = -1;
}
