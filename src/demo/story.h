#ifndef LIMPET_DEMO_STORY_H
#define LIMPET_DEMO_STORY_H

/* What happens in the demo, and when: everybody finds a home; now and then one server goes away and comes back; everybody
 * is at home again. Only times and texts. */

#include "demo/score.h"

enum demo_event { DEMO_NOTHING, DEMO_LEAVES, DEMO_RETURNS };

struct demo_story {
    micros next;           /* when `event` happens, counted from the beginning; TIMER_NEVER: no more */
    enum demo_event event; /* the one that is next */
    int server;            /* to whom; the last one while the next is not `chosen` */
    bool chosen;
    micros away;    /* how long it stays away */
    micros length;  /* of the whole demo; 0: until it is stopped */
    char text[256]; /* one or two lines */
};

void demo_story_begin(struct demo_story *story, micros length);

/* The event that is due, or DEMO_NOTHING. The caller makes it happen, then calls demo_story_happened(). */
enum demo_event demo_story_due(struct demo_story *story, const struct demo_score *score, micros elapsed);
void demo_story_happened(struct demo_story *story, const struct demo_score *score, micros elapsed);

/* Everybody is home after a return. */
void demo_story_all_home(struct demo_story *story);

#endif
