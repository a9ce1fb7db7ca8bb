#include "conf/read_root.h"

#include "conf/read.h"

#include <sched.h>
#include <unistd.h>

#define SEED_MAX 1024

void read_root_seed(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan *plan = target;
    if (!read_is_text(b, row, value))
        return;
    if (value->text.length == 0 || value->text.length > SEED_MAX) {
        report_error(b->report, value->at, "write some words that only your frontends know",
                     "a seed has 1 to 1024 bytes, this has %zu", value->text.length);
        return;
    }
    plan->seed = value->text;
    plan->seed_given = true;
}

void read_root_threads(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    uint32_t threads = 0;
    read_number(b, row, value, &threads);
    ((struct plan *)target)->threads = threads;
}

void read_root_user(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    const char *user = NULL;
    read_text(b, row, value, &user);
    if (geteuid() == 0)
        ((struct plan *)target)->user = user;
}

static void fill(struct build *b, const struct schema_row *row, const struct node *value, enum section section,
                 void *target)
{
    if (value->kind == NODE_MAP)
        schema_fill(b, section, value, target);
    else
        read_wrong_type(b, row, value);
}

void read_root_timeouts(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    fill(b, row, value, SECTION_TIMEOUTS, &((struct plan *)target)->timeouts);
}

void read_root_limits(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    fill(b, row, value, SECTION_LIMITS, &((struct plan *)target)->limits);
}

void read_root_log(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    fill(b, row, value, SECTION_LOG, &((struct plan *)target)->log);
}

void read_root_log_keys(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    unsigned word = 0;
    read_word(b, row, value, &word);
    ((struct plan_log *)target)->plain_keys = word == 1;
}

static unsigned usable_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    /* The set is too small for a machine of more than 1024 CPUs. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

void read_root_defaults(struct build *b)
{
    struct plan *plan = b->plan;
    plan->threads = usable_cpus();
    if (plan->threads > PLAN_THREADS_MOST)
        plan->threads = PLAN_THREADS_MOST;
    plan->user = geteuid() == 0 ? "nobody" : NULL;
    schema_fill(b, SECTION_TIMEOUTS, NULL, &plan->timeouts);
    schema_fill(b, SECTION_LIMITS, NULL, &plan->limits);
    schema_fill(b, SECTION_LOG, NULL, &plan->log);
}
