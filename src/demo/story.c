#include "demo/story.h"

#include <stdio.h>

#define SECONDS(n) ((n) * (micros)SECOND_IN_MICROS)
#define NEVER INT64_MAX

/* Long enough to read a line before the next thing happens. */
#define FIRST_ACT SECONDS(6)
#define AWAY SECONDS(3)
#define PAUSE SECONDS(12)

/* limpet lets a failed server rest for 250 ms, then twice as long each time it fails again: one that was away for 3
 * seconds is tried again within 4. */
#define TIME_TO_COME_HOME SECONDS(6)

void demo_story_begin(struct demo_story *story, micros length)
{
    *story = (struct demo_story){
        .next = FIRST_ACT, .event = DEMO_LEAVES, .server = DEMO_NOWHERE, .away = AWAY, .length = length};
    if (length > 0 && length < FIRST_ACT + AWAY + TIME_TO_COME_HOME) {
        story->next = length / 4;
        story->away = length / 4 < AWAY ? length / 4 : AWAY;
    }
    /* Too short to leave and come home. */
    if (length > 0 && length < SECONDS(2))
        story->next = NEVER;
    snprintf(story->text, sizeof(story->text),
             "Every client asks again and again, each time over a new connection.\n"
             "The same address always finds the same server: its home.");
}

/* The first is the one with most to show; then each in turn. */
static int choose(const struct demo_score *score, int last)
{
    if (last != DEMO_NOWHERE)
        return (last + 1) % DEMO_SERVERS;
    int best = 0;
    for (int i = 1; i < DEMO_SERVERS; i++)
        if (score->servers[i].residents > score->servers[best].residents)
            best = i;
    return best;
}

enum demo_event demo_story_due(struct demo_story *story, const struct demo_score *score, micros elapsed)
{
    if (elapsed < story->next)
        return DEMO_NOTHING;
    if (story->event == DEMO_LEAVES && !story->chosen) {
        story->server = choose(score, story->server);
        story->chosen = true;
    }
    return story->event;
}

static void tell_leaving(struct demo_story *story, const struct demo_server *server)
{
    if (server->residents == 0)
        snprintf(story->text, sizeof(story->text), "Server %c just went away. Nobody is at home there.", server->name);
    else
        snprintf(story->text, sizeof(story->text),
                 "Server %c just went away. Its %u client%s on, each to the next of its\n"
                 "own ranking; everybody else stays at home.",
                 server->name, server->residents, server->residents == 1 ? " goes" : "s go");
}

void demo_story_happened(struct demo_story *story, const struct demo_score *score, micros elapsed)
{
    const struct demo_server *server = &score->servers[story->server];
    if (story->event == DEMO_LEAVES) {
        story->event = DEMO_RETURNS;
        story->next = elapsed + story->away;
        tell_leaving(story, server);
        return;
    }
    story->event = DEMO_LEAVES;
    story->chosen = false;
    story->next = elapsed + PAUSE;
    if (story->length > 0 && story->next + story->away + TIME_TO_COME_HOME > story->length)
        story->next = NEVER;
    snprintf(story->text, sizeof(story->text),
             "Server %c is back. limpet finds out within moments,\nand its clients come home.", server->name);
}

void demo_story_all_home(struct demo_story *story)
{
    if (story->event == DEMO_LEAVES)
        snprintf(story->text, sizeof(story->text),
                 "Everybody is at home again.\nThose whose home was there all along never moved.");
}
