#include "conf/read_workers.h"

#include "base/text.h"
#include "conf/read.h"
#include "conf/values.h"

#include <jansson.h>
#include <unistd.h>

static bool has_nul(struct span text)
{
    return text.length > 0 && memchr(text.data, '\0', text.length);
}

void read_pool_workers(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_pool *pool = target;
    if (value->kind != NODE_MAP) {
        report_error(b->report, value->at, "write `workers: {command: [node, app.js]}`",
                     "`workers` wants a map, but this is %s", node_kind_name(value));
        return;
    }
    struct draft_workers *workers = arena_alloc(b->arena, sizeof(*workers));
    *workers = (struct draft_workers){
        .node = value,
        .plan = {.open_files = PLAN_NO_LIMIT, .processes = PLAN_NO_LIMIT, .core = PLAN_NO_LIMIT},
    };
    pool->workers = workers;
    unsigned errors = b->report->out->errors;
    schema_fill(b, SECTION_WORKERS, value, workers);
    if (!node_find(value, "command") && errors == b->report->out->errors)
        report_error(b->report, value->key->at, "add `command: [node, app.js]`", "these workers have no `command`");
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

/* "node app.js" -> [node, app.js]: what was probably meant by one text. */
static const char *as_list(struct build *b, struct span text)
{
    const char *list = "";
    for (size_t i = 0; i < text.length;) {
        size_t start = i;
        while (i < text.length && text.data[i] != ' ')
            i++;
        if (i > start)
            list = arena_format(b->arena, "%s%s%.*s", list, list[0] ? ", " : "", (int)(i - start), text.data + start);
        i++;
    }
    return list;
}

static bool is_several_words(struct span text)
{
    return text.length > 0 && memchr(text.data, ' ', text.length);
}

/* A program's path may have spaces, but then it is no name to be looked up. */
static void report_words(struct build *b, const struct node *word)
{
    const char *help = arena_format(b->arena, "write the list `command: [%s]`", as_list(b, word->text));
    if (b->from_flags)
        help = "write the words apart, not as one in quotes: limpet run -- node app.js";
    report_error(b->report, word->at, help, "a command is a list of words, and no shell takes %s apart",
                 report_quote(b->report, word->text));
}

static const char *read_command_word(struct build *b, const struct node *item)
{
    if (item->kind != NODE_TEXT || node_is_null(item) || has_nul(item->text)) {
        report_error(b->report, item->at, "write `command: [node, app.js]`",
                     "a word of a command is text, but this is %s",
                     item->kind == NODE_TEXT && !node_is_null(item) ? "text with a NUL in it" : node_kind_name(item));
        return "";
    }
    return arena_text(b->arena, item->text);
}

static void check_program(struct build *b, const struct node *program, bool alone)
{
    if (program->kind != NODE_TEXT || node_is_null(program))
        return;
    if (program->text.length == 0)
        report_error(b->report, program->at, "name a program, such as node", "this names no program");
    else if (alone && is_several_words(program->text) && !memchr(program->text.data, '/', program->text.length))
        report_words(b, program);
}

void read_workers_command(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_workers *workers = target;
    size_t count = value->kind == NODE_LIST ? value->count : 1;
    const char **words = arena_alloc(b->arena, (count + 1) * sizeof(*words));
    if (value->kind == NODE_MAP || count == 0) {
        report_error(b->report, value->at, "write `command: [node, app.js]`",
                     "a command is a list of words, but this %s", count == 0 ? "one is empty" : "is a map");
        return;
    }
    if (value->kind == NODE_TEXT && is_several_words(value->text)) {
        report_words(b, value);
        return;
    }
    size_t number = 0;
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item))
        words[number++] = read_command_word(b, item);
    check_program(b, node_first_item(value), count == 1);
    workers->plan.command = words;
}

/* ---- how many, where and as whom ----------------------------------------------------------------------------------- */

void read_workers_count(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    uint32_t *count = &((struct draft_workers *)target)->plan.count;
    uint64_t number;
    if (!read_is_text(b, row, value))
        return;
    if (node_is(value, "auto")) {
        *count = b->files->cpus < 1 ? 1 : b->files->cpus < PLAN_WORKERS_MOST ? b->files->cpus : PLAN_WORKERS_MOST;
        return;
    }
    enum value_fault fault = values_number(value->text, &number);
    if (fault == VALUE_FINE && number >= row->least && number <= row->most)
        *count = (uint32_t)number;
    else
        report_error(b->report, value->at, "write a number from 1 to 256, or auto for one per CPU",
                     "%s is no number of workers: %s", report_quote(b->report, value->text),
                     fault == VALUE_FINE ? "out of range" : values_fault_text(fault));
}

void read_workers_directory(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    const char *path = NULL;
    read_text(b, row, value, &path);
    if (path)
        ((struct draft_workers *)target)->plan.directory = read_absolute_path(b, span_text(path));
}

void read_workers_user(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    const char *user = NULL;
    read_text(b, row, value, &user);
    if (geteuid() == 0)
        ((struct draft_workers *)target)->plan.user = user;
}

void read_workers_limits(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (value->kind == NODE_MAP)
        schema_fill(b, SECTION_WORKERS_LIMITS, value, target);
    else
        read_wrong_type(b, row, value);
}

/* ---- the environment ----------------------------------------------------------------------------------------------- */

static bool is_variable(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = name.data[i], lower = byte_lower(c);
        bool digit = c >= '0' && c <= '9';
        if (!(lower >= 'a' && lower <= 'z') && c != '_' && !(digit && i > 0))
            return false;
    }
    return name.length > 0;
}

/* With another value no worker would find its way to limpet. */
static bool is_ours(const struct node *name)
{
    static const char *const names[] = {"LIMPET_FD", "NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE",
                                        "NODE_UNIQUE_ID"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (node_is(name, names[i]))
            return true;
    return false;
}

/* Null if it was reported. */
static const char *read_variable(struct build *b, const struct node *value)
{
    const struct node *name = value->key;
    if (!is_variable(name->text))
        report_error(b->report, name->at, "a name is letters, digits and _, and begins with no digit",
                     "%s is no name of a variable", report_quote(b->report, name->text));
    else if (is_ours(name))
        report_error(b->report, name->at, "take it out", "limpet sets %s itself", report_quote(b->report, name->text));
    else if (value->kind != NODE_TEXT || node_is_null(value) || has_nul(value->text))
        report_error(b->report, value->kind == NODE_TEXT ? name->at : value->at,
                     arena_format(b->arena, "write `%s: \"VALUE\"`", (const char *)name->text.data),
                     "the value of a variable is text, but this is %s",
                     has_nul(value->text) ? "text with a NUL in it" : node_kind_name(value));
    else
        return arena_format(b->arena, "%s=%s", (const char *)name->text.data, (const char *)value->text.data);
    return NULL;
}

void read_workers_environment(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    if (value->kind != NODE_MAP) {
        report_error(b->report, value->at, "write `environment: {NAME: VALUE}`",
                     "`environment` wants a map, but this is %s", node_kind_name(value));
        return;
    }
    const char **list = arena_alloc(b->arena, (value->count + 1) * sizeof(*list));
    size_t count = 0;
    for (const struct node *item = value->first; item; item = item->next) {
        const char *variable = read_variable(b, item);
        if (variable)
            list[count++] = variable;
    }
    ((struct draft_workers *)target)->plan.environment = list;
}

/* ---- Node ---------------------------------------------------------------------------------------------------------- */

/* What the worker side of the npm package @socket.io/sticky listens for. */
#define STICKY "{\"type\":\"sticky:connection\",\"data\":\"\"}"

/* On one line, because a line is a message of the channel. */
static const char *one_line(struct build *b, const json_t *json)
{
    char *line = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *copy = line ? arena_text(b->arena, span_text(line)) : NULL;
    free(line);
    return copy;
}

void read_workers_node_message(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct plan_workers *workers = &((struct draft_workers *)target)->plan;
    json_error_t wrong;
    if (!read_is_text(b, row, value))
        return;
    struct span text = node_is(value, "sticky") ? span_text(STICKY) : value->text;
    json_t *json = json_loadb((const char *)text.data, text.length, JSON_DECODE_ANY, &wrong);
    if (json)
        workers->node_message = one_line(b, json);
    else
        report_error(b->report, value->at,
                     "write JSON in quotes, such as '{\"type\":\"connection\"}', or sticky for the npm package "
                     "@socket.io/sticky",
                     "%s is no JSON: %s", report_quote(b->report, value->text), wrong.text);
    json_decref(json);
}

void read_workers_node_preload(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    bool all = false;
    read_flag(b, row, value, &all);
    ((struct draft_workers *)target)->plan.node_preload = all ? NODE_PRELOAD_ALL : NODE_PRELOAD_OFF;
}

/* ---- places -------------------------------------------------------------------------------------------------------- */

void read_workers_slots(struct build *b, struct draft_pool *pool)
{
    const struct draft_workers *workers = pool->workers;
    size_t with_address = pool->plan.server_count;
    if (!workers || workers->plan.count == 0)
        return;
    struct draft_server *all = arena_alloc(b->arena, (with_address + workers->plan.count) * sizeof(*all));
    if (with_address > 0)
        memcpy(all, pool->servers, with_address * sizeof(*all));
    for (unsigned i = 0; i < workers->plan.count; i++)
        all[with_address + i] = (struct draft_server){
            .node = workers->node,
            .plan = {.name = arena_format(b->arena, "%u", i + 1), .weight = 1, .slot = (uint16_t)(i + 1)},
        };
    pool->servers = all;
    pool->plan.server_count = with_address + workers->plan.count;
    pool->plan.workers = &workers->plan;
}
