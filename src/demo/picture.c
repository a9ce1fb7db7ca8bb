#include "demo/picture.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How much a line tells; when there is no room for all, those that tell least go first. */
enum worth { WORTH_SPACE, WORTH_LOG, WORTH_CURL, WORTH_CLIENT, WORTH_HEADER, WORTH_SERVER, WORTH_STORY, WORTH_COUNTS };

#define LINES_MOST 256
#define NAME_WIDTH 15

/* A frame is planned before it is drawn: lines in order, each with its worth. */
struct line {
    enum worth worth;
    void (*draw)(struct text *out, const struct demo_picture *picture, int number, unsigned width);
    int number;
    bool left_out;
};

struct frame {
    struct line lines[LINES_MOST];
    unsigned count;
};

/* Colours of a, b and c, told apart with most kinds of colour blindness. */
static const char *const cell_colours[DEMO_SERVERS] = {"\033[30;46m", "\033[30;43m", "\033[97;45m"};
static const char *const name_colours[DEMO_SERVERS] = {"\033[1;36m", "\033[1;33m", "\033[1;35m"};
#define BOLD "\033[1m"
#define FAINT "\033[2m"
#define ALARM "\033[1;31m"
#define PLAIN "\033[0m"

static void colour(struct text *out, const struct demo_picture *picture, const char *code)
{
    if (picture->colour)
        text_add(out, code);
}

/* Adds words, at most as many columns as are left. Texts are ASCII, so a byte is a column. */
static unsigned words(struct text *out, unsigned room, const char *format, ...) PRINTF_LIKE(3, 4);
static unsigned words(struct text *out, unsigned room, const char *format, ...)
{
    char buffer[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, sizeof(buffer), format, arguments);
    va_end(arguments);
    size_t length = strnlen(buffer, room);
    for (size_t i = 0; i < length; i++)
        text_add_char(out, buffer[i] >= ' ' && buffer[i] <= '~' ? buffer[i] : '?');
    return room - (unsigned)length;
}

static void draw_nothing(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
}

static void draw_title(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    colour(out, picture, BOLD);
    width = words(out, width, " limpet demo");
    colour(out, picture, PLAIN);
    width = words(out, width, "   %s   %lld s", picture->url, (long long)(picture->elapsed / SECOND_IN_MICROS));
    if (!picture->last)
        words(out, width, "   Ctrl-C ends it");
}

static void draw_server(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    const struct demo_server *server = &picture->score->servers[number];
    unsigned most = 1;
    for (int i = 0; i < DEMO_SERVERS; i++)
        if (picture->score->servers[i].visits > most)
            most = picture->score->servers[i].visits;
    colour(out, picture, name_colours[number]);
    width = words(out, width, "   server %c", server->name);
    colour(out, picture, server->away ? ALARM : PLAIN);
    width = words(out, width, "  %s  ", server->away ? "AWAY" : "here");
    colour(out, picture, PLAIN);
    width = words(out, width, "%2u at home  %4u visits  ", server->residents, server->visits);
    unsigned bar = width > 2 ? (width - 2) * server->visits / most : 0;
    colour(out, picture, cell_colours[number]);
    for (unsigned i = 0; i < bar; i++)
        text_add_char(out, picture->colour ? ' ' : '=');
    colour(out, picture, PLAIN);
}

static void draw_header(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    colour(out, picture, FAINT);
    words(out, width, "   %-*s home  each visit went to (newest on the right)", NAME_WIDTH, "client");
    colour(out, picture, PLAIN);
}

static void draw_cells(struct text *out, const struct demo_picture *picture, const struct demo_client *client,
                       unsigned room)
{
    unsigned shown = client->visits < room ? client->visits : room;
    if (shown > DEMO_HISTORY)
        shown = DEMO_HISTORY;
    int before = DEMO_NOWHERE;
    for (unsigned i = client->visits - shown; i != client->visits; i++) {
        int server = client->history[i % DEMO_HISTORY];
        if (server != before)
            colour(out, picture, server == DEMO_NOWHERE ? PLAIN : cell_colours[server]);
        text_add_char(out, server == DEMO_NOWHERE ? '!' : picture->score->servers[server].name);
        before = server;
    }
    colour(out, picture, PLAIN);
}

static void draw_row(struct text *out, const struct demo_picture *picture, const struct demo_client *client,
                     const char *note, unsigned width)
{
    width = words(out, width, "   %-*.*s  ", NAME_WIDTH, NAME_WIDTH, client->name);
    if (client->home != DEMO_NOWHERE)
        colour(out, picture, name_colours[client->home]);
    width = words(out, width, "%c", client->home == DEMO_NOWHERE ? ' ' : picture->score->servers[client->home].name);
    colour(out, picture, PLAIN);
    width = words(out, width, "   %s", note);
    draw_cells(out, picture, client, width > 1 ? width - 1 : 0);
}

static void draw_client(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    draw_row(out, picture, &picture->score->clients[number], "", width);
}

static void draw_guest(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    draw_row(out, picture, &picture->score->guests[number], "(a guest) ", width);
}

static void draw_others(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    words(out, width, "   ... and %d more clients", number);
}

static void draw_story(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    const char *line = picture->story;
    for (; number > 0 && line; number--)
        line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
    colour(out, picture, BOLD);
    words(out, width, "   %.*s", line ? (int)strcspn(line, "\n") : 0, line ? line : "");
    colour(out, picture, PLAIN);
}

static void draw_counts(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    const struct demo_score *score = picture->score;
    width = words(out, width, "   ");
    colour(out, picture, score->moved ? ALARM : BOLD);
    width = words(out, width, "moved: %u", score->moved);
    colour(out, picture, PLAIN);
    words(out, width, "   visits: %u   next-ranked, home being away: %u   failed: %u", score->visits, score->detours,
          score->failed);
}

static void draw_hint(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    if (number == 0)
        words(out, width, "   Join in from another terminal, with any address you like:");
    else
        words(out, width, "     %s", picture->curl);
}

static void draw_log(struct text *out, const struct demo_picture *picture, int number, unsigned width)
{
    /* Whole words only. */
    const unsigned room = width > 8 ? width - 8 : 0;
    size_t length = strlen(picture->log);
    while (length > room || (length > 0 && picture->log[length] != '\0' && picture->log[length] != ' '))
        length--;
    colour(out, picture, FAINT);
    words(out, width, "   log: %.*s", (int)length, picture->log);
    colour(out, picture, PLAIN);
}

static void plan_line(struct frame *frame, enum worth worth,
                      void (*draw)(struct text *, const struct demo_picture *, int, unsigned), int number)
{
    if (frame->count < LINES_MOST)
        frame->lines[frame->count++] = (struct line){.worth = worth, .draw = draw, .number = number};
}

static void plan_people(struct frame *frame, const struct demo_picture *picture, unsigned room)
{
    const struct demo_score *score = picture->score;
    unsigned count = (unsigned)score->client_count;
    unsigned shown = count <= room ? count : room > 1 ? room - 1 : 1;
    for (unsigned i = 0; i < shown; i++)
        plan_line(frame, WORTH_CLIENT, draw_client, (int)i);
    if (shown < count)
        plan_line(frame, WORTH_CLIENT, draw_others, (int)(count - shown));
    for (int i = 0; i < DEMO_GUESTS; i++)
        if (score->guests[i].name[0])
            plan_line(frame, WORTH_HEADER, draw_guest, i);
}

static void plan(struct frame *frame, const struct demo_picture *picture)
{
    /* Everything else takes about 13 lines; at least four clients are shown, however small the terminal is. */
    unsigned room = picture->height > 17 ? picture->height - 13 : 4;
    if (room > 100)
        room = 100;
    plan_line(frame, WORTH_COUNTS, draw_title, 0);
    plan_line(frame, WORTH_SPACE, draw_nothing, 0);
    for (int i = 0; i < DEMO_SERVERS; i++)
        plan_line(frame, WORTH_SERVER, draw_server, i);
    plan_line(frame, WORTH_SPACE, draw_nothing, 0);
    plan_line(frame, WORTH_HEADER, draw_header, 0);
    plan_people(frame, picture, room);
    plan_line(frame, WORTH_SPACE, draw_nothing, 0);
    if (!picture->last) {
        plan_line(frame, WORTH_STORY, draw_story, 0);
        plan_line(frame, WORTH_STORY, draw_story, 1);
    }
    plan_line(frame, WORTH_COUNTS, draw_counts, 0);
    if (picture->last)
        return;
    plan_line(frame, WORTH_SPACE, draw_nothing, 0);
    plan_line(frame, WORTH_CURL, draw_hint, 0);
    plan_line(frame, WORTH_CURL, draw_hint, 1);
    plan_line(frame, WORTH_LOG, draw_log, 0);
}

static void leave_out(struct frame *frame, unsigned height)
{
    unsigned shown = frame->count;
    for (int worth = WORTH_SPACE; worth <= WORTH_COUNTS && shown > height; worth++) {
        for (unsigned i = frame->count; i-- > 0 && shown > height;) {
            if ((int)frame->lines[i].worth != worth)
                continue;
            frame->lines[i].left_out = true;
            shown--;
        }
    }
}

void demo_picture_draw(const struct demo_picture *picture, struct text *out)
{
    struct frame frame = {.count = 0};
    plan(&frame, picture);
    if (!picture->last)
        leave_out(&frame, picture->height);
    bool first = true;
    if (!picture->last)
        text_add(out, "\033[H\033[K");
    for (unsigned i = 0; i < frame.count; i++) {
        const struct line *line = &frame.lines[i];
        if (line->left_out)
            continue;
        /* No newline behind the last line: it would scroll a terminal that is full. */
        if (!first)
            text_add(out, picture->last ? "\n" : "\r\n\033[K");
        first = false;
        line->draw(out, picture, line->number, picture->width > 1 ? picture->width - 1 : 1);
    }
    text_add(out, picture->last ? "\n" : "\033[J");
}
