#ifndef LIMPET_TESTS_UNIT_CREW_H
#define LIMPET_TESTS_UNIT_CREW_H

/* A team of two slots whose workers do not exist: the test reads and answers at the other end of their channels, and says
 * how late it is. What is delivered is a file, so that whoever gets it can be told apart. */

#include "base/log.h"
#include "base/text.h"
#include "io/fdpass.h"
#include "loopback.h"
#include "worker/team.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <limpet/worker.h>

#define CREW_MS ((micros)MILLIS_IN_MICROS)
#define CREW_SECOND ((micros)SECOND_IN_MICROS)
#define CREW_PARCELS_MOST 512

struct parcel {
    struct delivery delivery;
    ino_t file;
    int answers;
};

struct crew {
    struct loop loop;
    struct team team;
    struct server_states *states;
    struct parcel parcels[CREW_PARCELS_MOST];
    size_t parcel_count;
    size_t open_before;
    int *ends[16]; /* of the workers */
    size_t end_count;
    int news[TEAM_ENDED + 1]; /* how often each was told */
    uint64_t doors;           /* as told last */
    enum contract contract;   /* as told last */
    struct node_line asked;
    int opened;
    int sessions[2];                     /* that have begun, and have ended */
    char session[NODE_SESSION_MOST + 1]; /* as told last */
    size_t session_server;
    int log_lines;
};

static struct crew crew;

/* A test may change what the configuration says. */
static struct plan_workers crew_workers;
static const struct plan_server crew_servers[] = {
    {.name = "1", .weight = 1, .slot = 1, .number = 0},
    {.name = "2", .weight = 1, .slot = 2, .number = 1},
};
static const struct plan_pool crew_pool = {
    .name = "app", .servers = crew_servers, .server_count = 2, .workers = &crew_workers};
static const struct plan crew_plan = {.pools = &crew_pool, .pool_count = 1, .server_count = 2, .worker_count = 2};

/* ---- the house ------------------------------------------------------------------------------------------------------ */

static inline void crew_report(void *context, const struct team_report *report)
{
    (void)context;
    crew.news[report->news]++;
    if (report->news == TEAM_LISTENS)
        crew.doors = report->doors;
    if (report->news == TEAM_SPOKE)
        crew.contract = report->contract;
    if (report->line)
        crew.asked = *report->line;
}

static inline void crew_session(void *context, const struct plan_pool *pool, const struct plan_server *server,
                                struct span id, bool ended)
{
    (void)context;
    loopback_must(pool->servers + server->number == server && id.length < sizeof(crew.session));
    crew.sessions[ended]++;
    memcpy(crew.session, id.data, id.length);
    crew.session[id.length] = '\0';
    crew.session_server = server->number;
}

static inline void crew_opened(void *context)
{
    (void)context;
    crew.opened++;
}

static inline void crew_log(void *context, const char *line, size_t length)
{
    (void)context;
    (void)line;
    (void)length;
    crew.log_lines++;
}

static inline int crew_start(void **state)
{
    (void)state;
    memset(&crew, 0, sizeof(crew));
    crew_workers = (struct plan_workers){.count = 2};
    crew.open_before = loopback_open_count();
    crew.states = server_states_new(crew_plan.server_count);
    if (!crew.states || loop_init(&crew.loop) != 0)
        return -1;
    for (size_t i = 0; i < crew_plan.server_count; i++)
        server_set_doors(crew.states, i, 0);
    log_set_writer(crew_log, NULL);
    team_init(&crew.team, &crew.loop, crew.states, &crew_plan);
    crew.team.report = crew_report;
    crew.team.opened = crew_opened;
    crew.team.session = crew_session;
    return 0;
}

static inline void crew_bury(void)
{
    while (!list_is_empty(&crew.loop.graves)) {
        struct loop_grave *grave = container_of(crew.loop.graves.next, struct loop_grave, link);
        list_remove(&grave->link);
        grave->free(grave);
    }
}

/* Turns until nothing happens any more, but time stands still. */
static inline void crew_turn(void)
{
    struct epoll_event events[16];
    int count;
    for (int i = 0; i < 100 && (count = epoll_wait(crew.loop.epoll, events, 16, 0)) > 0; i++) {
        for (int j = 0; j < count; j++) {
            struct loop_source *source = events[j].data.ptr;
            source->ready(source, events[j].events);
        }
        crew_bury();
    }
}

static inline void crew_tick(micros step)
{
    crew.loop.now += step;
    crew_turn();
    timers_run(&crew.loop.timers, crew.loop.now);
    crew_bury();
}

static inline void crew_pass(micros time)
{
    const micros step = 10 * CREW_MS;
    for (; time >= step; time -= step)
        crew_tick(step);
    crew_tick(time);
}

static inline struct server_figures crew_figures(size_t server)
{
    struct server_figures figures;
    server_figures(crew.states, server, &figures);
    return figures;
}

/* Everything that was delivered has been answered once, and nobody has left a descriptor open. */
static inline int crew_stop(void **state)
{
    int wrong = 0;
    (void)state;
    team_stop(&crew.team);
    crew_bury();
    loop_fini(&crew.loop);
    server_states_free(crew.states);
    for (size_t i = 0; i < crew.parcel_count; i++) {
        wrong += crew.parcels[i].answers != 1;
        close(crew.parcels[i].delivery.fd);
    }
    for (size_t i = 0; i < crew.end_count; i++)
        if (*crew.ends[i] >= 0)
            close(*crew.ends[i]);
    log_set_writer(NULL, NULL);
    if (wrong > 0)
        fprintf(stderr, "%d deliveries were not answered once\n", wrong);
    size_t open_now = loopback_open_count();
    if (open_now != crew.open_before)
        fprintf(stderr, "%zu descriptors were open, now %zu\n", crew.open_before, open_now);
    return wrong > 0 || open_now != crew.open_before ? -1 : 0;
}

/* ---- what is delivered ---------------------------------------------------------------------------------------------- */

static inline void crew_answered(struct delivery *delivery)
{
    container_of(delivery, struct parcel, delivery)->answers++;
}

static inline ino_t crew_file_of(int fd)
{
    struct stat found;
    return fstat(fd, &found) == 0 ? found.st_ino : 0;
}

static inline struct parcel *crew_parcel(size_t server)
{
    loopback_must(crew.parcel_count < CREW_PARCELS_MOST);
    struct parcel *parcel = &crew.parcels[crew.parcel_count++];
    int fd = memfd_create("parcel", MFD_CLOEXEC);
    loopback_must(fd >= 0);
    parcel->delivery = (struct delivery){.answered = crew_answered, .server = server, .fd = fd};
    parcel->file = crew_file_of(fd);
    return parcel;
}

static inline struct parcel *crew_deliver(size_t server)
{
    struct parcel *parcel = crew_parcel(server);
    team_deliver(&crew.team, &parcel->delivery);
    return parcel;
}

/* ---- workers that do not exist -------------------------------------------------------------------------------------- */

enum seen_kind {
    SEEN_CONNECTION,
    SEEN_NOBODY, /* a connection for nobody, or a ping */
    SEEN_LEAVE,
    SEEN_LINE, /* anything else */
};

struct seen {
    enum seen_kind kind;
    bool handle; /* a descriptor should be with it */
    uint32_t number;
    ino_t file; /* what came with it; 0: nothing did */
    char text[512];
};

#define CREW_SEEN_MOST 1024

struct fake {
    enum contract contract;
    uint32_t id;
    int ours; /* the channel's end */
    int end;
    bool ended; /* its channel */
    struct seen seen[CREW_SEEN_MOST];
    size_t count;
    size_t served;
};

struct hire {
    size_t server;
    enum contract contract;
    uint32_t id;
    uint64_t doors;
    bool adopted;
};

static inline void crew_hire(struct fake *fake, const struct hire *hire)
{
    int ends[2];
    memset(fake, 0, sizeof(*fake));
    int type = hire->contract == CONTRACT_NODE ? SOCK_STREAM : SOCK_SEQPACKET;
    loopback_must(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0);
    loopback_must(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    fake->contract = hire->contract;
    fake->id = hire->id;
    fake->ours = ends[0];
    fake->end = ends[1];
    loopback_must(crew.end_count < ARRAY_LENGTH(crew.ends));
    crew.ends[crew.end_count++] = &fake->end;
    struct channel_config config = {
        .team = &crew.team,
        .pool = &crew_pool,
        .server = &crew_servers[hire->server],
        .id = hire->id,
        .process = 4711,
        .contract = hire->contract,
        .ours = ends[0],
        .theirs = fcntl(ends[1], F_DUPFD_CLOEXEC, 0),
        .first_number = 1000 * hire->id,
        .doors = hire->doors,
        .adopted = hire->adopted,
    };
    team_add(&crew.team, &config);
}

static inline void fake_write(const struct fake *fake, const void *bytes, size_t length)
{
    loopback_must(send(fake->end, bytes, length, MSG_NOSIGNAL) == (ssize_t)length);
}

static inline void fake_line(const struct fake *fake, const char *line)
{
    fake_write(fake, line, strlen(line));
}

static inline void fake_word(const struct fake *fake, uint8_t word, uint32_t number)
{
    struct limpet_answer answer = {.number = number, .word = word};
    fake_write(fake, &answer, sizeof(answer));
}

#define FAKE_ACK "{\"cmd\":\"NODE_HANDLE_ACK\"}\n"
#define FAKE_NACK "{\"cmd\":\"NODE_HANDLE_NACK\"}\n"

static inline void fake_accepted(const struct fake *fake, uint32_t number, bool accepted)
{
    char line[128];
    snprintf(line, sizeof(line), "{\"cmd\":\"NODE_CLUSTER\",\"ack\":%u,\"accepted\":%s,\"seq\":1}\n", number,
             accepted ? "true" : "false");
    fake_line(fake, line);
}

/* It takes connections from door 0. */
static inline void fake_open(const struct fake *fake)
{
    if (fake->contract == CONTRACT_LIMPET) {
        fake_word(fake, LIMPET_READY, 0);
        crew_turn();
    } else {
        fake_line(fake, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}\n");
        crew_turn();
        team_listens(&crew.team, fake->id, 0, true);
    }
}

static inline struct seen *fake_note(struct fake *fake, enum seen_kind kind, uint32_t number, ino_t file)
{
    loopback_must(fake->count < CREW_SEEN_MOST);
    struct seen *seen = &fake->seen[fake->count++];
    *seen = (struct seen){.kind = kind, .number = number, .file = file};
    return seen;
}

/* As Node does: the descriptor that came with a read belongs to its first line that announces one. */
static inline void fake_read_line(struct fake *fake, const char *line, ino_t *file)
{
    const char *seq = strstr(line, "\"seq\":");
    bool newconn = strstr(line, "\"newconn\"");
    bool handle = strstr(line, "\"NODE_HANDLE\"");
    enum seen_kind kind = newconn && strstr(line, "\"key\":\"d") ? SEEN_CONNECTION
                          : handle && strstr(line, "net.Socket") ? SEEN_CONNECTION
                          : handle                               ? SEEN_NOBODY
                          : strstr(line, "\"disconnect\"")       ? SEEN_LEAVE
                                                                 : SEEN_LINE;
    struct seen *seen = fake_note(fake, kind, seq ? (uint32_t)strtoul(seq + 6, NULL, 10) : 0, handle ? *file : 0);
    seen->handle = handle;
    struct text text;
    text_init(&text, seen->text, sizeof(seen->text));
    text_add(&text, line);
    if (handle)
        *file = 0;
}

static inline void fake_read_lines(struct fake *fake, char *bytes, ino_t file)
{
    for (char *line = bytes, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        fake_read_line(fake, line, &file);
    }
}

/* Reads once; false if there was nothing. */
static inline bool fake_read_once(struct fake *fake)
{
    char bytes[65536];
    int fds[FDPASS_MOST];
    size_t count;
    struct pollfd news = {.fd = fake->end, .events = POLLIN};
    if (fake->ended || poll(&news, 1, 0) <= 0) /* its end blocks, as the keeper makes it */
        return false;
    ssize_t got = fdpass_receive(fake->end, bytes, sizeof(bytes) - 1, fds, FDPASS_MOST, &count);
    ino_t file = count > 0 ? crew_file_of(fds[0]) : 0;
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    fake->ended |= got == 0;
    if (got <= 0)
        return false;
    bytes[got] = '\0';
    const struct limpet_message *message = (const void *)bytes;
    if (fake->contract == CONTRACT_NODE)
        fake_read_lines(fake, bytes, file);
    else
        fake_note(fake, message->word == LIMPET_CONNECTION ? SEEN_CONNECTION : SEEN_NOBODY, message->number, file)
            ->handle = message->word == LIMPET_CONNECTION;
    return true;
}

static inline void fake_read(struct fake *fake)
{
    while (fake_read_once(fake))
        continue;
}

static inline void fake_take(const struct fake *fake, const struct seen *seen)
{
    if (fake->contract == CONTRACT_LIMPET) {
        fake_word(fake, LIMPET_TAKEN, seen->number);
    } else {
        fake_line(fake, FAKE_ACK);
        fake_accepted(fake, seen->number, true);
    }
}

static inline void fake_refuse(const struct fake *fake, const struct seen *seen)
{
    if (fake->contract == CONTRACT_LIMPET) {
        fake_word(fake, LIMPET_REFUSED, seen->number);
    } else {
        fake_line(fake, FAKE_ACK);
        fake_accepted(fake, seen->number, false);
    }
}

/* What a program does not decide: its own library answers. */
static inline void fake_answer_nobody(const struct fake *fake, const struct seen *seen)
{
    if (fake->contract == CONTRACT_LIMPET)
        fake_word(fake, LIMPET_PONG, seen->number);
    else if (seen->file == 0)
        fake_line(fake, FAKE_NACK);
    else
        fake_refuse(fake, seen);
}

static inline void fake_answer(const struct fake *fake, const struct seen *seen)
{
    if (seen->kind == SEEN_NOBODY || (seen->handle && seen->file == 0))
        fake_answer_nobody(fake, seen);
    else if (seen->kind == SEEN_CONNECTION)
        fake_take(fake, seen);
}

/* Reads what there is and takes all connections. */
static inline void fake_serve(struct fake *fake)
{
    fake_read(fake);
    while (fake->served < fake->count)
        fake_answer(fake, &fake->seen[fake->served++]);
    crew_turn();
}

/* The n-th connection that it has seen, from 0, or null. */
static inline const struct seen *fake_seen(const struct fake *fake, size_t n)
{
    for (size_t i = 0; i < fake->count; i++)
        if (fake->seen[i].kind == SEEN_CONNECTION && n-- == 0)
            return &fake->seen[i];
    return NULL;
}

static inline size_t fake_count(const struct fake *fake, enum seen_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->count; i++)
        count += fake->seen[i].kind == kind;
    return count;
}

static inline bool fake_has(const struct fake *fake, const struct parcel *parcel)
{
    for (size_t i = 0; i < fake->count; i++)
        if (fake->seen[i].file == parcel->file)
            return true;
    return false;
}

/* Its process is no more, and the keeper has said so. */
static inline void fake_die(struct fake *fake)
{
    close(fake->end);
    fake->end = -1;
    team_remove(&crew.team, fake->id);
    crew_bury();
}

#endif
