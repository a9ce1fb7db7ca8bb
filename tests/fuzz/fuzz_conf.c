#include "base/arena.h"
#include "conf/conf.h"
#include "pieces.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The main file is the input; so is every file it names, but for a secret, and one that is not there. */
static int read_input(void *context, const char *path, struct span *text)
{
    *text = span_text("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
    if (strstr(path, "secret"))
        return 0;
    *text = *(const struct span *)context;
    return strstr(path, "none") ? -ENOENT : 0;
}

/* A machine that lacks whatever is asked for, each in another way. */
static int find_nothing(void *context, enum conf_need need, const char *name)
{
    static const int failures[] = {-ENOENT, -EISDIR, -EEXIST, -EACCES, 0};
    (void)context;
    (void)need;
    return failures[strlen(name) % (sizeof(failures) / sizeof(failures[0]))];
}

/* Whatever the input was, a message is whole lines, and safe to show on a terminal. */
static void check_message(void *context, enum report_severity severity, const char *lines)
{
    size_t length = strlen(lines);
    CHECK(length > 1 && lines[length - 1] == '\n');
    for (size_t i = 0; i < length; i++)
        CHECK((unsigned char)lines[i] >= ' ' || lines[i] == '\n');
    ++*(unsigned *)context;
}

static void check_workers(const struct plan_workers *workers)
{
    CHECK(workers->command && workers->command[0] && workers->command[0][0]);
    CHECK(workers->count >= 1 && workers->count <= PLAN_WORKERS_MOST);
    for (size_t i = 0; workers->environment && workers->environment[i]; i++)
        CHECK(strchr(workers->environment[i], '=') > workers->environment[i]);
    /* A message is one line of the channel. */
    CHECK(!workers->node_message || (workers->node_message[0] && !strchr(workers->node_message, '\n')));
    CHECK(!workers->directory || workers->directory[0] == '/');
}

static void check_server(const struct plan_pool *pool, size_t i)
{
    const struct plan_server *server = &pool->servers[i];
    size_t workers = pool->workers ? pool->workers->count : 0, with_address = pool->server_count - workers;
    CHECK(server->name && server->name[0] && server->weight >= 1 && server->weight <= 256);
    CHECK(server->slot == (i < with_address ? 0 : i - with_address + 1));
    CHECK((server->address.length > 0) == (server->slot == 0));
}

static void check_sticks(const struct plan_pool *pool)
{
    unsigned cookies = 0;
    for (size_t i = 0; i < pool->stick_count; i++) {
        const struct plan_stick *stick = &pool->sticks[i];
        CHECK(stick->text && stick->lifetime > 0);
        CHECK(stick->kind == STICK_COOKIE ? stick->name && stick->name[0] : stick->where.name && stick->where.name[0]);
        cookies += stick->kind == STICK_COOKIE;
    }
    CHECK(cookies <= 1);
}

/* What goes onto the wire as it is. */
static void check_text_of_field(struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        CHECK(text.data[i] >= ' ' || text.data[i] == '\t');
}

static void check_changes(const struct plan_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct plan_change *change = &changes->all[i];
        CHECK(change->name.length > 0 && !memchr(change->name.data, ':', change->name.length));
        CHECK(change->kind != CHANGE_REMOVE || change->value.length == 0);
        CHECK(!span_equal_nocase(change->name, span_text("content-length")));
        check_text_of_field(change->name);
        check_text_of_field(change->value);
    }
}

static void check_route(const struct plan *plan, const struct plan_route *route)
{
    CHECK(route->pool < plan->pool_count);
    CHECK(route->path.length == 0 || route->path.data[0] == '/');
    CHECK(route->action != ROUTE_REDIRECT || (route->status > 300 && route->status < 309));
    CHECK(route->action != ROUTE_ANSWER || (route->status >= 200 && route->status < 600));
    CHECK(route->body.length == 0 || route->type);
    CHECK(!route->location_is_origin || route->location);
    check_text_of_field(span_text(route->location ? route->location : ""));
    check_text_of_field(span_text(route->type ? route->type : ""));
    check_changes(&route->request);
    check_changes(&route->response);
}

static void check_pool(const struct plan_pool *pool, size_t server_count)
{
    CHECK(pool->name && pool->key_count > 0 && pool->server_count > 0);
    check_sticks(pool);
    if (pool->workers)
        check_workers(pool->workers);
    for (size_t i = 0; i < pool->key_count; i++)
        CHECK(pool->keys[i].text && pool->keys[i].kind < KEY_KIND_COUNT && pool->keys[i].ip4_bits <= 32 &&
              pool->keys[i].ip6_bits <= 128 && pool->keys[i].offset + pool->keys[i].length <= 16384);
    for (size_t i = 0; i < pool->server_count; i++) {
        check_server(pool, i);
        CHECK(pool->servers[i].number < server_count);
    }
}

static void check_listener(const struct plan *plan, const struct plan_listener *l)
{
    CHECK(l->name && l->route_count > 0 && l->unwrap_length <= 255 && l->unix_mode <= 0777);
    CHECK((l->unwrap == UNWRAP_OFF) == (l->unwrap_length == 0));
    CHECK((l->client_from == CLIENT_FROM_HEADER) == (l->client_header != NULL));
    for (size_t i = 0; i < l->route_count; i++)
        check_route(plan, &l->routes[i]);
    CHECK(l->bind_count > 0 || (l->route_count == 1 && plan->pools[l->routes[0].pool].workers));
    for (size_t i = 0; i < l->trust.network_count; i++)
        CHECK(l->trust.networks[i].bits <= 128);
}

static void check_plan(const struct plan *plan)
{
    CHECK(plan->threads >= 1 && plan->listener_count > 0 && plan->pool_count > 0 && plan->limits.connections > 0);
    CHECK(plan->timeouts.first_bytes > 0 && plan->timeouts.connect > 0 && plan->timeouts.idle > 0 &&
          plan->timeouts.drain > 0 && plan->timeouts.proxy_header > 0 && plan->timeouts.head > 0 &&
          plan->timeouts.answer > 0 && plan->timeouts.tunnel > 0 && plan->limits.head >= 1024);
    for (size_t i = 0; i < plan->page_count; i++)
        CHECK(plan->pages[i].status >= 400 && plan->pages[i].status < 600);
    for (size_t i = 0; i < plan->pool_count; i++)
        check_pool(&plan->pools[i], plan->server_count);
    for (size_t i = 0; i < plan->pool_count; i++)
        CHECK(!plan->pools[i].workers || plan->pools[i].app_listener < plan->listener_count);
    for (size_t i = 0; i < plan->listener_count; i++)
        check_listener(plan, &plan->listeners[i]);
    CHECK(!plan->admin || address_is_unix(plan->admin));
}

static void check_answer(struct plan *plan, const struct report_out *report, unsigned messages)
{
    CHECK((plan == NULL) == (report->errors > 0));
    CHECK(messages <= 4 * 20 + 2 && (messages > 0 || plan));
    if (plan)
        check_plan(plan);
    plan_free(plan);
}

/* What stands behind the letter of its flag. */
static void take_word(struct conf_flags *flags, char *word)
{
    switch (word[0]) {
    case 'm':
        flags->mode = word + 1;
        break;
    case 'w':
        flags->workers = word + 1;
        break;
    case 'o':
        flags->contract = word + 1;
        break;
    case 'n':
        flags->node_message = word + 1;
        break;
    case 'r':
        flags->run = true;
        break;
    default:
        break;
    }
}

/* The input as the command line of `serve` or `run`: each of its words goes to the flag that its first letter names. */
static void load_as_flags(struct span input, const struct conf_files *files, struct report_out *report)
{
    static const char *words[5][8];
    size_t counts[5] = {0};
    static const char lists[] = "lktsc";
    char *text = calloc(1, input.length + 1), *rest = text;
    CHECK(text);
    memcpy(text, input.data, input.length);
    struct conf_flags flags = {
        .listen = words[0], .keys = words[1], .trust = words[2], .servers = words[3], .command = words[4]};
    for (char *word; (word = strsep(&rest, " \n"));) {
        const char *list = word[0] ? strchr(lists, word[0]) : NULL;
        size_t flag = list ? (size_t)(list - lists) : 5;
        if (flag == 5)
            take_word(&flags, word);
        else if (counts[flag] < 8)
            words[flag][counts[flag]++] = word + 1;
    }
    flags.listen_count = counts[0];
    flags.key_count = counts[1];
    flags.trust_count = counts[2];
    flags.server_count = counts[3];
    flags.command_count = counts[4];
    struct plan *plan = conf_load_flags(&flags, files, report);
    check_answer(plan, report, *(unsigned *)report->context);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    unsigned messages = 0;
    struct conf_files files = {.read = read_input, .find = find_nothing, .context = &input, .cpus = 4};
    struct report_out report = {.message = check_message, .context = &messages};
    if (size > 0 && data[0] == '-') {
        input = span_of(data + 1, size - 1);
        load_as_flags(input, &files, &report);
        return 0;
    }
    struct plan *plan = conf_load_file("limpet.yaml", &files, &report);
    check_answer(plan, &report, messages);
    return 0;
}
