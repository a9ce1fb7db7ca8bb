#include "control/worker_process.h"

#include "base/log.h"
#include "conf/npm.h"
#include "control/environment.h"
#include "control/powers.h"
#include "control/preload.h"
#include "control/silence.h"
#include "control/workers_reload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program that speaks says its first word when it starts: Node does so before it reads the program. */
#define FIRST_WORD_PATIENCE (5 * (micros)SECOND_IN_MICROS)
/* ... and to listen after that may take long: it may wait for its database. */
#define LISTEN_PATIENCE (10 * (micros)SECOND_IN_MICROS)
/* npm never will. */
#define NPM_PATIENCE (5 * (micros)SECOND_IN_MICROS)
/* From SIGTERM to SIGKILL. */
#define END_PATIENCE (5 * (micros)SECOND_IN_MICROS)

const char *worker_name(const struct worker *worker, char name[WORKER_NAME_SIZE])
{
    struct text text;
    text_init(&text, name, WORKER_NAME_SIZE);
    text_add_format(&text, "%s/%s (process %d)", worker->slot->pool->name, worker->slot->server->name,
                    (int)worker->pid);
    return name;
}

/* ---- channels ------------------------------------------------------------------------------------------------------- */

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            close(pair[i]);
        pair[i] = -1;
    }
}

/* Our end does not block; the worker's end is its own affair. */
static int open_pair(int pair[2], int type)
{
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0) {
        pair[0] = pair[1] = -1;
        return -errno;
    }
    return fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* The last part of the command's path. */
static const char *program_of(const struct plan_workers *workers)
{
    const char *slash = strrchr(workers->command[0], '/');
    return slash ? slash + 1 : workers->command[0];
}

/* Node itself speaks one contract. Of anything else (a script that ends in `exec node`, say) the first word tells. */
static enum contract expected_contract(const struct plan_workers *workers)
{
    const char *program = program_of(workers);
    bool is_node = strcmp(program, "node") == 0 || strcmp(program, "nodejs") == 0;
    return workers->contract == CONTRACT_AUTO && is_node ? CONTRACT_NODE : workers->contract;
}

static int open_channels(struct worker *worker)
{
    int failure = 0;
    if (worker->contract != CONTRACT_LIMPET)
        failure = open_pair(worker->node, SOCK_STREAM);
    if (!failure && worker->contract != CONTRACT_NODE)
        failure = open_pair(worker->limpet, SOCK_SEQPACKET);
    return failure;
}

void worker_spoke(struct worker *worker, enum contract contract)
{
    worker->contract = contract;
    worker->spoken = true;
    if (contract == CONTRACT_NODE)
        close_pair(worker->limpet);
    else
        close_pair(worker->node);
    if (worker->state == WORKER_STARTING && worker->slot->next != worker)
        worker_set_timer(worker, npm_manager(worker->slot->pool->workers->command) ? NPM_PATIENCE : LISTEN_PATIENCE);
}

/* ---- the engine learns of it ---------------------------------------------------------------------------------------- */

static void tell(struct worker *worker, enum wire_kind kind)
{
    struct wire_message message;
    wire_init(&message, kind);
    message.worker = worker->id;
    message.number = (uint32_t)worker->slot->server->number;
    int failure = engine_process_tell(worker->workers->engine, &message, NULL, 0);
    if (failure && failure != -EPIPE && failure != -ECONNRESET)
        log_error("the engine did not hear of a worker: %s", strerror(-failure));
}

static int introduce(struct worker *worker, enum contract contract, const int pair[2])
{
    struct wire_message message;
    wire_init(&message, WIRE_WORKER);
    message.worker = worker->id;
    message.number = (uint32_t)worker->slot->server->number;
    message.process = (int32_t)worker->pid;
    message.contract = contract;
    message.generation = worker->workers->engine->generation;
    bool leaves = worker->state >= WORKER_LEAVING;
    message.doors = leaves ? 0 : worker->doors;
    message.adopted = worker->contract != CONTRACT_AUTO && worker->served != 0 && !leaves;
    int failure = engine_process_tell(worker->workers->engine, &message, pair, 2);
    if (!failure && leaves)
        tell(worker, WIRE_WORKER_LEAVE); /* the engine before may not have passed it on */
    return failure;
}

int worker_introduce(struct worker *worker)
{
    int failure = 0;
    if (worker->node[0] >= 0)
        failure = introduce(worker, CONTRACT_NODE, worker->node);
    if (!failure && worker->limpet[0] >= 0)
        failure = introduce(worker, CONTRACT_LIMPET, worker->limpet);
    return failure;
}

/* ---- start ---------------------------------------------------------------------------------------------------------- */

static struct output *open_output(struct worker *worker, int target, int *end)
{
    char name[WORKER_NAME_SIZE];
    struct text text;
    text_init(&text, name, sizeof(name));
    text_add_format(&text, "%s/%s", worker->slot->pool->name, worker->slot->server->name);
    return output_new(worker->workers->loop, target, name, end);
}

/* In the order in which they become descriptors 3 and 4 of the worker. */
static size_t list_channels(const struct worker *worker, int channels[2], struct environment_config *environment)
{
    size_t count = 0;
    environment->node = environment->limpet = -1;
    if (worker->node[1] >= 0) {
        environment->node = POWERS_FIRST_CHANNEL + (int)count;
        channels[count++] = worker->node[1];
    }
    if (worker->limpet[1] >= 0) {
        environment->limpet = POWERS_FIRST_CHANNEL + (int)count;
        channels[count++] = worker->limpet[1];
    }
    return count;
}

static rlim_t limit_of(uint64_t limit)
{
    return limit == PLAN_NO_LIMIT ? RLIM_INFINITY : (rlim_t)limit;
}

static int execute(struct worker *worker, const int streams[2])
{
    const struct plan_workers *plan = worker->slot->pool->workers;
    struct environment_config about = {.pool = worker->slot->pool, .server = worker->slot->server};
    int channels[2];
    size_t count = list_channels(worker, channels, &about);
    about.preload = plan->node_preload != NODE_PRELOAD_OFF ? preload_path() : NULL;
    char **environment = environment_new(&about);
    if (!environment)
        return -ENOMEM;
    const struct powers_command command = {
        .arguments = plan->command,
        .environment = (const char *const *)environment,
        .directory = plan->directory,
        .user = plan->user,
        .standard_output = streams[0],
        .standard_error = streams[1],
        .channels = channels,
        .channel_count = count,
        .open_files = limit_of(plan->open_files),
        .processes = limit_of(plan->processes),
        .core = limit_of(plan->core),
    };
    const char *step;
    int failure = powers_spawn_command(&command, &worker->pid, &step);
    if (failure)
        log_error("%s/%s: `%s` cannot be started: %s: %s", about.pool->name, about.server->name, plan->command[0], step,
                  strerror(-failure));
    environment_free(environment);
    return failure;
}

static int spawn(struct worker *worker)
{
    int streams[2] = {-1, -1};
    int failure = open_channels(worker);
    if (!failure && isatty(STDOUT_FILENO) == 1)
        worker->output = open_output(worker, STDOUT_FILENO, &streams[0]);
    if (!failure && isatty(STDERR_FILENO) == 1)
        worker->errors = open_output(worker, STDERR_FILENO, &streams[1]);
    if (failure)
        log_error("%s/%s: no channel to it: %s", worker->slot->pool->name, worker->slot->server->name,
                  strerror(-failure));
    else
        failure = execute(worker, streams);
    for (int i = 0; i < 2; i++)
        if (streams[i] >= 0)
            close(streams[i]);
    return failure;
}

static void worker_free(struct worker *worker)
{
    timer_clear(&worker->workers->loop->timers, &worker->timer);
    close_pair(worker->node);
    close_pair(worker->limpet);
    output_free(worker->output);
    output_free(worker->errors);
    list_remove(&worker->link);
    free(worker);
}

static void timer_came(struct timer *timer);

int worker_start(struct slot *slot, struct worker **made)
{
    struct workers *workers = slot->workers;
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return -ENOMEM;
    *worker = (struct worker){.workers = workers, .slot = slot, .node = {-1, -1}, .limpet = {-1, -1}};
    worker->id = ++workers->last_id;
    worker->started = clock_steady();
    worker->contract = expected_contract(slot->pool->workers);
    timer_init(&worker->timer, timer_came);
    list_init(&worker->link);
    int failure = spawn(worker);
    if (failure) {
        worker_free(worker);
        return failure;
    }
    slot->starts++;
    list_append(&workers->all, &worker->link);
    worker_set_timer(worker, FIRST_WORD_PATIENCE);
    /* An engine that has died is followed by one that is told of all. */
    int deaf = workers->engine->channel.fd >= 0 ? worker_introduce(worker) : 0;
    if (deaf && deaf != -EPIPE && deaf != -ECONNRESET) {
        log_error("the engine did not hear of a new worker: %s", strerror(-deaf));
        worker_kill(worker); /* another one is started in a moment */
    }
    *made = worker;
    return 0;
}

/* ---- end ------------------------------------------------------------------------------------------------------------ */

void worker_set_timer(struct worker *worker, micros pause)
{
    if (timer_set(&worker->workers->loop->timers, &worker->timer, clock_steady() + pause) != 0)
        log_error("out of memory: a deadline of a worker is not kept");
}

/* To all that it has started, too, unless they have left its group: `sh -c` passes no signal on. */
static void send_signal(const struct worker *worker, int signal)
{
    if (kill(-worker->pid, signal) < 0)
        kill(worker->pid, signal);
}

void worker_leave(struct worker *worker, micros patience)
{
    if (worker->state >= WORKER_LEAVING)
        return;
    if (worker->state == WORKER_STARTING) {
        worker_end(worker); /* it has nothing to finish */
        return;
    }
    worker->state = WORKER_LEAVING;
    tell(worker, WIRE_WORKER_LEAVE);
    worker_set_timer(worker, patience);
}

void worker_end(struct worker *worker)
{
    if (worker->state >= WORKER_ENDING)
        return;
    worker->state = WORKER_ENDING;
    send_signal(worker, SIGTERM);
    send_signal(worker, SIGCONT); /* one that is stopped would not hear */
    worker_set_timer(worker, END_PATIENCE);
}

void worker_kill(struct worker *worker)
{
    worker->state = WORKER_KILLED;
    send_signal(worker, SIGKILL);
}

static void say_nothing_was_said(const struct worker *worker)
{
    char name[WORKER_NAME_SIZE];
    const struct plan_workers *plan = worker->slot->pool->workers;
    micros now = clock_steady();
    log_error("%s has said nothing for %d s: it does not know that limpet wants to hand it connections",
              worker_name(worker, name), (int)((now - worker->started + SECOND_IN_MICROS / 2) / SECOND_IN_MICROS));
    silence_explain(plan);
}

static void say_it_does_not_listen(const struct worker *worker)
{
    char name[WORKER_NAME_SIZE];
    if (npm_manager(worker->slot->pool->workers->command)) {
        say_nothing_was_said(worker); /* npm, itself a Node program, said that it has started */
        return;
    }
    log_warning("%s runs for %d s and does not listen yet. If it never will: a script that starts npm drops the "
                "channel to limpet on the way, so give limpet the program itself; one that takes sockets by "
                "process.on('message') needs `node-message`",
                worker_name(worker, name), (int)(LISTEN_PATIENCE / SECOND_IN_MICROS));
}

static void starts_too_long(struct worker *worker)
{
    if (worker->slot->next == worker)
        workers_reload_late(worker);
    else if (worker->lost)
        worker_end(worker);
    else if (!worker->spoken)
        say_nothing_was_said(worker);
    else
        say_it_does_not_listen(worker);
}

static void timer_came(struct timer *timer)
{
    struct worker *worker = container_of(timer, struct worker, timer);
    char name[WORKER_NAME_SIZE];
    switch (worker->state) {
    case WORKER_STARTING:
        starts_too_long(worker);
        break;
    case WORKER_SERVING: /* but not everywhere yet where the one did whose place it takes */
        if (worker->slot->next == worker)
            workers_reload_late(worker);
        break;
    case WORKER_LEAVING:
        log_warning("%s has not finished in time: it is ended", worker_name(worker, name));
        worker_end(worker);
        break;
    case WORKER_ENDING:
        log_warning("%s does not end: it is killed", worker_name(worker, name));
        worker_kill(worker);
        break;
    case WORKER_KILLED:
        break;
    }
}

static void say_how_it_died(const struct worker *worker, int status, const char *what_now)
{
    char name[WORKER_NAME_SIZE];
    worker_name(worker, name);
    if (WIFSIGNALED(status))
        log_error("%s was killed by signal %d (%s)%s", name, WTERMSIG(status), strsignal(WTERMSIG(status)), what_now);
    else
        log_error("%s ended with status %d%s", name, WEXITSTATUS(status), what_now);
}

void worker_bury(struct worker *worker, int wait_status, const char *what_now)
{
    if (worker->state < WORKER_LEAVING)
        say_how_it_died(worker, wait_status, what_now);
    /* What it has left behind in its group. */
    kill(-worker->pid, SIGTERM);
    tell(worker, WIRE_WORKER_GONE);
    worker_free(worker);
}
