#include "demo/show.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The other screen of the terminal, so that what was there comes back; and no cursor dancing over the picture. */
#define TAKE_SCREEN "\033[?1049h\033[?25l\033[2J"
#define GIVE_BACK "\033[0m\033[?25h\033[?1049l"

bool demo_show_init(struct demo_show *show)
{
    const char *terminal = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");
    *show = (struct demo_show){.frame = malloc(DEMO_PICTURE_SIZE)};
    show->live = isatty(STDOUT_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
    show->colour = show->live && (!no_colour || !*no_colour);
    if (!show->live)
        setvbuf(stdout, NULL, _IOLBF, 0);
    return show->frame != NULL;
}

void demo_show_fini(struct demo_show *show)
{
    free(show->frame);
    show->frame = NULL;
}

static void put(struct demo_show *show, const char *bytes, size_t length)
{
    while (length > 0 && !show->failed) {
        ssize_t count = write(STDOUT_FILENO, bytes, length);
        if (count < 0 && errno != EINTR) {
            show->failed = true;
        } else if (count > 0) {
            bytes += count;
            length -= (size_t)count;
        }
    }
}

void demo_show_begin(struct demo_show *show)
{
    fflush(stdout);
    if (show->live)
        put(show, TAKE_SCREEN, strlen(TAKE_SCREEN));
}

void demo_show_end(struct demo_show *show)
{
    if (show->live)
        put(show, GIVE_BACK, strlen(GIVE_BACK));
}

void demo_show_draw(struct demo_show *show, struct demo_picture *picture)
{
    struct winsize size;
    struct text out;
    if (!show->live)
        return;
    picture->width = 80;
    picture->height = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        picture->width = size.ws_col;
        picture->height = size.ws_row;
    }
    picture->colour = show->colour;
    text_init(&out, show->frame, DEMO_PICTURE_SIZE);
    demo_picture_draw(picture, &out);
    put(show, out.data, out.length);
}

void demo_show_say(struct demo_show *show, micros elapsed, const char *format, ...)
{
    if (show->live)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("%5.1f s  ", (double)elapsed / SECOND_IN_MICROS);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    show->failed = show->failed || ferror(stdout);
}
