#ifndef LIMPET_DEMO_SHOW_H
#define LIMPET_DEMO_SHOW_H

/* How the demo tells its story: as a live picture on a terminal, as plain lines anywhere else. */

#include "demo/picture.h"

#include <stdbool.h>

struct demo_show {
    bool live;
    bool colour;
    bool failed; /* nobody reads what we write any more */
    char *frame; /* DEMO_PICTURE_SIZE bytes */
};

/* False without memory. */
bool demo_show_init(struct demo_show *show);

/* Takes the screen, or does nothing. */
void demo_show_begin(struct demo_show *show);

/* Gives it back as it was. */
void demo_show_end(struct demo_show *show);
void demo_show_fini(struct demo_show *show);

/* Draws a frame; size and colour are filled in. */
void demo_show_draw(struct demo_show *show, struct demo_picture *picture);

/* A line for those without a picture, with the time in front. */
void demo_show_say(struct demo_show *show, micros elapsed, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
