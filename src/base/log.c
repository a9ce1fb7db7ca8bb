#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* Long enough for any message of ours; a longer one is cut, never dropped. */
#define LINE_SIZE 2048

static enum log_level most = LOG_NOTICE;
static void (*writer)(void *context, const char *line, size_t length);
static void *writer_context;
static bool stamped;

static const char *const level_words[] = {
    [LOG_ERROR] = "error: ", [LOG_WARNING] = "warning: ", [LOG_NOTICE] = "", [LOG_DEBUG] = "debug: "};

void log_set_level(enum log_level level)
{
    most = level;
}

void log_set_stamped(bool wanted)
{
    stamped = wanted;
}

void log_set_writer(void (*write)(void *context, const char *line, size_t length), void *context)
{
    writer = write;
    writer_context = context;
}

static void add_printable(struct text *line, const char *words)
{
    for (const unsigned char *c = (const unsigned char *)words; *c; c++) {
        if (*c < ' ' || *c == 0x7f)
            text_add_format(line, "\\x%02x", *c);
        else
            text_add_char(line, (char)*c);
    }
}

void log_message(enum log_level level, const char *format, ...)
{
    if (level > most)
        return;
    char words[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);

    char buffer[LINE_SIZE];
    struct text line;
    text_init(&line, buffer, sizeof(buffer) - 1); /* one byte is kept for the newline of a cut line */
    if (stamped) {
        char time[CLOCK_TEXT_SIZE];
        clock_text(clock_wall(), time);
        text_add_format(&line, "%s ", time);
    }
    text_add(&line, "limpet: ");
    text_add(&line, level_words[level]);
    add_printable(&line, words);
    line.capacity++;
    text_add_char(&line, '\n');

    if (writer)
        writer(writer_context, line.data, line.length);
    else
        log_put(STDERR_FILENO, line.data, line.length);
}

void log_put(int fd, const char *line, size_t length)
{
    static_assert(LINE_SIZE <= PIPE_BUF, "a line fits where poll(2) says there is room");
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    if (poll(&room, 1, 0) == 1 && room.revents & POLLOUT)
        (void)!write(fd, line, length); /* if nobody listens, there is nowhere left to say so */
}

bool log_limit_pass(struct log_limit *limit, int seconds, unsigned long *skipped)
{
    long long second = clock_steady() / SECOND_IN_MICROS;
    long long next = __atomic_load_n(&limit->next_second, __ATOMIC_RELAXED);
    if (second < next || !__atomic_compare_exchange_n(&limit->next_second, &next, second + seconds, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_add_fetch(&limit->skipped, 1, __ATOMIC_RELAXED);
        return false;
    }
    *skipped = __atomic_exchange_n(&limit->skipped, 0, __ATOMIC_RELAXED);
    return true;
}
