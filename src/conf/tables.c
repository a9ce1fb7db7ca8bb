#include "conf/tables.h"

#include "conf/checks.h"
#include "conf/networks.h"
#include "proto/memcached.h"

/* ---- errors ---------------------------------------------------------------------------------------------------------- */

/* The pool's own table, where it says one; null: it says none. */
static const struct draft_stick *table_of(const struct draft_pool *pool)
{
    for (size_t i = 0; i < pool->plan.stick_count; i++)
        if (pool->sticks[i].table)
            return &pool->sticks[i];
    return NULL;
}

static void check_shared(struct build *b, const struct node *root, const struct node *table)
{
    if (!node_find(root, "memcached"))
        report_error(b->report, table->at, "add `memcached: [\"127.0.0.1:11211\"]` at the top, or write `table: local`",
                     "there is no `memcached` to keep these pins");
    if (!node_find(root, "secret"))
        report_error(
            b->report, table->at,
            "make one with `limpet secret --append FILE`, and add `secret: FILE` at the top, on every frontend",
            "there is no `secret` to seal pins with");
}

void tables_check(struct build *b, const struct node *root, struct draft_pool *pool)
{
    const struct draft_stick *table = table_of(pool);
    bool tables = false;
    /* A worker is a process of its own limpet, and at no other frontend the same one. */
    bool unsaid = node_find(root, "memcached") && node_find(root, "secret") && checks_has_addresses(pool);
    for (size_t i = 0; i < pool->plan.stick_count; i++) {
        const struct draft_stick *draft = &pool->sticks[i];
        struct plan_stick *stick = (struct plan_stick *)&pool->plan.sticks[i];
        if (draft->table && table && draft->plan.shared != table->plan.shared)
            report_error(b->report, draft->table->at, "keep all of them in one table",
                         "a pool has one table, and this is another one");
        if (stick->kind == STICK_TABLE && tables)
            report_error(b->report, draft->node->at, "keep one of them", "the table of this pool stands here twice");
        tables |= stick->kind == STICK_TABLE;
        if (stick->kind == STICK_SESSION)
            stick->shared = table ? table->plan.shared : unsaid;
    }
    if (table && table->plan.shared)
        check_shared(b, root, table->table);
}

/* ---- warnings -------------------------------------------------------------------------------------------------------- */

static bool keeps_pins(const struct draft_stick *draft)
{
    return draft->plan.kind != STICK_COOKIE;
}

/* Is there any table, and any that is shared? */
static void look(const struct build *b, bool *any, bool *shared)
{
    *any = *shared = false;
    for (const struct draft_pool *pool = b->pools; pool; pool = pool->next)
        for (size_t i = 0; i < pool->plan.stick_count; i++) {
            *any |= keeps_pins(&pool->sticks[i]);
            *shared |= pool->plan.sticks[i].shared;
        }
}

/* Without a secret sessions stay here silently, since nobody has said where they belong. True: that was told. */
static bool warn_of_sessions(struct build *b, const struct node *root, const struct draft_pool *pool)
{
    if (!node_find(root, "memcached") || node_find(root, "secret") || pool->workers)
        return false;
    for (size_t i = 0; i < pool->plan.stick_count; i++)
        if (pool->sticks[i].session && !pool->sticks[i].table && !pool->plan.sticks[i].shared) {
            report_warning(b->report, pool->sticks[i].session->at,
                           "make one with `limpet secret --append FILE`, and add `secret: FILE` at the top, on every "
                           "frontend; or write `table: local` beside `session`",
                           "these sessions stay in this limpet, and are not in `memcached`: there is no `secret` to "
                           "seal them with");
            return true;
        }
    return false;
}

static void warn_of_lifetime(struct build *b, const struct draft_pool *pool)
{
    for (size_t i = 0; i < pool->plan.stick_count; i++) {
        const struct plan_stick *stick = &pool->plan.sticks[i];
        if (stick->shared && stick->lifetime > MEMCACHED_SECONDS_MOST * (micros)SECOND_IN_MICROS)
            report_warning(b->report, checks_place(pool->sticks[i].node, "for"), "write `for: 30d`, or less",
                           "memcached keeps nothing longer than 30 days: other frontends forget who stays away for "
                           "longer");
    }
}

/* Nothing that is shared of workers alone keeps anybody where he is: the worker of that name at another frontend is another
 * process. */
static void warn_of_workers(struct build *b, const struct draft_pool *pool)
{
    if (checks_has_addresses(pool))
        return;
    for (size_t i = 0; i < pool->plan.stick_count; i++)
        if (pool->plan.sticks[i].shared) {
            report_warning(b->report, checks_place(pool->sticks[i].node, "table"),
                           "write `table: local`, and let what stands before the frontends bring each client to the "
                           "same one",
                           "the workers of another frontend are other processes: it cannot bring clients home to "
                           "these");
            return;
        }
}

static void warn_of_public(struct build *b, const struct node *memcached)
{
    size_t number = 0;
    for (const struct node *item = node_first_item(memcached); item; item = node_next_item(memcached, item)) {
        const struct address *address = &b->plan->memcached[number++];
        struct endpoint endpoint = endpoint_from_sockaddr((const struct sockaddr *)&address->storage);
        if (!networks_is_near(&endpoint))
            report_warning(b->report, item->at,
                           "let it listen at a private address that only frontends reach, or bring it there through "
                           "a tunnel",
                           "`%s` is a public address: whoever reaches that memcached can delete pins, and use up its "
                           "memory",
                           address->text);
    }
}

void tables_warn(struct build *b, const struct node *root)
{
    bool any, shared, told = false;
    const struct node *memcached = node_find(root, "memcached"), *pins = node_find(root, "pins");
    look(b, &any, &shared);
    for (const struct draft_pool *pool = b->pools; pool; pool = pool->next) {
        told |= warn_of_sessions(b, root, pool);
        warn_of_lifetime(b, pool);
        warn_of_workers(b, pool);
    }
    if (memcached && shared)
        warn_of_public(b, memcached);
    else if (memcached && !told)
        report_warning(b->report, memcached->key->at, "write `stick: {table: memcached}` into a pool, or take it out",
                       "`memcached` does nothing: no pool keeps anything there");
    if (pins && !any)
        report_warning(b->report, pins->key->at, "write `stick: {table: local}` into a pool, or take it out",
                       "`pins` does nothing: no pool has a table");
}
