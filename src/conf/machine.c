#include "conf/machine.h"

#include <errno.h>

static const char *folder_of(struct build *b, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_text(b->arena, span_of(path, (size_t)(slash - path))) : ".";
}

static bool ends_in_slash(const char *path)
{
    return path[0] != '\0' && path[strlen(path) - 1] == '/';
}

static void check_path(struct build *b, enum conf_need need, const char *path, struct place at)
{
    int failure = b->files->find(b->files->context, need, path);
    if (failure == -ENOENT)
        report_error(b->report, at, "make it first, or name another", "there is no directory `%s`", folder_of(b, path));
    else if (failure == -EISDIR)
        report_error(b->report, at,
                     arena_format(b->arena, "name a file, such as `%s%slimpet.%s`", path,
                                  ends_in_slash(path) ? "" : "/", need == CONF_NEED_PINS ? "pins" : "log"),
                     "`%s` is a directory", path);
    else if (failure == -EEXIST)
        report_error(b->report, at, "take it away, or name another path", "`%s` is there, and is no socket", path);
    else if (failure < 0)
        report_error(b->report, at, "name another path", "`%s`: %s", path, strerror(-failure));
}

/* A key that was written twice is an error that was told already, and stands in either map. */
static struct place place_of(const struct node *map, const char *key)
{
    const struct node *value = node_find(map, key);
    return value ? value->at : map->at;
}

static void check_logs(struct build *b, const struct node *root)
{
    const struct plan_log *log = &b->plan->log;
    const struct node *map = node_find(root, "log");
    if (log->access && log->access[0] == '/')
        check_path(b, CONF_NEED_LOG, log->access, place_of(map, "access"));
    if (log->errors && log->errors[0] == '/')
        check_path(b, CONF_NEED_LOG, log->errors, place_of(map, "errors"));
}

static void check_pins(struct build *b, const struct node *root)
{
    const char *file = b->plan->pins.file;
    if (file && file[0] == '/')
        check_path(b, CONF_NEED_PINS, file, place_of(node_find(root, "pins"), "file"));
}

static void check_sockets(struct build *b)
{
    for (const struct draft_listener *l = b->listeners; l; l = l->next)
        for (size_t i = 0; i < l->plan.bind_count; i++)
            if (address_is_unix(&l->plan.binds[i]))
                check_path(b, CONF_NEED_SOCKET, l->plan.binds[i].text + strlen("unix:"), l->bind_nodes[i]->at);
}

static void check_metrics(struct build *b, const struct node *root)
{
    const struct address *metrics = b->plan->metrics;
    if (metrics && address_is_unix(metrics))
        check_path(b, CONF_NEED_SOCKET, metrics->text + strlen("unix:"), place_of(root, "metrics"));
}

static void check_user(struct build *b, const struct node *root)
{
    const struct node *given = node_find(root, "user");
    const char *user = b->plan->user;
    if (user && b->files->find(b->files->context, CONF_NEED_USER, user) != 0)
        report_error(b->report, given ? given->at : (struct place){root->at.source, PLACE_NOWHERE, 0},
                     given ? "write a name of /etc/passwd, no number"
                           : "name under `user` whom the engine is to run as: a name of /etc/passwd",
                     "there is no user `%s`", user);
}

/* The administrator's socket is made together with its folder, if nobody chose the place. */
static void check_admin(struct build *b, const struct node *root)
{
    const struct node *given = node_find(root, "admin"), *group = node_find(root, "admin-group");
    if (b->plan->admin && given)
        check_path(b, CONF_NEED_SOCKET, b->plan->admin->text + strlen("unix:"), given->at);
    if (b->plan->admin_group && b->files->find(b->files->context, CONF_NEED_GROUP, b->plan->admin_group) != 0)
        report_error(b->report, group ? group->at : root->at, "write a name of /etc/group, no number",
                     "there is no group `%s`", b->plan->admin_group);
}

static void check_workers(struct build *b, const struct draft_workers *workers)
{
    const struct plan_workers *plan = &workers->plan;
    if (plan->user && b->files->find(b->files->context, CONF_NEED_USER, plan->user) != 0)
        report_error(b->report, place_of(workers->node, "user"), "write a name of /etc/passwd, no number",
                     "there is no user `%s`", plan->user);
    if (plan->directory && b->files->find(b->files->context, CONF_NEED_FOLDER, plan->directory) != 0)
        report_error(b->report, place_of(workers->node, "directory"), "make it first, or name another",
                     "there is no directory `%s`", plan->directory);
}

void machine_check(struct build *b, const struct node *root)
{
    if (!b->files->find)
        return;
    check_logs(b, root);
    check_pins(b, root);
    check_sockets(b);
    check_metrics(b, root);
    check_user(b, root);
    check_admin(b, root);
    for (const struct draft_pool *pool = b->pools; pool; pool = pool->next)
        if (pool->workers)
            check_workers(b, pool->workers);
}
