#ifndef LIMPET_DEMO_PICTURE_H
#define LIMPET_DEMO_PICTURE_H

/* The demo as a picture: one row per client, one cell per visit, one colour per server. Who stays at home paints a
 * straight line. Drawing is text in a buffer; what has no room in a small terminal is left out, the least telling first. */

#include "base/text.h"
#include "demo/score.h"

#define DEMO_PICTURE_SIZE (256 * 1024)

struct demo_picture {
    const struct demo_score *score;
    const char *url;
    const char *story; /* what is happening, one or two lines */
    const char *log;   /* newest line of limpet's access log, or "" */
    const char *curl;  /* what to type for joining in */
    micros elapsed;
    unsigned width, height; /* of the terminal */
    bool colour;
    bool last; /* the one that stays on the screen: without hints, without positioning */
};

/* A whole frame; with positioning it starts at the top left corner and clears what it does not cover. */
void demo_picture_draw(const struct demo_picture *picture, struct text *out);

#endif
