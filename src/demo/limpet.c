#include "demo/limpet.h"

#include "control/powers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_MOST 20

static void pipe_close(struct demo_pipe *pipe)
{
    if (pipe->source.fd < 0)
        return;
    loop_ignore(&pipe->source);
    close(pipe->source.fd);
    pipe->source.fd = -1;
}

/* Keeps the newest whole lines, so that half of the room is free again. */
static void drop_oldest(struct demo_pipe *pipe, size_t kept)
{
    const char *start = pipe->text + pipe->length - kept;
    const char *line = memchr(start, '\n', kept);
    if (line) {
        kept -= (size_t)(line + 1 - start);
        start = line + 1;
    }
    memmove(pipe->text, start, kept);
    pipe->length = kept;
}

static void pipe_ready(struct loop_source *source, uint32_t events)
{
    struct demo_pipe *pipe = container_of(source, struct demo_pipe, source);
    size_t half = sizeof(pipe->text) / 2;
    if (pipe->length > half)
        drop_oldest(pipe, half);
    ssize_t count = read(source->fd, pipe->text + pipe->length, half);
    if (count > 0)
        pipe->length += (size_t)count;
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        pipe_close(pipe);
}

/* Returns the end for the child, or a negative errno. */
static int pipe_open(struct demo_pipe *pipe, struct loop *loop)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    loop_source_init(&pipe->source, ends[0], pipe_ready);
    int failure = loop_add(loop, &pipe->source, LOOP_READ);
    if (!failure)
        return ends[1];
    pipe_close(pipe);
    close(ends[1]);
    return failure;
}

static int spawn(struct demo_limpet *limpet, const char *const *arguments)
{
    int log = pipe_open(&limpet->log, limpet->loop);
    if (log < 0)
        return log;
    int errors = pipe_open(&limpet->errors, limpet->loop);
    int failure = errors < 0 ? errors : 0;
    if (!failure) {
        struct powers_spawn spawn = {
            .arguments = arguments, .standard_output = log, .standard_error = errors, .channel = -1, .bound = true};
        failure = powers_spawn_self(&spawn, &limpet->pid);
        close(errors);
    }
    close(log);
    if (failure)
        limpet->pid = 0;
    return failure;
}

int demo_limpet_start(struct demo_limpet *limpet, struct loop *loop, const struct address *listen,
                      const struct demo_house *houses, size_t house_count)
{
    *limpet = (struct demo_limpet){.loop = loop, .log.source.fd = -1, .errors.source.fd = -1};
    char servers[8][ADDRESS_TEXT_SIZE + 4];
    const char *arguments[ARGUMENTS_MOST] = {"limpet",   "serve", "--listen", listen->text, "--trust",
                                             "loopback", "--key", "client",   "--seed",     "demo"};
    size_t count = 10;
    for (size_t i = 0; i < house_count && i < 7; i++) {
        snprintf(servers[i], sizeof(servers[i]), "%c=%s", houses[i].name, houses[i].address.text);
        arguments[count++] = servers[i];
    }
    return spawn(limpet, arguments);
}

bool demo_limpet_lives(struct demo_limpet *limpet)
{
    if (limpet->pid == 0)
        return false;
    if (waitpid(limpet->pid, NULL, WNOHANG) != limpet->pid)
        return true;
    limpet->pid = 0;
    if (limpet->errors.source.fd >= 0)
        pipe_ready(&limpet->errors.source, 0);
    return false;
}

struct span demo_limpet_log(const struct demo_limpet *limpet)
{
    size_t end = limpet->log.length;
    while (end > 0 && limpet->log.text[end - 1] != '\n')
        end--;
    if (end == 0)
        return span_of(NULL, 0);
    size_t start = --end;
    while (start > 0 && limpet->log.text[start - 1] != '\n')
        start--;
    return span_of(limpet->log.text + start, end - start);
}

static bool ends_within(struct demo_limpet *limpet, int milliseconds)
{
    for (int waited = 0; waited < milliseconds; waited += 5) {
        if (!demo_limpet_lives(limpet))
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return !demo_limpet_lives(limpet);
}

void demo_limpet_stop(struct demo_limpet *limpet)
{
    if (!limpet->loop)
        return;
    pipe_close(&limpet->log);
    /* The first one lets visits finish, the second one does not, and the third needs no consent. */
    static const int asks[] = {SIGTERM, SIGTERM, SIGKILL};
    for (size_t i = 0; i < ARRAY_LENGTH(asks) && limpet->pid; i++) {
        kill(limpet->pid, asks[i]);
        if (ends_within(limpet, 1000))
            break;
    }
    pipe_close(&limpet->errors);
}
