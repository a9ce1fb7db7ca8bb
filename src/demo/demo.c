#include "base/attr.h"
#include "cli/options.h"
#include "control/posts.h"
#include "demo/caller.h"
#include "demo/house.h"
#include "demo/limpet.h"
#include "demo/picture.h"
#include "demo/place.h"
#include "demo/score.h"
#include "demo/show.h"
#include "demo/story.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define CLIENTS_USUALLY 8
#define VISITS_PER_CLIENT 3 /* in a second */
#define VISITS_MOST 300     /* of all, in a second: a demo, not a load */
#define TICK (100 * (micros)MILLIS_IN_MICROS)
#define PATIENCE (10 * (micros)SECOND_IN_MICROS) /* until limpet answers for the first time */
#define TOLD_CLIENTS 12                          /* in plain lines; the others are only counted */

struct demo;

struct person {
    struct demo_caller caller;
    struct demo *demo;
    size_t number;
};

struct demo {
    struct loop loop;
    struct timer ask;
    struct timer tick;
    struct loop_source signals;
    sigset_t old_mask;
    struct demo_score score;
    struct demo_story story;
    struct demo_show show;
    struct demo_house houses[DEMO_SERVERS];
    struct person *people;
    size_t next_person;
    struct demo_limpet limpet;
    const struct address *wish; /* where limpet shall listen; null: wherever it can */
    struct demo_place place;
    micros interval;
    micros launched;
    micros begun; /* first answer; 0: none yet */
    micros last_tick;
    micros ended;
    const char *wrong; /* why it ended early; null: it did not */
};

static micros elapsed(const struct demo *demo)
{
    micros until = demo->ended ? demo->ended : clock_steady();
    return demo->begun ? until - demo->begun : 0;
}

static void finish(struct demo *demo, const char *wrong)
{
    if (!demo->wrong)
        demo->wrong = wrong;
    demo->ended = clock_steady();
    demo->loop.stopping = true;
}

static void set_timer(struct demo *demo, struct timer *timer, micros delay)
{
    if (timer_set(&demo->loop.timers, timer, clock_steady() + delay) != 0)
        finish(demo, "out of memory");
}

/* The clients. */

static void begin(struct demo *demo)
{
    demo->begun = clock_steady();
    demo_show_begin(&demo->show);
}

static void tell(struct demo *demo, size_t number, enum demo_outcome outcome, char server)
{
    const struct demo_client *client = &demo->score.clients[number];
    char home = client->home == DEMO_NOWHERE ? '?' : demo->score.servers[client->home].name;
    if (outcome != DEMO_MOVED && number >= TOLD_CLIENTS)
        return;
    switch (outcome) {
    case DEMO_FIRST:
        demo_show_say(&demo->show, elapsed(demo), "%-15s is at home on %c", client->name, server);
        break;
    case DEMO_RETURN:
        demo_show_say(&demo->show, elapsed(demo), "%-15s comes home to %c", client->name, server);
        break;
    case DEMO_DETOUR:
        demo_show_say(&demo->show, elapsed(demo), "%-15s finds %c away, goes to its next: %c", client->name, home,
                      server);
        break;
    case DEMO_MOVED:
        demo_show_say(&demo->show, elapsed(demo), "%-15s MOVED from %c to %c", client->name, home, server);
        break;
    case DEMO_HOME:
    case DEMO_DETOUR_AGAIN:
        break;
    }
}

static void answered(struct demo_caller *caller, char server)
{
    struct person *person = container_of(caller, struct person, caller);
    struct demo *demo = person->demo;
    struct demo_client *client = &demo->score.clients[person->number];
    int number = server - 'a';
    if (number < 0 || number >= DEMO_SERVERS) {
        /* Nobody answers while limpet is still starting. */
        if (demo->begun)
            demo_score_failure(&demo->score, client);
        return;
    }
    if (!demo->begun)
        begin(demo);
    enum demo_outcome outcome = demo_score_visit(&demo->score, client, number, caller->began, clock_steady());
    tell(demo, person->number, outcome, server);
    if (outcome == DEMO_RETURN && demo->score.astray == 0)
        demo_story_all_home(&demo->story);
}

static bool anybody_calls(const struct demo *demo)
{
    for (size_t i = 0; i < demo->score.client_count; i++)
        if (demo_caller_is_busy(&demo->people[i].caller))
            return true;
    return false;
}

static void guest(struct demo_house *house, const char *who)
{
    struct demo *demo = container_of(house - house->number, struct demo, houses[0]);
    demo_score_guest(&demo->score, who, house->number);
    demo_show_say(&demo->show, elapsed(demo), "%-15s a guest, is at home on %c", who, house->name);
}

/* The events. A server goes away between two visits: what is under way when a server dies is lost with it, whoever stands
 * in front, and that is not what is shown here. Returns false while visits are under way. */

static bool leave(struct demo *demo)
{
    if (anybody_calls(demo))
        return false;
    demo_house_close(&demo->houses[demo->story.server]);
    demo_score_leave(&demo->score, demo->story.server);
    demo_show_say(&demo->show, elapsed(demo), "server %c goes away", demo->houses[demo->story.server].name);
    return true;
}

static bool come_back(struct demo *demo)
{
    /* If somebody took the port meanwhile, try again. */
    if (demo_house_open(&demo->houses[demo->story.server]) != 0)
        return false;
    demo_score_return(&demo->score, demo->story.server);
    demo_show_say(&demo->show, elapsed(demo), "server %c is back", demo->houses[demo->story.server].name);
    return true;
}

/* True if visits have to wait for it. */
static bool play(struct demo *demo)
{
    bool happened;
    switch (demo_story_due(&demo->story, &demo->score, elapsed(demo))) {
    case DEMO_LEAVES:
        happened = leave(demo);
        break;
    case DEMO_RETURNS:
        happened = come_back(demo);
        break;
    default:
        return false;
    }
    if (happened)
        demo_story_happened(&demo->story, &demo->score, elapsed(demo));
    return !happened && demo->story.event == DEMO_LEAVES;
}

/* The clock. */

static void send_next(struct demo *demo)
{
    /* Before the first answer one client knocks for all. */
    size_t count = demo->begun ? demo->score.client_count : 1;
    for (size_t i = 0; i < count; i++) {
        struct person *person = &demo->people[demo->next_person++ % count];
        if (demo_caller_is_busy(&person->caller))
            continue;
        if (demo_caller_ask(&person->caller, &demo->place.door) != 0)
            answered(&person->caller, '\0');
        return;
    }
}

static void ask_fires(struct timer *timer)
{
    struct demo *demo = container_of(timer, struct demo, ask);
    if (!demo->begun || !play(demo))
        send_next(demo);
    set_timer(demo, &demo->ask, demo->interval);
}

/* Of the newest line of the access log, what is of interest here. */
static void tell_log(const struct demo *demo, struct text *words)
{
    static const char *const fields[] = {"client=", "server=", "why=", "reason="};
    char line[1024];
    struct text whole;
    text_init(&whole, line, sizeof(line));
    struct span newest = demo_limpet_log(&demo->limpet);
    text_add_bytes(&whole, newest.data, newest.length);
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        const char *field = strstr(line, fields[i]);
        if (!field)
            continue;
        text_add(words, words->length > 0 ? " " : "");
        text_add_bytes(words, field, strcspn(field, " "));
    }
}

static void draw(struct demo *demo, bool last)
{
    char log[512];
    struct text words;
    text_init(&words, log, sizeof(log));
    tell_log(demo, &words);
    struct demo_picture picture = {.score = &demo->score,
                                   .url = demo->place.url,
                                   .story = demo->story.text,
                                   .log = log,
                                   .curl = demo->place.curl,
                                   .elapsed = elapsed(demo),
                                   .last = last};
    demo_show_draw(&demo->show, &picture);
}

/* A terminal that was stopped (Ctrl-S, Ctrl-Z) stops us too; that time is nobody's fault. */
static void tick_callers(struct demo *demo)
{
    micros now = clock_steady();
    micros lost = now - demo->last_tick - 2 * TICK;
    demo->last_tick = now;
    for (size_t i = 0; i < demo->score.client_count; i++) {
        if (lost > 0)
            demo->people[i].caller.deadline += lost;
        demo_caller_tick(&demo->people[i].caller, now);
    }
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
    struct demo *demo = container_of(source, struct demo, signals);
    struct signalfd_siginfo info;
    if (read(source->fd, &info, sizeof(info)) == sizeof(info))
        finish(demo, NULL);
}

static void tick_fires(struct timer *timer)
{
    struct demo *demo = container_of(timer, struct demo, tick);
    tick_callers(demo);
    /* Ctrl-C ends limpet as well, but that is no fault of it. */
    if (!demo->ended)
        signals_ready(&demo->signals, 0);
    if (demo->ended)
        return;
    if (!demo_limpet_lives(&demo->limpet))
        finish(demo, "limpet ended");
    else if (!demo->begun && clock_steady() - demo->launched > PATIENCE)
        finish(demo, "limpet does not answer");
    else if (demo->story.length > 0 && elapsed(demo) >= demo->story.length)
        finish(demo, NULL);
    else if (demo->show.failed)
        finish(demo, "standard output is gone");
    if (demo->begun && !demo->ended)
        draw(demo, false);
    set_timer(demo, &demo->tick, TICK);
}

/* Setting up and clearing away. */

static int catch_signals(struct demo *demo)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &demo->old_mask);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    loop_source_init(&demo->signals, fd, signals_ready);
    return loop_add(&demo->loop, &demo->signals, LOOP_READ);
}

static int open_houses(struct demo *demo)
{
    for (int i = 0; i < DEMO_SERVERS; i++) {
        demo_house_init(&demo->houses[i], &demo->loop, i, guest);
        int failure = demo_house_open(&demo->houses[i]);
        if (failure)
            return failure;
        demo->score.servers[i].address = demo->houses[i].address;
    }
    return 0;
}

static bool invite(struct demo *demo)
{
    size_t count = demo->score.client_count;
    demo->people = calloc(count, sizeof(*demo->people));
    if (!demo->people)
        return false;
    for (size_t i = 0; i < count; i++) {
        demo->people[i].demo = demo;
        demo->people[i].number = i;
        demo_caller_init(&demo->people[i].caller, &demo->loop, demo->score.clients[i].name, answered);
    }
    size_t rate = count * VISITS_PER_CLIENT < VISITS_MOST ? count * VISITS_PER_CLIENT : VISITS_MOST;
    demo->interval = SECOND_IN_MICROS / (micros)rate;
    return true;
}

static int launch(struct demo *demo)
{
    int failure = catch_signals(demo);
    if (!failure)
        failure = open_houses(demo);
    if (!failure)
        failure = demo_place_find(&demo->place, demo->wish);
    if (failure)
        return failure;
    timer_init(&demo->ask, ask_fires);
    timer_init(&demo->tick, tick_fires);
    demo->launched = demo->last_tick = clock_steady();
    set_timer(demo, &demo->ask, demo->interval);
    set_timer(demo, &demo->tick, TICK);
    return demo_limpet_start(&demo->limpet, &demo->loop, &demo->place.address, demo->houses, DEMO_SERVERS);
}

static void clear_away(struct demo *demo)
{
    for (size_t i = 0; demo->people && i < demo->score.client_count; i++)
        demo_caller_fini(&demo->people[i].caller);
    for (int i = 0; i < DEMO_SERVERS; i++)
        if (demo->houses[i].loop)
            demo_house_fini(&demo->houses[i]);
    demo_limpet_stop(&demo->limpet);
    if (demo->signals.fd > 0)
        close(demo->signals.fd);
    loop_fini(&demo->loop);
    free(demo->people);
    demo_score_fini(&demo->score);
    demo_show_fini(&demo->show);
    sigprocmask(SIG_SETMASK, &demo->old_mask, NULL);
}

/* The first and the last words. */

static void introduce(struct demo *demo)
{
    if (demo->place.usual_is_taken)
        printf("%s is taken, so:\n", DEMO_PLACE_USUAL);
    printf("limpet demo: %s\n  in front of", demo->place.url);
    for (int i = 0; i < DEMO_SERVERS; i++)
        printf(" %c=%s", demo->houses[i].name, demo->houses[i].address.text);
    printf("\nJoin in from another terminal, with any address you like:\n  %s\n\n", demo->place.curl);
    fflush(stdout);
}

static void sum_up(const struct demo *demo)
{
    const struct demo_score *score = &demo->score;
    if (!demo->show.live) {
        printf("\n%zu clients, %u visits in %.1f s:", score->client_count, score->visits,
               (double)elapsed(demo) / SECOND_IN_MICROS);
        for (int i = 0; i < DEMO_SERVERS; i++)
            printf(" %c %u%s", score->servers[i].name, score->servers[i].visits, i + 1 < DEMO_SERVERS ? "," : "\n");
        printf("moved: %u\nnext-ranked, home being away: %u\nfailed: %u\n", score->moved, score->detours,
               score->failed);
    }
    printf("\n%s\n", score->moved
                         ? "Somebody moved although its home was there. That must not happen:\nplease report it."
                     : score->astray ? "Nobody moved while its home was there;\nsome had not come home yet at the end."
                                     : "Nobody moved while its home was there, and everybody is at home.");
    /* As it was called, so that it can be copied. */
    const char *name = strchr(program_invocation_name, '/') ? program_invocation_name : "limpet";
    printf("\nNow with servers of your own:\n"
           "  %s serve -l :8080 a=127.0.0.1:3000 b=127.0.0.1:3001\n"
           "Where would a client go, and why?\n"
           "  %s why -l :8080 --peer 192.0.2.7 a=127.0.0.1:3000 b=127.0.0.1:3001\n"
           "All the rest: %s serve --help, limpet.yaml(5)\n",
           name, name, name);
}

static int run(struct demo *demo)
{
    int failure = launch(demo);
    if (failure) {
        fprintf(stderr, "limpet demo: cannot start%s%s: %s\n", demo->wish ? " on " : "",
                demo->wish ? demo->wish->text : "",
                demo->wish ? posts_advice(demo->wish, failure) : strerror(-failure));
        return EXIT_FAILED;
    }
    introduce(demo);
    loop_run(&demo->loop, NULL, NULL);
    if (demo->begun)
        demo_show_end(&demo->show);
    if (demo->begun && !demo->show.failed) {
        draw(demo, true);
        sum_up(demo);
    }
    if (!demo->wrong)
        return demo->score.moved ? EXIT_FAILED : EXIT_FINE;
    /* What limpet said tells why it is gone, but not why our reader is. */
    int said = demo->show.failed ? 0 : (int)demo->limpet.errors.length;
    fprintf(stderr, "%.*slimpet demo: %s\n", said, demo->limpet.errors.text, demo->wrong);
    return EXIT_FAILED;
}

static int stage(const struct address *address, size_t clients, micros length)
{
    struct demo demo = {.wish = address->length > 0 ? address : NULL, .signals.fd = -1};
    sigprocmask(SIG_SETMASK, NULL, &demo.old_mask);
    demo_story_begin(&demo.story, length);
    int status = EXIT_FAILED;
    bool ready = loop_init(&demo.loop) == 0;
    ready = demo_show_init(&demo.show) && ready;
    ready = demo_score_init(&demo.score, clients) && ready;
    if (ready && invite(&demo))
        status = run(&demo);
    else
        fputs("limpet demo: cannot start: out of memory or descriptors\n", stderr);
    clear_away(&demo);
    return status;
}

/* "5s", "500ms", "2m", "1h" or a number of seconds; 0 if it is none of these. */
static micros parse_time(const char *text)
{
    static const struct unit {
        const char *name;
        micros size;
    } units[] = {{"", SECOND_IN_MICROS},
                 {"s", SECOND_IN_MICROS},
                 {"ms", MILLIS_IN_MICROS},
                 {"m", 60 * (micros)SECOND_IN_MICROS},
                 {"h", 3600 * (micros)SECOND_IN_MICROS}};
    char *end;
    if (*text < '0' || *text > '9')
        return 0;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || number > 1000000)
        return 0;
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
        if (strcmp(end, units[i].name) == 0)
            return number * units[i].size;
    return 0;
}

static size_t parse_clients(const char *text)
{
    char *end;
    long number = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : 0;
    return number >= 1 && number <= DEMO_CLIENTS_MAX && *end == '\0' ? (size_t)number : 0;
}

int command_demo(int argc, char **argv)
{
    struct address address = {.length = 0};
    size_t clients = CLIENTS_USUALLY;
    micros length = 0;
    struct options options;
    options_init(&options, "demo", argc, argv);
    for (;;) {
        const char *wrong = NULL, *problem = NULL;
        switch (options_next(&options)) {
        case OPTION_FOR:
            length = parse_time(options.value);
            wrong = length ? NULL : "is no time: write 5s, 2m or a number of seconds";
            break;
        case OPTION_CLIENTS:
            clients = parse_clients(options.value);
            wrong = clients ? NULL : "is no number of clients: write 1 to 1000";
            break;
        case OPTION_LISTEN:
            problem = address_parse(span_text(options.value), &address);
            break;
        case OPTION_STOP:
            return (int)options.status;
        default:
            return stage(&address, clients, length);
        }
        if (wrong)
            return options_wrong(&options, "`%s` %s", options.value, wrong);
        if (problem)
            return options_wrong(&options, "`%s` is no address: %s", options.value, problem);
    }
}
