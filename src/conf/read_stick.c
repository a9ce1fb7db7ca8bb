#include "conf/read_stick.h"

#include "conf/key_source.h"
#include "conf/read.h"
#include "conf/values.h"
#include "proto/byte_class.h"

#define COOKIE_NAME_MOST 64
#define COOKIE_LIFETIME "24h"
#define SESSION_LIFETIME "1h" /* ... or a pin */

static const char ways[] = "write `{cookie: limpet}`, `{session: \"cookie:JSESSIONID\"}` or `{table: local}`";

void read_stick_cookie(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_stick *draft = target;
    draft->cookie = value;
    draft->plan.kind = STICK_COOKIE;
    if (!read_is_text(b, row, value))
        return;
    if (!is_token(value->text) || value->text.length > COOKIE_NAME_MOST)
        report_error(b->report, value->at, "write a name of at most 64 letters, digits and signs such as - and _",
                     "%s cannot be the name of a cookie", report_quote(b->report, value->text));
    draft->plan.name = arena_text(b->arena, value->text);
    draft->plan.text = arena_format(b->arena, "cookie: %s", draft->plan.name);
}

void read_stick_session(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_stick *draft = target;
    struct plan_stick *stick = &draft->plan;
    draft->session = value;
    stick->kind = STICK_SESSION;
    if (!read_is_text(b, row, value))
        return;
    const char *wrong = key_source_parse(value->text, b->arena, &stick->where);
    enum key_kind kind = stick->where.kind;
    if (wrong || (kind != KEY_COOKIE && kind != KEY_HEADER && kind != KEY_QUERY))
        report_error(b->report, value->at,
                     "write where requests carry the id, such as \"cookie:JSESSIONID\", "
                     "\"header:Mcp-Session-Id\" or \"query:sid\"",
                     "%s is no place of a session id", report_quote(b->report, value->text));
    else
        stick->text = arena_format(b->arena, "session: %s", stick->where.text);
}

void read_stick_table(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_stick *draft = target;
    draft->table = value;
    draft->plan.shared = node_is(value, "memcached");
    if (!draft->plan.shared && !node_is(value, "local"))
        report_error(b->report, value->at, "write local, or memcached for a table that all frontends share",
                     "%s is no table", value->kind == NODE_TEXT ? report_quote(b->report, value->text) : "this");
}

static void check_stick(struct build *b, const struct node *map, const struct draft_stick *draft)
{
    static const char *const of_cookies[] = {"same-site", "bind-client"};
    if (draft->cookie && draft->session)
        report_error(b->report, draft->session->key->at, "write a list: `[{cookie: NAME}, {session: SOURCE}]`",
                     "`cookie` and `session` are two ways to remember");
    else if (draft->cookie && draft->table)
        report_error(b->report, draft->table->key->at, "write a list: `[{cookie: NAME}, {table: local}]`",
                     "`cookie` and `table` are two ways to remember");
    else if (!draft->cookie && !draft->session && !draft->table)
        report_error(b->report, map->at, ways, "this says nothing about how clients are remembered");
    for (size_t i = 0; !draft->cookie && (draft->session || draft->table) && i < ARRAY_LENGTH(of_cookies); i++) {
        const struct node *value = node_find(map, of_cookies[i]);
        if (value)
            report_error(b->report, value->key->at,
                         draft->session ? "take it out: the server sets the cookie of its session itself"
                                        : "take it out: a table sets no cookie",
                         "`%s` is for `cookie`", of_cookies[i]);
    }
}

static void note_table(struct build *b, struct draft_stick *draft)
{
    if (draft->cookie || draft->session || !draft->table)
        return;
    draft->plan.kind = STICK_TABLE;
    draft->plan.text = arena_format(b->arena, "table: %s", draft->plan.shared ? "memcached" : "local");
}

static void default_lifetime(struct draft_stick *draft)
{
    if (draft->plan.lifetime > 0)
        return;
    enum value_fault fault =
        values_duration(span_text(draft->cookie ? COOKIE_LIFETIME : SESSION_LIFETIME), &draft->plan.lifetime);
    (void)fault; /* written here */
}

static void read_one(struct build *b, const struct schema_row *row, const struct node *item, struct draft_stick *draft)
{
    draft->node = item;
    if (item->kind != NODE_MAP) {
        report_error(b->report, item->at, ways, "a way to remember is a map, but this is %s", node_kind_name(item));
        return;
    }
    unsigned errors = b->report->out->errors;
    schema_fill(b, SECTION_STICK, item, draft);
    if (errors == b->report->out->errors)
        check_stick(b, item, draft);
    note_table(b, draft);
    default_lifetime(draft);
}

void read_stick(struct build *b, const struct schema_row *row, const struct node *value, void *target)
{
    struct draft_pool *pool = target;
    size_t most = value->kind == NODE_LIST ? value->count : 1, count = 0;
    struct draft_stick *drafts = arena_alloc(b->arena, most * sizeof(*drafts) + 1);
    struct plan_stick *sticks = arena_alloc(b->arena, most * sizeof(*sticks) + 1);
    if (most == 0)
        report_error(b->report, value->at, "take `stick` out, or write `{cookie: limpet}`", "this list is empty");
    if (most > PLAN_STICKS_MOST)
        report_error(b->report, value->at, "leave some out", "a pool may have at most %d ways to remember",
                     PLAN_STICKS_MOST);
    pool->sticks = drafts;
    for (const struct node *item = node_first_item(value); item; item = node_next_item(value, item)) {
        struct draft_stick *draft = &drafts[count];
        read_one(b, row, item, draft);
        if (draft->cookie && pool->cookie)
            report_error(b->report, item->at, "keep one of them", "a pool sets one cookie, and this is another one");
        if (draft->cookie)
            pool->cookie = draft->cookie;
        sticks[count++] = draft->plan;
    }
    pool->plan.sticks = sticks;
    pool->plan.stick_count = count;
}
