#include "control/environment.h"

#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of ours, or of a worker of another limpet that starts this one. */
static const char *const not_inherited[] = {
    "LIMPET_CPUS",     "LIMPET_FD",       "LIMPET_POOL",
    "LIMPET_SLOT",     "NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE",
    "LIMPET_SESSIONS", "NODE_UNIQUE_ID",
};

struct list_of_text {
    char **all;
    size_t count;
    bool failed;
};

static bool is_name(const char *variable, const char *name)
{
    size_t length = strlen(name);
    return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

static bool is_inherited(const char *variable)
{
    for (size_t i = 0; i < ARRAY_LENGTH(not_inherited); i++)
        if (is_name(variable, not_inherited[i]))
            return false;
    return true;
}

/* A variable that is there already is replaced. */
static void add(struct list_of_text *list, char *variable)
{
    size_t length = variable ? strcspn(variable, "=") : 0;
    for (size_t i = 0; variable && i < list->count; i++)
        if (strncmp(list->all[i], variable, length + 1) == 0) {
            free(list->all[i]);
            list->all[i] = variable;
            return;
        }
    char **all = variable ? realloc(list->all, (list->count + 2) * sizeof(*all)) : NULL;
    if (!all) {
        free(variable);
        list->failed = true;
        return;
    }
    list->all = all;
    all[list->count++] = variable;
    all[list->count] = NULL;
}

static void add_text(struct list_of_text *list, const char *name, const char *value)
{
    char *variable;
    add(list, asprintf(&variable, "%s=%s", name, value) < 0 ? NULL : variable);
}

static void add_number(struct list_of_text *list, const char *name, int value)
{
    char *variable;
    add(list, asprintf(&variable, "%s=%d", name, value) < 0 ? NULL : variable);
}

static const char *value_of(const struct list_of_text *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_name(list->all[i], name))
            return list->all[i] + strlen(name) + 1;
    return NULL;
}

static void add_preload(struct list_of_text *list, const char *preload)
{
    const char *options = value_of(list, "NODE_OPTIONS");
    char *variable;
    int length =
        asprintf(&variable, "NODE_OPTIONS=%s%s--require=%s", options ? options : "", options ? " " : "", preload);
    add(list, length < 0 ? NULL : variable);
}

static void add_node(struct list_of_text *list, const struct environment_config *config)
{
    add_number(list, "NODE_CHANNEL_FD", config->node);
    add_text(list, "NODE_CHANNEL_SERIALIZATION_MODE", "json");
    add_number(list, "NODE_UNIQUE_ID", config->server->slot);
    if (!config->preload)
        return;
    add_preload(list, config->preload);
    if (plan_learns_sessions(config->pool))
        add_number(list, "LIMPET_SESSIONS", 1);
}

char **environment_new(const struct environment_config *config)
{
    struct list_of_text list = {0};
    for (char **variable = environ; *variable; variable++)
        if (is_inherited(*variable))
            add(&list, strdup(*variable));
    const char *const *configured = config->pool->workers->environment;
    for (; configured && *configured; configured++)
        add(&list, strdup(*configured));
    add_text(&list, "LIMPET_POOL", config->pool->name);
    add_number(&list, "LIMPET_SLOT", config->server->slot);
    if (config->node >= 0)
        add_node(&list, config);
    if (config->limpet >= 0)
        add_number(&list, "LIMPET_FD", config->limpet);
    if (!list.failed)
        return list.all;
    environment_free(list.all);
    return NULL;
}

void environment_free(char **environment)
{
    for (size_t i = 0; environment && environment[i]; i++)
        free(environment[i]);
    free(environment);
}
