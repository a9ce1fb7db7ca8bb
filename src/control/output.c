#include "control/output.h"

#include "base/log.h"
#include "base/text.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* False when nothing is there any more. */
static bool read_some(struct output *output)
{
    ssize_t got = read(output->source.fd, output->line + output->length, sizeof(output->line) - output->length);
    if (got > 0) {
        output->length += (size_t)got;
        put_lines(output);
    }
    return got > 0;
}

/* At the end of the pipe there is nothing to wait for. */
static void ready(struct loop_source *source, uint32_t events)
{
    struct output *output = container_of(source, struct output, source);
    if (!read_some(output) && events & EPOLLHUP)
        loop_forget(output->loop, source);
}

struct output *output_new(struct loop *loop, int target, const char *name, int *end)
{
    int ends[2];
    struct text text;
    struct output *output = malloc(sizeof(*output));
    if (!output)
        return NULL;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        free(output);
        return NULL;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    output->loop = loop;
    output->target = target;
    output->length = 0;
    text_init(&text, output->name, sizeof(output->name));
    text_add(&text, name);
    loop_source_init(&output->source, ends[0], ready);
    if (loop_add(loop, &output->source, LOOP_READ) == 0) {
        *end = ends[1];
        return output;
    }
    close(ends[0]);
    close(ends[1]);
    free(output);
    return NULL;
}

static void bury(struct loop_grave *grave)
{
    free(container_of(grave, struct output, grave));
}

/* A pipe holds 64 KiB; a child of the worker's that writes on must not be read for ever. */
#define LAST_READS 32

void output_free(struct output *output)
{
    if (!output)
        return;
    for (int i = 0; i < LAST_READS && read_some(output); i++)
        continue;
    if (output->length > 0)
        put(output, output->line, output->length);
    loop_ignore(&output->source);
    close(output->source.fd);
    loop_bury(output->loop, &output->grave, bury);
}
