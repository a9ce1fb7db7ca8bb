#include "conf/read_root.h"

#include "conf/flags.h"
#include "conf/read.h"
#include "conf/values.h"
#include "seal/secret.h"

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

void read_root_admin(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    static const char scheme[] = "unix:";
    struct plan *plan = target;
    plan->admin = NULL;
    if (node_is(value, "off"))
        return;
    if (value->kind != NODE_TEXT || value->text.length < strlen(scheme) ||
        memcmp(value->text.data, scheme, strlen(scheme)) != 0) {
        bool is_path = value->kind == NODE_TEXT && value->text.length > 1 && value->text.data[0] == '/';
        report_error(b->report, value->at,
                     is_path ? arena_format(b->arena, "write \"unix:%s\"", (const char *)value->text.data)
                             : "write \"unix:/run/limpet/admin.sock\", or off",
                     "the admin socket is a Unix socket, which other machines cannot reach");
        return;
    }
    struct address *address = arena_alloc(b->arena, sizeof(*address));
    if (read_address(b, value, true, address))
        plan->admin = address;
    b->admin = value;
}

/* Relative paths start where the words were said. */
static void read_outside(struct build *b, const char *where, const char *words)
{
    const char *directory = b->directory;
    b->directory = "";
    read_root_admin(b, NULL, flags_argument(b->arena, &b->sources, where, words), b->plan);
    b->directory = directory;
}

/* Nobody is bothered with a place that nobody chose. */
static void read_fallback(struct build *b)
{
    const struct conf_files *files = b->files;
    struct address address;
    if (!files->admin_fallback || (files->admin_optional && address_parse(span_text(files->admin_fallback), &address)))
        return;
    read_outside(b, "LIMPET_ADMIN", files->admin_fallback);
    b->plan->admin_optional = files->admin_optional;
}

void read_root_admin_socket(struct build *b, const struct node *root)
{
    const struct node *admin = node_find(root, "admin"), *group = node_find(root, "admin-group");
    if (b->files->admin)
        read_outside(b, "--admin", b->files->admin);
    else if (!admin)
        read_fallback(b);
    if (group && !b->plan->admin && (!admin || node_is(admin, "off")))
        report_warning(b->report, group->key->at, "add `admin: unix:/run/limpet/admin.sock`, or take it out",
                       "`admin-group` does nothing: there is no `admin`");
}

#define SECRET_FILE_MOST 65536
#define PAGE_MOST 65536

/* The lines of a secret are not shown. */
static void judge_secret(struct build *b, const struct node *value, struct span text)
{
    unsigned line = 0;
    const char *wrong = secret_judge(text, &line);
    const char *path = read_path(b, value->text);
    const char *help = arena_format(b->arena, "make one with `limpet secret --append %s`", path);
    if (wrong && line > 0)
        report_error(b->report, value->at, help, "`%s` is no secret: line %u: %s", path, line, wrong);
    else if (wrong)
        report_error(b->report, value->at, help, "`%s` is no secret: %s", path, wrong);
}

void read_root_secret(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan *plan = target;
    if (!read_is_text(b, row, value))
        return;
    if (read_secret_file(b, value, value->text, SECRET_FILE_MOST, &plan->secret))
        judge_secret(b, value, plan->secret);
    else
        plan->secret = span_of(NULL, 0);
}

void read_root_metrics(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct address *address = arena_alloc(b->arena, sizeof(*address));
    if (read_address(b, value, true, address))
        ((struct plan *)target)->metrics = address;
}

void read_root_memcached(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan *plan = target;
    size_t count = value->kind == NODE_LIST ? value->count : 1;
    struct address *all = arena_alloc(b->arena, count * sizeof(*all) + 1);
    if (count == 0 || count > PLAN_MEMCACHED_MOST)
        report_error(b->report, value->at, "write from one to 32 addresses, such as \"10.0.9.1:11211\"",
                     count == 0 ? "this list is empty" : "these are too many");
    plan->memcached_count = 0;
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item)) {
        if (!read_address(b, item, false, &all[plan->memcached_count]))
            continue;
        for (size_t i = 0; i < plan->memcached_count; i++)
            if (strcmp(all[i].text, all[plan->memcached_count].text) == 0)
                report_error(b->report, item->at, "take one of them out", "this memcached server stands here twice");
        plan->memcached_count++;
    }
    plan->memcached = all;
}

void read_pins_file(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (read_is_text(b, row, value))
        ((struct plan_pins *)target)->file = read_absolute_path(b, value->text);
}

static bool read_page(struct build *b, const struct node *value, struct plan_page *page)
{
    uint64_t status;
    if (values_number(value->key->text, &status) != VALUE_FINE || status < 400 || status > 599) {
        report_error(b->report, value->key->at, "write a status from 400 to 599, such as 503",
                     "%s is no status of an error", report_quote(b->report, value->key->text));
        return false;
    }
    if (value->kind != NODE_TEXT || node_is_null(value)) {
        report_error(b->report, value->at, arena_format(b->arena, "write `%u: PATH`", (unsigned)status),
                     "a page is the path of a file, but this is %s", node_kind_name(value));
        return false;
    }
    page->status = (unsigned)status;
    return read_file(b, value, value->text, PAGE_MOST, &page->body);
}

void read_root_pages(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan *plan = target;
    if (value->kind != NODE_MAP) {
        read_wrong_type(b, row, value);
        return;
    }
    struct plan_page *pages = arena_alloc(b->arena, value->count * sizeof(*pages) + 1);
    size_t good = 0;
    for (const struct node *item = value->first; item; item = item->next)
        good += read_page(b, item, &pages[good]);
    plan->pages = pages;
    plan->page_count = good;
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

void read_root_pins(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    fill(b, row, value, SECTION_PINS, &((struct plan *)target)->pins);
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

void read_root_defaults(struct build *b)
{
    struct plan *plan = b->plan;
    plan->threads = b->files->cpus < 1 ? 1 : b->files->cpus;
    if (plan->threads > PLAN_THREADS_MOST)
        plan->threads = PLAN_THREADS_MOST;
    plan->user = geteuid() == 0 ? "nobody" : NULL;
    schema_fill(b, SECTION_TIMEOUTS, NULL, &plan->timeouts);
    schema_fill(b, SECTION_LIMITS, NULL, &plan->limits);
    schema_fill(b, SECTION_LOG, NULL, &plan->log);
    schema_fill(b, SECTION_PINS, NULL, &plan->pins);
}
